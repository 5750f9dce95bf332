package archive

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	objectSuffix   = ".ndjson.gz"
	manifestSuffix = ".manifest.json"
	digits         = 20
)

// ObjectName is the name, in its stream's folder, of the object whose first record is first.
func ObjectName(first uint64) string { return fmt.Sprintf("%0*d", digits, first) + objectSuffix }

// ManifestName is the name of that object's manifest.
func ManifestName(first uint64) string { return fmt.Sprintf("%0*d", digits, first) + manifestSuffix }

// ParseObjectName reads what ObjectName wrote.
func ParseObjectName(name string) (first uint64, ok bool) { return parseName(name, objectSuffix) }

// ParseManifestName reads what ManifestName wrote.
func ParseManifestName(name string) (first uint64, ok bool) { return parseName(name, manifestSuffix) }

func parseName(name, suffix string) (uint64, bool) {
	num, ok := strings.CutSuffix(name, suffix)
	if !ok || len(num) != digits {
		return 0, false
	}
	first, err := strconv.ParseUint(num, 10, 64)
	return first, err == nil && num[0] != '+'
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
