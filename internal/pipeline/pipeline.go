// Package pipeline is the write line: what happens to a chunk between FLBPluginFlushCtx and FLB_OK. It is one
// synchronous call, in this order:
//
//	decode    msgpack events of the chunk                          decode.go
//	convert   events to fragments of actions                       schema/convert
//	surround  what the record does not say: whose log, machine      surroundings.go
//	assess    risk of commands and tool calls, on raw text         internal/risk
//	scrub     nothing raw goes further                             internal/seal
//	names     pseudonyms in the place of persons, if asked for     internal/privacy
//	assemble  fragments to actions, actions to sessions            internal/assemble
//	compare   with what agent and organisation did before          internal/anomaly
//	seal      sequence, canonical JSON, leaf hash                  internal/seal
//	journal   one atomic, synced batch                             internal/journal
package pipeline

import (
	"cmp"
	"container/list"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/agentaudit/agentaudit/internal/anomaly"
	"github.com/agentaudit/agentaudit/internal/assemble"
	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/policy"
	"github.com/agentaudit/agentaudit/internal/privacy"
	"github.com/agentaudit/agentaudit/internal/risk"
	"github.com/agentaudit/agentaudit/internal/seal"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/convert"
	"github.com/agentaudit/agentaudit/schema/value"
	"github.com/agentaudit/agentaudit/scrub"
)

// Pipeline is the write line of one plugin instance. It is safe for concurrent use: chunks wait for each other.
type Pipeline struct {
	mu        sync.Mutex
	opt       Options
	journal   *journal.Journal
	converter *convert.Converter
	around    *surroundings
	risk      *risk.Engine
	policy    *policy.Set
	scrubber  *seal.Scrubber
	assembler *assemble.Assembler
	sources   map[schema.ID]*list.Element // of *source, in order of use
	holding   map[schema.ID]time.Time     // sources that hold lines, and since when the last one
	used      *list.List
	doc       value.Doc
	in        convert.Input
	now       func() time.Time
	err       error // first error of the chunk under way
	storing   bool  // the assembler is at work
}

// Options of a Pipeline.
type Options struct {
	Config  *config.Config
	Journal *journal.Journal
	// Scrub removes secrets. Its key makes the fingerprints of this organisation.
	Scrub *scrub.Engine
	// Names puts pseudonyms in the place of persons; nil: none.
	Names *privacy.Names
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// source is what is known of one log, whether that has been read from the journal yet, and whether the chunk under way
// has read from the log.
type source struct {
	id schema.ID
	convert.Source
	memory  seal.Memory // what scrubbing needs to know of the records before
	loaded  bool
	touched bool
}

// maxSources is how many logs are remembered; beyond it the one idle longest is forgotten.
const maxSources = 4096

// New sets up the write line on an open journal.
func New(o Options) (*Pipeline, error) {
	p := &Pipeline{opt: o, journal: o.Journal, now: o.Now}
	if p.now == nil {
		p.now = time.Now
	}
	var err error
	c := o.Config
	if p.converter, err = convert.New(convert.Options{Format: c.Format, Mapping: c.Mapping, Prompts: c.Prompts}); err != nil {
		return nil, err
	}
	if p.around, err = newSurroundings(c, thisMachine()); err != nil {
		return nil, err
	}
	if p.risk, err = risk.New(risk.Options{Rules: c.Risk.Rules, Sigma: c.Risk.Sigma}); err != nil {
		return nil, err
	}
	if p.policy, err = policy.Load(c.Authorization.Rules); err != nil {
		return nil, err
	}
	limits := seal.DefaultLimits
	limits.Output = int(c.MaxOutput)
	p.scrubber = seal.NewScrubber(o.Scrub, limits)
	p.scrubber.Pseudonyms(o.Names, c.Organization)
	watch, err := anomaly.New(o.Journal, p.risk, anomaly.OptionsOf(time.Duration(c.Risk.WarmUp), c.Risk.WarmUpActions))
	if err != nil {
		return nil, err
	}
	p.assembler, err = assemble.New(o.Journal, assemble.Options{
		Watch: watch, PairWindow: time.Duration(c.PairWindow), LaneWindow: time.Duration(c.LaneWindow),
		MaxPending: c.MaxPending, MaxSessions: c.MaxSessions,
	})
	if err != nil {
		return nil, err
	}
	return p, p.loadSources()
}

// Problems are what the configuration names and the line goes without: files of Sigma rules that cannot be used.
func (p *Pipeline) Problems() []error { return p.risk.SigmaProblems() }

// Flush takes one chunk. It returns nil only when all of it is durable; after an error nothing of it was taken, and the
// same chunk may come again. chunk is not used after Flush returns.
func (p *Pipeline) Flush(tag string, chunk []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	d := decoder{doc: &p.doc, tag: tag, digest: chunkID(tag, chunk)}
	return p.inChunk(func(c *journal.Chunk) {
		d.decode(chunk, func(ev *event) { p.event(c, ev, now) })
		p.releaseHeld(c, now, time.Duration(p.opt.Config.PairWindow))
		p.keep(p.assembler.Expire(c, now))
	})
}

// Tick seals the actions that have waited too long; it is to be called every second or so.
func (p *Pipeline) Tick() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if !p.assembler.Due(now) && !p.heldDue(now) {
		return p.journal.Forget()
	}
	return p.inChunk(func(c *journal.Chunk) {
		p.releaseHeld(c, now, time.Duration(p.opt.Config.PairWindow))
		p.keep(p.assembler.Expire(c, now))
	})
}

