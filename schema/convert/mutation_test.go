package convert

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentaudit/agentaudit/schema"
)

// Logs arrive damaged: tail begins in the middle, a rotation loses lines, a crash tears the last one, a resumed session
// repeats what it was told. The tests here do that to every log of testdata and hold that a converter never panics, and
// never gives a call the result, the decision or the command of another: what a damaged log says of a call is what the
// whole log says of it, or it is silent.

// allLogs are all logs under testdata, those of testLogs and the texts and Markdown beside them, as lines.
func allLogs(t testing.TB) map[string][]string {
	t.Helper()
	logs := map[string][]string{}
	paths, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if filepath.Base(filepath.Dir(p)) == "fuzz" || !slices.Contains([]string{".jsonl", ".log", ".txt", ".md"}, filepath.Ext(p)) {
			continue
		}
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		logs[filepath.ToSlash(strings.TrimPrefix(p, "testdata"+string(filepath.Separator)))] = lines(string(b))
	}
	if len(logs) < len(testLogs(t)) {
		t.Fatalf("%d logs", len(logs))
	}
	return logs
}

// telling is what came of an action, and of which command it speaks; empty where it is silent.
type telling struct {
	tool, command                      string
	texts                              []string // output, error, reason: which of them it is may depend on the tool
	exit, outcome, decision, interrupt string
}

func tellingOf(a *schema.Action) telling {
	s := telling{tool: a.Command.Tool, command: a.Command.Line, outcome: a.Event.Outcome, decision: a.Authorization.Decision}
	for _, text := range []string{a.Execution.Stdout, a.Execution.Stderr, a.Error.Message, a.Authorization.Reason} {
		if text != "" {
			s.texts = append(s.texts, text)
		}
	}
	if a.Execution.ExitCode.Set {
		s.exit = fmt.Sprint(a.Execution.ExitCode.N)
	}
	if s.outcome == schema.OutcomeUnknown {
		s.outcome = ""
	}
	if s.decision == schema.Unrecorded {
		s.decision = ""
	}
	if a.Execution.Interrupted {
		s.interrupt = "interrupted"
	}
	return s
}

// notIn returns what s says that no telling of the whole says, "" if there is nothing. Of a text its beginning, of a
// command a part may be told; and in a plain log a number may be cut.
func (s telling) notIn(whole []telling, plain bool) string {
	said := func(v string, by func(w *telling) bool) bool {
		return v == "" || slices.ContainsFunc(whole, func(w telling) bool { return by(&w) })
	}
	for _, text := range s.texts {
		if plain {
			break // see foreign
		}
		if !said(text, func(w *telling) bool {
			return slices.ContainsFunc(w.texts, func(t string) bool { return strings.HasPrefix(t, text) })
		}) {
			return text
		}
	}
	switch {
	case !said(s.command, func(w *telling) bool { return strings.Contains(w.command, s.command) }):
		return "command " + s.command
	case !said(s.exit, func(w *telling) bool { return w.exit == s.exit || plain && strings.HasPrefix(w.exit, s.exit) }):
		return "exit " + s.exit
	case !said(s.outcome, func(w *telling) bool { return w.outcome == s.outcome }):
		return "outcome " + s.outcome
	case !said(s.decision, func(w *telling) bool { return w.decision == s.decision }):
		return "decision " + s.decision
	case !said(s.interrupt, func(w *telling) bool { return w.interrupt == s.interrupt }):
		return s.interrupt
	}
	return ""
}

// foreign returns a line of what s says that another call has printed, and not its own: in a log of text, where an output
// has many lines, what is left of one that has lost some is still its own.
func (s telling) foreign(own, all []telling) string {
	printed := func(list []telling, line string) bool {
		return slices.ContainsFunc(list, func(w telling) bool {
			return slices.ContainsFunc(w.texts, func(t string) bool { return slices.Contains(lines(t), line) })
		})
	}
	for _, text := range s.texts {
		for _, line := range lines(text) {
			if line != "" && !printed(own, line) && printed(all, line) {
				return line
			}
		}
	}
	return ""
}

// truth is what a whole log says of its calls.
type truth struct {
	c      *Converter
	plain  bool                    // a log of text: a line cut or out of its place is still one, with other words
	byKey  map[schema.ID][]telling // of each fragment, and of the merged action
	merged []telling               // of each merged action
}

func newTruth(t testing.TB, name string, all []string) *truth {
	folder, _, _ := strings.Cut(name, "/")
	w := &truth{c: testConverter(t, folder), plain: all[0] == "" || all[0][0] != '{' && all[0][0] != '[', byKey: map[schema.ID][]telling{}}
	w.learn(all)
	w.learn(all[1:]) // without its head, calls whose ids are good within a session only have the log as their session
	for _, l := range all {
		w.learn([]string{l}) // alone a line can speak of no other call than its own
	}
	return w
}

// learn adds what a log says to what is true.
func (w *truth) learn(all []string) {
	list := fragments(w.c, new(Source), all)
	for i := range list {
		w.byKey[list[i].Key] = append(w.byKey[list[i].Key], tellingOf(&list[i].Action))
	}
	for key, a := range mergeByKey(list) {
		w.byKey[key] = append(w.byKey[key], tellingOf(a))
		w.merged = append(w.merged, tellingOf(a))
	}
}

