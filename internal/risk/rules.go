package risk

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed rules.yaml
var builtinYAML []byte

// ruleFile is the form of rules.yaml, whose head documents it for those who write rules. Unknown keys are refused. It
// may grow: every new key must be optional, and leave rules without it as they were.
type ruleFile struct {
	Ruleset    string                 `yaml:"ruleset"`
	Lists      map[string][]string    `yaml:"lists"`
	Classes    map[string][]string    `yaml:"classes"`
	Harmless   []string               `yaml:"harmless"`
	Sensitive  []string               `yaml:"sensitive"`
	Mounts     []string               `yaml:"mounts"`
	Guarded    []string               `yaml:"guarded"`
	Startup    []string               `yaml:"startup"`
	Followed   []string               `yaml:"followed"`
	WriteTools []string               `yaml:"write_tools"`
	Programs   map[string]programSpec `yaml:"programs"`
	Rules      []ruleSpec             `yaml:"rules"`
	Disable    []string               `yaml:"disable"` // ids of rules to leave out, in files of users
}

// programSpec is what must be known of a program to read its words.
type programSpec struct {
	Values     []string `yaml:"values"`      // flags that take a value in the next word
	SingleDash bool     `yaml:"single_dash"` // -name is one flag, not -n -a -m -e
	Writes     string   `yaml:"writes"`      // operands that are written: all, last
	WritesWith []string `yaml:"writes_with"` // … only with one of these flags
	WriteFlags []string `yaml:"write_flags"` // flags whose value is a path that is written
	KeyFlags   []string `yaml:"key_flags"`   // flags whose value names a credential in ordinary use: ssh -i
	CodeFlags  []string `yaml:"code_flags"`  // flags whose value is program text
	CodeInput  bool     `yaml:"code_input"`  // standard input is program text
	CodeWords  bool     `yaml:"code_words"`  // operands are program text
	SQL        bool     `yaml:"sql"`         // that text is SQL, or close to it
	Wrapper    string   `yaml:"wrapper"`     // how the command behind it is found; see wrappers
	Starts     string   `yaml:"starts"`      // how what it starts is found; see starters
}

type ruleSpec struct {
	ID         string       `yaml:"id"`
	Category   string       `yaml:"category"`
	Score      int          `yaml:"score"`
	Add        int          `yaml:"add"`
	Fallback   bool         `yaml:"fallback"`
	Reason     string       `yaml:"reason"`
	Techniques []string     `yaml:"techniques"`
	Match      []clauseSpec `yaml:"match"`
	Samples    samples      `yaml:"samples"`
}

type samples struct {
	Match   []sample `yaml:"match"`
	NoMatch []sample `yaml:"no_match"`
}

// sample is a shell command, or a tool call written `tool: NAME {json}`; `cwd: DIR` may stand before either on a line
// of its own.
type sample string

type clauseSpec struct {
	Programs   []string     `yaml:"programs"`
	Subcommand []string     `yaml:"subcommand"`
	AnyFlag    []string     `yaml:"any_flag"`
	AllFlags   []string     `yaml:"all_flags"`
	Args       []string     `yaml:"args"`
	Target     []string     `yaml:"target"`
	TargetAll  []string     `yaml:"target_all"`
	Reads      []string     `yaml:"reads"`
	Writes     []string     `yaml:"writes"`
	From       []string     `yaml:"from"`
	Subst      []string     `yaml:"subst"`
	FromReads  []string     `yaml:"from_reads"`
	FromArgs   []string     `yaml:"from_args"`
	Env        []string     `yaml:"env"`
	Tools      []string     `yaml:"tools"`
	Verbs      []string     `yaml:"verbs"`
	Nouns      []string     `yaml:"nouns"`
	Is         []string     `yaml:"is"`
	IsAll      []string     `yaml:"is_all"`
	Code       []string     `yaml:"code"`
	SQL        []string     `yaml:"sql"`
	Not        []clauseSpec `yaml:"not"`
}

