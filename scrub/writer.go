package scrub

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// Writer scrubs a stream of text in bounded memory. It holds back what could be part of a secret that goes on: the line
// under way, and a private key or other value that has begun, up to maxHeld bytes.
type Writer struct {
	// Found, if set, is told of each finding before it is written. Its offsets count from the beginning of the stream, in
	// which invalid UTF-8 has become U+FFFD.
	Found func(Finding)

	e       *Engine
	w       io.Writer
	context []byte // raw text before held, already written in scrubbed form
	held    []byte // raw text not written yet
	stuck   int    // bytes held when nothing could be written; not tried again before there is a quarter more
	written int    // bytes of the stream before held
	err     error
	n       int
}

const (
	writeAt    = 64 << 10  // bytes held before a part of them is written
	keepBack   = 4 << 10   // of these, what stays for a secret that goes on
	maxContext = 4 << 10   // bytes before them that they are read with
	maxHeld    = 256 << 10 // of an unfinished secret; a longer one is cut, and taken as one that goes on
)

// Writer returns a Writer to w. Close it, or its last bytes are missing; w stays open.
func (e *Engine) Writer(w io.Writer) *Writer { return &Writer{e: e, w: w} }

// Redactions is the number of redactions written.
func (w *Writer) Redactions() int { return w.n }

// Write takes p. It writes when enough is held; after an error of the writer below it does nothing and returns it.
func (w *Writer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && w.err == nil; {
		n := min(len(rest), writeAt)
		w.held = append(w.held, rest[:n]...)
		rest = rest[n:]
		if len(w.held) >= max(writeAt, w.stuck+w.stuck/4) {
			w.advance(len(w.held)-keepBack, false)
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Flush writes all complete lines that no unfinished secret reaches into: for when the source pauses.
func (w *Writer) Flush() error {
	if i := bytes.LastIndexByte(w.held, '\n'); i >= 0 && w.err == nil && len(w.held) >= w.stuck+w.stuck/4 {
		w.advance(i+1, false)
	}
	return w.err
}

// Close writes what is held. It does not close the writer below.
func (w *Writer) Close() error {
	if len(w.held) > 0 && w.err == nil {
		w.advance(len(w.held), true)
	}
	return w.err
}

// advance writes up to most bytes of what is held, less where a secret or a line would be parted. A character of which
// only the first bytes are there waits for the others.
func (w *Writer) advance(most int, last bool) {
	if n := unfinished(w.held); n > 0 && !last {
		rest := bytes.Clone(w.held[len(w.held)-n:])
		w.held = w.held[:len(w.held)-n]
		defer func() { w.held = append(w.held, rest...) }()
		most = min(most, len(w.held))
	}
	text := validText(string(w.context) + string(w.held))
	skip := len(validText(string(w.context)))
	if len(text)-skip != len(w.held) { // invalid bytes were replaced: go by the valid text
		w.held = []byte(text[skip:])
		most = min(most, len(w.held))
		if last {
			most = len(w.held)
		}
	}
	found := w.e.Find(text)
	end := skip + most
	if !last {
		end = w.cut(text, skip, end, found)
	}
	w.stuck = 0
	if end <= skip {
		w.stuck = len(w.held)
		return
	}
	var cuts []Finding
	for _, f := range found {
		if f.End <= skip || f.Start >= end {
			continue
		}
		f.Start, f.End = max(f.Start, skip)-skip, min(f.End, end)-skip
		cuts = append(cuts, f)
		if w.Found != nil {
			f.Start, f.End = f.Start+w.written, f.End+w.written
			w.Found(f)
		}
	}
	clean, n := w.e.replaceFindings(text[skip:end], cuts)
	w.n, w.written = w.n+n, w.written+end-skip
	_, w.err = io.WriteString(w.w, clean)
	w.keep(text, skip, end, found)
}

// unfinished is how many bytes at the end of b begin a character that is not all there.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// cut moves end back to where neither a secret nor, if it can be helped, a line or a word is parted.
func (w *Writer) cut(text string, skip, end int, found []Finding) int {
	if i := strings.LastIndexByte(text[skip:end], '\n'); i >= 0 {
		end = skip + i + 1
	} else if i := strings.LastIndexAny(text[skip:end], " \t,;"); i >= 0 {
		end = skip + i + 1
	}
	if at, open := w.e.openAt(text[:end], true); open.Open != "" && at < end {
		end = at
	}
	for i := len(found) - 1; i >= 0; i-- {
		if f := found[i]; f.Start < end && f.End > end || f.End == len(text) && f.Start < end {
			end = f.Start
		}
	}
	if end <= skip && len(text)-skip >= maxHeld { // one secret throughout: cut it
		end = len(text) - keepBack
	}
	for end > skip && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return end
}

// keep makes what comes before end the context of the rest. The context of a secret that was cut is its beginning.
func (w *Writer) keep(text string, skip, end int, found []Finding) {
	context := text[max(0, end-maxContext):end]
	for _, f := range found {
		if f.Start < end && f.End > end {
			context = text[max(0, f.Start-maxTail):min(f.Start+maxContext/2, end)]
		}
	}
	w.context = append(w.context[:0], context...)
	w.held = append(w.held[:0], text[end:]...)
}
