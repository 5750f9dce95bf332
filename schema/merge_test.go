package schema

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// fewValues fills an action from a small set of values, so that merged ones often differ and often agree.
func fewValues(r *rand.Rand) *Action {
	a := new(Action)
	for i := range Fields {
		f := &Fields[i]
		if f.Ref == nil || f.Path == conflictsPath || r.IntN(2) == 0 {
			continue
		}
		switch p := f.Ref(a).(type) {
		case *string:
			switch f.Path {
			case "agent_audit.authorization.decision":
				*p = pick(r, Unrecorded, AutoApproved, Approved, Denied, "other")
			case "event.outcome":
				*p = pick(r, OutcomeUnknown, OutcomeSuccess, OutcomeFailure)
			default:
				*p = pick(r, "a", "b", "long")
			}
		case *JSON:
			*p = JSON(pick(r, `{"a":1}`, `{"b":2}`))
		case *Int:
			*p = Some(r.Int64N(3))
		case *bool:
			*p = true
		case *time.Time:
			*p = time.Unix(1e9+r.Int64N(3), 0).UTC()
		case *[]string:
			*p = []string{pick(r, "x", "y"), pick(r, "x", "z")}[:1+r.IntN(2)]
		case *[]Preceding:
			*p = []Preceding{{ID: pick(r, "1", "2")}, {ID: "3"}}[:1+r.IntN(2)]
		}
	}
	for _, path := range []string{"user.name", "host.name", "agent_audit.session.id"} {
		if *a.text(path) != "" && r.IntN(2) == 0 {
			a.Identity.Inferred = append(a.Identity.Inferred, path+": "+pick(r, "machine", "configuration"))
		}
	}
	return a
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

// merged merges copies of actions, from left to right.
func merged(list ...*Action) *Action {
	a := list[0].Clone()
	for _, b := range list[1:] {
		a.Merge(b.Clone())
	}
	return a
}

// canon is an action with its lists in the form that Merge gives them, as merging with nothing does.
func canon(a *Action) *Action { return merged(a, new(Action)) }

func same(t *testing.T, what string, a, b *Action) {
	t.Helper()
	if x, y := string(a.AppendJSON(nil)), string(b.AppendJSON(nil)); x != y {
		t.Fatalf("%s\n%s\n%s", what, x, y)
	}
}

// TestMergeLaws holds that fragments may come in any order and any grouping.
func TestMergeLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 3000 {
		a, b, c := canon(fewValues(r)), canon(fewValues(r)), canon(fewValues(r))
		same(t, "a·b = b·a", merged(a, b), merged(b, a))
		same(t, "(a·b)·c = a·(b·c)", merged(merged(a, b), c), merged(a, merged(b, c)))
		same(t, "a·a = a", merged(a, a), a)
		same(t, "a·(b·c) = c·(a·b)", merged(a, merged(b, c)), merged(c, merged(a, b)))
	}
}

// TestMergeKeeps holds that conflicting evidence is kept, and that nothing known is lost.
func TestMergeKeeps(t *testing.T) {
	a := &Action{Time: time.Unix(20, 0)}
	a.Authorization.Decision, a.Execution.ExitCode, a.Event.Outcome = AutoApproved, Some(0), OutcomeSuccess
	b := &Action{Time: time.Unix(10, 0)}
	b.Authorization.Decision, b.Execution.ExitCode, b.Event.Outcome = Denied, Some(1), OutcomeFailure
	a.Merge(b)
	if a.Authorization.Decision != Denied || a.Execution.ExitCode != Some(1) || a.Event.Outcome != OutcomeFailure || !a.Time.Equal(time.Unix(10, 0)) {
		t.Errorf("%+v", a)
	}
	want := []Conflict{{"agent_audit.authorization.decision", AutoApproved}, {"event.outcome", OutcomeSuccess}, {"process.exit_code", "0"}}
	if !reflect.DeepEqual(a.Trail.Conflicts, want) {
		t.Errorf("%v", a.Trail.Conflicts)
	}
	u := &Action{}
	u.Authorization.Decision, u.Event.Outcome = Unrecorded, OutcomeUnknown
	k := &Action{}
	k.Authorization.Decision, k.Event.Outcome = Approved, OutcomeSuccess
	u.Merge(k)
	if u.Authorization.Decision != Approved || u.Event.Outcome != OutcomeSuccess || len(u.Trail.Conflicts) != 0 {
		t.Errorf("not knowing contradicts nothing: %+v", u)
	}
}

// TestInferredYields holds that what a log tells displaces what was filled in from elsewhere, whichever comes first, and
// that this is no conflict.
func TestInferredYields(t *testing.T) {
	filled := func(host, note string) *Action {
		a := &Action{}
		a.Infrastructure.HostName, a.Identity.UserName = host, "a much longer name"
		a.Identity.Inferred = []string{"host.name: " + note, "user.name: " + note}
		return a
	}
	told := &Action{}
	told.Infrastructure.HostName = "db1"
	for _, list := range [][]*Action{
		{filled("collector", "machine"), told},
		{told, filled("collector", "machine")},
		{filled("collector", "machine"), filled("relay-of-the-cluster", "configuration"), told},
	} {
		got := merged(list...)
		if got.Infrastructure.HostName != "db1" || got.Identity.UserName != "a much longer name" || len(got.Trail.Conflicts) != 0 ||
			noted(got.Identity.Inferred, "host.name") || !noted(got.Identity.Inferred, "user.name") {
			t.Errorf("%+v %+v %v", got.Identity, got.Infrastructure, got.Trail.Conflicts)
		}
	}
}

// TestFill holds that only what is absent is filled.
func TestFill(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 500 {
		a, b := randomAction(r), randomAction(r)
		before := a.Clone()
		a.Fill(b)
		for i := range Fields {
			f := &Fields[i]
			if f.Ref == nil {
				continue
			}
			was, is := reflect.ValueOf(f.Ref(before)).Elem(), reflect.ValueOf(f.Ref(a)).Elem()
			if !was.IsZero() && !reflect.DeepEqual(was.Interface(), is.Interface()) {
				t.Fatalf("%s was overwritten", f.Path)
			}
		}
	}
}
