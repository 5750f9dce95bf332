package scrub

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretNames are names that make a secret of a literal, in the cases of all languages.
var secretNames = strings.Fields(`password passwd passphrase token secret apiKey api_key accessToken access_token refresh_token clientSecret
	client_secret authToken auth_token secretKey secret_key privateKey private_key signingKey encryption_key dbPassword db_password
	DB_PASSWORD API_KEY AUTH_TOKEN SECRET_KEY GITHUB_TOKEN AWS_SECRET_ACCESS_KEY userPassword smtp_password bearerToken session_token
	masterKey webhook_secret JWT_SECRET pgPassword credentials`)

// codeShapes are what programs and configurations do with such a name that holds no secret. @ is the name.
var codeShapes = []string{
	"@: string", "@: str", "@: String,", "@?: string | null;", "  @: $VALUE", "@=$VALUE", "@: ${VALUE}", "@=${VALUE:-}", "@: ${{ secrets.VALUE }}", "@: \"\"", "@ = ''", "@ = None", "@ = null;",
	"@: null", "@ = undefined", "@: true", "@: false", "@ = os.environ['VALUE']", "@ = os.Getenv(\"VALUE\")", "@ := cfg.Value", "@ = self.@", "this.@ = @;", "@: process.env.VALUE,", "@={@}", "return @", "if @ == \"\" {", "if (!@) {",
	"def f(@):", "func f(@ string)", "function f(@) {", "delete obj.@;", "obj.@", "len(@)", "print(@)", "\"@\",", "'@'", "`@`", "the @ is wrong", "@ is required", "invalid @", "missing @: see the manual", "@: see below", "# @", "// @: from the vault",
	"@ = getValue()", "@ = await load('value')", "@: !vault |", "@: \"{{ value }}\"", "@ = var.value", "@: <value>", "@: ********", "@=%VALUE%", "@Length: 32", "@_file: /run/secrets/value", "@_name: value", "@ID: 12", "max_@_age = 3600", "@Provider: vault", "get_@()", "[@]", "<@></@>", "--@-file value",
}

// cleanSamples are ordinary lines of agents' logs: those of testdata/clean, written by hand, and each name in each shape.
func cleanSamples(t testing.TB) []string {
	t.Helper()
	var samples []string
	files, err := filepath.Glob("testdata/clean/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, strings.Split(strings.TrimRight(string(text), "\n"), "\n")...)
	}
	for _, name := range secretNames {
		for _, shape := range codeShapes {
			samples = append(samples, strings.ReplaceAll(shape, "@", name))
		}
	}
	return samples
}

// TestCleanSamples holds that nothing of two thousand ordinary lines and more is taken for a secret, alone, as a
// command in JSON, and one after the other.
func TestCleanSamples(t *testing.T) {
	e := newEngine(t)
	samples := cleanSamples(t)
	if len(samples) < 2000 {
		t.Fatalf("%d samples", len(samples))
	}
	failed := 0
	for _, s := range samples {
		if clean, n := e.Text(s); n > 0 {
			failed++
			t.Errorf("%q: %q", s, clean)
			continue
		}
		record, _ := json.Marshal(map[string]string{"command": s})
		if clean, n := e.JSON(string(record)); n > 0 {
			t.Errorf("in JSON: %q: %q", s, clean)
		}
		if clean, n := e.Text(string(record)); n > 0 {
			t.Errorf("JSON as text: %q: %q", s, clean)
		}
	}
	t.Logf("%d of %d samples redacted", failed, len(samples))
	all := strings.Join(samples, "\n")
	for _, f := range e.Find(all) {
		t.Errorf("one after the other: %s %q in %q", f.Kind, all[f.Start:f.End], all[max(0, f.Start-60):min(len(all), f.End+20)])
	}
}

// TestCleanDigests holds that what is random and public stays: digests, ids, checksums, keys for all to see.
func TestCleanDigests(t *testing.T) {
	e := newEngine(t)
	r := rand.New(rand.NewPCG(11, 11))
	digits := func(n int, alphabet string) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	const lowHex, b64 = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for _, format := range []string{
		"commit %[1]s", "%[1]s  file.txt", "sha1:%[1]s", "%.7[1]s fix parser", "index %.12[1]s..%.12[1]s 100644", "refs/heads/main %[1]s", "HEAD is now at %.9[1]s token store", "etag: \"%[1]s\"",
		"sha256:%[2]s", "image@sha256:%[2]s", "%[2]s *app.tar.gz", "digest: sha256:%[2]s size: 1204", "checksum = \"%[2]s\"", "layer %.12[2]s: Pull complete", "tx 0x%[2]s",
		"{\"integrity\":\"sha512-%[3]s==\"}", "github.com/a/b v1.2.3 h1:%.43[3]s=", "integrity sha512-%[3]s==", "SHA256:%.43[3]s (ED25519)", "data:image/png;base64,%[3]s%[3]s", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI%.43[3]s bob@host",
		"id %.8[1]s-%.4[2]s-4%.3[1]s-a%.3[2]s-%.12[1]s", "request_id=%.8[1]s-%.4[2]s-4%.3[1]s-a%.3[2]s-%.12[1]s", "pod web-%.10[1]s-x2x9p", "main.%.8[1]s.js", "cache-key: go-%[2]s", "toolu_01%.22[3]s", "MD5: %.32[1]s", "traceparent: 00-%.32[2]s-%.16[1]s-01", "build %.20[1]s done",
	} {
		for range 40 {
			s := fmt.Sprintf(format, digits(40, lowHex), digits(64, lowHex), strings.Map(func(c rune) rune {
				if strings.Contains(format, "toolu") && (c == '+' || c == '/') {
					return 'x'
				}
				return c
			}, digits(86, b64)))
			if i := strings.Index(s, "%!"); i >= 0 {
				s = s[:i]
			}
			if clean, n := e.Text(s); n > 0 {
				t.Errorf("%q: %q", s, clean)
			}
		}
	}
}
