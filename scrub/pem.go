package scrub

import "strings"

// verifyPEM takes a private key from its first line: through its last line, or, where that is missing, as far as the
// body goes.
func verifyPEM(sc *scan, start, end int, _ *rule) {
	s := sc.s
	if start < sc.lastEnd {
		return
	}
	head := s[end:min(len(s), end+64)]
	key := strings.Index(head, "PRIVATE KEY")
	if key < 0 || strings.IndexByte(head[:key], '\n') >= 0 {
		return
	}
	i := end + key + len("PRIVATE KEY")
	if strings.HasPrefix(s[i:], " BLOCK") {
		i += len(" BLOCK")
	}
	if !strings.HasPrefix(s[i:], "-----") {
		return
	}
	i += 5
	to, body := pemBody(s, i)
	if to == i || !strings.HasSuffix(s[:to], "-----") {
		lines, more := pemLines(s, to)
		to, body = max(to, lines), body+more
	}
	sc.steps += to - i
	if body < 16 {
		return
	}
	sc.lastEnd = to
	sc.replace(start, to, kindPrivateKey)
}

// maxKeyLine is the longest line of a key with what stands before it: the time of a log, the quotes of a program.
const maxKeyLine = 256

// pemLines reads on in a key whose lines have something before or after them: a log's time, a file and line of grep,
// the number of cat -n, a string's quotes. i is where reading them as base64 alone ended. It returns the end and the
// number of base64 characters.
func pemLines(s string, i int) (end, body int) {
	end = i
	others := 0
	for i < len(s) && others <= 2 {
		next, after := lineBreak(s, i)
		line := s[i:next]
		if at := strings.Index(line, "-----END "); at >= 0 {
			if close := strings.Index(line[at+9:], "-----"); close >= 0 {
				return i + at + 9 + close + 5, body
			}
			return next, body
		}
		switch from, to := longestBase64(line); {
		case to-from >= 16:
			body += to - from
			end, others = i+to, 0
		case to > from:
			others++
		}
		i = after
	}
	return end, body
}

// lineBreak returns the next end of line, real or escaped, and where the line after it starts.
func lineBreak(s string, i int) (end, after int) {
	limit := min(len(s), i+maxKeyLine)
	end, after = limit, limit
	if n := strings.IndexByte(s[i:limit], '\n'); n >= 0 {
		end, after = i+n, i+n+1
	}
	if n := strings.Index(s[i:end], `\n`); n >= 0 {
		end, after = i+n, i+n+2
	}
	return end, after
}

// longestBase64 finds the longest run of base64 in a line.
func longestBase64(line string) (from, to int) {
	for i := 0; i+to-from < len(line); {
		k := i + to - from // what is longer than the longest so far holds all from i to k
		for k >= i && (is(line[k], ccStd64) || line[k] == '=') {
			k--
		}
		if k >= i {
			i = k + 1
			continue
		}
		j := run(line, i, ccStd64, len(line))
		for j > i && j < len(line) && line[j] == '=' {
			j++
		}
		if j-i > to-from {
			from, to = i, j
		}
		i = max(j, i+1)
	}
	return from, to
}

// pemBody reads lines of base64 from i, and the last line of the block if it is there. It returns the end and the
// number of base64 characters.
func pemBody(s string, i int) (end, body int) {
	end = i
	for i < len(s) {
		b := s[i]
		switch {
		case is(b, ccStd64) || b == '=':
			j := i
			for j < len(s) && (is(s[j], ccStd64) || s[j] == '=') {
				j++
			}
			if n := j - i; n < 16 && j < len(s) && s[j] == ' ' && !sepAt(s, j) {
				if !pemHeader(s, i) {
					return end, body
				}
				for j < len(s) && s[j] != '\n' && s[j] != '\\' {
					j++
				}
			} else if n < 16 && j < len(s) && (s[j] == '-' || s[j] == ':') && pemHeader(s, i) {
				for j < len(s) && s[j] != '\n' && s[j] != '\\' {
					j++
				}
			} else {
				body += n
			}
			i, end = j, j
		case b == '\\' && i+1 < len(s) && (s[i+1] == 'n' || s[i+1] == 'r' || s[i+1] == 't'):
			i += 2
		case strings.HasPrefix(s[i:], "-----END"):
			if j := strings.Index(s[i+8:min(len(s), i+80)], "-----"); j >= 0 {
				return i + 8 + j + 5, body
			}
			if nl := strings.IndexByte(s[i:], '\n'); nl >= 0 {
				return i + nl, body
			}
			return len(s), body
		case isSpace(b) || strings.IndexByte("\\\"'+,|>-#*", b) >= 0:
			i++
		default:
			return end, body
		}
	}
	return end, body
}

