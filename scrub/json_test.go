package scrub

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		`{}`, `[]`, `null`, ` [1, 2.5e3, -0] `, `"plain"`, `{"a":"b","n":[1,{"x":null}]}`, `{"max_tokens":4096}`,
		`{"command":"ls -la","cwd":"/x"}`, `{"a":"line\nline\ttab \u00e9 \ud83d\ude00 \/"}`,
		`{"password":"«x»"}`, `{"password":"«x y»", "z": 1}`, `{"db":{"password":"«hunter2»","host":"h"}}`,
		`{"password":«123456»}`, `{"passwords":["«a1»","«b2»"]}`,
		`{"env":{"API_TOKEN":"«abc»","PATH":"/bin","PWD":"/x"}}`,
		`{"token":"$TOKEN","secret":"${{ secrets.X }}","password":"<password>","auth_token":null,"api_key":""}`,
		`{"command":["mysql","-p«X1»","db"]}`, `{"command":["bash","-lc","mysql -p«X1» db"]}`, `["--token", "«X1»"]`,
		`["curl","-H","Authorization: Bearer «abc123»","https://x"]`, `["docker","login","-p","«abc»"]`,
		`{"name":"DB_PASSWORD","value":"«hunter2»"}`, `{"env":[{"name":"A","value":"b"},{"name":"API_KEY","value":"«abc»"}]}`,
		`{"kind":"Secret","data":{"user":"«YWJj»"}}`, `{"apiVersion":"v1","data":{"user":"«YWJj»"},"kind":"Secret"}`, `{"kind":"ConfigMap","data":{"user":"YWJj"}}`,
		`{"arguments":"{\"password\":\"«x»\",\"a\":[1]}"}`, `{"a":"{\"b\":\"{\\\"token\\\":\\\"«x»\\\"}\"}"}`,
		`{"text":"export TOKEN=«abc1»\nls"}`, `{"Authorization":"Bearer «abc»"}`, `{"headers":{"Cookie":"«a=b»"}}`,
		`{"path":"/x","token_count":5,"session_id":"` + hex32 + `"}`, `{"secrets":{"X":"«abc»"}}`,
	} {
		marked := sample(c)
		text := strings.NewReplacer("«", "", "»", "").Replace(marked)
		clean, n := e.JSON(text)
		want := regexp.MustCompile(`(?s)«[^»]*»`).ReplaceAllString(marked, "⟦⟧")
		got := labelPattern.ReplaceAllString(clean, "⟦⟧")
		if got = strings.ReplaceAll(got, `:"⟦⟧"}`, `:⟦⟧}`); got != strings.ReplaceAll(want, `:"⟦⟧"}`, `:⟦⟧}`) {
			t.Errorf("json %s\n got %s\nwant %s", text, got, want)
		}
		if !json.Valid([]byte(clean)) {
			t.Errorf("json %s: not JSON: %s", text, clean)
		}
		if (n > 0) != strings.Contains(c, "«") {
			t.Errorf("json %s: %d redactions", text, n)
		}
		if again, k := e.JSON(clean); again != clean || k != 0 {
			t.Errorf("json %s: scrubbed again %s", clean, again)
		}
	}
}

func TestJSONFallsBackToText(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{`{"password":"x1"`, `{"password":"x1"}{"password":"x1"}`, `{'password':'x1'}`, `{"password":"x1",}`, "{\"a\":\"\n\",\"password\":\"x1\"}"} {
		if clean, n := e.JSON(c); strings.Contains(clean, "x1") || n == 0 {
			t.Errorf("%s: %s", c, clean)
		}
	}
}

