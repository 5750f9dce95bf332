package scrub

import (
	"encoding/base64"
	"strings"
)

// verifyProgram reads the arguments after a program's name and applies the program's entry.
func verifyProgram(sc *scan, start, end int, r *rule) {
	s := sc.s
	if start < sc.progDone[r.index] || !sc.commandStart(start) {
		return
	}
	if space := strings.IndexByte(s[start:end], ' '); space > 0 { // the keyword brought a subcommand
		end = start + space
	}
	if foldHas(s, end, ".exe") {
		end += 4
	}
	vector := false
	if level, q := quoteAt(s, end); q != 0 {
		if sc.at(end+level+1) != ',' && !isSpace(sc.at(end+level+1)) {
			return
		}
		vector = sc.at(end+level+1) == ','
		end += level + 1
	} else if end < len(s) && !isSpace(s[end]) {
		return
	}
	if r.prog.sub != "" {
		n, _ := sc.readWords(end, vector, subWords)
		c := command{args: sc.args[:n]}
		if !c.hasSub(r.prog.words.sub) {
			return
		}
	}
	n, here := sc.readWords(end, vector, maxWords)
	stop := end
	if n > 0 {
		stop = sc.argEnd[n-1]
	}
	sc.dirty = true
	sc.progDone[r.index] = stop
	sc.steps += stop - end
	c := &sc.cmd
	*c = command{e: sc.e, p: r.prog, args: sc.args[:n], found: c.found[:0], here: here}
	c.run()
	for _, f := range c.found {
		sc.add(sc.argStart[f.arg]+f.from, sc.argStart[f.arg]+f.to, f.kind)
	}
	if c.stdin {
		sc.pipedSecret(start, r.prog.names == "base64")
	}
}

// commandStart reports whether a command may start at i.
func (sc *scan) commandStart(i int) bool {
	if i == 0 {
		return true
	}
	switch b := sc.s[i-1]; b {
	case ' ', '\t', '\n', '\r', '"', '\'', '`', '/', '\\', '(', ';', '|', '&', '=', '{', '$', '@':
		return true
	case 'n', 't', 'r':
		return i >= 2 && sc.s[i-2] == '\\'
	}
	return false
}

// readWords reads the words after a program's name into sc.args: of a shell command up to its end, of a vector
// (["mysql","-pX"]) up to the bracket. here is the word after <<<, or -1.
func (sc *scan) readWords(i int, vector bool, most int) (n, here int) {
	s := sc.s
	here = -1
	limit := min(len(s), i+maxCommand)
	for n < most && i < limit {
		i = skipBlank(s, i)
		if i >= limit {
			break
		}
		if !vector && plainByte[s[i]] { // most words
			from := i
			for i < len(s) && plainByte[s[i]] {
				i++
			}
			if i == len(s) || s[i] == ' ' || s[i] == '\n' {
				sc.args[n], sc.argStart[n], sc.argEnd[n] = s[from:i], from, i
				n++
				continue
			}
			i = from
		}
		if vector {
			if s[i] != ',' {
				break
			}
			i = skipSpace(s, i+1)
		} else if strings.HasPrefix(s[i:], "\\\n") {
			i += 2
			continue
		} else if strings.HasPrefix(s[i:], "<<<") {
			here = n
			i = skipBlank(s, i+3)
		} else if s[i] == '>' || s[i] == '<' && i+1 < len(s) && (isSpace(s[i+1]) || s[i+1] == '<') {
			i++
			continue
		}
		level, q := quoteAt(s, i)
		from, to := i, i
		switch {
		case q != 0 && q != '`':
			from = i + level + 1
			to = sc.quotedEnd(from, q, level)
			i = min(to+level+1, len(s))
			if i < len(s) && !vector && !isSpace(s[i]) && is(s[i], ccAlnum) { // 'a'b
				from, to = from-level-1, sc.bareEnd(i, len(s), true)
				i = to
			}
		case vector:
			return n, here
		default:
			to = sc.bareEnd(i, len(s), true)
			if to < len(s) && isQuote(s[to]) && s[to] != '`' && to > i && s[to-1] == '=' || to == i+2 && s[i] == '-' && to+1 < len(s) && isQuote(s[to]) && s[to] != '`' && strings.IndexByte("}],;\n ", s[to+1]) < 0 {
				to = min(sc.quotedEnd(to+1, s[to], 0)+1, len(s)) // --from-literal=k="v w", -p"v w"
			}
			i = to
			if _, q := quoteAt(s, to); q != 0 && q != '`' && to > from {
				limit = 0 // the quote that the command stands in
			}
		}
		if to == from && q == 0 {
			break
		}
		sc.args[n], sc.argStart[n], sc.argEnd[n] = s[from:to], from, to
		n++
	}
	return n, here
}

const maxPiped = 256

// lastCommand returns where the arguments of the last echo or printf in line start, -1 where there is none.
func lastCommand(line string) int {
	for i := len(line) - len("echo "); i >= 0; i-- {
		switch {
		case line[i] == 'e' && line[i:i+5] == "echo ":
			return i + len("echo ")
		case line[i] == 'p' && strings.HasPrefix(line[i:], "printf "):
			return i + len("printf ")
		}
	}
	return -1
}

// pipedSecret reports what echo or printf writes into the command that starts at start: echo X | sudo -S true. What is
// encoded must be one word: whoever hides a sentence hides no secret.
func (sc *scan) pipedSecret(start int, encoded bool) {
	s := sc.s
	i := start
	for i > 0 && (isSpace(s[i-1]) && s[i-1] != '\n' || s[i-1] == '/' || i < start && is(s[i-1], ccName) && i > start-24) {
		i--
	}
	if i == 0 || s[i-1] != '|' {
		return
	}
	pipe := i - 1
	low := pipe
	for low > max(0, pipe-maxPiped) && s[low-1] != '\n' && s[low-1] != '|' {
		low--
	}
	sc.steps += pipe - low
	line := s[low:pipe]
	from := lastCommand(line)
	if from < 0 {
		return
	}
	for text := line[from:]; strings.HasPrefix(text, "-") || strings.HasPrefix(text, " ") || strings.HasPrefix(text, `'%s`) || strings.HasPrefix(text, `"%s`) || strings.HasPrefix(text, "%s"); text = line[from:] {
		sp := strings.IndexByte(text, ' ')
		if sp < 0 {
			return
		}
		from += sp + 1
	}
	at := low + from
	to := at + len(strings.TrimRight(line[from:], " \t"))
	if level, q := quoteAt(s, at); q != 0 && to-level-1 > at+level {
		at, to = at+level+1, to-level-1
		to -= len(s[at:to]) - len(strings.TrimSuffix(s[at:to], `\n`))
	}
	if at < to && !isReference(s[at:to]) && !sc.e.onlyLabels(s[at:to]) && (!encoded || encodesWord(s[at:to])) {
		sc.add(at, to, kindPassword)
	}
}

// encodesWord reports whether v is base64 of a printable word of 6 to 64 bytes.
func encodesWord(v string) bool {
	const least, most = 6, 64
	if len(v) > 4*(most+2)/3 || run(v, 0, ccStd64, len(v)) < len(v)-2 {
		return false
	}
	var buf [most + 8]byte
	n, err := base64.RawStdEncoding.Decode(buf[:], []byte(strings.TrimRight(v, "=")))
	word := strings.TrimRight(string(buf[:n]), "\r\n")
	if err != nil || len(word) < least {
		return false
	}
	for i := range len(word) {
		if word[i] <= ' ' || word[i] >= 0x7f {
			return false
		}
	}
	return true
}
