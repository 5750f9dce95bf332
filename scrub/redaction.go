package scrub

import "strings"

// A label stands where a secret stood: "[REDACTED:" kind "]" or "[REDACTED:" kind ":" keyid ":" 16 hex digits "]".
// Reading one back is strict (a kind we write, a key id of ours), because whatever is taken for a label is left alone:
// text that merely imitates one is text like any other.
const labelStart = "[REDACTED:"

const failureLabel = "[REDACTED:scrub-failure]"

const fingerprintDigits = 16

// nativeKinds are the labels of what is written in Go.
func nativeKinds() map[string]bool {
	m := map[string]bool{"scrub-failure": true, "jwt": true}
	for _, k := range []string{
		kindPassword, kindSecret, kindToken, kindAPIKey, kindPrivateKey, kindCredential, kindAuthorization, kindCookie,
		kindSignature, kindPasswordHash, kindURLPassword, kindAWSSecret, kindConnection,
	} {
		m[k] = true
	}
	return m
}

const (
	kindPassword      = "password"
	kindSecret        = "secret"
	kindToken         = "token"
	kindAPIKey        = "api-key"
	kindPrivateKey    = "private-key"
	kindCredential    = "credential"
	kindAuthorization = "authorization"
	kindCookie        = "cookie"
	kindSignature     = "signature"
	kindPasswordHash  = "password-hash"
	kindURLPassword   = "url-password"
	kindAWSSecret     = "aws-secret-key"
	kindConnection    = "connection-string"
)

// label returns what replaces a value of a kind.
func (e *Engine) label(kind, value string) string {
	return string(e.appendLabel(make([]byte, 0, maxLabel), kind, value))
}

// appendLabel adds to b what replaces a value of a kind.
func (e *Engine) appendLabel(b []byte, kind, value string) []byte {
	if e.onRedaction != nil {
		e.onRedaction(kind)
	}
	b = append(append(b, labelStart...), kind...)
	if e.hasFingerprint(value) {
		var digits [fingerprintDigits]byte
		e.hash(value, &digits)
		b = append(append(append(b, ':'), e.keyID...), ':')
		b = append(b, digits[:]...)
	}
	return append(b, ']')
}

// labelAt returns the end of the label that starts at i, or -1.
func (e *Engine) labelAt(s string, i int) int {
	if !strings.HasPrefix(s[i:], labelStart) {
		return -1
	}
	from := i + len(labelStart)
	at := from
	for at < len(s) && at-from <= maxKind && (is(s[at], ccLower|ccDigit) || s[at] == '-') {
		at++
	}
	if at == len(s) || !e.kinds[s[from:at]] {
		return -1
	}
	if s[at] == ']' {
		return at + 1
	}
	rest := s[at:]
	colon := strings.IndexByte(rest[1:min(len(rest), 34)], ':') + 1
	if rest[0] != ':' || colon == 0 || !e.knownKeyID(rest[1:colon]) {
		return -1
	}
	end := run(rest, colon+1, ccHex, fingerprintDigits)
	if end != colon+1+fingerprintDigits || end == len(rest) || rest[end] != ']' {
		return -1
	}
	return at + end + 1
}

// knownKeyID accepts this engine's key id and those of its predecessors, k and digits.
func (e *Engine) knownKeyID(id string) bool {
	if id == e.keyID && id != "" {
		return true
	}
	return len(id) > 1 && len(id) <= 5 && id[0] == 'k' && run(id, 1, ccDigit, 4) == len(id)
}

// labelAt is Engine.labelAt in the text that is read. The name before a label asks for it, and the label itself.
func (sc *scan) labelAt(i int) int {
	if sc.label.from == i && sc.label.to > i {
		return sc.label.to
	}
	end := sc.e.labelAt(sc.s, i)
	if end > 0 {
		sc.label = stretch{i, end}
	}
	return end
}

// onlyLabels is Engine.onlyLabels of a stretch of the text that is read.
func (sc *scan) onlyLabels(from, to int) bool {
	for from < to {
		end := sc.labelAt(from)
		if end < 0 || end > to {
			return false
		}
		from = end
	}
	return true
}

// onlyLabels reports whether s consists of labels and nothing else.
func (e *Engine) onlyLabels(s string) bool {
	for i := 0; i < len(s); {
		end := e.labelAt(s, i)
		if end < 0 {
			return false
		}
		i = end
	}
	return true
}