// categories are those a rule may have.
var categories = []string{
	"destruction", "exfiltration", "credential-access", "privilege-escalation", "persistence", "defense-evasion",
	"remote-code", "supply-chain", "infrastructure-change", "data-store-change", "configuration", "network",
	"file-change", "build-test", "read-only", "unknown",
}

var markNames = map[string]marks{
	"root": markRoot, "remote": markRemote, "container": markContainer, "dynamic-program": markDynamic,
	"unparsed": markUnparsed, "fork-bomb": markForkBomb, "decoded": markDecoded, "xargs": markXargs, "eval": markEval,
	"background": markBackground, "bare": markBare, "redirected": markRedirected, "downloaded": markDownloaded,
}

// rule is a compiled rule; its place in Engine.rules is its number.
type rule struct {
	id, category, reason string
	score, add           int
	fallback             bool
	techniques           []string
	samples              samples
}

// clause is one alternative of a rule's match: all its predicates must hold.
type clause struct {
	rule       int
	programs   []glob
	names      map[string]bool // programs without globs
	subcommand [][]string
	anyFlag    []flagPattern
	allFlags   [][]flagPattern
	args       []glob
	target     classSet
	targetAll  classSet
	reads      classSet
	writes     classSet
	fromReads  classSet
	from       map[string]bool
	subst      map[string]bool
	env        []glob
	tools      []glob
	fromArgs   []glob
	verbs      map[string]bool
	nouns      map[string]bool
	is         marks
	isAll      marks
	code       []*regexp.Regexp
	sql        sqlSet
	not        []clause
}

// programInfo is a compiled programSpec.
type programInfo struct {
	short      [4]uint32 // letters of flags that take a value, by ASCII code
	long       map[string]bool
	singleDash bool
	writesAll  bool
	writesLast bool
	writesWith []flagPattern
	writeFlags map[string]bool
	keyFlags   map[string]bool
	codeFlags  map[string]bool
	codeInput  bool
	codeWords  bool
	sql        bool
	wrapper    wrapper
	starts     starter
}

var wrappers = map[string]wrapper{
	"plain": wrapPlain, "background": wrapBackground, "skip-one": wrapSkipOne, "command": wrapCommand,
	"sudo": wrapSudo, "env": wrapEnv, "run": wrapRun,
}

var starters = map[string]starter{
	"shell": startShell, "eval": startEval, "first": startFirst, "alias": startAlias, "words": startWords,
	"command-flag": startCommandFlag, "ssh": startSSH, "container": startContainer, "kubectl": startKubectl,
	"find": startFind, "xargs": startXargs, "git": startGit, "code": startCode, "rest": startRest,
	"package": startPackage, "patch": startPatch, "ansible": startAnsible,
}

// builtin compiles the embedded rules once for the process; engines share them, as nothing changes them.
var builtin = sync.OnceValues(func() (*Engine, error) {
	f, err := parseFile(builtinYAML)
	if err != nil {
		return nil, fmt.Errorf("built-in risk rules: %w", err)
	}
	e, err := compile(f)
	if err != nil {
		return nil, fmt.Errorf("built-in risk rules: %w", err)
	}
	return e, nil
})

// parseFile reads the text of a rule file. Its errors do not quote it.
func parseFile(data []byte) (*ruleFile, error) {
	var f ruleFile
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	return &f, nil
}

// compile makes an engine of a complete rule file.
func compile(f *ruleFile) (*Engine, error) {
	if f.Ruleset != Ruleset {
		return nil, fmt.Errorf("ruleset %q, want %q", f.Ruleset, Ruleset)
	}
	c := &compiler{file: f, bits: map[string]classSet{}, eng: &Engine{
		ruleset:  Ruleset,
		programs: map[string]*programInfo{}, byProgram: map[string][]int32{}, paths: newPathIndex(),
	}}
	c.classes()
	c.programs()
	c.rules()
	return c.eng, c.err
}

// compiler turns a ruleFile into an Engine; the first error is kept.
type compiler struct {
	file *ruleFile
	bits map[string]classSet
	eng  *Engine
	err  error
}

