//go:build bench

package query_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/sqlite"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// fleet makes records as a fleet of agents makes them in a month that ends at fleetEnd: common and rare programs, names
// and scores.
type fleet struct {
	n   int // records in the month
	rng *rand.Rand
}

var (
	fleetEnd = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	programs = []string{"git", "ls", "cat", "go", "npm", "kubectl", "sed", "rg", "docker", "curl", "python3", "terraform", "psql", "ssh"}
	verbs    = []string{"status", "test", "get", "delete", "apply", "-la", "push", "run", "diff", "build", "install", "--version"}
	agents   = []string{"claude-code", "codex", "gemini-cli", "copilot", "opencode"}
)

// rare draws a number below n, small ones far more often.
func (f *fleet) rare(n int) int { u := f.rng.Float64(); return int(u * u * u * float64(n)) }

func (f *fleet) action(i int) *schema.Action {
	rng := f.rng
	a := &schema.Action{Time: fleetEnd.Add(-30*24*time.Hour + time.Duration(float64(30*24*time.Hour)*float64(i)/float64(f.n)))}
	a.Event.Created = a.Time
	a.Time = a.Time.Add(-time.Duration(rng.IntN(int(5 * time.Second))))
	a.Event.ID = schema.MakeID("fleet", strconv.Itoa(i)).String()
	a.Event.Kind, a.Event.Action, a.Event.Outcome = schema.KindEvent, schema.ActionShell, schema.OutcomeSuccess
	a.Event.Category, a.Event.Type = []string{"process"}, []string{"start"}
	session := i/2000*50 + rng.IntN(50) // fifty at a time, of forty records each
	a.Session.ID = schema.MakeID("session", strconv.Itoa(session)).String()
	a.Session.Ordinal = schema.Some(int64(i/50%40 + 1))
	a.Identity.ServiceName = agents[session%len(agents)]
	a.Event.Provider = a.Identity.ServiceName
	if session%3 == 0 {
		a.Identity.AgentName = fmt.Sprintf("agent-%d", session%40)
	}
	a.Identity.UserName = fmt.Sprintf("user-%d", session%300)
	a.Identity.OrganizationName = "example"
	a.Infrastructure.HostName = fmt.Sprintf("build-%d", session%200)
	program := programs[f.rare(len(programs))]
	a.Command.Line = fmt.Sprintf("%s %s src/module%d/file%d.go", program, verbs[f.rare(len(verbs))], f.rare(500), rng.IntN(100_000))
	a.Command.Args = []string{program}
	a.Command.Tool, a.Command.Cwd = "Bash", fmt.Sprintf("/home/user-%d/project", session%300)
	a.Command.CallID = "toolu_" + a.Event.ID[:24]
	a.Authorization.Decision = schema.Unrecorded
	switch d := rng.IntN(100); {
	case d < 2:
		a.Authorization.Decision = schema.Denied
	case d < 15:
		a.Authorization.Decision, a.Authorization.Reviewer = schema.Approved, a.Identity.UserName
	case d < 50:
		a.Authorization.Decision, a.Authorization.Rule = schema.AutoApproved, "Bash("+program+":*)"
	}
	a.Risk.Score = schema.Some(int64(f.rare(101)))
	a.Risk.Source, a.Risk.Category = schema.RiskComputed, "read-only"
	if rng.IntN(50) == 0 {
		a.Risk.Anomalies = []string{"first_use_of_program"}
	}
	a.Execution.ExitCode, a.Execution.Duration = schema.Some(0), schema.Some(int64(rng.IntN(1e9)))
	a.Execution.Stdout = "ok: module compiled without complaints"
	a.Trail.Stream, a.Trail.Sequence = "s", schema.Some(int64(i))
	a.Trail.Format, a.Trail.Complete, a.Trail.Ruleset = a.Event.Provider, true, "2026.11"
	return a
}

func (f *fleet) records(from, to int) []exporters.Record {
	records := make([]exporters.Record, to-from)
	for i := range records {
		records[i] = exporters.Record{Sequence: uint64(from + i), JSON: f.action(from + i).AppendJSON(nil)}
	}
	return records
}

