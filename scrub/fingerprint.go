package scrub

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"math"
)

// minFingerprintBits is the estimated entropy under which a value gets a label but no fingerprint: whoever comes to
// hold the key could try all such values.
const minFingerprintBits = 40

// Fingerprint returns what identifies a secret value in redactions, "keyid:" and 16 hexadecimal digits (the first 8
// bytes of HMAC-SHA-256 under the engine's key), as in "k1:9f2c1a7be04d5c66". It returns "" for values under 40 bits
// of estimated entropy and for an engine without a key.
func (e *Engine) Fingerprint(value string) string {
	if len(e.key) == 0 || entropyBits(value) < minFingerprintBits {
		return ""
	}
	mac := e.macs.Get().(hash.Hash)
	mac.Reset() // to the state after the key, which it keeps
	io.WriteString(mac, value)
	var sum [sha256.Size]byte
	fingerprint := e.keyID + ":" + hex.EncodeToString(mac.Sum(sum[:0])[:fingerprintDigits/2])
	e.macs.Put(mac)
	return fingerprint
}

// entropyBits estimates the bits of a value: its length times the smaller of what its alphabet could carry and what
// its own distribution of bytes carries. Long values are judged by their first KiB.
func entropyBits(v string) float64 {
	v = v[:min(len(v), 1024)]
	var count [256]int
	var classes uint8
	for i := range len(v) {
		count[v[i]]++
		classes |= charClass[v[i]]
	}
	alphabet := 0
	for _, c := range []struct {
		class uint8
		size  int
	}{{ccLower, 26}, {ccUpper, 26}, {ccDigit, 10}} {
		if classes&c.class != 0 {
			alphabet += c.size
		}
	}
	sum := 0.0 // of n log n
	other := 0
	for b, n := range count {
		if n == 0 {
			continue
		}
		if n > 1 {
			sum += float64(n) * math.Log2(float64(n))
		}
		if charClass[b]&(ccLower|ccUpper|ccDigit) == 0 {
			other = 16
		}
	}
	shannon := math.Log2(float64(len(v))) - sum/float64(len(v))
	if alphabet+other == 0 {
		return 0
	}
	return float64(len(v)) * min(shannon, math.Log2(float64(alphabet+other)))
}