// sepAt reports whether only blanks and a line end stand at i.
func sepAt(s string, i int) bool {
	i = skipBlank(s, i)
	return i == len(s) || s[i] == '\n' || s[i] == '\r' || s[i] == '-' || is(s[i], ccStd64) && run(s, i, ccStd64, 20)-i >= 16
}

func pemHeader(s string, i int) bool {
	for _, h := range [...]string{"Proc-Type", "DEK-Info", "Comment", "Version", "Hash"} {
		if strings.HasPrefix(s[i:], h) {
			return true
		}
	}
	return false
}

// verifyPEMTail takes what precedes a last line without a first: lines of base64.
func verifyPEMTail(sc *scan, start, end int, _ *rule) {
	s := sc.s
	if start < sc.lastEnd {
		return
	}
	tail := s[end:min(len(s), end+48)]
	key := strings.Index(tail, "PRIVATE KEY")
	if key < 0 {
		return
	}
	to := end + key + len("PRIVATE KEY")
	if strings.HasPrefix(s[to:], " BLOCK") {
		to += len(" BLOCK")
	}
	to = min(len(s), to+5)
	i, body := start, 0
	for i > sc.lastEnd {
		b := s[i-1]
		if is(b, ccStd64) || b == '=' {
			body++
		} else if !isSpace(b) && b != '\\' {
			break
		}
		i--
	}
	sc.steps += start - i
	sc.lastEnd = to
	if body >= 16 {
		for i < start && !is(s[i], ccStd64) {
			i++
		}
		sc.replace(i, to, kindPrivateKey)
	}
}

// verifyKeyBody takes the body of a private key that has no first line: the encoded start of its ASN.1 or OpenSSH
// structure, which a certificate does not share. r.index is where in the body the keyword stands.
func verifyKeyBody(sc *scan, start, _ int, r *rule) {
	s := sc.s
	from := start - r.index
	if from < sc.lastEnd || from < 0 || r.index > 0 && s[from:from+3] != "MII" || from > 0 && is(s[from-1], ccStd64) {
		return
	}
	to, body := pemBody(s, from)
	sc.steps += to - from
	if body < 48 {
		return
	}
	sc.lastEnd = to
	sc.replace(from, to, kindPrivateKey)
}

// verifyPutty takes the private lines of a key file of PuTTY.
func verifyPutty(sc *scan, start, end int, _ *rule) {
	s := sc.s
	if start < sc.lastEnd || run(s, end, ccDigit, 4) == end {
		return
	}
	from := skipSpace(s, run(s, end, ccDigit, 4))
	to, body := from, 0
	for i := from; i < len(s); {
		j := run(s, i, ccStd64, 80)
		if j < len(s) && s[j] == '=' {
			j = skipPadding(s, j)
		}
		if j-i < 2 || j < len(s) && !isSpace(s[j]) && s[j] != '\\' {
			break
		}
		to, body = j, body+j-i
		i = skipSpace(s, j)
		if j+1 < len(s) && s[j] == '\\' && s[j+1] == 'n' {
			i = j + 2
		}
	}
	sc.steps += to - from
	sc.lastEnd = to
	if body >= 32 {
		sc.replace(from, to, kindPrivateKey)
	}
}

func skipPadding(s string, i int) int {
	for i < len(s) && s[i] == '=' {
		i++
	}
	return i
}
