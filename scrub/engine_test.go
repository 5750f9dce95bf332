package scrub

import (
	"strings"
	"testing"
)

var testKey = []byte("an organisation's key")

func newEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Options{Key: testKey, KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNew(t *testing.T) {
	for _, o := range []Options{
		{Key: []byte("short"), KeyID: "k1"},
		{Key: testKey},
		{Key: testKey, KeyID: "K 1"},
		{Key: testKey, KeyID: strings.Repeat("k", 17)},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%q) accepted", o.KeyID)
		}
	}
	if _, err := New(Options{}); err != nil {
		t.Error(err)
	}
}

func TestLabels(t *testing.T) {
	token := "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
	e := newEngine(t)
	fp := e.Fingerprint(token)
	if !strings.HasPrefix(fp, "k1:") || len(fp) != len("k1:")+16 {
		t.Fatalf("fingerprint %q", fp)
	}
	clean, n := e.Text("use " + token + " now")
	if want := "use [REDACTED:github-token:" + fp + "] now"; clean != want || n != 1 {
		t.Errorf("got %q, %d", clean, n)
	}
	if clean, _ = e.Text("password=hunter2"); clean != "password=[REDACTED:password]" {
		t.Errorf("low entropy: %q", clean)
	}
	bare, _ := New(Options{})
	if clean, _ = bare.Text(token); clean != "[REDACTED:github-token]" {
		t.Errorf("no key: %q", clean)
	}
}
