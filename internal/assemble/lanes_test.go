package assemble

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

const (
	transcript = "claude-code"
	telemetry  = "claude-code-otel"
	gateway    = "mcp"
)

// told is a fragment of a call as a lane tells it; text as in fragment.
func told(lane, call string, role schema.Role, text string) *schema.Fragment {
	f := fragment(call, role, "s", text)
	f.ID = schema.MakeID(call, lane, role.String(), text)
	f.Time, f.Command.CallID = t0, call
	f.Trail.Lanes = []string{lane}
	if role == schema.Result {
		f.Event.Outcome = schema.OutcomeSuccess
	}
	return f
}

// byTelemetry is what OpenTelemetry tells of a call: decision, and that it went well.
func byTelemetry(call, decision string) []*schema.Fragment {
	d, r := told(telemetry, call, schema.Decision, decision), told(telemetry, call, schema.Result, "")
	r.Execution.ExitCode = schema.Int{}
	return []*schema.Fragment{d, r}
}

func byTranscript(call, command string) []*schema.Fragment {
	return []*schema.Fragment{told(transcript, call, schema.Request, command), told(transcript, call, schema.Result, "out")}
}

// actions are the records with their lanes, anomalies and what they follow.
func (b *bench) actions() []*schema.Action {
	b.t.Helper()
	rs, err := b.j.Read(0, 1<<20, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []*schema.Action
	for _, r := range rs {
		a, err := schema.Parse(r.JSON)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// A call of which two lanes tell is one record, though one of them is seconds later, and though nothing was known of the
// lanes before.
func TestLanesMeet(t *testing.T) {
	b := newBench(t, Options{})
	b.chunk(byTranscript("c1", "ls")...)
	b.want()
	b.restart()
	b.now = b.now.Add(6 * time.Second)
	b.chunk(byTelemetry("c1", schema.Approved)...)
	b.now = b.now.Add(10 * time.Second)
	b.chunk()
	b.want("ls|approved|0|true")
	if a := b.actions()[0]; !slices.Equal(a.Trail.Lanes, []string{transcript, telemetry}) || len(a.Risk.Anomalies) != 0 {
		t.Errorf("lanes %v, anomalies %v, conflicts %v", a.Trail.Lanes, a.Risk.Anomalies, a.Trail.Conflicts)
	}
	b.now = b.now.Add(2 * time.Minute) // the first minute is over: now it is known who feeds us
	b.chunk(byTranscript("c2", "pwd")...)
	if b.a.Pending() != 1 {
		t.Error("the second lane is not waited for")
	}
	b.now = b.now.Add(9 * time.Second)
	b.chunk(byTelemetry("c2", schema.Approved)...)
	b.now = b.now.Add(time.Second)
	b.chunk()
	b.want("ls|approved|0|true", "pwd|approved|0|true")
}

// Where one lane only feeds us, nothing is held after the first minute; lanes that fall silent are forgotten.
func TestOneLaneIsNotHeld(t *testing.T) {
	b := newBench(t, Options{})
	b.chunk(byTelemetry("c0", schema.Approved)...)
	b.chunk(byTranscript("c1", "ls")...)
	b.now = b.now.Add(30 * time.Minute)
	b.chunk(byTranscript("c2", "pwd")...)
	if b.a.Pending() != 1 {
		t.Fatalf("%d held", b.a.Pending())
	}
	b.now = b.now.Add(31 * time.Minute) // telemetry has been silent for an hour
	b.chunk(byTranscript("c3", "id")...)
	if b.a.Pending() != 0 {
		t.Errorf("%d held for a lane that is silent", b.a.Pending())
	}
	b.chunk(fragment("c4", schema.Request, "s", "no call id"), fragment("c4", schema.Result, "s", "out"))
	if b.a.Pending() != 0 {
		t.Errorf("%d held without a call id", b.a.Pending())
	}
}

// A lane that comes after the record was sealed is one record of its own, with what that lane says; what contradicts the
// first is flagged, though that one cannot be changed.
func TestLateLane(t *testing.T) {
	for name, c := range map[string]struct {
		change func(decision, result *schema.Fragment)
		want   []string
	}{
		"agrees":         {func(_, _ *schema.Fragment) {}, nil},
		"other outcome":  {func(_, r *schema.Fragment) { r.Event.Outcome = schema.OutcomeFailure }, []string{seal.LanesDisagree}},
		"other exit":     {func(_, r *schema.Fragment) { r.Execution.ExitCode = schema.Some(3) }, []string{seal.LanesDisagree}},
		"other command":  {func(_, r *schema.Fragment) { r.Command.Line = "rm -rf /" }, []string{seal.LanesDisagree}},
		"other spacing":  {func(_, r *schema.Fragment) { r.Command.Line = " ls\n" }, nil},
		"denied and ran": {func(d, _ *schema.Fragment) { d.Authorization.Decision = schema.Denied }, []string{seal.RanAlthoughDenied}},
		"denied": {func(d, r *schema.Fragment) {
			d.Authorization.Decision, r.Event.Outcome = schema.Denied, schema.OutcomeFailure
		}, []string{seal.LanesDisagree, seal.RanAlthoughDenied}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{})
			b.chunk(byTranscript("c1", "ls")...)
			b.now = b.now.Add(11 * time.Second)
			b.chunk()
			b.want("ls|unrecorded|0|true")
			b.restart()
			fs := byTelemetry("c1", schema.Approved)
			c.change(fs[0], fs[1])
			b.chunk(fs[0])
			b.restart()
			b.chunk(fs[1])
			b.chunk(fs...) // again: nothing new
			got := b.actions()
			if len(got) != 2 || got[1].Trail.Follows != got[0].Event.ID || !slices.Equal(got[1].Trail.Lanes, []string{telemetry}) ||
				got[1].Authorization.Decision != fs[0].Authorization.Decision || got[1].Session.Ordinal.Set {
				t.Fatalf("%d records: %+v", len(got), got[len(got)-1])
			}
			if !slices.Equal(got[1].Risk.Anomalies, c.want) {
				t.Errorf("anomalies %v, want %v", got[1].Risk.Anomalies, c.want)
			}
		})
	}
}

// Lanes that meet and disagree are flagged; nothing is overwritten.
func TestLanesDisagree(t *testing.T) {
	b := newBench(t, Options{})
	fs := append(byTranscript("c1", "ls /srv"), byTelemetry("c1", schema.Denied)...)
	fs[3].Command.Line = "rm -rf /srv"
	b.chunk(fs...)
	b.now = b.now.Add(11 * time.Second)
	b.chunk()
	a := b.actions()[0]
	if !slices.Equal(a.Risk.Anomalies, []string{seal.LanesDisagree, seal.RanAlthoughDenied}) || a.Command.Line != "rm -rf /srv" ||
		!slices.Contains(a.Trail.Conflicts, schema.Conflict{Field: "process.command_line", Value: "ls /srv"}) {
		t.Errorf("%v %q %v", a.Risk.Anomalies, a.Command.Line, a.Trail.Conflicts)
	}
}

// Held actions are bounded on their own: they are complete, and the oldest are sealed first.
func TestHeldAreBounded(t *testing.T) {
	b := newBench(t, Options{MaxPending: 30})
	for i := range 6 {
		b.chunk(byTranscript(fmt.Sprint("c", i), fmt.Sprint("cmd", i))...)
	}
	b.chunk(fragment("open", schema.Request, "s", "open"))
	b.want("cmd0|unrecorded|0|true", "cmd1|unrecorded|0|true", "cmd2|unrecorded|0|true")
}

// Whatever the order of the fragments of three lanes, the chunks they come in and the restarts between, the record is the
// same.
func TestLanesInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	all := func() []*schema.Fragment {
		g := told(gateway, "c1", schema.Result, "out of the gateway")
		g.Execution.ExitCode, g.Infrastructure.HostName = schema.Int{}, "gw1"
		other := byTelemetry("c1", schema.Denied)
		other[1].Session.ID = "another name of the session"
		fs := append(byTranscript("c1", "ls"), other...)
		return append(fs, g)
	}
	want := ""
	for range 60 {
		fs := all()
		r.Shuffle(len(fs), func(i, j int) { fs[i], fs[j] = fs[j], fs[i] })
		b := newBench(t, Options{})
		for len(fs) > 0 {
			n := 1 + r.IntN(len(fs))
			b.chunk(fs[:n]...)
			if fs = fs[n:]; r.IntN(3) == 0 {
				b.restart()
			}
			b.now = b.now.Add(time.Second)
		}
		b.now = b.now.Add(11 * time.Second)
		b.chunk()
		got := b.actions()
		if len(got) != 1 {
			t.Fatalf("%d records", len(got))
		}
		a := got[0]
		a.Event.Created, a.Trail.Stream = time.Time{}, ""
		text := string(a.AppendJSON(nil))
		if want == "" {
			want = text
			if len(a.Trail.Lanes) != 3 || !strings.Contains(text, "another name of the session") {
				t.Fatal(text)
			}
		}
		if text != want {
			t.Fatalf("differs:\n%s\n%s", text, want)
		}
	}
}
