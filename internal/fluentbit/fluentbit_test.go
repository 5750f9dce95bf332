package fluentbit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"*", "", true},
		{"", "", true},
		{"a.*", "a.b", true},
		{"a.*", "b.a", false},
		{"*.log", "app.*", true},
		{"a*c", "ab", false},
		{"a*b*c", "axxbxxc", true},
		{"kube.*", "kube", false},
		{"agents.claude", "agents.claude", true},
		{"", "x", false},
		{strings.Repeat("*a", 200), strings.Repeat("a", 500), true},
	} {
		if got := overlap(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %v", c.a, c.b, got)
		}
		if overlap(c.a, c.b) != overlap(c.b, c.a) {
			t.Errorf("%q, %q: not symmetric", c.a, c.b)
		}
	}
}

func TestWild(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "a.${X}.b": "a.*.b", "${A}${B}": "**", "a${": "a*"} {
		if got := wild(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestTranslate(t *testing.T) {
	for in, want := range map[string]string{
		"stateDir": "state_dir", "state_dir": "state_dir", "State_Dir": "state_dir", "Match": "match", "storage.type": "storage.type",
		"pathKey": "path_key", "": "",
	} {
		if got := translate(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]int64{"32k": 32_000, "16MB": 16_000_000, "1G": 1_000_000_000, "65536": 65536, " 8 m ": 8_000_000} {
		if got, ok := Bytes(in); !ok || got != want {
			t.Errorf("%q: %d %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "x", "-1", "1X", "9999999999999999999"} {
		if n, ok := Bytes(in); ok {
			t.Errorf("%q: %d", in, n)
		}
	}
}

func load(t *testing.T, files map[string]string, first string) *Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, first))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClassicAndYAMLAreTheSame(t *testing.T) {
	classic := load(t, map[string]string{
		"a.conf":          "# comment\n@SET X=y\n[SERVICE]\n    Flush 1\n    # comment\n    Parsers_File p.conf\n@INCLUDE conf.d/*.conf\n",
		"conf.d/in.conf":  "[INPUT]\n    Name   tail\n    Path_Key  path\n    Path /a b\n",
		"conf.d/out.conf": "[OUTPUT]\r\n\tName agent_audit\r\n\tMatch *",
		"p.conf":          "[PARSER]\n    Name json\n    Format json\n",
	}, "a.conf")
	yaml := load(t, map[string]string{
		"a.yaml":        "includes:\n  - sub/*.yaml\nservice:\n  flush: 1\n  parsers_file: p.conf\nenv:\n  X: y\n",
		"sub/in.yaml":   "pipeline:\n  inputs:\n    - name: tail\n      pathKey: path\n      path: |\n        /a b\n",
		"sub/out.yaml":  "pipeline: {outputs: [{name: agent_audit, match: '*'}]}\n",
		"p.conf":        "[PARSER]\n    Name json\n    Format json\n",
		"sub/none.conf": "not read",
	}, "a.yaml")
	for name, c := range map[string]*Config{"classic": classic, "YAML": yaml} {
		if len(c.Findings) > 0 {
			t.Errorf("%s: %v", name, c.Findings)
		}
		in, out, parsers := c.All("input"), c.All("output"), c.All("parser")
		if len(in) != 1 || len(out) != 1 || len(parsers) != 1 {
			t.Fatalf("%s: %d inputs, %d outputs, %d parsers", name, len(in), len(out), len(parsers))
		}
		if in[0].Value("path_key") != "path" || in[0].Value("path") != "/a b" || out[0].Value("match") != "*" || c.Service("flush").Value != "1" {
			t.Errorf("%s: %v %v", name, in[0].Entries, out[0].Entries)
		}
	}
	if line := classic.All("input")[0].At("path_key").Line; line != 3 {
		t.Errorf("line %d", line)
	}
	if line := yaml.All("input")[0].At("path_key").Line; line != 4 {
		t.Errorf("line %d", line)
	}
}

func TestIncludesEnd(t *testing.T) {
	for _, files := range []map[string]string{
		{"a.conf": "@INCLUDE a.conf\n"},
		{"a.conf": "@INCLUDE b.conf\n", "b.conf": "@INCLUDE a.conf\n"},
	} {
		if c := load(t, files, "a.conf"); len(c.Findings) != 1 || !strings.Contains(c.Findings[0].What, "twice") {
			t.Errorf("%v: %v", files, c.Findings)
		}
	}
}

func FuzzClassic(f *testing.F) {
	f.Add("[OUTPUT]\n    Name agent_audit\n    Match *\n")
	f.Add("@INCLUDE x\n[\nkey\n  key\n[A]\n\tb")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "*?[") && strings.Contains(strings.ToLower(text), "include") {
			t.Skip("walks the file system")
		}
		c := &Config{dir: "/nonexistent", read: map[string]bool{}}
		c.readClassic("f.conf", text)
		c.Check()
	})
}

func FuzzYAML(f *testing.F) {
	f.Add("pipeline:\n  outputs:\n    - name: agent_audit\n      match: '*'\n")
	f.Add("plugins: [a, b]\nservice: &a {b: *a}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "includes") {
			t.Skip("walks the file system")
		}
		c := &Config{dir: "/nonexistent", read: map[string]bool{}}
		Looks([]byte(text))
		c.yaml("f.yaml", []byte(text))
		c.Check()
	})
}
