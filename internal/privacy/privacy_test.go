package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

func names(t testing.TB, change func(*Options)) *Names {
	t.Helper()
	o := Options{Key: bytes.Repeat([]byte{7}, 32), KeyID: "k1"}
	if change != nil {
		change(&o)
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPseudonyms(t *testing.T) {
	n := names(t, nil)
	alice := n.Pseudonym("example", User, "alice")
	if !Is(alice) || !strings.HasPrefix(alice, "user:k1:") || strings.Contains(alice, "alice") {
		t.Fatalf("%q", alice)
	}
	if again := names(t, nil).Pseudonym("example", User, "alice"); again != alice {
		t.Error("the same subject in the same organisation is another")
	}
	if n.Pseudonym("example", User, alice) != alice {
		t.Error("a pseudonym has a pseudonym")
	}
	if n.Pseudonym("e", Email, "A@example.com") != n.Pseudonym("e", Email, "a@Example.com") {
		t.Error("case matters in an e-mail address")
	}
	seen := map[string]string{alice: "alice"}
	other := names(t, func(o *Options) { o.Key = bytes.Repeat([]byte{8}, 32) })
	second := names(t, func(o *Options) { o.KeyID = "k2" })
	for name, p := range map[string]string{
		"bob": n.Pseudonym("example", User, "bob"), "other organisation": n.Pseudonym("else", User, "alice"), "Alice": n.Pseudonym("example", User, "Alice"),
		"as host": n.Pseudonym("example", Host, "alice"), "other key": other.Pseudonym("example", User, "alice"), "other id": second.Pseudonym("example", User, "alice"),
		"cut": n.Pseudonym("", User, "examplealice"), "ip": n.Pseudonym("example", IP, "192.0.2.7"),
	} {
		if before, ok := seen[p]; ok || !Is(p) {
			t.Errorf("%s: %q, as %s", name, p, before)
		}
		seen[p] = name
	}
	if a, err := netip.ParseAddr(n.Pseudonym("example", IP, "192.0.2.7")); err != nil || !a.IsPrivate() {
		t.Errorf("%v, %v", a, err)
	}
	for _, stays := range []string{"", "root", "git", "Runner"} {
		if got := n.Pseudonym("example", User, stays); got != stays {
			t.Errorf("%q became %q", stays, got)
		}
	}
}

// The keyed hash is HMAC-SHA-256 as the standard library has it.
func TestHMAC(t *testing.T) {
	derive := hmac.New(sha256.New, bytes.Repeat([]byte{7}, 32))
	derive.Write([]byte("agent-audit pseudonym\x00example"))
	mac := hmac.New(sha256.New, derive.Sum(nil))
	mac.Write([]byte("user\x00alice"))
	want := "user:k1:" + lowerHex.EncodeToString(mac.Sum(nil)[:10])
	if got := names(t, nil).Pseudonym("example", User, "alice"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Who has all names and not the key finds nobody: no candidate key that is not the key gives the pseudonym.
func TestDictionary(t *testing.T) {
	target := names(t, nil).Pseudonym("example", User, "alice")
	for i := range 1000 {
		guess := names(t, func(o *Options) { o.Key = bytes.Repeat([]byte(fmt.Sprintf("%04d", i)), 8) })
		for _, name := range []string{"alice", "bob", "carol"} {
			if guess.Pseudonym("example", User, name) == target {
				t.Fatal("found without the key")
			}
		}
	}
}

func TestTexts(t *testing.T) {
	n := names(t, nil)
	pseudo := func(name string) string { return n.Pseudonym("", User, name) }
	for in, want := range map[string]string{
		"cat /home/alice/.ssh/config":                 "cat /home/<alice>/.ssh/config",
		"ls /home/alice":                              "ls /home/<alice>",
		"ls /home/alice.":                             "ls /home/<alice>.",
		"cd /Users/alice/x && ls /home/bob":           "cd /Users/<alice>/x && ls /home/<bob>",
		"PATH=/home/alice:/usr/bin":                   "PATH=/home/<alice>:/usr/bin",
		`type C:\Users\alice\a.txt`:                   `type C:\Users\<alice>\a.txt`,
		`{"file_path":"C:\\Users\\alice\\a.txt"}`:     `{"file_path":"C:\\Users\\<alice>\\a.txt"}`,
		"/x/.claude/projects/-home-alice-app/1.jsonl": "/x/.claude/projects/-home-<alice>-app/1.jsonl",
		"/home/runner/work/home/ /home/ /home":        "/home/runner/work/home/ /home/ /home",
		"ls /home/$USER /home/* /home/{a,b}":          "ls /home/$USER /home/* /home/{a,b}",
		"mail alice@example.com, bob@example.org.":    "mail <alice>@example.com, <bob>@example.org.",
		"ssh alice@web1":                              "ssh <alice>@web1",
		"scp a.txt alice@10.0.0.7:":                   "scp a.txt <alice>@10.0.0.7:",
		"/usr/bin/ssh -p 22 alice@web1 uptime":        "/usr/bin/ssh -p 22 <alice>@web1 uptime",
		"psql postgresql://alice@db/prod":             "psql postgresql://<alice>@db/prod",
		"alice@web1:~$ ls":                            "<alice>@web1:~$ ls",
		"alice@web1:/srv$ ls":                         "<alice>@web1:/srv$ ls",
		"git clone git@github.com:x/y.git":            "git clone git@github.com:x/y.git",
		"npm i react@18.2.0 lodash@latest @a/b@1.x":   "npm i react@18.2.0 lodash@latest @a/b@1.x",
		"uses: actions/checkout@v4":                   "uses: actions/checkout@v4",
		"docker pull img@sha256:0123":                 "docker pull img@sha256:0123",
		"Author: Alice A <alice.a@example.com>":       "Author: Alice A <<alice.a>@example.com>",
		"@decorator and a @ b":                        "@decorator and a @ b",
		"no names here":                               "no names here",
	} {
		for _, name := range []string{"alice.a", "alice", "bob"} {
			want = strings.ReplaceAll(want, "<"+name+">", pseudo(name))
		}
		got := n.Text("", in)
		if got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
		if again := n.Text("", got); again != got {
			t.Errorf("%q: a second time it is %q", got, again)
		}
	}
}

// vault keeps in memory.
type vault struct {
	kept map[string]string
	err  error
}

func (v *vault) Keep(subject, original string) (string, error) {
	v.kept[subject] = original
	return "sealed " + original, v.err
}

func person() *schema.Action {
	a := &schema.Action{}
	a.Identity.OrganizationName = "example"
	a.Identity.UserName, a.Identity.UserEmail, a.Identity.UserID, a.Identity.EffectiveUser = "alice", "alice@example.com", "1000", "root"
	a.Authorization.Reviewer = "Bob@example.com"
	a.Infrastructure.SourceIP, a.Infrastructure.HostName, a.Infrastructure.HostIP = "192.0.2.7", "alices-laptop", []string{"192.0.2.8"}
	a.Infrastructure.LogPath = "/home/alice/.claude/projects/-home-alice-app/1.jsonl"
	a.Command.Line = "sudo chown alice:alice /srv && su - alice; curl http://192.0.2.7/malice"
	a.Command.Args = []string{"su", "-", "alice"}
	a.Command.ToolArguments = `{"path":"/home/alice/x","to":"alice@example.com"}`
	a.Execution.Stdout = "alice\nlogged in from 192.0.2.7\n"
	a.Session.Preceding = []schema.Preceding{{ID: "1", Command: "cd /home/alice"}}
	a.Trail.Conflicts = []schema.Conflict{{Field: "user.name", Value: "alice"}}
	a.Trail.Tag = "home.alice.log"
	a.Trail.Fields = `{"who":"alice","n":1}`
	a.Command.Tool = "Bash"
	return a
}

func TestAction(t *testing.T) {
	v := &vault{kept: map[string]string{}}
	n := names(t, func(o *Options) { o.Vault, o.Hosts = v, true })
	a := person()
	n.Action(a)
	doc := string(a.AppendJSON(nil))
	for _, name := range []string{"alice", "Alice", "192.0.2", "bob", "Bob"} {
		if strings.Contains(strings.ReplaceAll(doc, "malice", ""), name) {
			t.Errorf("%s is in %s", name, doc)
		}
	}
	if !strings.Contains(doc, "malice") {
		t.Error("a part of a word was replaced")
	}
	id := a.Identity
	if id.UserName != n.Pseudonym("example", User, "alice") || id.UserEmail != n.Pseudonym("example", Email, "alice@example.com") ||
		id.UserID != "1000" || id.EffectiveUser != "root" || a.Authorization.Reviewer != n.Pseudonym("example", Email, "bob@example.com") {
		t.Errorf("%+v", id)
	}
	for _, entry := range a.Trail.Originals {
		subject, sealed, ok := Original(entry)
		if !ok || sealed != "sealed "+v.kept[subject] {
			t.Errorf("%q: %q, %q", entry, subject, sealed)
		}
	}
	if len(a.Trail.Originals) != len(v.kept) || len(v.kept) < 5 {
		t.Errorf("%d originals, %d kept: %v", len(a.Trail.Originals), len(v.kept), v.kept)
	}
	n.Action(a)
	if again := string(a.AppendJSON(nil)); again != doc {
		t.Errorf("a second time it is\n%s, was\n%s", again, doc)
	}
	if n.Lookup("example", "alice")[0] != id.UserName || n.Lookup("example", "alice@example.com")[0] != id.UserEmail || n.Lookup("example", "192.0.2.7")[0] != a.Infrastructure.SourceIP {
		t.Error("who may know finds nothing")
	}
}

// A vault that fails is an error of the chunk; what was not chosen stays.
func TestVaultFails(t *testing.T) {
	v := &vault{kept: map[string]string{}, err: errors.New("no store")}
	n := names(t, func(o *Options) { o.Vault = v })
	a := person()
	n.Action(a)
	if err := n.Err(); !errors.Is(err, v.err) {
		t.Errorf("%v", err)
	}
	if n.Err() != nil {
		t.Error("the error is told twice")
	}
	if a.Infrastructure.HostName != "alices-laptop" {
		t.Errorf("host: %q", a.Infrastructure.HostName)
	}
	(*Names)(nil).Action(a)
	if (*Names)(nil).Text("", "x") != "x" || (*Names)(nil).Err() != nil {
		t.Error("nil does something")
	}
}

// No text makes it panic, loop, or leave a home folder's name.
func FuzzText(f *testing.F) {
	f.Add("ssh alice@web1 /home/alice -home-alice- C:\\Users\\alice x@y.zz", "alice")
	f.Fuzz(func(t *testing.T, text, name string) {
		n := names(t, nil)
		p := &pass{names: n, words: []known{{name + "xyz", "user:k1:0000000000000000"}}}
		got := p.text(text)
		if again := n.Text("", got); n.Text("", again) != again {
			t.Errorf("%q → %q → %q", text, got, again)
		}
	})
}

func BenchmarkPseudonym(b *testing.B) {
	n := names(b, nil)
	for b.Loop() {
		n.Pseudonym("example", User, "alice")
	}
}

func BenchmarkAction(b *testing.B) {
	n := names(b, nil)
	for b.Loop() {
		n.Action(person())
	}
}

func BenchmarkTextWithoutNames(b *testing.B) {
	n := names(b, nil)
	text := strings.Repeat("go test ./... && echo done; ", 600)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		n.Text("", text)
	}
}

func TestOriginalDamaged(t *testing.T) {
	for _, bad := range []string{"", "user:k1:0", "user:k1:0 ***"} {
		if _, _, ok := Original(bad); ok {
			t.Errorf("%q was taken", bad)
		}
	}
	if s, sealed, ok := Original("user:k1:0 " + base64.StdEncoding.EncodeToString([]byte("x"))); !ok || s != "user:k1:0" || sealed != "x" {
		t.Error(s, sealed, ok)
	}
}
