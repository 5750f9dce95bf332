package scrub

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestWriterSplit holds that no place to cut the stream makes a difference.
func TestWriterSplit(t *testing.T) {
	e := newEngine(t)
	for n, marked := range splitSamples(e) {
		marked = strings.NewReplacer("«", "", "»", "").Replace(sample(marked))
		text := "before\n" + marked + "\nafter\n"
		want, _ := e.Text(text)
		for i := 1 + n%7; i < len(text); i += 7 {
			var out bytes.Buffer
			w := e.Writer(&out)
			fmt.Fprint(w, text[:i])
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, text[i:])
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if out.String() != want {
				t.Fatalf("cut at %d of %q:\n got %q\nwant %q", i, text, out.String(), want)
			}
		}
	}
}

// TestWriterLong writes more than is ever held, in pieces of all sizes, with a secret at every kind of place.
func TestWriterLong(t *testing.T) {
	e := newEngine(t)
	r := rand.New(rand.NewPCG(3, 3))
	secret := sample("gh¦p_") + alnum + "Q7xZ"
	var in strings.Builder
	n := 0
	for in.Len() < 1<<20 {
		for _, s := range corpus(2000, false) {
			in.WriteString(s)
			in.WriteByte("\n\n \t"[r.IntN(4)])
		}
		in.WriteString("token " + secret + "\n")
		n++
	}
	var out bytes.Buffer
	w := e.Writer(&out)
	for s := in.String(); s != ""; {
		k := min(len(s), 1+r.IntN(9000))
		fmt.Fprint(w, s[:k])
		s = s[k:]
		if r.IntN(3) == 0 {
			_ = w.Flush()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(in.String(), secret, e.label("github-token", secret))
	if out.String() != want || w.Redactions() != n {
		t.Errorf("%d redactions of %d, equal: %v", w.Redactions(), n, out.String() == want)
	}
}

// TestWriterBounded holds that a secret without an end is written, redacted, in bounded memory.
func TestWriterBounded(t *testing.T) {
	e := newEngine(t)
	var out bytes.Buffer
	w := e.Writer(&out)
	fmt.Fprint(w, "a\n-----BEGIN PRIVATE"+" KEY-----\n")
	line := strings.Repeat(alnum, 2) + "\n"
	for range 20000 {
		fmt.Fprint(w, line)
		if len(w.held) > maxHeld+writeAt+len(line) {
			t.Fatalf("%d bytes held", len(w.held))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), alnum) {
		t.Errorf("key was written: %.300q", out.String())
	}
}

var errFull = errors.New("full")

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errFull }

func TestWriterError(t *testing.T) {
	w := newEngine(t).Writer(fullWriter{})
	fmt.Fprint(w, "x\n")
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush: %v", err)
	}
	if _, err := w.Write([]byte("y")); !errors.Is(err, errFull) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}
