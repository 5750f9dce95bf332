package pipeline

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/test/host"
)

// A cutter tells in the words of one log that case n printed first, and, in a later chunk, second.
type cutter func(n int, first, second string) (before, after []any)

// logLine is a record as tail hands it over.
func logLine(format string, args ...any) any {
	return host.M("log", fmt.Sprintf(format, args...))
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

var cutters = map[string]cutter{
	"codex write_stdin": func(n int, first, second string) (before, after []any) {
		return codexPieces(n, "", first, second)
	},
	"codex write_stdin that types": func(n int, first, second string) (before, after []any) {
		return codexPieces(n, "y\n", first, second)
	},
	"claude BashOutput": func(n int, first, second string) (before, after []any) {
		const line = `{"type":%q,"sessionId":"s-1","uuid":"u%d","cwd":"/repo","version":"2.1.0","timestamp":"2026-03-01T10:00:00Z","message":{"id":"m1","model":"claude-x","role":"assistant","content":[%s]},"toolUseResult":%s}`
		use := func(k int, name, input string) any {
			return logLine(line, "assistant", 10*n+k, fmt.Sprintf(`{"type":"tool_use","id":"toolu_%022d%d","name":%q,"input":%s}`, n, k, name, input), "null")
		}
		result := func(k int, content, detail string) any {
			return logLine(line, "user", 10*n+k+1, fmt.Sprintf(`{"type":"tool_result","tool_use_id":"toolu_%022d%d","content":%q}`, n, k, content), detail)
		}
		output := func(k int, status, out string) any {
			return result(k, "<status>"+status+"</status>", fmt.Sprintf(`{"shellId":"bash_%d","command":"sh %d","status":%q,"stdout":%s,"stderr":""}`, n, n, status, quoted(out)))
		}
		before = []any{
			use(0, "Bash", fmt.Sprintf(`{"command":"sh %d","run_in_background":true}`, n)),
			result(0, "Command running in background", fmt.Sprintf(`{"stdout":"","stderr":"","backgroundTaskId":"bash_%d"}`, n)),
			use(2, "BashOutput", fmt.Sprintf(`{"bash_id":"bash_%d"}`, n)), output(2, "running", first),
		}
		return before, []any{use(4, "BashOutput", fmt.Sprintf(`{"bash_id":"bash_%d"}`, n)), output(4, "completed", second)}
	},
	"lines that a runtime cuts": func(n int, first, second string) (before, after []any) {
		path := fmt.Sprintf("/var/log/%d.log", n)
		lines := func(text string, partial bool) (all []any) {
			for part := range strings.Lines(text) {
				tag := "F"
				if partial && !strings.HasSuffix(part, "\n") {
					tag = "P"
				}
				all = append(all, host.M("path", path, "_p", tag, "log", strings.TrimSuffix(part, "\n")))
			}
			return all
		}
		return lines(first, true), lines(second, false)
	},
	"two results of one call": func(n int, first, second string) (before, after []any) {
		const line = `{"type":%q,"sessionId":"s-1","uuid":"u%d","cwd":"/repo","version":"2.1.0","timestamp":"2026-03-01T10:00:00Z","message":{"id":"m1","model":"claude-x","role":"assistant","content":[%s]}}`
		use := logLine(line, "assistant", 10*n, fmt.Sprintf(`{"type":"tool_use","id":"toolu_%023d","name":"Bash","input":{"command":"sh"}}`, n))
		result := func(out string) any {
			return logLine(line, "user", 10*n+1, fmt.Sprintf(`{"type":"tool_result","tool_use_id":"toolu_%023d","content":%s}`, n, quoted(out)))
		}
		return []any{use, result(first)}, []any{result(second)}
	},
}

// codexPieces is a command that outlives its call, and what write_stdin then brings.
func codexPieces(n int, typed, first, second string) (before, after []any) {
	item := func(payload string, args ...any) any {
		return logLine(`{"timestamp":"2026-02-03T04:05:05.000Z","type":"response_item","payload":`+payload+`}`, args...)
	}
	call := func(k int, name, args string) any {
		return item(`{"type":"function_call","name":%q,"arguments":%s,"call_id":"call_%024d%d"}`, name, quoted(args), n, k)
	}
	output := func(k int, text string) any {
		return item(`{"type":"function_call_output","call_id":"call_%024d%d","output":%s}`, n, k, quoted("Chunk ID: 1\nWall time: 1.0 seconds\n"+text))
	}
	before = []any{call(0, "exec_command", `{"cmd":"sh"}`), output(0, fmt.Sprintf("Process running with session ID %d\nOutput:\n%s", n, first))}
	return before, []any{
		call(1, "write_stdin", fmt.Sprintf(`{"session_id":%d,"chars":%q}`, n, typed)),
		output(1, "Process exited with code 0\nOutput:\n"+second),
	}
}

// cutSamples are outputs with a secret in «».
func cutSamples() []string {
	const mixed = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFq7XW"
	var body strings.Builder
	for range 8 {
		body.WriteString(mixed + mixed[8:] + "\n")
	}
	return []string{
		"remote: token is «gh" + "p_" + mixed + "»\nremote: done", "export PGPASSWORD=«hunter2Zq9kLm»\nHOME=/root", `{"password":"«correct horse battery»","x":1}`,
		"> Authorization: Bearer «" + mixed + "»\n> Host: x", "AWS_SECRET_ACCESS_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "A1b2C3d4E5»\nA=1",
		"origin https://robin:«s3cretPw!x9Q»@git.example/x (fetch)", "set-cookie: session=«" + mixed + "»; Path=/\n", "aws_access_key_id = «AK" + "IAQ7XW2ZK5RJ4MBN6P»\n",
		"slack «xox" + "b-123456789012-123456789012-aB3dE6gH9jK2mN5pQ8sT1vW4» ok", "-----BEGIN RSA PRIVATE" + " KEY-----\n«" + body.String() + "»-----END RSA PRIVATE" + " KEY-----\nend",
		"jwt=«eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + mixed + "»\nok", "api_key: «" + mixed + "»\nnext: 1", "glpat «glp" + "at-aB3dE6gH9jK2mN5pQ8sT» here",
	}
}

var redaction = regexp.MustCompile(`\[REDACTED:[^\]]*\]`)

// visible is the length of the longest stretch of secret in text, redactions aside.
func visible(text, secret string) int {
	best := 0
	for i := range len(secret) {
		for best < len(secret)-i && strings.Contains(text, secret[i:i+best+1]) {
			best++
		}
	}
	return best
}

// stored is everything that a journal holds: pending actions, sources, records.
func (l *line) stored(t *testing.T) string {
	var b strings.Builder
	err := l.j.Pending(func(p *seal.Pending) { b.Write(p.Bytes().Raw()) })
	if err == nil {
		err = l.j.Sources(func(_ schema.ID, stored []byte) error { _, err := b.Write(stored); return err })
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.records(t) {
		b.Write(r.AppendJSON(nil))
	}
	return redaction.ReplaceAllString(strings.ReplaceAll(b.String(), `\n`, "\n"), "\x00")
}

// A secret that a running process prints in two pieces, at whatever place it is cut, stays in neither: not in what waits,
// not in what is remembered of the log, not in the records; also over a restart in between.
func TestSecretsOverPieces(t *testing.T) {
	for name, cut := range cutters {
		t.Run(name, func(t *testing.T) {
			cuts, kept := 0, 0
			for s, marked := range cutSamples() {
				from, to := strings.Index(marked, "«"), strings.Index(marked, "»")-len("«")
				text := strings.NewReplacer("«", "", "»", "").Replace(marked)
				secret := text[from:to]
				step := 3
				if len(secret) > 100 {
					step = 17
				}
				for i := from + 1 + s%step; i < to; i += step {
					cuts++
					if v := cutCase(t, cut, i, text[:i], text[i:], secret); v > max(8, len(secret)/4) {
						kept++
						t.Logf("%d bytes of %q left, cut at %d", v, secret, i-from)
					}
				}
			}
			t.Logf("%d of %d cuts left a part", kept, cuts)
			if kept*100 > cuts {
				t.Errorf("%d of %d cuts left a part of the secret", kept, cuts)
			}
		})
	}
}

// cutCase returns how much of a secret is stored after its two parts were printed.
func cutCase(t *testing.T, cut cutter, n int, first, second, secret string) int {
	l := openLine(t, nil, nil)
	defer func() { l.j.Close() }()
	most := 0
	before, after := cut(n, first, second)
	for i, bodies := range [][]any{before, after} {
		var e host.Encoder
		for _, body := range bodies {
			e.Event(l.time, nil, body.(host.Map))
		}
		if err := l.Flush("test", e.Take()); err != nil {
			t.Fatal(err)
		}
		most = max(most, visible(l.stored(t), secret))
		if i == 0 && n%4 == 0 {
			l.reopen(t)
		}
	}
	if err := l.Finish(); err != nil {
		t.Fatal(err)
	}
	stored := l.stored(t)
	if !strings.Contains(stored, "\x00") {
		t.Errorf("nothing was redacted: %s", stored)
	}
	return max(most, visible(stored, secret))
}
