package scrub

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// corpus returns size bytes or more of what agents log, as JSON lines and as plain text, the same on every run.
// Every hundredth record holds a secret if dirty says so.
func corpus(size int, dirty bool) []string {
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	hex := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdef"[r.IntN(16)]
		}
		return string(b)
	}
	var out []string
	for total := 0; total < size; {
		f := pick("orders", "users", "ledger", "token_store", "router", "billing", "auth", "invoice", "passenger")
		cmd := pick("git status --short", "git diff --stat HEAD~1", "go test ./internal/"+f+"/...", "npm run build -- --mode production",
			"ls -la /home/alice/src/payments/"+f, "grep -rn 'TODO' src/"+f, "docker build -t registry.local/web:"+hex(7)+" .",
			"kubectl -n web get pods -o wide", "python3 -m pytest tests/"+f+" -q", "psql -c 'select count(*) from "+f+"'",
			"sed -n 1,80p src/"+f+"/handler.ts", "curl -sS https://api.internal/v1/"+f+"?limit=50", "rm -rf /tmp/build-"+hex(7))
		stdout := pick("ok  \tgithub.com/acme/web/internal/"+f+"\t0.412s coverage: 81.3% of statements\n",
			"vite v5.4.2 building for production...\n512 modules transformed.\ndist/assets/"+f+".js 182.4 kB gzip: 58.1 kB\n",
			"total 48\ndrwxr-xr-x 5 alice alice 4096 Mar  3 10:11 .\n-rw-r--r-- 1 alice alice 1822 Mar  3 10:11 main.go\n",
			"#7 [3/6] RUN go build -o /out/"+f+" ./cmd/"+f+"\n#7 DONE 12.4s\nsha256:"+hex(64)+"\n",
			"import { Router } from 'express';\nexport const r = Router();\nr.get('/"+f+"', async (q, s) => s.json(await list(q.token)));\n",
			"commit "+hex(40)+"\nAuthor: Alice <alice@acme.test>\n\n    Fix the "+f+" parser, don't pass the key twice\n",
			"warning: unused variable: `"+f+"`\n  --> src/"+f+".rs:21:9\nerror: could not compile `web`\n")
		if dirty && r.IntN(100) == 0 {
			cmd = pick("mysql -h db -u root --password="+hex(16), "git clone https://x-access-token:gh"+"p_"+hex(36)+"@github.com/acme/web.git",
				"curl -H 'Authorization: Bearer "+hex(44)+"' https://api.internal/v1/me")
		}
		rec := fmt.Sprintf(`{"ts":"2026-02-25T%02d:00:00.000Z","event_id":"%s","session_id":"s-%s","agent":"claude-code","user":"alice","host":"ws-012","cwd":"/home/alice/src/web","tool":"bash","command":%q,"env":{"PATH":"/usr/local/bin:/usr/bin:/bin","LANG":"C.UTF-8","TERM":"xterm-256color"},"exit_code":0,"duration_ms":%d,"stdout":%q,"decision":"allow","policy":"default-v2"}`,
			r.IntN(24), hex(26), hex(6), cmd, r.IntN(90000), stdout)
		if r.IntN(4) == 0 {
			rec = "$ " + cmd + "\n" + stdout
		}
		out = append(out, rec)
		total += len(rec)
	}
	return out
}

// benchmark also reports the speed by CPU time, which other work on the machine disturbs less.
func benchmark(b *testing.B, texts []string, scrub func(string)) {
	total := 0
	for _, s := range texts {
		total += len(s)
	}
	b.SetBytes(int64(total))
	b.ReportAllocs()
	start, n := cpuTime(), 0
	for b.Loop() {
		for _, s := range texts {
			scrub(s)
		}
		n++
	}
	b.ReportMetric(float64(total)*float64(n)/1e6/(cpuTime()-start).Seconds(), "cpu-MB/s")
}

// cpuTime is the CPU time of the process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkText reads mixed records of some 500 bytes, 1 % of them with a secret.
func BenchmarkText(b *testing.B) {
	e := newEngine(b)
	benchmark(b, corpus(1<<20, true), func(s string) { e.Text(s) })
}

func BenchmarkTextClean(b *testing.B) {
	e := newEngine(b)
	benchmark(b, corpus(1<<20, false), func(s string) { e.Text(s) })
}

// BenchmarkTextShort reads pieces of 128 bytes at most.
func BenchmarkTextShort(b *testing.B) {
	e := newEngine(b)
	var texts []string
	for _, s := range corpus(1<<20, false) {
		for len(s) > 128 {
			texts, s = append(texts, s[:128]), s[128:]
		}
		texts = append(texts, s)
	}
	benchmark(b, texts, func(s string) { e.Text(s) })
}

func BenchmarkTextLong(b *testing.B) {
	e := newEngine(b)
	benchmark(b, []string{strings.Join(corpus(1<<20, false), "\n")}, func(s string) { e.Text(s) })
}

func BenchmarkJSON(b *testing.B) {
	e := newEngine(b)
	var texts []string
	for _, s := range corpus(1<<20, true) {
		if s[0] == '{' {
			texts = append(texts, s)
		}
	}
	benchmark(b, texts, func(s string) { e.JSON(s) })
}

func BenchmarkFingerprint(b *testing.B) {
	e := newEngine(b)
	b.ReportAllocs()
	for b.Loop() {
		e.Fingerprint(alnum)
	}
}
