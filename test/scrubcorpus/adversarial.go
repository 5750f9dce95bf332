// Package scrubcorpus makes the texts that scrubbing is measured with, the same on every run.
package scrubcorpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Generator makes a text of about n bytes that would make a careless scrubber read parts of it again and again.
type Generator struct {
	Name string
	Make func(n int) string
}

// Adversarial lists the generators. Each aims at one thing: names without end, quotes without end, tokens that are almost
// ones, nesting, and what asks for the most expensive views.
var Adversarial = []Generator{
	{"names in names", repeat("passwordtokensecretkey_")},
	{"names and operators", repeat("password=token=secret: key=")},
	{"open quotes", repeat(`password="`)},
	{"escaped quotes in escaped quotes", repeat(`\\\"token\\\":\\\"`)},
	{"open brackets", repeat("key=((token=[{")},
	{"expansions", repeat("token=${a:-$(b ${c} ")},
	{"almost tokens", repeat("ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0e.AKIAQ7XW2ZK5RJ4MBN6 ")},
	{"one long token", one("ghp_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF")},
	{"JWT without end", one("eyJhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxMjM0NTY3ODkwIn0.")},
	{"keys without end", repeat("-----BEGIN PRIVATE" + " KEY-----\nAAAA ")},
	{"ends of keys", repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE" + " KEY-----\n")},
	{"commands", repeat("curl -u mysql -p docker login sudo -S aws set kubectl create secret ")},
	{"URLs", repeat("https://a:b/c@://x:y#z@")},
	{"manifests", nested("kind: Secret\ndata:\n  a: b\n")},
	{"base64", random("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")},
	{"escapes", repeat("%70%61%73\\u0070\\x70\x1b[31m&#112;")},
	{"quote joins", repeat(`gh"p_"'a''b'"c"`)},
	{"labels", repeat("[REDACTED:password][REDACTED:")},
	{"JSON in JSON", jsonInJSON},
	{"flags", repeat("--token --password=$( --key ")},
}

// Find returns the generator of a name.
func Find(name string) (Generator, error) {
	for _, g := range Adversarial {
		if g.Name == name {
			return g, nil
		}
	}
	return Generator{}, fmt.Errorf("no generator %q", name)
}

func repeat(piece string) func(int) string {
	return func(n int) string { return strings.Repeat(piece, max(1, n/len(piece))) }
}

func one(head, piece string) func(int) string {
	return func(n int) string { return head + repeat(piece)(n) }
}

func random(alphabet string) func(int) string {
	return func(n int) string {
		r := rand.New(rand.NewPCG(5, 5))
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
}

// nested indents each repetition by one more than the last, and starts over at 100.
func nested(piece string) func(int) string {
	return func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			indent := strings.Repeat(" ", i%100)
			for line := range strings.Lines(piece) {
				b.WriteString(indent + line)
			}
		}
		return b.String()
	}
}

func jsonInJSON(n int) string {
	text := `{"token":"` + strings.Repeat("x", max(1, n/16)) + `"}`
	for range 4 {
		text = fmt.Sprintf(`{"a":%q}`, text)
	}
	return text
}