// Finish seals all actions that still wait: the end of an import.
func (p *Pipeline) Finish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inChunk(func(c *journal.Chunk) {
		p.releaseHeld(c, p.now(), 0)
		p.keep(p.assembler.SealAll(c, p.now()))
	})
}

// Pending is how many actions wait for their result.
func (p *Pipeline) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.assembler.Pending()
}

// inChunk runs work on a new chunk and commits it. If anything fails, a panic included, the chunk is dropped and the
// state is read back from the journal, as after a crash.
func (p *Pipeline) inChunk(work func(*journal.Chunk)) (err error) {
	if err := p.journal.Broken(); err != nil {
		return err
	}
	c := p.journal.Begin()
	committed := false
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %s", p.scrubber.Text(fmt.Sprint(r)))
		}
		if err != nil {
			if !committed {
				c.Discard()
			}
			err = errors.Join(err, p.reload())
		}
	}()
	p.err, p.storing = nil, false
	_ = p.scrubber.Err() // that of a chunk that was dropped
	work(c)
	p.keep(p.storeSources(c))
	p.keep(p.assembler.End(c))
	p.keep(p.scrubber.Err())
	if p.err != nil {
		return p.err
	}
	committed = true
	return c.Commit()
}

func (p *Pipeline) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *Pipeline) reload() error {
	if err := p.journal.Broken(); err != nil {
		return nil // told already; nothing can be read
	}
	return errors.Join(p.loadSources(), p.assembler.Reload())
}

// loadSources lists the sources of the journal; each is read when its log goes on.
func (p *Pipeline) loadSources() error {
	p.sources, p.used, p.holding = make(map[schema.ID]*list.Element), list.New(), map[schema.ID]time.Time{}
	return p.journal.Sources(func(id schema.ID, stored []byte) error {
		p.sources[id] = p.used.PushBack(&source{id: id})
		if isHolding(stored) {
			p.holding[id] = p.now()
		}
		return nil
	})
}

// event takes one decoded event down the line. A panic over it must not hold up the chunk for ever, which Fluent Bit
// would send again and again: the event becomes a record of its failure.
func (p *Pipeline) event(c *journal.Chunk, ev *event, now time.Time) {
	if p.err != nil {
		return
	}
	var src *source
	goesOn := false
	emit := func(f *schema.Fragment) {
		p.fragment(c, f, now, func(f *schema.Fragment) *seal.Clean {
			switch {
			case src == nil:
				return p.scrubber.Fragment(f)
			case f.Message != "" && f.Event.Action == schema.ActionLog:
				return p.scrubber.Line(f, &src.memory, goesOn)
			}
			return p.scrubber.Output(f, &src.memory)
		})
	}
	defer func() {
		if r := recover(); r != nil {
			if p.storing {
				panic(r) // what is in memory may not fit what is on disk: the whole chunk is undone
			}
			ev.err = errPanic
			p.keep(p.add(c, p.scrubber.Fragment(failure(ev)), now))
		}
	}()
	if ev.err != nil {
		emit(failure(ev))
		return
	}
	in := &p.in
	in.Unwrap(&p.doc, ev.Record)
	var err error
	if src, err = p.source(in.Source); err != nil {
		p.keep(err)
		return
	}
	src.touched = true
	goesOn = in.Body.Kind() == value.String && isPartial(ev.Record.Body)
	p.converter.Convert(&src.Source, in, emit)
	p.held(src, now)
}

// isPartial reports whether a container's runtime has cut a line of its output here: CRI tags such a record P, Docker's
// fluentd driver marks it, and Docker's own files, which have no mark, cut at 16 KiB and leave out the line break.
func isPartial(record value.Value) bool {
	const dockerCut = 16 << 10
	log := record.Get("log").String()
	return record.Get("logtag").String() == "P" || record.Get("_p").String() == "P" ||
		record.Get("partial_message").String() == "true" && record.Get("partial_last").String() != "true" ||
		len(log) >= dockerCut && !strings.HasSuffix(log, "\n") && record.Get("stream").Exists()
}

var errPanic = errors.New("internal error over this event")

// fragment takes one raw fragment down the rest of the line. Behind the scrubber nothing is raw.
func (p *Pipeline) fragment(c *journal.Chunk, f *schema.Fragment, now time.Time, scrubbed func(*schema.Fragment) *seal.Clean) {
	if p.err != nil {
		return
	}
	p.around.apply(&f.Action)
	assess(p.risk, &f.Action)
	authorize(p.policy, &f.Action)
	p.keep(p.add(c, scrubbed(f), now))
}

