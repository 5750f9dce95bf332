package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func load(t *testing.T, text string, flat map[string]string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file, func(k string) string { return flat[k] })
}

func TestExampleIsComplete(t *testing.T) {
	c, err := Load("../../examples/agent-audit.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Journal.MaxBytes != 1<<30 || c.Journal.SeenFor != Duration(90*24*time.Hour) || c.Exporters.Archive.MaxWait != Duration(5*time.Minute) ||
		c.Fields["cloud.region"] != "eu-west-1" || c.PairWindow != Duration(time.Minute) || c.MaxOutput != 16<<10 {
		t.Errorf("%+v", c)
	}
}

func TestFlatKeysWin(t *testing.T) {
	c, err := load(t, "state_dir: /a\norganization: file\nexporters: {sqlite: {path: /x.db}}\n",
		map[string]string{"organization": "flat", "archive_dir": "/arc", "pair_window": "90s", "journal_max_bytes": "5MB", "prompts": "on"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Organization != "flat" || c.StateDir != "/a" || c.Exporters.SQLite.Path != "/x.db" || c.Exporters.Archive.Dir != "/arc" ||
		c.PairWindow != Duration(90*time.Second) || c.Journal.MaxBytes != 5e6 || !c.Prompts {
		t.Errorf("%+v", c)
	}
	if c.Exporters.Archive.KeyFile != "/a/archive.key" || c.Scrub.KeyFile != "/a/scrub.key" {
		t.Errorf("keys: %q %q", c.Exporters.Archive.KeyFile, c.Scrub.KeyFile)
	}
}

func TestErrorsNameTheKey(t *testing.T) {
	for text, want := range map[string]string{
		"state_dir: /a\nexporter: {}\n":                                               `line 2: unknown key "exporter": did you mean "exporters"?`,
		"state_dir: /a\nexporters:\n  sqllite: {path: x}\n":                           `line 3: unknown key "exporters.sqllite": did you mean "sqlite"?`,
		"state_dir: /a\nexporters:\n  plugins:\n    - nam: x\n":                       `line 4: unknown key "exporters.plugins[0].nam": did you mean "name"?`,
		"state_dir: /a\nzzzzzzzzzz: 1\n":                                              `unknown key "zzzzzzzzzz"; known here: authorization, binary, exporters,`,
		"state_dir: /a\npair_window: soon\nexporters: {sqlite: {path: x}}\n":          `"soon" is not a duration`,
		"state_dir: /a\nexporters: {sqlite: {}}\n":                                    "exporters.sqlite.path (sqlite_path) is not set",
		"state_dir: /a\nexporters: {plugins: [{name: sqlite, command: [x]}]}\n":       `name "sqlite" is taken`,
		"state_dir: /a\nexporters: {plugins: [{name: a/b, command: [x]}]}\n":          "has a slash",
		"state_dir: /a\nexporters: {plugins: [{name: a}]}\n":                          "command is not set",
		"exporters: {sqlite: {path: x}}\n":                                            "state_dir is not set",
		"state_dir: /a\nmax_pending: -1\nexporters: {sqlite: {path: x}}\n":            "must not be negative",
		"state_dir: /a\njournal: {max_bytes: lots}\nexporters: {sqlite: {path: x}}\n": `"lots" is not a size`,
	} {
		if _, err := load(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// A broken file may hold credentials: no error repeats its text.
func TestErrorsDoNotQuoteTheFile(t *testing.T) {
	for _, text := range []string{
		"state_dir: [hunter2\n", "state_dir: /a\n\tpassword: hunter2\n", "max_pending: hunter2\nstate_dir: /a\n", "- hunter2\n",
	} {
		_, err := load(t, text, nil)
		if err == nil || strings.Contains(strings.ReplaceAll(err.Error(), `"hunter2" is not`, ""), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFreeKeysAreNotChecked(t *testing.T) {
	c, err := load(t, "state_dir: /a\nmapping: {process.command_line: a.b}\nfields: {user.name: x}\nexporters:\n  plugins:\n    - name: mine\n      command: [/bin/x]\n      settings: {anything: {at: all}}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Mapping["process.command_line"] != "a.b" || c.Exporters.Plugins[0].Settings["anything"] == nil {
		t.Errorf("%+v", c)
	}
}

// A flat key is checked by itself: that others are missing is not its fault.
func TestCheckFlat(t *testing.T) {
	for key, value := range map[string]string{"archive_max_wait": "1s", "state_dir": "/x", "format": "auto", "match": "*", "prompts": "on"} {
		if err := CheckFlat(key, value); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for key, value := range map[string]string{"archive_max_wait": "soon", "journal_max_bytes": "lots", "prompts": "perhaps"} {
		if err := CheckFlat(key, value); err == nil {
			t.Errorf("%s %s was taken", key, value)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("state_dir: /a\nexporters: {sqlite: {path: x}}\n")
	f.Add("a: &x [*x]\n")
	f.Add("{state_dir: ? }")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Config{}
		_ = c.parse([]byte(text))
	})
}

// The sections of the archives are read whole, flat keys win, and exporters get durations as they read them.
func TestArchives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := "state_dir: /s\nexporters:\n  archive:\n    dir: /a\n    compression: zstd\n    previous_key_file: /old\n" +
		"  s3:\n    bucket: b\n    retention: 1d\n    heartbeat: 30m\n    tags: {team: audit}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, func(key string) string {
		return map[string]string{"s3_retention": "365d", "s3_mode": "governance"}[key]
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := json.Marshal(c.Exporters.Archive)
	if err != nil {
		t.Fatal(err)
	}
	s, err := json.Marshal(c.Exporters.S3)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"dir":"/a","key_file":"/s/archive.key","previous_key_file":"/old","compression":"zstd"}`; string(a) != want {
		t.Errorf("archive: %s\nwant %s", a, want)
	}
	want := `{"bucket":"b","retention":"8760h0m0s","mode":"GOVERNANCE","tags":{"team":"audit"},"key_file":"/s/archive.key","heartbeat":"30m0s"}`
	if string(s) != want {
		t.Errorf("s3: %s\nwant %s", s, want)
	}
	for _, text := range []string{"", "    retention: 1d\n    stream: x\n", "    retention: 1d\n    heart_beat: 1h\n"} {
		if err := os.WriteFile(file, []byte("state_dir: /s\nexporters:\n  s3:\n    bucket: b\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file, nil); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
