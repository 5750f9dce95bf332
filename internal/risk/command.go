package risk

import (
	"errors"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Bounds on the work one subject can cause. Whatever lies beyond them is not judged, and the subject is marked
// unparsed, so that hiding behind size costs the hider a moderate score.
const (
	maxText  = 64 << 10 // bytes of shell text parsed, at the top and again for all nested text together
	maxDepth = 8        // text within text: bash -c, eval, ssh, heredocs fed to a shell
	maxNest  = 100      // parentheses, braces and compound commands within each other, in one text
	maxCalls = 256      // simple commands judged
	maxWords = 4096     // words over all calls
	maxHops  = 16       // wrappers in front of one command: sudo env nice timeout …
)

// Expansions whose value is not known are kept in a word's text as open + name + shut. openGuarded stands for values
// that cannot be empty (`${X:?}`, arithmetic, a function's output taken as given).
const (
	open        = "\x01"
	openGuarded = "\x02"
	shut        = "\x03"
)

// word is one word of a simple command after quotes, escapes and known variables have been resolved.
type word struct {
	text  string
	class classSet // of the path or name it holds; filled by plan.finish
	kind  wordKind
	dyn   bool // holds, or came from, an expansion
}

type wordKind uint8

const (
	positional wordKind = iota
	flagWord            // -x, -xyz, --long, --long=value
	valueWord           // the value of the flag before it
)

// span is a range of indexes into plan.calls, hi exclusive.
type span struct{ lo, hi int32 }

func (s span) empty() bool { return s.hi <= s.lo }

func (s span) union(t span) span {
	switch {
	case s.empty():
		return t
	case t.empty():
		return s
	}
	return span{min(s.lo, t.lo), max(s.hi, t.hi)}
}

// marks are facts about a call that are not in its words.
type marks uint32

const (
	markRoot       marks = 1 << iota // runs as root: sudo, doas, su -c, docker exec -u root
	markRemote                       // runs on another host: ssh, kubectl exec, aws ssm
	markContainer                    // runs in a container
	markDynamic                      // the program's name is computed
	markUnparsed                     // the text, or a part of it, could not be read or lies beyond the bounds
	markForkBomb                     // a function that starts itself twice
	markDecoded                      // the text was hidden in base64, hex or the like and decoded on the way to a shell
	markXargs                        // its arguments come from standard input
	markEval                         // the text was given to eval
	markBackground                   // left running: &, nohup, setsid
	markBare                         // no operands: an interpreter reads its program from standard input
	markRedirected                   // output goes to a file
	markDownloaded                   // runs a file that an earlier call has just fetched
)

// redirect is a redirection of a call: `> path`, `>> path`, `< path`.
type redirect struct {
	word word
	out  bool
}

// call is one simple command, or one tool call, with all that the rules ask about it.
type call struct {
	program   string // base name in lower case, without .exe; "" for a tool call or a bare assignment
	path      string // as it was given, "" if that is no path
	info      *programInfo
	words     []word // after the program
	redirs    []redirect
	env       []string // NAME=value before the program, or exported
	stdin     string   // text of a heredoc or herestring
	code      string   // program text for an interpreter or a database client
	tool      string   // lower-case tool name, for tool calls; toolWords: its words joined by _
	toolWords string
	from      span // calls whose output reaches its standard input
	subst     span // calls whose output is among its words
	marks     marks

	targets, reads, writes classSet
	sql                    sqlSet
}

// plan is all that a subject would run: its text flattened into simple commands.
type plan struct {
	eng     *Engine
	parser  *syntax.Parser
	reader  strings.Reader
	calls   []call
	arena   []word
	tokens  []token
	vars    []variable
	got     []string // base names of files fetched so far
	wraps   [][]word // commands with the wrappers in front of them, for Sigma
	stained []stain  // files made of something sensitive so far
	depth   int      // text within text, of what is being flattened
	cwd     string
	inCwd   bool // cwd lies in a classified place, so bare relative names are joined to it
	budget  int  // bytes of nested text that may still be parsed
	grown   int  // bytes put in for variables
	words   int  // words over all calls
	cut     bool // something was left out
}

// variable is an assignment seen earlier in the same text.
type variable struct {
	name  string
	value word
}

// site is where a statement stands: what feeds it, and on whose behalf and where it runs.
type site struct {
	in    span
	marks marks
	depth int // text within text
	nest  int // syntax within syntax
}

func (p *plan) reset(e *Engine, cwd string) {
	clear(p.calls)
	clear(p.arena)
	clear(p.vars)
	clear(p.got)
	clear(p.tokens)
	clear(p.stained)
	clear(p.wraps)
	p.calls, p.arena, p.vars, p.got = p.calls[:0], p.arena[:0], p.vars[:0], p.got[:0]
	p.stained, p.wraps, p.depth = p.stained[:0], p.wraps[:0], 0
	p.eng, p.budget, p.grown, p.words, p.cut = e, maxText, 0, 0, false
	p.setCwd(cwd)
}

// text flattens shell text.
func (p *plan) text(src string, s site) {
	if s.depth > maxDepth || len(p.calls) >= maxCalls {
		p.cut = true
		return
	}
	defer func(d int) { p.depth = d }(p.depth)
	p.depth = s.depth
	if s.depth > 0 {
		if p.budget -= len(src); p.budget < 0 {
			p.cut = true
			return
		}
	}
	if len(src) > maxText {
		src, p.cut = src[:maxText], true
	}
	if p.fileText(src, s) {
		return
	}
	if windowsText(src) {
		p.split(src, s, true)
		return
	}
	if p.plain(src, s) {
		return
	}
	file := p.parse(src)
	if file == nil {
		p.cut = true
		p.split(src, s, false)
		return
	}
	p.stmts(file.Stmts, s)
}

// parse returns nil when src is not shell, or nests too deeply for a recursive parser.
func (p *plan) parse(src string) (file *syntax.File) {
	if tooDeep(src) {
		return nil
	}
	defer func() {
		if recover() != nil {
			file, p.parser = nil, newParser()
		}
	}()
	p.reader.Reset(src)
	file, err := p.parser.Parse(&p.reader, "")
	for n := 0; err != nil && n < maxUnclosed; n++ {
		stop, ok := unclosed(err)
		if !ok {
			return nil
		}
		src += "\n" + stop + "\n"
		p.reader.Reset(src)
		file, err = p.parser.Parse(&p.reader, "")
	}
	if err != nil {
		return nil
	}
	return file
}

// maxUnclosed is how many here-documents of a command may lack their end.
const maxUnclosed = 3

// unclosed is the word that would have ended a here-document. Shells take one without it up to the end of the text, and
// logs cut commands there.
func unclosed(err error) (stop string, ok bool) {
	var e syntax.ParseError
	if !errors.As(err, &e) {
		return "", false
	}
	quoted, ok := strings.CutPrefix(e.Text, "unclosed here-document ")
	if !ok {
		return "", false
	}
	stop, err = strconv.Unquote(quoted)
	stop = strings.NewReplacer(`'`, "", `"`, "", `\`, "").Replace(stop)
	return stop, err == nil && stop != ""
}

func newParser() *syntax.Parser { return syntax.NewParser(syntax.Variant(syntax.LangBash)) }

func (p *plan) stmts(list []*syntax.Stmt, s site) {
	for _, st := range list {
		p.stmt(st, s)
	}
}

func (p *plan) stmt(st *syntax.Stmt, s site) {
	if len(p.calls) >= maxCalls || s.nest > 2*maxNest {
		p.cut = true
		return
	}
	s.nest++
	if st.Background {
		s.marks |= markBackground
	}
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		p.callExpr(c, st.Redirs, s)
		return
	case *syntax.BinaryCmd:
		p.binary(c, s)
	case *syntax.DeclClause:
		p.declare(c, s)
	case nil:
	default:
		p.compound(c, s)
	}
	if len(st.Redirs) > 0 {
		c := call{program: ":", from: s.in, marks: s.marks}
		p.redirects(&c, st.Redirs, s)
		p.add(c, nil)
	}
}

// binary handles a && b, a || b and a | b. Chains lean to the left and may be long: the depth does not count them.
func (p *plan) binary(c *syntax.BinaryCmd, s site) {
	left := s
	left.nest--
	lo := int32(len(p.calls))
	p.stmt(c.X, left)
	if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
		s.in = s.in.union(span{lo, int32(len(p.calls))})
	}
	p.stmt(c.Y, s)
}

func (p *plan) compound(c syntax.Command, s site) {
	switch c := c.(type) {
	case *syntax.Block:
		p.stmts(c.Stmts, s)
	case *syntax.Subshell:
		p.stmts(c.Stmts, s)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			p.stmts(c.Cond, s)
			p.stmts(c.Then, s)
		}
	case *syntax.WhileClause:
		p.stmts(c.Cond, s)
		p.stmts(c.Do, s)
	case *syntax.ForClause:
		if it, ok := c.Loop.(*syntax.WordIter); ok {
			p.bindLoop(it, s)
		}
		p.stmts(c.Do, s)
	case *syntax.CaseClause:
		for _, it := range c.Items {
			p.stmts(it.Stmts, s)
		}
	case *syntax.FuncDecl:
		p.function(c, s)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			p.stmt(c.Stmt, s)
		}
	case *syntax.CoprocClause:
		p.stmt(c.Stmt, s)
	default: // [[ … ]], (( … )), let: only substitutions inside can run something
		lo := len(p.calls)
		syntax.Walk(c, func(n syntax.Node) bool {
			sub, ok := n.(*syntax.CmdSubst)
			if ok {
				p.stmts(sub.Stmts, s)
			}
			return !ok
		})
		if len(p.calls) == lo {
			p.add(call{program: "test", from: s.in, marks: s.marks}, nil)
		}
	}
}

// function flattens a body where it is declared, and sees the fork bomb: a body that pipes itself into itself, or
// leaves itself running.
func (p *plan) function(c *syntax.FuncDecl, s site) {
	if c.Body == nil {
		return
	}
	lo := len(p.calls)
	p.stmt(c.Body, s)
	if c.Name == nil {
		return
	}
	name, piped, n := strings.ToLower(c.Name.Value), false, 0
	for i := lo; i < len(p.calls); i++ {
		if b := &p.calls[i]; b.program == name {
			n++
			piped = piped || !b.from.empty() || b.marks&markBackground != 0
		}
	}
	if n > 1 && piped {
		p.add(call{program: ":", marks: s.marks | markForkBomb}, nil)
	}
}

// bindLoop gives a loop's variable the one of its items that is in a classified place, else the first.
func (p *plan) bindLoop(it *syntax.WordIter, s site) {
	var pick word
	for i, w := range it.Items {
		item := p.word(w, s)
		if i == 0 || p.eng.classify(item.text, p) > p.eng.classify(pick.text, p) {
			pick = item
		}
	}
	if len(it.Items) > 0 {
		p.assign(it.Name.Value, pick)
	}
}

func (p *plan) declare(c *syntax.DeclClause, s site) {
	out := call{program: c.Variant.Value, from: s.in, marks: s.marks}
	lo := int32(len(p.calls))
	var argv []word
	for _, a := range c.Args {
		switch {
		case a.Naked && a.Value != nil:
			argv = append(argv, p.word(a.Value, s))
		case a.Name != nil && a.Value != nil:
			v := p.word(a.Value, s)
			p.assign(a.Name.Value, v)
			out.env = append(out.env, a.Name.Value+"="+v.text)
		case a.Name != nil:
			argv = append(argv, word{text: a.Name.Value})
		}
	}
	out.subst = span{lo, int32(len(p.calls))}
	p.add(out, argv)
}

func (p *plan) callExpr(c *syntax.CallExpr, redirs []*syntax.Redirect, s site) {
	lo := int32(len(p.calls))
	proto := call{from: s.in, marks: s.marks}
	for _, a := range c.Assigns {
		if a.Name == nil || a.Value == nil {
			continue
		}
		v := p.word(a.Value, s)
		if len(c.Args) == 0 {
			p.assign(a.Name.Value, v)
		}
		proto.env = append(proto.env, a.Name.Value+"="+v.text)
	}
	start := len(p.arena)
	if start+len(c.Args) > maxWords {
		p.cut = true
		return
	}
	// Words are filled by index, because substitutions inside them grow the arena meanwhile.
	for range c.Args {
		p.arena = append(p.arena, word{})
	}
	for i, w := range c.Args {
		v := p.word(w, s)
		p.arena[start+i] = v
	}
	argv := p.braces(p.arena[start : start+len(c.Args) : start+len(c.Args)])
	if len(redirs) > 0 {
		p.redirects(&proto, redirs, s)
	}
	if hi := int32(len(p.calls)); hi > lo {
		proto.subst = span{lo, hi}
	}
	if len(argv) == 0 {
		if proto.subst.empty() || len(proto.env) == 0 || len(proto.redirs) > 0 {
			p.add(proto, nil)
		}
		return
	}
	p.command(argv, proto, s)
}

func (p *plan) redirects(c *call, list []*syntax.Redirect, s site) {
	for _, r := range list {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.AppClob, syntax.RdrAll, syntax.RdrAllClob,
			syntax.AppAll, syntax.AppAllClob, syntax.DplOut:
			c.redirs = append(c.redirs, redirect{p.word(r.Word, s), true})
		case syntax.RdrIn, syntax.DplIn:
			c.redirs = append(c.redirs, redirect{p.word(r.Word, s), false})
		case syntax.RdrInOut:
			w := p.word(r.Word, s)
			c.redirs = append(c.redirs, redirect{w, false}, redirect{w, true})
		case syntax.Hdoc, syntax.DashHdoc:
			if r.Hdoc != nil {
				c.stdin = p.word(r.Hdoc, s).text
			}
		case syntax.WordHdoc:
			c.stdin = p.word(r.Word, s).text
		}
	}
}

func (p *plan) assign(name string, v word) {
	for i := range p.vars {
		if p.vars[i].name == name {
			p.vars[i].value = v
			return
		}
	}
	if len(p.vars) < maxNest {
		p.vars = append(p.vars, variable{name, v})
	}
}

// add appends a call with its words, their kinds and their classes.
func (p *plan) add(c call, argv []word) int {
	if p.words += len(argv); len(p.calls) >= maxCalls || p.words > 8*maxWords {
		p.cut = true
		return -1
	}
	c.words = argv
	p.calls = append(p.calls, c)
	i := len(p.calls) - 1
	p.finish(&p.calls[i])
	p.written(i)
	return i
}
