package anomaly

import (
	"cmp"
	"container/list"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/risk"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

// Watch judges the records of one stream. It is not safe for concurrent use: the write line is one goroutine at a time.
// What Judge learns is stored by End, with the chunk; after a chunk that failed, Reload reads back what was before it.
type Watch struct {
	j        *journal.Journal
	risk     *risk.Engine
	opt      Options
	profiles map[schema.ID]*list.Element // of *entry, in order of use
	used     *list.List
	clock    uint64 // of uses
}

// entry is a profile in the list of those known.
type entry struct {
	id              schema.ID
	use             uint64
	profile         *profile
	dirty, filtered bool // to be stored: the counts, the filter
}

// New reads what is known from the journal.
func New(j *journal.Journal, e *risk.Engine, o Options) (*Watch, error) {
	w := &Watch{j: j, risk: e, opt: o}
	return w, w.Reload()
}

// Stored profiles are two values of numbers, under the profile's id and under filterID of it:
//
//	1 | id, 2 words | use | words of the profile      2 | id, 2 words | words of the filter
const (
	storedProfile = 1
	storedFilter  = 2
)

func filterID(id schema.ID) schema.ID { return schema.MakeID("filter", string(id[:])) }

// Reload forgets what is in memory and reads the journal.
func (w *Watch) Reload() error {
	w.profiles, w.used, w.clock = map[schema.ID]*list.Element{}, list.New(), 0
	all := map[schema.ID]*entry{}
	err := w.j.Baselines(func(words []uint64) error {
		if len(words) < 4 {
			return errDamaged
		}
		id := joined(words[1], words[2])
		e := all[id]
		if e == nil {
			e = &entry{id: id, profile: newProfile()}
			all[id] = e
		}
		switch words[0] {
		case storedProfile:
			e.use = words[3]
			return e.profile.setWords(words[4:])
		case storedFilter:
			if e.profile.known.setWords(words[3:]) {
				return nil
			}
		}
		return errDamaged
	})
	if err != nil {
		return fmt.Errorf("anomaly: %w", err)
	}
	sorted := make([]*entry, 0, len(all))
	for _, e := range all {
		sorted = append(sorted, e)
	}
	slices.SortFunc(sorted, func(a, b *entry) int { return cmp.Compare(a.use, b.use) })
	for _, e := range sorted {
		w.profiles[e.id] = w.used.PushBack(e)
		w.clock = max(w.clock, e.use)
	}
	return nil
}

// Judge flags a finished action and learns from it. state is what seal.Session has of its session, nil without one; it
// returns the session's new state.
func (w *Watch) Judge(f *seal.Clean, state []uint64) ([]uint64, error) {
	a := f.Action()
	_, follows := f.Follows()
	if follows || !f.IsAction() || a.Command.Line == "" && len(a.Command.Args) == 0 && a.Command.Tool == "" {
		return state, nil
	}
	uses := w.risk.Uses(risk.Subject{
		Command: a.Command.Line, Args: a.Command.Args, Tool: a.Command.Tool, Arguments: string(a.Command.ToolArguments), Cwd: a.Command.Cwd,
	})
	var found []Finding
	add := func(flag, reason string, args ...any) {
		found = append(found, Finding{flag, fmt.Sprintf(reason, args...)})
	}
	s, err := parseSession(state)
	if err != nil {
		return nil, err
	}
	if strings.Contains(a.Command.Line, redacted) || strings.Contains(string(a.Command.ToolArguments), redacted) || slices.ContainsFunc(a.Command.Args, func(s string) bool { return strings.Contains(s, redacted) }) {
		add(SecretInCommand, "A secret stood in the command, where other processes and logs can see it.")
	}
	if !f.Session.IsZero() {
		w.judgeSession(s, f, &a, &uses, add)
		state = s.words()
	}
	w.judgeProfiles(&a, &uses, add)
	flags, reasons := make([]string, 0, len(found)), make([]string, 0, len(found))
	for _, x := range found {
		flags, reasons = append(flags, x.Flag), append(reasons, x.Reason)
	}
	f.Flag(flags, reasons)
	return state, nil
}

// redacted is how the scrubber's labels begin.
const redacted = "[REDACTED"

type adder func(flag, reason string, args ...any)

func (w *Watch) judgeSession(s *session, f *seal.Clean, a *schema.Action, uses *risk.Uses, add adder) {
	at := a.Time.Unix()
	if silent := s.resume(at); silent > 0 {
		add(SessionResumed, "The session was silent for %d hours before this.", silent/3600)
	}
	if n := s.outcome(a.Event.Outcome); n > 0 && a.Authorization.Decision != schema.Denied {
		add(FailureStreak, "The %dth failure in a row in this session.", n)
	}
	d := newDenial(f.Key, a, uses)
	if old := s.retried(d); old != nil {
		how := "in another wording"
		if old.whole == d.whole {
			how = "as it was"
		}
		add(RetriedDenied, "Denied as %s in this session, and tried again %s %d seconds later.", old.id, how, max(d.at-old.at, 0))
	}
	if a.Authorization.Decision == schema.Denied {
		s.deny(d)
	}
}

// newDenial is what another wording of the action would have in common with it.
func newDenial(id schema.ID, a *schema.Action, uses *risk.Uses) *denial {
	d := &denial{id: id, at: a.Time.Unix()}
	d.whole = digest(kinds, strings.Join(strings.Fields(a.Command.Line+" "+strings.Join(a.Command.Args, " ")+" "+a.Command.Tool+" "+string(a.Command.ToolArguments)), " "))
	if a.Risk.Category != "read-only" && a.Risk.Category != "unknown" {
		d.category = digest(kinds, a.Risk.Category)
	}
	for _, list := range [][]string{uses.Paths, uses.Hosts, uses.Targets} {
		for _, name := range list {
			if len(d.names) < maxNames {
				d.names = append(d.names, digest(kinds+1, name))
			}
		}
	}
	return d
}

// judgeProfiles holds the action against what its agent and its organisation usually do.
func (w *Watch) judgeProfiles(a *schema.Action, uses *risk.Uses, add adder) {
	at := a.Time.Unix()
	agent, organization := w.profile(agentID(a)), w.profile(schema.MakeID("organization", a.Identity.OrganizationID, a.Identity.OrganizationName))
	names := [kinds][]string{program: uses.Programs, host: uses.Hosts, directory: uses.Trees, tool: nil, target: uses.Targets}
	if a.Command.Tool != "" {
		names[tool] = []string{a.Command.Tool}
	}
	warm, warmOrganization := agent.profile.warm(&w.opt, at), organization.profile.warm(&w.opt, at)
	for k := range kinds {
		fresh, changed := agent.profile.see(k, names[k])
		agent.filtered = agent.filtered || changed
		freshThere, changed := organization.profile.see(k, names[k])
		organization.filtered = organization.filtered || changed
		if fresh >= 0 && warm {
			add(kindFlags[k], "First use of the %s %s by this agent, in %d actions.", kindWords[k], short(names[k][fresh]), agent.profile.actions)
		}
		if freshThere >= 0 && warmOrganization {
			add(kindFlags[k]+InOrganization, "First use of the %s %s in this organisation, in %d actions.", kindWords[k], short(names[k][freshThere]), organization.profile.actions)
		}
	}
	mean := agent.profile.mean
	unusual, burst := agent.profile.count(&w.opt, at)
	organization.profile.count(&w.opt, at)
	if unusual {
		add(UnusualHour, "This agent hardly ever acts on a %s, about %d:00 UTC.", a.Time.UTC().Weekday(), a.Time.UTC().Hour())
	}
	if burst {
		add(Burst, "%d actions in five minutes; this agent's mean is %d.", agent.profile.inSlice, mean/1000)
	}
}

// agentID identifies an agent, of one user: what is usual for one user's is not for another's.
func agentID(a *schema.Action) schema.ID {
	name := cmp.Or(a.Identity.AgentID, a.Identity.AgentName, a.Event.Provider, a.Trail.Format)
	return schema.MakeID("agent", a.Identity.OrganizationID, a.Identity.OrganizationName, name, cmp.Or(a.Identity.UserID, a.Identity.UserName))
}

// short cuts a name for a sentence, at a character.
func short(name string) string {
	const most = 80
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// profile is the profile of that id, a new one if there is none, marked as changed.
func (w *Watch) profile(id schema.ID) *entry {
	w.clock++
	if el, ok := w.profiles[id]; ok {
		w.used.MoveToBack(el)
		e := el.Value.(*entry)
		e.dirty, e.use = true, w.clock
		return e
	}
	e := &entry{id: id, profile: newProfile(), dirty: true, use: w.clock}
	w.profiles[id] = w.used.PushBack(e)
	return e
}

// End stores in the chunk what has changed, and forgets the profiles beyond MaxProfiles.
func (w *Watch) End(c *journal.Chunk) {
	for el := w.used.Back(); el != nil; el = el.Prev() {
		e := el.Value.(*entry)
		if !e.dirty {
			break // those used in this chunk are behind all others
		}
		hi, lo := halves(e.id)
		c.PutBaseline(e.id, seal.Numbers(e.profile.words([]uint64{storedProfile, hi, lo, e.use})))
		if e.filtered {
			c.PutBaseline(filterID(e.id), seal.Numbers(e.profile.known.words([]uint64{storedFilter, hi, lo})))
		}
		e.dirty, e.filtered = false, false
	}
	for w.used.Len() > max(w.opt.MaxProfiles, 1) {
		e := w.used.Remove(w.used.Front()).(*entry)
		delete(w.profiles, e.id)
		c.DeleteBaseline(e.id)
		c.DeleteBaseline(filterID(e.id))
	}
}

func halves(id schema.ID) (hi, lo uint64) {
	return binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
}

func joined(hi, lo uint64) (id schema.ID) {
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id
}

// OptionsOf fills in the defaults.
func OptionsOf(warmUp time.Duration, actions int) Options {
	return Options{
		WarmUp: cmp.Or(warmUp, DefaultWarmUp), WarmUpActions: cmp.Or(actions, DefaultWarmUpActions), MaxProfiles: DefaultMaxProfiles,
	}
}
