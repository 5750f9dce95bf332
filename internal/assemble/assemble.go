// Package assemble puts actions together: it pairs the fragments of each by identity, gives it its place in its session,
// and decides when it is sealed. Its state is in memory and, with every chunk, in the journal; after a crash it is read
// back from there, which is the same path as a normal start.
package assemble

import (
	"container/list"
	"fmt"
	"slices"
	"time"

	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
)

// Options of an Assembler.
type Options struct {
	PairWindow  time.Duration // how long an action waits for its result
	MaxPending  int           // actions that wait; beyond it the oldest is sealed as it is
	MaxSessions int           // sessions remembered; beyond it the one idle longest is forgotten
}

// Assembler is not safe for concurrent use: the write line is one goroutine at a time.
type Assembler struct {
	j   *journal.Journal
	opt Options

	pending  map[schema.ID]*list.Element // of *seal.Pending, in order of arrival
	arrivals *list.List
	sessions map[schema.ID]*list.Element // of *session, in order of use
	used     *list.List

	// What the chunk under way has touched.
	waiting map[schema.ID]*seal.Pending // stored at its end if still pending
	active  map[schema.ID]*session
}

type session struct {
	id schema.ID
	seal.Session
}

// New reads the state back from the journal.
func New(j *journal.Journal, o Options) (*Assembler, error) {
	a := &Assembler{j: j, opt: o}
	return a, a.Reload()
}

// Reload forgets what is in memory, with what an uncommitted chunk did to it, and reads the journal's state.
func (a *Assembler) Reload() error {
	a.pending, a.arrivals = make(map[schema.ID]*list.Element), list.New()
	a.sessions, a.used = make(map[schema.ID]*list.Element), list.New()
	a.waiting, a.active = make(map[schema.ID]*seal.Pending), make(map[schema.ID]*session)
	var all []*seal.Pending
	if err := a.j.Pending(func(p *seal.Pending) { all = append(all, p) }); err != nil {
		return fmt.Errorf("assemble: %w", err)
	}
	slices.SortFunc(all, func(x, y *seal.Pending) int { return x.Arrived.Compare(y.Arrived) })
	for _, p := range all {
		a.pending[p.Key] = a.arrivals.PushBack(p)
	}
	return a.loadSessions()
}

