package scrubcorpus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Record is one line of an agent's log, and the secrets planted in it.
type Record struct {
	Text    string
	Secrets []string
}

// maker makes random parts.
type maker struct{ r *rand.Rand }

const (
	lowHex = "0123456789abcdef"
	alnum  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

func (m maker) of(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.r.IntN(len(alphabet))]
	}
	return string(b)
}

func (m maker) pick(s ...string) string { return s[m.r.IntN(len(s))] }

// secret makes a secret, and the command and the output that hold it.
func (m maker) secret() (secret, command, output string) {
	password := m.pick("Summer", "hunter", "Winter", "Tiger") + m.of(6, alnum) + m.pick("!", "#1", "?9")
	token := "gh" + "p_" + m.of(36, alnum)
	switch m.r.IntN(16) {
	case 0:
		return token, "git clone https://x-access-token:" + token + "@github.com/acme/web.git", "Cloning into 'web'...\n"
	case 1:
		return token, "gh auth status", "github.com\n  Token: " + token + "\n"
	case 2:
		s := m.of(40, alnum+"/+")
		return s, "env | sort", "AWS_ACCESS_KEY_ID=AK" + "IA" + m.of(16, base32) + "\nAWS_SECRET_ACCESS_KEY=" + s + "\nHOME=/home/alice\n"
	case 3:
		return password, "mysql -h db -u root -p" + password + " -e 'show tables'", "Tables_in_orders\nusers\n"
	case 4:
		return password, "psql postgres://app:" + password + "@db.internal:5432/ledger -c 'select 1'", " ?column?\n 1\n"
	case 5:
		return password, "export PGPASSWORD=" + password + " && pg_dump ledger", ""
	case 6:
		s := m.of(44, alnum)
		return s, "curl -sS -H 'Authorization: Bearer " + s + "' https://api.internal/v1/me", "{\"id\":7}\n"
	case 7:
		s := "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiI" + m.of(40, alnum) + "." + m.of(43, alnum)
		return s, "curl -s https://auth.internal/token", "{\"access_token\":\"" + s + "\",\"expires_in\":3600}\n"
	case 8:
		s := "xox" + "b-" + m.of(12, "0123456789") + "-" + m.of(12, "0123456789") + "-" + m.of(24, alnum)
		return s, "cat .env", "NODE_ENV=production\nSLACK_TOKEN=" + s + "\n"
	case 9:
		s := "sk" + "_live_" + m.of(24, alnum)
		return s, "stripe config --list", "live_mode_api_key = '" + s + "'\n"
	case 10:
		s := "AI" + "za" + m.of(35, alnum+"-_")
		return s, "cat config.js", "export const config = { apiKey: \"" + s + "\", debug: false };\n"
	case 11:
		s := m.of(64, alnum+"/+")
		return s, "cat tls.key", "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEow" + m.of(58, alnum) + "\n" + s + "\n-----END RSA PRIVATE" + " KEY-----\n"
	case 12:
		return password, "kubectl create secret generic db --from-literal=password=" + password, "secret/db created\n"
	case 13:
		return password, "docker inspect db", "\"Env\": [\n    \"POSTGRES_PASSWORD=" + password + "\",\n    \"PGDATA=/data\"\n]\n"
	case 14:
		return password, "cat application.yml", "spring:\n  datasource:\n    username: app\n    password: " + password + "\n"
	}
	s := m.of(32, lowHex)
	return s, "cat settings.py", "DEBUG = False\nSECRET_KEY = '" + s + "'\n"
}