func (c *compiler) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *compiler) classes() {
	for i, name := range computedClasses {
		c.bits[name] = 1 << i
	}
	next := firstNamedClass
	names := make([]string, 0, len(c.file.Classes))
	for name := range c.file.Classes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if next == 0 {
			c.fail("more than 64 classes")
			return
		}
		if c.bits[name] != 0 {
			c.fail("class %q: defined twice", name)
		}
		c.bits[name] = next
		for _, entry := range c.file.Classes[name] {
			c.eng.paths.add(entry, next)
		}
		next <<= 1
	}
	c.eng.harmless = c.set("harmless", c.file.Harmless)
	c.eng.mountable = c.set("mounts", c.file.Mounts)
	c.eng.sensitive = c.set("sensitive", c.file.Sensitive)
	c.eng.guarded = c.set("guarded", c.file.Guarded)
	c.eng.startup = c.set("startup", c.file.Startup)
	c.eng.followed = c.set("followed", c.file.Followed)
	c.eng.packers = c.nameSet("packers", []string{"@packers"})
	c.eng.nullDevice = c.set("null-device", []string{"null-device"})
	c.eng.fetchers = c.nameSet("fetchers", []string{"@fetchers"})
	c.eng.runners = c.nameSet("runners", []string{"@shells", "@interpreters", "source", "."})
	c.eng.writeTools = globs(c.words("write_tools", c.file.WriteTools))
}

// set is the classes with these names.
func (c *compiler) set(where string, names []string) classSet {
	var out classSet
	for _, name := range names {
		if c.bits[name] == 0 {
			c.fail("%s: unknown class %q", where, name)
		}
		out |= c.bits[name]
	}
	return out
}

// maxLists is how deep lists may stand in lists.
const maxLists = 8

// words resolves @lists among names.
func (c *compiler) words(where string, names []string) []string { return c.wordsAt(where, names, 0) }

func (c *compiler) wordsAt(where string, names []string, depth int) []string {
	var out []string
	if depth > maxLists {
		c.fail("%s: lists within lists, more than %d deep", where, maxLists)
		return nil
	}
	for _, n := range names {
		list, ok := strings.CutPrefix(n, "@")
		if !ok {
			out = append(out, n)
			continue
		}
		if c.file.Lists[list] == nil {
			c.fail("%s: unknown list %q", where, n)
		}
		out = append(out, c.wordsAt(where, c.file.Lists[list], depth+1)...)
	}
	return out
}

func (c *compiler) nameSet(where string, names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	out := map[string]bool{}
	for _, n := range c.words(where, names) {
		out[n] = true
	}
	return out
}

func (c *compiler) programs() {
	for names, spec := range c.file.Programs {
		info := &programInfo{
			long: map[string]bool{}, singleDash: spec.SingleDash, writesWith: flagPatterns(spec.WritesWith),
			writeFlags: c.nameSet(names, spec.WriteFlags), keyFlags: c.nameSet(names, spec.KeyFlags),
			codeFlags: c.nameSet(names, spec.CodeFlags), codeInput: spec.CodeInput, codeWords: spec.CodeWords,
			sql: spec.SQL, writesAll: spec.Writes == "all", writesLast: spec.Writes == "last",
		}
		for _, flag := range slices.Concat(spec.Values, spec.WriteFlags, spec.KeyFlags, spec.CodeFlags) {
			if len(flag) == 2 && flag[0] == '-' && flag[1] < 128 {
				info.short[flag[1]/32] |= 1 << (flag[1] % 32)
			}
			info.long[flag] = true
		}
		if spec.Wrapper != "" {
			if info.wrapper = wrappers[spec.Wrapper]; info.wrapper == nil {
				c.fail("program %s: unknown wrapper %q", names, spec.Wrapper)
			}
		}
		if spec.Starts != "" {
			if info.starts = starters[spec.Starts]; info.starts == nil {
				c.fail("program %s: unknown starts %q", names, spec.Starts)
			}
		}
		for _, name := range c.words("programs", strings.Fields(names)) {
			if c.eng.programs[name] != nil {
				c.fail("program %s: defined twice", name)
			}
			c.eng.programs[name] = info
		}
	}
}

