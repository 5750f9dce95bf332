package scrub

import "encoding/base64"

// A token of a Discord bot has no prefix of its own: it is the bot's id, 17 to 19 digits in base64, a time and a
// signature, joined by dots. discordAnchors are how such an id begins.
var discordAnchors = func() []string {
	var anchors []string
	for id := 10; id <= 99; id++ {
		digits := []byte{byte('0' + id/10), byte('0' + id%10), '0'}
		anchors = append(anchors, base64.StdEncoding.EncodeToString(digits)[:3])
	}
	return anchors
}()

// verifyDiscord reports the token that starts at an anchor.
func verifyDiscord(sc *scan, start, end int, _ *rule) {
	s := sc.s
	if start > 0 && is(s[start-1], ccWord|ccStd64) {
		return
	}
	id := run(s, start, ccWord, 29)
	sc.steps += id - start
	if id-start < 22 || id-start > 28 || sc.at(id) != '.' {
		return
	}
	time := run(s, id+1, ccWord, 8)
	if time-id-1 < 6 || time-id-1 > 7 || sc.at(time) != '.' {
		return
	}
	to := run(s, time+1, ccWord, 40)
	if to-time-1 < 27 || to < len(s) && is(s[to], ccAlnum) || !isDigits(s[start:id]) {
		return
	}
	sc.add(start, to, kindToken)
}

// isDigits reports whether v is base64 of digits, but for a part of them: ids in examples are often changed by hand.
func isDigits(v string) bool {
	var buf [24]byte
	n, _ := base64.RawStdEncoding.Decode(buf[:], []byte(v[:len(v)/4*4]))
	digits := 0
	for i := range n {
		if is(buf[i], ccDigit) {
			digits++
		}
	}
	return n > 0 && digits*4 >= n*3
}