// ordinary makes a command and its output without a secret.
func (m maker) ordinary() (command, output string) {
	f := m.pick("orders", "users", "ledger", "token_store", "router", "billing", "auth", "invoice", "passenger")
	short, long := m.of(7, lowHex), m.of(64, lowHex)
	switch m.r.IntN(14) {
	case 0:
		return "git status --short", " M src/" + f + ".go\n?? notes/" + f + ".md\n"
	case 1:
		return "git log -1", "commit " + m.of(40, lowHex) + "\nAuthor: Alice <alice@acme.test>\n\n    Fix the " + f + " parser, don't pass the key twice\n"
	case 2:
		return "go test ./internal/" + f + "/...", "ok  \tgithub.com/acme/web/internal/" + f + "\t0.412s\tcoverage: 81.3% of statements\n"
	case 3:
		return "npm run build -- --mode production", "vite v5.4.2 building for production...\n512 modules transformed.\ndist/assets/" + f + "." + short + ".js 182.4 kB\n"
	case 4:
		return "ls -la src/" + f, "total 48\ndrwxr-xr-x 5 alice alice 4096 Mar  3 10:11 .\n-rw-r--r-- 1 alice alice 1822 Mar  3 10:11 main.go\n"
	case 5:
		return "grep -rn 'TODO' src/" + f, "src/" + f + "/a.go:41: // TODO handle retry\nsrc/" + f + "/b.go:77: // TODO(bob) remove after v2\n"
	case 6:
		return "docker build -t registry.local/web:" + short + " .", "#7 [3/6] RUN go build -o /out/" + f + "\n#7 DONE 12.4s\nsha256:" + long + "\n"
	case 7:
		return "kubectl -n web get pods -o wide", "NAME READY STATUS RESTARTS AGE IP NODE\n" + f + "-7c9b6d5f4-x2x9p 1/1 Running 0 3d 10.4.2.17 node-3\n"
	case 8:
		return "python3 -m pytest tests/" + f + " -q", "................F.....\nFAILED tests/" + f + "/test_api.py::test_retry - AssertionError: 503 != 200\n"
	case 9:
		return "psql -c 'select count(*) from " + f + "'", " count \n-------\n 18234\n(1 row)\n"
	case 10:
		return "sed -n 1,80p src/" + f + "/handler.ts", "import { Router } from 'express';\nexport const r = Router();\nr.get('/" + f + "', async (q, s) => s.json(await list(q.token)));\n"
	case 11:
		return "curl -sS 'https://api.internal/v1/" + f + "?limit=50'", "{\"items\":[{\"id\":\"" + m.of(32, lowHex) + "\",\"state\":\"ok\"}],\"next\":null}\n"
	case 12:
		return "rm -rf /tmp/build-" + short, ""
	}
	return "cargo clippy --all-targets", "warning: unused variable: `" + f + "`\n  --> src/" + f + ".rs:21:9\nerror: could not compile `web`\n"
}

// Records returns size bytes or more of agents' logs: JSON lines, and a quarter plain text. One in every holds a secret;
// 0 plants none.
func Records(size, every int) []Record {
	m := maker{rand.New(rand.NewPCG(7, uint64(every)))}
	var out []Record
	for total := 0; total < size; {
		var rec Record
		command, output := m.ordinary()
		if every > 0 && m.r.IntN(every) == 0 {
			var s string
			s, command, output = m.secret()
			rec.Secrets = []string{s}
		}
		rec.Text = "$ " + command + "\n" + output
		if m.r.IntN(4) > 0 {
			rec.Text = fmt.Sprintf(`{"ts":"2026-02-25T%02d:00:00.000Z","event_id":"%s","session_id":"s-%s","agent":"claude-code","user":"alice","host":"ws-012",`+
				`"cwd":"/home/alice/src/web","tool":"bash","command":%s,"env":{"PATH":"/usr/local/bin:/usr/bin:/bin","LANG":"C.UTF-8","TERM":"xterm-256color"},`+
				`"exit_code":0,"duration_ms":%d,"stdout":%s,"decision":"allow","policy":"default-v2"}`,
				m.r.IntN(24), m.of(26, base32), m.of(6, lowHex), quoted(command), m.r.IntN(90000), quoted(output))
		}
		out = append(out, rec)
		total += len(rec.Text)
	}
	return out
}

// quoted is s as a JSON string without HTML's escapes, as agents write it.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
