// Package test holds what is true of the repository as a whole.
package test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/agentaudit/agentaudit/"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages", len(all))
	}
	return all
}

// Who may import whom. An empty list allows nothing of ours.
var mayImport = map[string][]string{
	"schema":    {"schema"},
	"scrub":     {},
	"exporters": {"exporters", "schema"},
}

// forbidden are imported by nobody.
var forbidden = []string{"plugin", "cmd/agent-audit"}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		own, ok := strings.CutPrefix(p.ImportPath, module)
		if !ok {
			continue
		}
		top, _, _ := strings.Cut(own, "/")
		allowed, bound := mayImport[top]
		for _, imp := range p.Imports {
			other, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			for _, f := range forbidden {
				if other == f || strings.HasPrefix(other, f+"/") {
					t.Errorf("%s imports %s, which nobody may", own, other)
				}
			}
			if bound && !within(other, allowed) {
				t.Errorf("%s imports %s; %s may import of ours only %v", own, other, top, allowed)
			}
		}
	}
}

func within(path string, roots []string) bool {
	for _, r := range roots {
		if path == r || strings.HasPrefix(path, r+"/") {
			return true
		}
	}
	return false
}

// The plugin lives inside Fluent Bit: stores' clients, and with them their credentials, stay out of it.
func TestPluginHasNoStores(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"plugin" {
			continue
		}
		for _, d := range p.Deps {
			for _, store := range []string{"modernc.org/sqlite", "github.com/aws/", "github.com/elastic/", module + "exporters/elasticsearch", module + "exporters/sqlite", module + "exporters/archive"} {
				if strings.HasPrefix(d, store) {
					t.Errorf("the plugin contains %s", d)
				}
			}
		}
		return
	}
	t.Fatal("plugin was not found")
}
