package scrub

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCleanSource holds how much of the Go distribution is taken for a secret: source and documentation in several
// languages, which every machine that runs this test has. Its tests and their data are left out, because they hold keys,
// passwords and headers that would be secrets anywhere else; so is what remains of the kind, listed below.
func TestCleanSource(t *testing.T) {
	const most, atLeast = 0.2, 30.0 // findings a MB; MB
	known := map[string]bool{
		"src/crypto/x509/platform_root_key.pem": true, // a private key
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := strings.TrimSpace(string(out))
	e := newEngine(t)
	size, found := 0, 0
	for _, dir := range []string{"src", "doc", "api", "misc"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && os.IsNotExist(err):
				return nil // packages of distributions leave folders out
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "test"):
				return fs.SkipDir
			case !d.Type().IsRegular() || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil || !utf8.Valid(b) {
				return err
			}
			name, _ := filepath.Rel(root, path)
			if known[filepath.ToSlash(name)] {
				return nil
			}
			text := string(b)
			size += len(text)
			for _, f := range e.Find(text) {
				found++
				t.Logf("%s:%d: %s", name, 1+strings.Count(text[:f.Start], "\n"), f.Kind)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	mb := float64(size) / 1e6
	t.Logf("%d findings in %.1f MB: %.3f a MB", found, mb, float64(found)/mb)
	if mb < atLeast {
		t.Errorf("%.1f MB read, %v needed", mb, atLeast)
	}
	if float64(found)/mb > most {
		t.Errorf("%.3f findings a MB, at most %v", float64(found)/mb, most)
	}
}