func (a *Assembler) loadSessions() error {
	var all []*session
	err := a.j.Sessions(func(id schema.ID, b []byte) error {
		s, err := seal.RestoreSession(b)
		if err == nil {
			all = append(all, &session{id: id, Session: *s})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("assemble: %w", err)
	}
	slices.SortFunc(all, func(x, y *session) int { return x.Last.Compare(y.Last) })
	for _, s := range all {
		a.sessions[s.id] = a.used.PushBack(s)
	}
	return nil
}

// Pending is how many actions wait.
func (a *Assembler) Pending() int { return a.arrivals.Len() }

const (
	needs = 1<<schema.Request | 1<<schema.Result // what makes an action complete
	whole = 1 << schema.Whole
)

// Add takes a fragment into the chunk: it is ignored if it was taken before, sealed if it completes its action, else
// kept pending. A fragment of an action that is sealed already becomes a record of its own that names the first.
func (a *Assembler) Add(c *journal.Chunk, f *seal.Clean, now time.Time) error {
	seen, err := c.Seen(f.ID)
	if err != nil || seen {
		return err
	}
	c.See(f.ID)
	if e, ok := a.pending[f.Key]; ok {
		p := e.Value.(*seal.Pending)
		p.Merge(f)
		p.Roles |= 1 << f.Role
		a.place(p.Clean, f.Role, now)
		return a.settle(c, e, now)
	}
	alone := f.Role == schema.Whole && f.Key == f.ID // nothing else can belong to it
	sealed := false
	if !alone {
		if sealed, err = c.Seen(sealedID(f.Key)); err != nil {
			return err
		}
	}
	if sealed {
		f.Finish(schema.MakeID("late", string(f.Key[:]), string(f.ID[:])), false, f.Key, now)
		c.Append(f)
		return nil
	}
	a.place(f, f.Role, now)
	p := &seal.Pending{Clean: f, Roles: 1 << f.Role, Arrived: now}
	if p.Roles&whole != 0 {
		a.seal(c, p, now)
		return nil
	}
	a.pending[f.Key] = a.arrivals.PushBack(p)
	a.waiting[f.Key] = p
	a.bound(c, now)
	return nil
}

// settle seals a pending action that has become complete, else has it stored again.
func (a *Assembler) settle(c *journal.Chunk, e *list.Element, now time.Time) error {
	p := e.Value.(*seal.Pending)
	if p.Roles&needs == needs || p.Roles&whole != 0 {
		a.remove(c, e)
		a.seal(c, p, now)
		return nil
	}
	a.waiting[p.Key] = p
	return nil
}

// remove takes an action off the pending ones.
func (a *Assembler) remove(c *journal.Chunk, e *list.Element) {
	p := e.Value.(*seal.Pending)
	a.arrivals.Remove(e)
	delete(a.pending, p.Key)
	delete(a.waiting, p.Key)
	c.DeletePending(p.Key)
}

// seal makes the action a record. Its identity is remembered, so that what comes later is known to be late.
func (a *Assembler) seal(c *journal.Chunk, p *seal.Pending, now time.Time) {
	if !p.Placed() {
		a.place(p.Clean, schema.Request, now)
	}
	if p.Key != p.ID {
		c.See(sealedID(p.Key))
	}
	p.Finish(p.Key, p.Roles&needs == needs || p.Roles&whole != 0, schema.ID{}, now)
	c.Append(p.Clean)
}

func sealedID(key schema.ID) schema.ID { return schema.MakeID("sealed", string(key[:])) }

// bound seals the oldest pending actions beyond MaxPending.
func (a *Assembler) bound(c *journal.Chunk, now time.Time) {
	for a.arrivals.Len() > a.opt.MaxPending {
		e := a.arrivals.Front()
		a.remove(c, e)
		a.seal(c, e.Value.(*seal.Pending), now)
	}
}

// Expire seals the actions that have waited longer than the window; a zero window seals all.
func (a *Assembler) Expire(c *journal.Chunk, now time.Time, window time.Duration) {
	for e := a.arrivals.Front(); e != nil; e = a.arrivals.Front() {
		p := e.Value.(*seal.Pending)
		if window > 0 && now.Sub(p.Arrived) < window {
			return
		}
		a.remove(c, e)
		a.seal(c, p, now)
	}
}

// Due says whether Expire would seal anything.
func (a *Assembler) Due(now time.Time) bool {
	e := a.arrivals.Front()
	return e != nil && now.Sub(e.Value.(*seal.Pending).Arrived) >= a.opt.PairWindow
}

// preceding is how many earlier actions of its session a record names.
const preceding = 5

// place counts the action in its session when its request is seen, and tells it what went before.
func (a *Assembler) place(f *seal.Clean, role schema.Role, now time.Time) {
	if f.Session.IsZero() || f.Placed() || !f.IsAction() || role == schema.Result || role == schema.Decision {
		return
	}
	s := a.session(f.Session)
	if s.Count == 0 {
		s.Start = f.SessionStart()
	}
	s.Count++
	s.Last = now
	f.Place(s.Start, s.Count, s.Recent)
	if len(s.Recent) >= preceding {
		s.Recent = slices.Delete(s.Recent, 0, len(s.Recent)-preceding+1)
	}
	s.Recent = append(s.Recent, f.Preceding())
	a.active[s.id] = s
}

func (a *Assembler) session(id schema.ID) *session {
	if e, ok := a.sessions[id]; ok {
		a.used.MoveToBack(e)
		return e.Value.(*session)
	}
	s := &session{id: id}
	a.sessions[id] = a.used.PushBack(s)
	return s
}

// End stores in the chunk what it has changed and forgets the sessions beyond MaxSessions. It is called once, before the
// chunk is committed; if that fails, Reload.
func (a *Assembler) End(c *journal.Chunk) error {
	for _, p := range a.waiting {
		p.Own()
		c.PutPending(p)
	}
	clear(a.waiting)
	for id, s := range a.active {
		b, err := s.Bytes()
		if err != nil {
			return fmt.Errorf("assemble: session: %w", err)
		}
		c.PutSession(id, b)
	}
	clear(a.active)
	for a.used.Len() > a.opt.MaxSessions {
		s := a.used.Remove(a.used.Front()).(*session)
		delete(a.sessions, s.id)
		c.DeleteSession(s.id)
	}
	return nil
}