// questions draws first pages as people ask for them: fifty rows.
func (f *fleet) questions(n int) map[string]func() query.Query {
	end := fleetEnd.Add(-30*24*time.Hour + time.Duration(float64(30*24*time.Hour)*float64(n)/float64(f.n)))
	month := end.AddDate(0, 0, -30)
	return map[string]func() query.Query{
		"1-session": func() query.Query {
			return query.Query{Session: schema.MakeID("session", strconv.Itoa(f.rng.IntN(n/40))).String(), Order: query.OldestFirst}
		},
		"2-agent":    func() query.Query { return query.Query{Agent: fmt.Sprintf("agent-%d", f.rng.IntN(40)), Since: month} },
		"2-software": func() query.Query { return query.Query{Agent: agents[f.rng.IntN(len(agents))], Since: month} },
		"2-user":     func() query.Query { return query.Query{User: fmt.Sprintf("user-%d", f.rng.IntN(300)), Since: month} },
		"3-words": func() query.Query {
			return query.Query{Command: programs[f.rare(len(programs))] + " " + verbs[f.rare(len(verbs))]}
		},
		"3-phrase": func() query.Query {
			return query.Query{Command: `"` + programs[f.rare(len(programs))] + " " + verbs[f.rare(len(verbs))] + `"`}
		},
		"3-rare": func() query.Query { return query.Query{Command: fmt.Sprintf("file%d", f.rng.IntN(100_000))} },
		"3-none": func() query.Query { return query.Query{Command: "nowhere to be found"} },
		"3-prefix": func() query.Query {
			return query.Query{CommandPrefix: programs[f.rare(len(programs))] + " " + verbs[f.rare(len(verbs))]}
		},
		"3-begin": func() query.Query { return query.Query{CommandPrefix: programs[f.rare(len(programs))][:2]} },
		"3-line": func() query.Query {
			return query.Query{CommandPrefix: fmt.Sprintf("git test src/module%d/", f.rng.IntN(500))}
		},
		"4-risk": func() query.Query {
			low := 50 + f.rng.IntN(50)
			return query.Query{RiskMin: &low, RiskMax: number(100)}
		},
		"4-auto": func() query.Query {
			return query.Query{RiskMin: number(71), Decision: []string{schema.AutoApproved}, Since: month}
		},
		"5-denied": func() query.Query { return query.Query{Decision: []string{schema.Denied}} },
		"5-approved": func() query.Query {
			return query.Query{Decision: []string{schema.Approved, schema.AutoApproved}, AnyAnomaly: true}
		},
		"newest": func() query.Query { return query.Query{} },
	}
}

// BenchmarkSQLite fills one month's file with AGENT_AUDIT_RECORDS (a million) records through the exporter and asks first
// pages: at a tenth of them, and at all. With AGENT_AUDIT_STORE the store is kept at that path, and asked again at once
// where it is there already.
func BenchmarkSQLite(b *testing.B) {
	n := 1_000_000
	if v, err := strconv.Atoi(os.Getenv("AGENT_AUDIT_RECORDS")); err == nil {
		n = v
	}
	f := &fleet{n: n, rng: rand.New(rand.NewPCG(1, 2))}
	path := os.Getenv("AGENT_AUDIT_STORE")
	if path == "" {
		path = filepath.Join(b.TempDir(), "audit.db")
	}
	if files, _ := sqlite.Files(path); len(files) == 0 {
		f.fill(b, path, n/10, n)
		return
	}
	f.ask(b, path, n)
}

// fill fills a store to the numbers of records in to, and asks at each.
func (f *fleet) fill(b *testing.B, path string, to ...int) {
	e, err := sqlite.Open(b.Context(), []byte(`{"path":"`+path+`"}`))
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	const batch = 20_000
	from, raw := 0, 0
	for _, n := range to {
		first, begun := from, time.Now()
		for from < n {
			records := f.records(from, min(from+batch, n))
			for _, r := range records {
				raw += len(r.JSON)
			}
			if _, refused, err := e.Export(b.Context(), exporters.Batch{Stream: "s", Records: records}); err != nil || len(refused) > 0 {
				b.Fatal(err, refused)
			}
			from += len(records)
		}
		fmt.Printf("%d records of %d bytes: %.0f records/s, %.0f bytes a record on disk\n", n, raw/n,
			float64(n-first)/time.Since(begun).Seconds(), float64(onDisk(b, path))/float64(n))
		f.ask(b, path, n)
	}
}

func onDisk(b *testing.B, path string) (size int64) {
	files, err := sqlite.Files(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

// ask measures each question.
func (f *fleet) ask(b *testing.B, path string, n int) {
	source, err := query.Open(b.Context(), "sqlite:"+path)
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	questions := f.questions(n)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for k := range questions {
			if !yield(k) {
				return
			}
		}
	}) {
		var times []time.Duration
		rows := 0
		for range 100 {
			q := questions[name]()
			q.Limit = 50
			begun := time.Now()
			for _, err := range source.Query(b.Context(), q) {
				if err != nil {
					b.Fatal(err)
				}
				rows++
			}
			times = append(times, time.Since(begun))
		}
		slices.Sort(times)
		fmt.Printf("%-10s %10d records: median %7.1f ms, 95th %7.1f ms, worst %7.1f ms, %d rows\n", name, n,
			times[50].Seconds()*1e3, times[95].Seconds()*1e3, times[99].Seconds()*1e3, rows/100)
	}
}
