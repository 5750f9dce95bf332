package scrub

import "strings"

// Carry is what the end of one piece of a text tells about the next piece, when the first must be stored before the
// second is there: records of one log, chunks of one output. It holds no secret, and may be stored itself: Tail was let
// through, and Open and Head are words of ours. The zero Carry begins a text.
type Carry struct {
	Tail  string `json:"tail,omitempty"`  // the end of what was let through, maxTail bytes at most
	Open  string `json:"open,omitempty"`  // the kind of the secret that the piece ended in
	Head  string `json:"head,omitempty"`  // what stands in for the part of that secret that was taken away
	Glued bool   `json:"glued,omitempty"` // the next piece goes on in the same line, not in the next one
}

// maxTail is how much of a piece the next one is read with; names, operators and the beginnings of tokens are shorter.
const maxTail = 256

// Continue is Text for the next piece of a text that was cut into pieces. Of a secret that the cut parts, the first part
// is taken away with the first piece, if more of it could make it a secret, and the rest with the pieces that follow.
// goesOn says that s ends within a line, which the next piece goes on with. Afterwards c is what that piece needs.
func (e *Engine) Continue(c *Carry, s string, goesOn bool) (clean string, n int) {
	defer func() {
		if recover() != nil {
			clean, n, *c = failureLabel, 1, Carry{}
		}
	}()
	return e.next(c, validText(s), goesOn)
}

// Cut is Text for the beginning of a text whose rest was cut away: of a secret that the cut parts, what is left goes.
func (e *Engine) Cut(s string) (clean string, n int) {
	defer rescue(&clean, &n)
	return e.next(&Carry{}, validText(s), true)
}

// After is the Carry of a piece that was scrubbed as a whole text, for one that turns out to go on with it.
func (e *Engine) After(clean string) Carry {
	c := Carry{Tail: strings.Clone(tail(clean)), Glued: true}
	if at := strings.LastIndex(c.Tail, labelStart); at >= 0 && e.labelAt(c.Tail, at) == len(c.Tail) {
		kind, _, _ := strings.Cut(strings.TrimRight(c.Tail[at+len(labelStart):], "]"), ":")
		open := e.goOn(kind, c.Tail[:at], true)
		c.Open, c.Head = kind, open.Head
	}
	return c
}

func (e *Engine) next(c *Carry, s string, glued bool) (string, int) {
	before := c.Tail
	if c.Open != "" {
		before = c.Head
	}
	if before != "" && !c.Glued {
		before += "\n"
	}
	text := before + s
	var cuts []Finding // in s
	for _, f := range e.Find(text) {
		if f.End <= len(before) {
			continue
		}
		if f.Start < len(before) && c.Open != "" {
			f.Kind = c.Open
		}
		cuts = append(cuts, Finding{Kind: f.Kind, Start: max(0, f.Start-len(before)), End: f.End - len(before)})
	}
	*c = Carry{Glued: glued}
	if at, open := e.openAt(text, glued); open.Open != "" {
		*c = open
		if at = max(0, at-len(before)); at < len(s) {
			cuts = cutAt(cuts, Finding{Kind: open.Open, Start: at, End: len(s)})
			c.Open = cuts[len(cuts)-1].Kind
		}
	}
	clean, n := e.replaceFindings(s, cuts)
	c.Tail = tail(clean)
	return clean, n
}

// cutAt adds a finding that reaches the end of the text to ordered ones.
func cutAt(cuts []Finding, last Finding) []Finding {
	for len(cuts) > 0 && cuts[len(cuts)-1].End > last.Start {
		if f := cuts[len(cuts)-1]; f.Start <= last.Start {
			last.Start, last.Kind = f.Start, f.Kind
		}
		cuts = cuts[:len(cuts)-1]
	}
	return append(cuts, last)
}

// replaceFindings writes labels over ordered findings, and reads the result until nothing more is found.
func (e *Engine) replaceFindings(s string, cuts []Finding) (string, int) {
	if len(cuts) == 0 {
		return e.text(s)
	}
	var b strings.Builder
	at := 0
	for _, f := range cuts {
		b.WriteString(s[at:f.Start])
		b.WriteString(e.label(f.Kind, s[f.Start:f.End]))
		at = f.End
	}
	b.WriteString(s[at:])
	clean, n := e.text(b.String())
	return clean, n + len(cuts)
}