// add hands a scrubbed fragment to the assembler.
func (p *Pipeline) add(c *journal.Chunk, clean *seal.Clean, now time.Time) error {
	p.storing = true
	err := p.assembler.Add(c, clean, now)
	p.storing = false
	return err
}

// assess computes the risk of what is to be done, unless the source reports one.
func assess(e *risk.Engine, a *schema.Action) {
	if a.Risk.Score.Set {
		if a.Risk.Source == "" {
			a.Risk.Source = schema.RiskReported
		}
		return
	}
	if a.Command.Line == "" && len(a.Command.Args) == 0 && a.Command.Tool == "" {
		return
	}
	r := e.Assess(risk.Subject{
		Command: a.Command.Line, Args: a.Command.Args, Tool: a.Command.Tool,
		Arguments: string(a.Command.ToolArguments), Cwd: a.Command.Cwd,
	})
	a.Risk.Score, a.Risk.Category, a.Risk.Source = schema.Some(int64(r.Score)), r.Category, schema.RiskComputed
	a.Risk.Ruleset, a.Risk.Rules, a.Risk.Reasons, a.Risk.Techniques = e.Ruleset(), r.Rules, r.Reasons, r.Techniques
}

// authorize names the user's rules that match what is to be done. That is no decision: see seal.Clean.Finish for what
// follows from it when the log has told its own.
func authorize(s *policy.Set, a *schema.Action) {
	if len(s.Rules) == 0 || a.Command.Line == "" && len(a.Command.Args) == 0 && a.Command.Tool == "" {
		return
	}
	v := s.Check(&policy.Subject{
		Command: a.Command.Line, Args: a.Command.Args, Tool: a.Command.Tool, Arguments: string(a.Command.ToolArguments),
		Format: a.Trail.Format, Agent: cmp.Or(a.Identity.AgentName, a.Identity.AgentID), Time: a.Time,
	})
	if len(v.Allow) > 0 {
		a.Authorization.Rules = v.Allow
		a.Identity.Inferred = append(slices.Clip(a.Identity.Inferred), seal.RulesInferred)
	}
	for _, name := range v.Deny {
		a.Risk.Anomalies = append(slices.Clip(a.Risk.Anomalies), seal.DeniedByPolicy)
		a.Risk.AnomalyReasons = append(slices.Clip(a.Risk.AnomalyReasons), seal.DeniedByPolicyReason+name)
	}
	for _, name := range v.Ask {
		a.Risk.Anomalies = append(slices.Clip(a.Risk.Anomalies), seal.AskedByPolicy)
		a.Risk.AnomalyReasons = append(slices.Clip(a.Risk.AnomalyReasons), seal.AskedByPolicyReason+name)
	}
}

// failure is the record of an event that could not be read: nothing is dropped.
func failure(ev *event) *schema.Fragment {
	f := &schema.Fragment{Role: schema.Whole, Key: ev.ID, ID: ev.ID}
	f.Time = ev.Time
	f.Event.Kind = schema.KindPipelineError
	f.Event.Original = printable(ev.raw)
	f.Error.Message, f.Error.Type = ev.err.Error(), "decode"
	f.Trail.Tag = ev.Tag
	return f
}

// printable makes text of msgpack: strings in it stay readable, so that the scrubber sees them.
func printable(raw []byte) string {
	var d value.Doc
	if v, rest, err := d.ParseMsgpack(raw); err == nil && len(rest) == 0 {
		return string(v.AppendJSON(nil))
	}
	if !utf8.Valid(raw) {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	return string(raw)
}

// source returns what is known of a log: from memory, from the journal, or nothing yet.
func (p *Pipeline) source(id schema.ID) (*source, error) {
	e, ok := p.sources[id]
	if !ok {
		e = p.used.PushBack(&source{id: id, loaded: true})
		p.sources[id] = e
	}
	p.used.MoveToBack(e)
	s := e.Value.(*source)
	if s.loaded {
		return s, nil
	}
	b, err := p.journal.Source(id)
	if err != nil || b == nil {
		return s, err
	}
	stored, memory, err := seal.RestoreSource(b)
	if err != nil {
		return nil, err
	}
	s.Source, s.memory, s.loaded = *stored, memory, true
	return s, nil
}

// storeSources stores the sources that the chunk has read from, and forgets those idle longest.
func (p *Pipeline) storeSources(c *journal.Chunk) error {
	for e := p.used.Back(); e != nil && e.Value.(*source).touched; e = e.Prev() {
		s := e.Value.(*source)
		s.touched = false
		s.Known = *s.Known.Clone()
		b, err := p.scrubber.Source(&s.Source, &s.memory)
		if err != nil {
			return fmt.Errorf("source: %w", err)
		}
		c.PutSource(s.id, b)
	}
	for p.used.Len() > maxSources {
		if _, ok := p.holding[p.used.Front().Value.(*source).id]; ok {
			p.release(c, p.used.Front().Value.(*source).id, p.now()) // and is the newest then
			p.used.MoveToFront(p.used.Back())
		}
		s := p.used.Remove(p.used.Front()).(*source)
		delete(p.sources, s.id)
		c.DeleteSource(s.id)
	}
	return nil
}