// mergeByKey assembles actions from fragments, each fragment once.
func mergeByKey(list []schema.Fragment) map[schema.ID]*schema.Action {
	actions, seen := map[schema.ID]*schema.Action{}, map[schema.ID]bool{}
	for i := range list {
		f := &list[i]
		if seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		if a := actions[f.Key]; a != nil {
			a.Merge(&f.Action)
		} else {
			actions[f.Key] = f.Clone()
		}
	}
	return actions
}

// check holds a damaged log to the truth. A call known by its key may say only what was said of it. Calls without an id
// are told apart by their command: such a one may say only what was said of some call with that command. A result that only
// the order of the log gives to a call is noted as such, and may be wrong.
func (w *truth) check(t *testing.T, how string, damaged []string) {
	t.Helper()
	for key, a := range mergeByKey(fragments(w.c, new(Source), damaged)) {
		s := tellingOf(a)
		whole, known := w.byKey[key]
		if a.Command.CallID == "" && slices.Contains(a.Identity.Inferred, byOrder) {
			continue // that it may be another call's the record says itself
		}
		if a.Command.CallID == "" || !known {
			if a.Command.Line == "" || w.plain && !known {
				continue // of no call in particular
			}
			for _, m := range w.merged {
				if m.tool == s.tool && m.command == s.command {
					whole = append(whole, m)
				}
			}
		}
		bad := ""
		if w.plain {
			s.command, s.outcome = "", ""
			bad = s.foreign(whole, w.merged)
		}
		if bad = orElse(bad, s.notIn(whole, w.plain)); bad != "" {
			t.Errorf("%s: %s of %q says %q, which is not so\nsays  %+v\ntruth %+v\n%s", how, a.Trail.Format, a.Command.Line, bad, s, whole, a.AppendJSON(nil))
			return
		}
	}
}

func TestMutation(t *testing.T) {
	for name, all := range allLogs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTruth(t, name, all)
			w.dropped(t, all)
			w.repeated(t, all)
			w.reordered(t, all)
			w.truncated(t, all)
		})
	}
}

// without is the list less n elements from i on.
func withoutLines(all []string, i, n int) []string {
	return slices.Delete(slices.Clone(all), i, min(i+n, len(all)))
}

func (w *truth) dropped(t *testing.T, all []string) {
	for i := range all {
		w.check(t, fmt.Sprintf("line %d dropped", i+1), withoutLines(all, i, 1))
		w.check(t, fmt.Sprintf("begun at line %d", i+1), all[i:])
		for _, n := range []int{2, 3} {
			w.check(t, fmt.Sprintf("%d lines dropped at %d", n, i+1), withoutLines(all, i, n))
		}
	}
}

func (w *truth) repeated(t *testing.T, all []string) {
	for i := range all {
		w.check(t, fmt.Sprintf("line %d repeated", i+1), slices.Insert(slices.Clone(all), i, all[i]))
		w.check(t, fmt.Sprintf("line %d repeated at the end", i+1), append(slices.Clone(all), all[i]))
		w.check(t, fmt.Sprintf("resumed after line %d", i+1), append(slices.Clone(all[:i+1]), all...))
	}
}

// reordered changes the order of lines. In a log of text an answer stands below its question, an end below its beginning,
// and neither names the other: there nothing is held but that it is read.
func (w *truth) reordered(t *testing.T, all []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	check := w.check
	if w.plain {
		check = func(_ *testing.T, _ string, damaged []string) { fragments(w.c, new(Source), damaged) }
	}
	for i := range len(all) - 1 {
		swapped := slices.Clone(all)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		check(t, fmt.Sprintf("lines %d and %d swapped", i+1, i+2), swapped)
		for range 3 {
			moved, to := withoutLines(all, i, 1), rng.IntN(len(all))
			check(t, fmt.Sprintf("line %d moved to %d", i+1, to+1), slices.Insert(moved, to, all[i]))
		}
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	check(t, "backwards", backwards)
	for n := range 30 {
		mixed := slices.Clone(all)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		check(t, fmt.Sprintf("shuffled, %d", n), mixed)
	}
}

// truncated cuts the log at every byte, at every 7th or so of a long one unless AGENT_AUDIT_LONG is set; and lets the log
// go on behind the torn line, as it does when an agent is started again.
func (w *truth) truncated(t *testing.T, all []string) {
	size := 0
	for _, l := range all {
		size += len(l)
	}
	stride := 1 + size/1500
	if os.Getenv("AGENT_AUDIT_LONG") != "" {
		stride = 1
	}
	for i, l := range all {
		for n := i % stride; n < len(l); n += stride {
			torn := append(slices.Clone(all[:i]), l[:n])
			w.check(t, fmt.Sprintf("cut at byte %d of line %d", n, i+1), torn)
			if n%5 == 0 {
				w.check(t, fmt.Sprintf("line %d torn at byte %d", i+1, n), append(torn, all[i+1:]...))
			}
		}
	}
}