func TestValue(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct{ name, value, want string }{
		{"password", "hunter2", "⟦⟧"},
		{"password", "two words", "⟦⟧"},
		{"password", "Password is required", "⟦⟧"},
		{"DB_PASSWORD", "1", "⟦⟧"},
		{"apiKey", "x y", "⟦⟧"},
		{"Authorization", "Bearer abc", "Bearer ⟦⟧"},
		{"Authorization", "abc", "⟦⟧"},
		{"Cookie", "a=b; c=d", "⟦⟧"},
		{"X-Api-Key", "abc", "⟦⟧"},
		{"password", "$PASSWORD", "$PASSWORD"},
		{"password", "${PASSWORD}", "${PASSWORD}"},
		{"password", "${PASSWORD:-hunter2}", "⟦⟧"},
		{"password", "${{ secrets.X }}", "${{ secrets.X }}"},
		{"password", "%PASSWORD%", "%PASSWORD%"},
		{"password", "<password>", "<password>"},
		{"password", "", ""},
		{"password", "true", "true"},
		{"password", "[REDACTED:password]", "[REDACTED:password]"},
		{"password", "[REDACTED:password]x", "⟦⟧"},
		{"password", "[REDACTED:hunter2]", "⟦⟧"},
		{"password", "[REDACTED:password:hunter2:0123456789abcdef]", "⟦⟧"},
		{"PWD", "/home/x", "/home/x"},
		{"OLDPWD", "/home/x", "/home/x"},
		{"SSH_AUTH_SOCK", "/tmp/x", "/tmp/x"},
		{"max_tokens", "4096", "4096"},
		{"TOKENIZERS_PARALLELISM", "false", "false"},
		{"PUBLIC_KEY", alnum, alnum},
		{"KEY_ID", alnum, alnum},
		{"primary key", "id", "id"},
		{"keyboard", "us", "us"},
		{"FOO_KEY", alnum, "⟦⟧"},
		{"FOO_KEY", "name", "name"},
		{"PATH", "/bin", "/bin"},
		{"command", "mysql -phunter2", "mysql -p⟦⟧"},
		{"token", "$(echo password=x1)", "$(echo password=⟦⟧)"},
	} {
		clean, n := e.Value(c.name, c.value)
		if got := labelPattern.ReplaceAllString(clean, "⟦⟧"); got != c.want && clean != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.name, c.value, clean, c.want)
		}
		if (n > 0) != (clean != c.value) {
			t.Errorf("%s: %q: %d redactions", c.name, c.value, n)
		}
		if again, k := e.Value(c.name, clean); again != clean || k != 0 {
			t.Errorf("%s: %q: scrubbed again %q", c.name, clean, again)
		}
	}
}

func TestArgs(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		"mysql|-p«X»", "mysql|-u|root|-p«X1»|db", "--token|«X»", "tool|--token=«X»", "tool|--password|«a b»", "tool|--api-key|«x»|--verbose",
		"curl|-H|Authorization: Bearer «X»|https://x", "curl|-u|me:«X»|https://x", "bash|-lc|mysql -p«X1» db", "bash|-c|export TOKEN=«abc1» && ls",
		"sudo|docker|login|-u|me|-p|«X»", "/usr/bin/sshpass|-p|«X»|ssh|h", "env|API_KEY=«abc1»|make", "docker|run|-e|DB_PASSWORD=«abc1»|x",
		"kubectl|create|secret|generic|x|--from-literal=k=«v w»", "aws|configure|set|aws_secret_access_key|«abc»", "vault|kv|put|secret/x|a=«b»",
		"psql|host=x password=«abc» dbname=y", "openssl|rsa|-passin|pass:«X1»", "setx|API_TOKEN|«X»", "htpasswd|-b|f|u|«X1»", "git|clone|https://u:«p»@h/x",
		"redis-cli|-a|«X1»", "mongosh|-p|«X1»", "helm|upgrade|x|--set|db.password=«abc1»",
		"ls|-la", "mkdir|-p|/x", "cp|-p|a|b", "ssh|-p|22|h", "docker|run|-p|80:80|x", "tar|-p|x", "grep|-p|x", "psql|-p|5432", "tool|--token|$TOKEN", "docker|login|--password-stdin",
		"tool|--max-tokens|100", "tool|--pass-through|x", "tool|--token", "tool|--password|--verbose", "git|commit|-m|fix the token parser", "",
	} {
		marked := strings.Split(sample(c), "|")
		args := strings.Split(strings.NewReplacer("«", "", "»", "").Replace(sample(c)), "|")
		clean, n := e.Args(args)
		for i := range clean {
			want := regexp.MustCompile(`«[^»]*»`).ReplaceAllString(marked[i], "⟦⟧")
			if got := labelPattern.ReplaceAllString(clean[i], "⟦⟧"); got != want {
				t.Errorf("%q: got %q, want %q", args, got, want)
			}
		}
		if (n > 0) != strings.Contains(c, "«") {
			t.Errorf("%q: %d redactions", args, n)
		}
		if again, k := e.Args(clean); k != 0 || !reflect.DeepEqual(again, clean) {
			t.Errorf("%q: scrubbed again %q", clean, again)
		}
	}
}