// tail returns the end of a scrubbed text, from a character on and with whole labels.
func tail(s string) string {
	if len(s) <= maxTail {
		return s
	}
	s = strings.ToValidUTF8(s[len(s)-maxTail:], "")
	if end := strings.IndexByte(s, ']'); end >= 0 && end < maxLabel && strings.LastIndex(s[:end], labelStart) < 0 {
		return s[end+1:]
	}
	return s
}

// What could go on after a cut: each of these makes a secret of some kind out of the beginning of one.
const (
	probeMixed = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF"
	probeHex   = "9f2c1a7be04d5c6638ad0b15e97c42f69f2c1a7be04d5c6638ad0b15e97c42f6"
	probeUpper = "Q7XW2ZK5RJ4MBN6PT3VY8HGDQ7XW2ZK5RJ4MBN6PT3VY8HGDQ7XW2ZK5RJ4MBN6P"
	probeJWT   = "J9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF"
	probeLines = "\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu"
)

// maxOpen is how far back from a cut an unfinished secret is looked for; a private key may begin further back.
const maxOpen = 512

// openAt looks whether text could end inside a secret; where it begins, and how to go on from there. Without glued, the
// text goes on in another line. It tries what could come next, and asks for tokens that the end cuts off.
func (e *Engine) openAt(text string, glued bool) (at int, c Carry) {
	at = len(text)
	low := max(0, len(text)-maxOpen)
	for low < len(text) && low > 0 && text[low]&0xC0 == 0x80 {
		low++
	}
	if begin := strings.LastIndex(text, "-----BEGIN "); begin >= 0 && begin < low && !strings.Contains(text[begin:], "-----END ") {
		low = begin
	}
	end := text[low:]
	take := func(sc *scan, reaches bool) {
		if sc == nil {
			return
		}
		defer e.release(sc)
		for _, f := range sc.spans {
			if f.start <= len(end) && (f.end > len(end) || reaches && f.cut) && low+f.start <= at && (f.start < len(end) || c.Open == "") {
				at, c = low+f.start, e.goOn(f.kind, end[:f.start], glued)
			}
		}
	}
	if take(e.find(end+probeLines), false); c.Open != "" || !glued {
		return at, c
	}
	for _, p := range [...]string{probeMixed, probeHex, probeUpper, probeJWT} {
		take(e.find(end+p), false)
	}
	take(e.findCut(end), true)
	word := lastWord(end)
	last := end[len(end)-word:]
	if word >= 8 && word <= 32 && run(last, 0, ccHex, word) == word { // what is known by its end
		take(e.find(end+probeHex[:32-word]+"-us12"), false)
	}
	if c.Open == "" && (looksRandom(last, 9) || looksRandom(last[max(0, word-32):], 20)) {
		return len(text) - word, e.goOn(kindSecret, "", true)
	}
	return at, c
}

// lastWord returns the length of the word at the end of s.
func lastWord(s string) int {
	n := 0
	for n < len(s) && strings.IndexByte(" \t\n\r\"'`<>(),;", s[len(s)-1-n]) < 0 {
		n++
	}
	return n
}

// goOn says how a secret of a kind goes on that begins after before: what stands in for its beginning, so that the next
// piece is read as its continuation.
func (e *Engine) goOn(kind, before string, glued bool) Carry {
	c := Carry{Open: kind, Glued: glued}
	last := byte(0)
	if before != "" {
		last = before[len(before)-1]
	}
	switch {
	case kind == kindPrivateKey:
		c.Head = "-----BEGIN PRIVATE" + " KEY-----\n" + strings.Repeat("MIIEvQIB", 4)
		if glued {
			return c
		}
		c.Head += "\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3S"
	case kind == kindCookie:
		c.Head = "Cookie: session=aB3dE6gH"
	case last == '"':
		c.Head = `password="aB3dE6`
	case last == '\'':
		c.Head = "password='aB3dE6"
	default:
		c.Head = "password=aB3dE6"
	}
	return c
}
