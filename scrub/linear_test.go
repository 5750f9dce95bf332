package scrub

import (
	"strings"
	"testing"
)

// TestClean holds that clean text costs nothing and comes back as itself.
func TestCleanAllocatesNothing(t *testing.T) {
	e := newEngine(t)
	texts := append(corpus(1<<16, false), "\x1b[31mred\x1b[0m and gre\"en", "don't", "")
	for _, s := range texts {
		if clean, n := e.Text(s); clean != s || n != 0 {
			t.Fatalf("%q: %d redactions: %q", s, n, clean)
		}
	}
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	if allocs := testing.AllocsPerRun(20, func() {
		for _, s := range texts {
			e.Text(s)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations on clean text", allocs)
	}
}

// adversarial are pieces that, repeated, would make a careless verifier read the same text again and again.
var adversarial = []string{
	"password=", "password: ", "token=(", "a.token=(x,", "key=((", "key=", "key=\"", "pwd=\\\"", "pwd=\\\\\\\"", "pwd='", "\"password\":", "password[", "passwordpassword",
	"secret", "secret.", "secret-", "://", "://a:", "://a@", "x://a:b/", "Bearer ", "Authorization: a ", "authorization:", "Cookie: ", "cookie:\"",
	"eyJ", "eyJa.", "ghp_", "xoxb-", "sk-ant-", "AKIA", "glpat-", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----", "-----END PRIVATE KEY-----AAAA\n",
	"MIIEowIBAAKC", "MIIEowIBAAKC ", "curl ", "curl -u ", "mysql -p", "curl \"", "aws 'x ", "aws \"x ", "docker login ", "sudo -S ", "echo x | sudo -S ", "kubectl create secret ", "set ",
	"[REDACTED:", "[REDACTED:password]", "[", "\x1b[", "\\\n", "\"a\"b", "''", "password is ", "--token ", "--token=$(", "--token=${", "key=$(a)$(b)$(", "$2b$", "identified by '", "discord ", "password=${", "password=<", ":AA", "<password>", "a\"b", "a\\\"b", "name: TOKEN\nvalue:", "password=a,b=", "password='\\''",
	"login password ", "key-", "-us1", "token: string = ", "password: |\n", "password\": ",
}

// TestLinear holds the bytes that verifiers read against the length of the text.
func TestLinear(t *testing.T) {
	e := newEngine(t)
	const size = 1 << 17
	for _, piece := range adversarial {
		for _, tail := range []string{"", "x", "A1b2C3d4", "\n"} {
			s := strings.Repeat(piece+tail, size/(len(piece)+len(tail)))
			sc := e.find(s)
			if sc == nil {
				continue
			}
			if most := 160*len(s) + 4096; sc.steps > most {
				t.Errorf("%q: %d steps for %d bytes", piece+tail, sc.steps, len(s))
			}
			e.release(sc)
		}
	}
}

// TestLongHash holds that what looks like one hash after the other, without end, is replaced, and not read pass after
// pass until the whole text is given up.
func TestLongHash(t *testing.T) {
	e := newEngine(t)
	s := "hash " + strings.Repeat("$2b$A1b2C3d4", 500) + " end"
	if clean, n := e.Text(s); n != 1 || !strings.HasPrefix(clean, "hash [REDACTED:password-hash:") || !strings.HasSuffix(clean, "] end") {
		t.Errorf("%d redactions: %.200q", n, clean)
	}
}
