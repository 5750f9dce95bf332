package assemble

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/scrub"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is an assembler on a journal in memory.
type bench struct {
	t   *testing.T
	fs  vfs.FS
	opt Options
	j   *journal.Journal
	a   *Assembler
	now time.Time
}

func newBench(t *testing.T, o Options) *bench {
	b := &bench{t: t, fs: vfs.NewMem(), opt: o, now: t0}
	if b.opt.PairWindow == 0 {
		b.opt.PairWindow = time.Minute
	}
	if b.opt.LaneWindow == 0 {
		b.opt.LaneWindow = 10 * time.Second
	}
	if b.opt.MaxPending == 0 {
		b.opt.MaxPending = 1000
	}
	if b.opt.MaxSessions == 0 {
		b.opt.MaxSessions = 1000
	}
	b.open()
	t.Cleanup(func() { b.j.Close() })
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.j, err = journal.Open("s", func() string { return "s" }, journal.Options{FS: b.fs, SeenFor: time.Hour}); err != nil {
		b.t.Fatal(err)
	}
	if b.a, err = New(b.j, b.opt); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) restart() {
	b.t.Helper()
	if err := b.j.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

// fragment of action key, told apart by text.
func fragment(key string, role schema.Role, session, text string) *schema.Fragment {
	f := &schema.Fragment{Role: role, Key: schema.MakeID(key), ID: schema.MakeID(key, role.String(), text)}
	f.Event.Action = schema.ActionShell
	f.Session.ID = session
	switch role {
	case schema.Result:
		f.Execution.Stdout, f.Execution.ExitCode = text, schema.Some(0)
	case schema.Decision:
		f.Authorization.Decision = text
	default:
		f.Command.Line = text
	}
	return f
}

var gate = func() *seal.Scrubber {
	e, err := scrub.New(scrub.Options{})
	if err != nil {
		panic(err)
	}
	return seal.NewScrubber(e, seal.DefaultLimits)
}()

// chunk commits fragments as one chunk.
func (b *bench) chunk(fs ...*schema.Fragment) {
	b.t.Helper()
	c := b.j.Begin()
	for _, f := range fs {
		if err := b.a.Add(c, gate.Fragment(f), b.now); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.a.Expire(c, b.now); err != nil {
		b.t.Fatal(err)
	}
	b.commit(c)
}

func (b *bench) commit(c *journal.Chunk) {
	b.t.Helper()
	if err := b.a.End(c); err != nil {
		b.t.Fatal(err)
	}
	if err := c.Commit(); err != nil {
		b.t.Fatal(err)
	}
}

// records in short: "command|decision|exit|complete".
func (b *bench) records() []string {
	b.t.Helper()
	rs, err := b.j.Read(0, 1<<20, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, r := range rs {
		a, err := schema.Parse(r.JSON)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%v", a.Command.Line, a.Authorization.Decision, schema.FormatInt(a.Execution.ExitCode), a.Trail.Complete))
	}
	return out
}

func (b *bench) want(want ...string) {
	b.t.Helper()
	got := b.records()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Fatalf("records\n got %q\nwant %q", got, want)
	}
}

// Fragments give the same record in whatever order they come, over whatever chunks and restarts.
func TestEveryOrder(t *testing.T) {
	fs := []*schema.Fragment{
		fragment("k", schema.Request, "s", "ls"),
		fragment("k", schema.Decision, "s", schema.Approved),
		fragment("k", schema.Result, "s", "out"),
	}
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {1, 2, 0}, {2, 1, 0}} {
		for restarts := range 4 {
			b := newBench(t, Options{})
			for i, n := range order {
				f := *fs[n]
				b.chunk(&f)
				if restarts&(1<<i) != 0 {
					b.restart()
				}
			}
			b.want("ls|approved|0|true")
		}
	}
}

func TestRepeatsAddNothing(t *testing.T) {
	b := newBench(t, Options{})
	for range 3 {
		b.chunk(fragment("k", schema.Request, "s", "ls"), fragment("k", schema.Request, "s", "ls"))
		b.chunk(fragment("k", schema.Result, "s", "out"), fragment("w", schema.Whole, "s", "whole"))
		b.restart()
	}
	b.want("ls|unrecorded|0|true", "whole|unrecorded||true")
}

// What comes after an action was sealed is a record of its own that names it.
func TestLate(t *testing.T) {
	b := newBench(t, Options{})
	b.chunk(fragment("k", schema.Request, "s", "ls"), fragment("k", schema.Result, "s", "out"))
	b.chunk(fragment("k", schema.Decision, "s", schema.Denied))
	b.now = b.now.Add(time.Minute)
	b.chunk()
	b.want("ls|unrecorded|0|true", "|denied||false")
}

func TestExpire(t *testing.T) {
	b := newBench(t, Options{})
	b.chunk(fragment("a", schema.Request, "s", "one"))
	b.now = b.now.Add(30 * time.Second)
	b.chunk(fragment("b", schema.Request, "s", "two"))
	b.now = b.now.Add(29 * time.Second)
	b.chunk()
	b.want()
	b.restart()
	b.now = b.now.Add(2 * time.Second)
	if !b.a.Due(b.now) {
		t.Fatal("nothing is due")
	}
	b.chunk()
	b.want("one|unrecorded||false")
	if b.a.Due(b.now) || b.a.Pending() != 1 {
		t.Fatalf("%d pending", b.a.Pending())
	}
}

func TestPendingIsBounded(t *testing.T) {
	b := newBench(t, Options{MaxPending: 3})
	for i := range 5 {
		b.chunk(fragment(fmt.Sprint(i), schema.Request, "s", fmt.Sprint("c", i)))
	}
	b.want("c0|unrecorded||false", "c1|unrecorded||false")
	b.restart()
	if b.a.Pending() != 3 {
		t.Fatalf("%d pending after restart", b.a.Pending())
	}
}

// A session idle longest is forgotten first, in memory and in the journal.
func TestSessionsAreBounded(t *testing.T) {
	b := newBench(t, Options{MaxSessions: 2})
	for i, session := range []string{"a", "b", "a", "c", "a", "b"} {
		b.now = b.now.Add(time.Second)
		b.chunk(fragment(fmt.Sprint(i), schema.Whole, session, fmt.Sprint(i)))
		if i%2 == 1 {
			b.restart()
		}
	}
	rs, err := b.j.Read(0, 100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, r := range rs {
		a, _ := schema.Parse(r.JSON)
		got = append(got, a.Session.Ordinal.N)
	}
	if fmt.Sprint(got) != "[1 1 2 1 3 1]" { // b was forgotten when c came
		t.Errorf("ordinals %v", got)
	}
	n := 0
	if err := b.j.Sessions(func(schema.ID, []byte) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d sessions stored, %v", n, err)
	}
}

// A chunk that is not committed leaves no trace after Reload.
func TestReload(t *testing.T) {
	b := newBench(t, Options{})
	b.chunk(fragment("a", schema.Request, "s", "one"))
	c := b.j.Begin()
	for _, f := range []*schema.Fragment{fragment("a", schema.Result, "s", "out"), fragment("b", schema.Whole, "s", "two")} {
		if err := b.a.Add(c, gate.Fragment(f), b.now); err != nil {
			t.Fatal(err)
		}
	}
	c.Discard()
	if err := b.a.Reload(); err != nil {
		t.Fatal(err)
	}
	b.want()
	b.chunk(fragment("a", schema.Result, "s", "out"), fragment("b", schema.Whole, "s", "two"))
	b.want("one|unrecorded|0|true", "two|unrecorded||true")
}

// A reported risk is kept as reported, whichever fragment brings it.
func TestReportedRiskWins(t *testing.T) {
	for _, first := range []schema.Role{schema.Request, schema.Result} {
		b := newBench(t, Options{})
		req, res := fragment("k", schema.Request, "s", "ls"), fragment("k", schema.Result, "s", "out")
		req.Risk.Score, req.Risk.Source, req.Risk.Category = schema.Some(90), schema.RiskComputed, "destruction"
		res.Risk.Score, res.Risk.Source, res.Risk.Category = schema.Some(12), schema.RiskReported, "low"
		if first == schema.Request {
			b.chunk(req, res)
		} else {
			b.chunk(res, req)
		}
		rs, _ := b.j.Read(0, 1, 1<<20)
		a, err := schema.Parse(rs[0].JSON)
		if err != nil || a.Risk.Score.N != 12 || a.Risk.Source != schema.RiskReported || a.Risk.Category != "low" {
			t.Errorf("risk %+v, %v", a.Risk, err)
		}
	}
}
