package scrub

import (
	"slices"
	"strings"
	"testing"
)

// splitSamples are texts whose secret stands in «»: each kind of thing that may be cut in two.
func splitSamples(e *Engine) []string {
	lines := func(n int) string { return strings.Repeat(alnum+alnum+"\n", n) }
	s := []string{
		"export PGPASSWORD=«hunter2Zq9»\nls", `{"password":"«correct horse battery»","x":1}`, "curl -H 'Authorization: Bearer «" + alnum + "»' https://x",
		"url https://user:«s3cretPw!»@db.example/x", "DB_PASSWORD='«it is 1 pass»' run", "api_key: «" + alnum + "»\nnext: 1",
		"-----BEGIN RSA PRIVATE KEY-----\n«" + lines(12) + "»-----END RSA PRIVATE KEY-----\nafter", "Cookie: a=b; «session=" + alnum + "»\nHost: x",
		"mysql -u root -p«Sup3rSecret» db", "AWS_SECRET_ACCESS_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "A1b2C3d4E5»",
	}
	for i := range e.texts {
		for _, hit := range e.texts[i].hits {
			if !strings.Contains(hit, "«") {
				hit = "value is «" + hit + "» here"
			}
			s = append(s, hit)
		}
	}
	return s
}

// TestSplit cuts each sample at every place, scrubs the halves one after the other, and holds what of the secret can still
// be read.
func TestSplit(t *testing.T) {
	e := newEngine(t)
	cuts, kept := 0, 0
	for n, marked := range splitSamples(e) {
		marked = sample(marked)
		from, to := strings.Index(marked, "«"), strings.Index(marked, "»")-len("«")
		text := strings.NewReplacer("«", "", "»", "").Replace(marked)
		secret := text[from:to]
		if whole, _ := e.Text(text); visible(whole, secret) > max(8, len(secret)/4) {
			t.Errorf("%q: not found unsplit: %q", text, whole)
			continue
		}
		for i := from + 1 + n%5; i < to; i += 5 { // every place of some sample
			var c Carry
			first, _ := e.Continue(&c, text[:i], true)
			second, _ := e.Continue(&c, text[i:], false)
			cuts++
			if v := visible(first+"\x00"+second, secret); v > max(8, len(secret)/4) {
				kept++
				t.Logf("cut %q|%q: %d bytes: %q|%q", text[max(0, i-20):i], text[i:min(len(text), i+20)], v, first[max(0, len(first)-60):], second[:min(len(second), 60)])
			}
		}
	}
	t.Logf("%d of %d cuts left a part", kept, cuts)
	if kept*100 > cuts {
		t.Errorf("%d of %d cuts left a part of the secret", kept, cuts)
	}
}

// visible is the length of the longest stretch of secret in text, its labels aside.
func visible(text, secret string) int {
	text = labelPattern.ReplaceAllString(text, "\x00")
	best := 0
	for i := range len(secret) {
		for best < len(secret)-i && strings.Contains(text, secret[i:i+best+1]) {
			best++
		}
	}
	return best
}

// TestLines holds that a private key whose lines come one by one goes, and nothing else.
func TestLines(t *testing.T) {
	e := newEngine(t)
	var c Carry
	var out []string
	for _, line := range []string{
		"cat key.pem", "-----BEGIN PRIVATE" + " KEY-----", alnum + alnum, alnum + alnum, alnum + "AA==", "-----END PRIVATE" + " KEY-----", "done",
		"commit 3f786850e387550fdab836ed7e6dc881de23001b", "Author: A", "password:", "mysql \\", "  -uroot -pSup3rSecret db", "end",
	} {
		clean, _ := e.Continue(&c, line, false)
		out = append(out, labelPattern.ReplaceAllString(clean, "⟦⟧"))
	}
	want := []string{
		"cat key.pem", "⟦⟧", "⟦⟧", "⟦⟧", "⟦⟧", "⟦⟧", "done", "commit 3f786850e387550fdab836ed7e6dc881de23001b", "Author: A", "password:",
		"mysql \\", "  -uroot -p⟦⟧ db", "end",
	}
	if !slices.Equal(out, want) {
		t.Errorf("got %q", out)
	}
}