func (c *compiler) rules() {
	seen := map[string]bool{}
	for n := range c.file.Rules {
		r := &c.file.Rules[n]
		switch {
		case r.ID == "" || seen[r.ID]:
			c.fail("rule %d: id %q is missing or used twice", n, r.ID)
		case !slices.Contains(categories, r.Category):
			c.fail("rule %s: unknown category %q", r.ID, r.Category)
		case (r.Score > 0) == (r.Add > 0) || r.Score > 100 || r.Add > 10:
			c.fail("rule %s: want either score 1–100 or add 1–10", r.ID)
		case r.Reason == "" || len(r.Match) == 0 && !r.Fallback:
			c.fail("rule %s: want a reason and a match", r.ID)
		}
		seen[r.ID] = true
		c.eng.rules = append(c.eng.rules, rule{
			id: r.ID, category: r.Category, reason: r.Reason, score: r.Score, add: r.Add, fallback: r.Fallback,
			techniques: r.Techniques, samples: r.Samples,
		})
		for i := range r.Match {
			cl := c.clause(r.ID, &r.Match[i])
			cl.rule = n
			c.index(cl)
		}
		if r.Fallback {
			c.eng.fallback = append(c.eng.fallback, n)
		}
	}
}

// index files a clause under the programs it names, so that a call meets only the clauses that can hold for it.
func (c *compiler) index(cl clause) {
	e := c.eng
	n := int32(len(e.clauses))
	e.clauses = append(e.clauses, cl)
	switch {
	case len(cl.names) > 0 && len(cl.programs) == 0:
		for name := range cl.names {
			e.byProgram[name] = append(e.byProgram[name], n)
		}
	case len(cl.tools) > 0:
		e.forTools = append(e.forTools, n)
	default:
		e.general = append(e.general, n)
	}
}

func (c *compiler) marks(where string, names []string) marks {
	var out marks
	for _, name := range names {
		if markNames[name] == 0 {
			c.fail("%s: unknown is %q", where, name)
		}
		out |= markNames[name]
	}
	return out
}

func (c *compiler) clause(id string, s *clauseSpec) clause {
	where := "rule " + id
	cl := clause{
		anyFlag: flagPatterns(s.AnyFlag),
		target:  c.set(where, s.Target), targetAll: c.set(where, s.TargetAll), reads: c.set(where, s.Reads), writes: c.set(where, s.Writes),
		fromReads: c.set(where, s.FromReads), from: c.nameSet(where, s.From), subst: c.nameSet(where, s.Subst),
		args: globs(c.words(where, s.Args)), env: globs(s.Env), tools: globs(c.words(where, s.Tools)),
		verbs: c.nameSet(where, s.Verbs), nouns: c.nameSet(where, s.Nouns), fromArgs: globs(c.words(where, s.FromArgs)),
	}
	for _, name := range c.words(where, s.Programs) {
		if strings.ContainsAny(name, "*?") {
			cl.programs = append(cl.programs, newGlob(name))
			continue
		}
		if cl.names == nil {
			cl.names = map[string]bool{}
		}
		cl.names[name] = true
	}
	for _, alt := range s.AllFlags {
		cl.allFlags = append(cl.allFlags, flagPatterns(strings.Split(alt, "|")))
	}
	for _, sub := range s.Subcommand {
		cl.subcommand = append(cl.subcommand, strings.Fields(sub))
	}
	cl.is, cl.isAll = c.marks(where, s.Is), c.marks(where, s.IsAll)
	for _, name := range s.SQL {
		if sqlNames[name] == 0 {
			c.fail("%s: unknown sql %q", where, name)
		}
		cl.sql |= sqlNames[name]
	}
	for _, text := range s.Code {
		re, err := regexp.Compile(text)
		if err != nil {
			c.fail("%s: %w", where, err)
			continue
		}
		cl.code = append(cl.code, re)
	}
	for i := range s.Not {
		cl.not = append(cl.not, c.clause(id, &s.Not[i]))
	}
	return cl
}
