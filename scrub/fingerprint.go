package scrub

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"math"
)

// minFingerprintBits is the estimated entropy under which a value gets a label but no fingerprint: whoever comes to
// hold the key could try all such values.
const minFingerprintBits = 40

// Fingerprint returns what identifies a secret value in redactions, "keyid:" and 16 hexadecimal digits (the first 8
// bytes of HMAC-SHA-256 under the engine's key), as in "k1:9f2c1a7be04d5c66". It returns "" for values under 40 bits
// of estimated entropy and for an engine without a key.
func (e *Engine) Fingerprint(value string) string {
	if !e.hasFingerprint(value) {
		return ""
	}
	var digits [fingerprintDigits]byte
	e.hash(value, &digits)
	return e.keyID + ":" + string(digits[:])
}

// hasFingerprint reports whether a value gets a fingerprint.
func (e *Engine) hasFingerprint(value string) bool {
	return len(e.key) > 0 && len(value) >= minFingerprintBits/8 && entropyBits(value) >= minFingerprintBits
}

// hash makes the digits of a fingerprint.
func (e *Engine) hash(value string, digits *[fingerprintDigits]byte) {
	m := e.macs.Get().(*keyedHash)
	m.mac.Reset() // to the state after the key, which it keeps
	m.buf = append(m.buf[:0], value...)
	m.mac.Write(m.buf)
	hex.Encode(digits[:], m.mac.Sum(m.sum[:0])[:fingerprintDigits/2])
	clear(m.buf)
	if cap(m.buf) > maxPooled {
		m.buf = nil
	}
	e.macs.Put(m)
}

// keyedHash is an HMAC and the buffers it works in.
type keyedHash struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

// entropyBits estimates the bits of a value: its length times the smaller of what its alphabet could carry and what
// its own distribution of bytes carries. Long values are judged by their first KiB.
func entropyBits(v string) float64 {
	v = v[:min(len(v), maxEntropy)]
	var classes uint8
	other := false
	for i := range len(v) {
		c := charClass[v[i]] & ccAlnum
		classes |= c
		other = other || c == 0
	}
	alphabet := 0
	for _, c := range [...]struct {
		class uint8
		size  int
	}{{ccLower, 26}, {ccUpper, 26}, {ccDigit, 10}} {
		if classes&c.class != 0 {
			alphabet += c.size
		}
	}
	if other {
		alphabet += 16
	}
	if alphabet == 0 {
		return 0
	}
	return float64(len(v)) * min(shannon(v), math.Log2(float64(alphabet)))
}

// maxEntropy is how many bytes of a value are judged by their distribution.
const maxEntropy = 1 << 10

// nLogN is n log2(n) for the counts of bytes.
var nLogN = func() (t [maxEntropy + 1]float64) {
	for n := 2; n < len(t); n++ {
		t[n] = float64(n) * math.Log2(float64(n))
	}
	return t
}()

// shannon returns the bits a byte of v's own distribution of bytes; of the first KiB of v.
func shannon(v string) float64 {
	v = v[:min(len(v), maxEntropy)]
	if v == "" {
		return 0
	}
	var count [256]uint16
	for i := range len(v) {
		count[v[i]]++
	}
	sum := 0.0
	for i := range len(v) {
		sum += nLogN[count[v[i]]]
		count[v[i]] = 0
	}
	return (nLogN[len(v)] - sum) / float64(len(v))
}
