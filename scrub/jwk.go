package scrub

import "strings"

const (
	maxJWK       = 4 << 10 // bytes of a key that are read, before and after its type
	minJWKMember = 16      // bytes of a private member
)

// jwkMembers are the private members of a JSON Web Key (RFC 7518, 6.2.2, 6.3.2 and 6.4).
var jwkMembers = words("d p q dp dq qi k")

// verifyJWK takes the private members of the JSON Web Key whose type is named here.
func verifyJWK(sc *scan, start, _ int, r *rule) {
	s := sc.s
	if start < sc.jwkEnd {
		return
	}
	low := max(sc.jwkEnd, start-maxJWK)
	from := low + 1 + strings.LastIndexByte(s[low:start], '{')
	to := min(len(s), start+maxJWK)
	if end := strings.IndexByte(s[start:to], '}'); end >= 0 {
		to = start + end
	}
	sc.jwkEnd = to
	sc.steps += to - from
	for i := from; i < to; {
		q := strings.IndexByte(s[i:to], '"')
		if q < 0 {
			return
		}
		name := i + q + 1
		end := run(s, name, ccLower, 3)
		level := 0
		for level < 8 && sc.at(end+level) == '\\' {
			level++
		}
		if end == name || sc.at(end+level) != '"' || !jwkMembers.has([]byte(s[name:end])) {
			i = name
			continue
		}
		i = skipSpace(s, end+level+1)
		if sc.at(i) != ':' {
			continue
		}
		if _, q := quoteAt(s, skipSpace(s, i+1)); q == 0 {
			continue
		}
		v := skipSpace(s, i+1) + level + 1
		if i = run(s, v, ccWord, maxOpenRun); i-v >= minJWKMember {
			sc.add(v, i, r.kind)
		}
	}
}
