package archive

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Names in a stream's folder begin with a sequence in 20 digits, and sort in the order of the chain: heartbeats at a tree
// size come before the manifest whose first record has it as its sequence.
const (
	gzipSuffix     = ".ndjson.gz"
	zstdSuffix     = ".ndjson.zst"
	manifestSuffix = ".manifest.json"
	beatInfix      = ".heartbeat-"
	beatSuffix     = ".json"
	beatTime       = "20060102T150405Z"
	digits         = 20
)

func number(n uint64) string { return fmt.Sprintf("%0*d", digits, n) }

// ObjectName is the name, in its stream's folder, of the object whose first record is first, compressed with gzip.
func ObjectName(first uint64) string { return number(first) + gzipSuffix }

// ManifestName is the name of that object's manifest.
func ManifestName(first uint64) string { return number(first) + manifestSuffix }

// HeartbeatName is the name of a heartbeat at a tree size.
func HeartbeatName(size uint64, at time.Time) string {
	return number(size) + beatInfix + at.UTC().Format(beatTime) + beatSuffix
}

// otherName is the name of an object where something else has the names before it.
func otherName(first uint64, n int, suffix string) string {
	if n == 0 {
		return number(first) + suffix
	}
	return number(first) + "-" + strconv.Itoa(n) + suffix
}

// maxOther bounds n of otherName.
const maxOther = 9

// ParseObjectName reads an object's name.
func ParseObjectName(name string) (first uint64, ok bool) {
	num, suffix := cutDigits(name)
	if len(suffix) > 2 && suffix[0] == '-' && suffix[1] >= '1' && suffix[1] <= '0'+maxOther {
		suffix = suffix[2:]
	}
	if suffix != gzipSuffix && suffix != zstdSuffix {
		return 0, false
	}
	return parseNumber(num)
}

// ParseManifestName reads what ManifestName wrote.
func ParseManifestName(name string) (first uint64, ok bool) {
	num, suffix := cutDigits(name)
	if suffix != manifestSuffix {
		return 0, false
	}
	return parseNumber(num)
}

// ParseHeartbeatName reads what HeartbeatName wrote.
func ParseHeartbeatName(name string) (size uint64, at time.Time, ok bool) {
	num, suffix := cutDigits(name)
	suffix, ok1 := strings.CutPrefix(suffix, beatInfix)
	suffix, ok2 := strings.CutSuffix(suffix, beatSuffix)
	at, err := time.Parse(beatTime, suffix)
	if !ok1 || !ok2 || err != nil {
		return 0, at, false
	}
	size, ok = parseNumber(num)
	return size, at, ok && HeartbeatName(size, at) == name
}

// isChained says whether a file is a link of its stream's chain: a manifest or heartbeat.
func isChained(name string) bool {
	if _, ok := ParseManifestName(name); ok {
		return true
	}
	_, _, ok := ParseHeartbeatName(name)
	return ok
}

func cutDigits(name string) (num, suffix string) {
	if len(name) < digits {
		return "", name
	}
	return name[:digits], name[digits:]
}

func parseNumber(num string) (uint64, bool) {
	n, err := strconv.ParseUint(num, 10, 64)
	return n, err == nil && number(n) == num
}

// CheckStream says whether a stream's name can be a folder's: letters, digits, dots, underscores and hyphens, beginning
// with a letter or digit, at most 128 bytes. So it cannot lead out of the archive.
func CheckStream(name string) error {
	ok := len(name) > 0 && len(name) <= 128
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && strings.IndexByte("._-", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("archive: stream %.140q cannot name a folder", name)
	}
	return nil
}

// validName says whether a text can name a key or an origin (C2SP signed-note).
func validName(name string) bool {
	if name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.Contains(name, "+") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r < 0x20 || r == 0x7f })
}
