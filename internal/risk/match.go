package risk

import "strings"

// glob matches a whole string; * stands for any run of characters, ? for one.
type glob struct {
	text string
	kind globKind
}

type globKind uint8

const (
	globExact globKind = iota
	globPrefix
	globSuffix
	globContains
	globGeneral
)

func newGlob(s string) glob {
	inner := strings.Trim(s, "*")
	if strings.ContainsAny(inner, "*?") {
		return glob{s, globGeneral}
	}
	front, back := strings.HasPrefix(s, "*"), strings.HasSuffix(s, "*")
	switch {
	case front && back:
		return glob{inner, globContains}
	case front:
		return glob{inner, globSuffix}
	case back:
		return glob{inner, globPrefix}
	}
	return glob{s, globExact}
}

func globs(list []string) []glob {
	var out []glob
	for _, s := range list {
		out = append(out, newGlob(s))
	}
	return out
}

func (g *glob) match(s string) bool {
	switch g.kind {
	case globExact:
		return s == g.text
	case globPrefix:
		return strings.HasPrefix(s, g.text)
	case globSuffix:
		return strings.HasSuffix(s, g.text)
	case globContains:
		return strings.Contains(s, g.text)
	}
	return matchGeneral(g.text, s)
}

// matchGeneral is the usual two-pointer match: it backtracks to the last * only, so it is at most quadratic.
func matchGeneral(pat, s string) bool {
	i, j, star, mark := 0, 0, -1, 0
	for j < len(s) {
		switch {
		case i < len(pat) && pat[i] == '*':
			star, mark = i, j
			i++
		case i < len(pat) && (pat[i] == '?' || pat[i] == s[j]):
			i++
			j++
		case star >= 0:
			i = star + 1
			mark++
			j = mark
		default:
			return false
		}
	}
	for i < len(pat) && pat[i] == '*' {
		i++
	}
	return i == len(pat)
}

// flagPattern is a flag as rules write it: -r (alone or bundled), --recursive (also shortened or with =value),
// -delete (single-dash programs), -X=DELETE* (a flag with a value that matches).
type flagPattern struct {
	name     string
	value    glob
	hasValue bool
}

func flagPatterns(list []string) []flagPattern {
	var out []flagPattern
	for _, s := range list {
		name, value, has := strings.Cut(s, "=")
		out = append(out, flagPattern{name, newGlob(value), has})
	}
	return out
}

// takesValue tells whether the word behind a flag word is its value.
func (info *programInfo) takesValue(flag string) bool {
	if info == nil || len(flag) < 2 {
		return false
	}
	if info.singleDash || strings.HasPrefix(flag, "--") {
		return info.long[flag]
	}
	return info.valueLetter(flag) == len(flag)-1
}

// valueLetter is where in a bundle of short flags the first stands that takes a value, -1 if none does.
func (info *programInfo) valueLetter(flag string) int {
	if info == nil {
		return -1
	}
	for i := 1; i < len(flag); i++ {
		if c := flag[i]; c < 128 && info.short[c/32]&(1<<(c%32)) != 0 {
			return i
		}
	}
	return -1
}

func (c *call) flag(p *flagPattern) bool {
	for i := range c.words {
		if c.words[i].kind != flagWord {
			continue
		}
		t := c.words[i].text
		if !p.hasValue {
			if c.flagIs(t, p.name) {
				return true
			}
			continue
		}
		if v, ok := c.flagValue(i, p.name); ok && p.value.match(v) {
			return true
		}
	}
	return false
}

// flagIs tells whether flag word t has the flag name in it.
func (c *call) flagIs(t, name string) bool {
	if t == name {
		return true
	}
	if strings.HasPrefix(name, "--") {
		if strings.HasPrefix(t, name) && t[len(name)] == '=' {
			return true
		}
		return len(t) > 4 && len(t) < len(name) && c.info.shortens() && strings.HasPrefix(name, t)
	}
	if len(name) != 2 || len(t) < 2 || t[1] == '-' || c.info != nil && c.info.singleDash {
		return false
	}
	end := len(t)
	if v := c.info.valueLetter(t); v >= 0 {
		end = v + 1
	}
	return strings.IndexByte(t[1:end], name[1]) >= 0
}

// shortens tells programs of which GNU's shortened long flags are accepted here (--recur for --recursive).
func (info *programInfo) shortens() bool { return info != nil && info.writesAll }

// flagValue is the value of flag name in word i: attached, behind =, or the next word.
func (c *call) flagValue(i int, name string) (string, bool) {
	t := c.words[i].text
	if t == name {
		if i+1 < len(c.words) && c.words[i+1].kind == valueWord {
			return c.words[i+1].text, true
		}
		return "", false
	}
	if rest, ok := strings.CutPrefix(t, name); ok {
		if rest[0] == '=' {
			return rest[1:], true
		}
		if len(name) == 2 && name[1] != '-' {
			return rest, true
		}
	}
	return "", false
}

func (c *call) hasOption(name, value string) bool {
	return c.flag(&flagPattern{name: name, value: glob{text: value}, hasValue: true})
}

func (c *call) hasShort(letter byte) bool {
	name := [2]byte{'-', letter}
	return c.flag(&flagPattern{name: string(name[:])})
}

func (c *call) hasLong(name string) bool { return c.flag(&flagPattern{name: name}) }

func (c *call) hasWord(text string) bool {
	for i := range c.words {
		if c.words[i].text == text {
			return true
		}
	}
	return false
}

// hasSubcommand tells whether the call's operands begin with these words; a word may list alternatives by |, and *
// stands for any.
func (c *call) hasSubcommand(want []string) bool {
	n := 0
	for i := range c.words {
		if n == len(want) {
			break
		}
		if c.words[i].kind != positional {
			continue
		}
		if !oneOf(want[n], c.words[i].text) {
			return false
		}
		n++
	}
	return n == len(want)
}

func oneOf(alternatives, s string) bool {
	if alternatives == s || alternatives == "*" {
		return true
	}
	if strings.IndexByte(alternatives, '|') < 0 {
		if strings.IndexByte(alternatives, '*') >= 0 {
			return matchGeneral(alternatives, s)
		}
		return false
	}
	for alt := range strings.SplitSeq(alternatives, "|") {
		if oneOf(alt, s) {
			return true
		}
	}
	return false
}

// holds tells whether all predicates of a clause hold for call i.
func (p *plan) holds(cl *clause, c *call) bool {
	switch {
	case cl.target != 0 && c.targets&cl.target == 0,
		cl.reads != 0 && c.reads&cl.reads == 0,
		cl.writes != 0 && c.writes&cl.writes == 0,
		c.targets&cl.targetAll != cl.targetAll,
		cl.is != 0 && c.marks&cl.is == 0,
		c.marks&cl.isAll != cl.isAll,
		cl.sql != 0 && c.sql&cl.sql == 0:
		return false
	}
	return cl.holdsProgram(c) && cl.holdsWords(c) && p.holdsFlow(cl, c) && p.holdsNot(cl, c)
}

func (cl *clause) holdsProgram(c *call) bool {
	if len(cl.names) > 0 || len(cl.programs) > 0 {
		if !cl.names[c.program] && !anyGlob(cl.programs, c.program) {
			return false
		}
	}
	if len(cl.tools) > 0 && (c.tool == "" || !anyGlob(cl.tools, c.tool)) {
		return false
	}
	return (cl.verbs == nil || c.tool != "" && hasVerb(c.toolWords, cl.verbs)) &&
		(cl.nouns == nil || c.tool != "" && hasVerb(c.toolWords, cl.nouns))
}

func (cl *clause) holdsWords(c *call) bool {
	if len(cl.subcommand) > 0 {
		found := false
		for _, sub := range cl.subcommand {
			found = found || c.hasSubcommand(sub)
		}
		if !found {
			return false
		}
	}
	if len(cl.anyFlag) > 0 && !c.anyFlag(cl.anyFlag) {
		return false
	}
	for _, alt := range cl.allFlags {
		if !c.anyFlag(alt) {
			return false
		}
	}
	if len(cl.args) > 0 {
		found := false
		for i := range c.words {
			found = found || anyGlob(cl.args, c.words[i].text)
		}
		if !found {
			return false
		}
	}
	if len(cl.env) > 0 {
		found := false
		for _, e := range c.env {
			found = found || anyGlob(cl.env, e)
		}
		if !found {
			return false
		}
	}
	return len(cl.code) == 0 || c.codeMatches(cl)
}

func (c *call) codeMatches(cl *clause) bool {
	if c.code == "" {
		return false
	}
	for _, re := range cl.code {
		if re.MatchString(c.code) {
			return true
		}
	}
	return false
}

func (c *call) anyFlag(list []flagPattern) bool {
	for i := range list {
		if c.flag(&list[i]) {
			return true
		}
	}
	return false
}

// holdsFlow looks at the calls whose output reaches this one.
func (p *plan) holdsFlow(cl *clause, c *call) bool {
	if cl.from != nil && !p.anyCall(c.from, cl.from) {
		return false
	}
	if cl.subst != nil && !p.anyCall(c.subst, cl.subst) {
		return false
	}
	if cl.fromArgs != nil && !p.anyArgs(c.from, cl.fromArgs) && !p.anyArgs(c.subst, cl.fromArgs) {
		return false
	}
	if cl.fromReads != 0 && !p.anyReads(c.from, cl.fromReads) && !p.anyReads(c.subst, cl.fromReads) {
		return false
	}
	return true
}

func (p *plan) anyCall(s span, names map[string]bool) bool {
	for i := s.lo; i < s.hi; i++ {
		if names[p.calls[i].program] {
			return true
		}
	}
	return false
}

func (p *plan) anyArgs(s span, list []glob) bool {
	for i := s.lo; i < s.hi; i++ {
		for _, w := range p.calls[i].words {
			if anyGlob(list, w.text) {
				return true
			}
		}
	}
	return false
}

func (p *plan) anyReads(s span, classes classSet) bool {
	for i := s.lo; i < s.hi; i++ {
		if p.calls[i].reads&classes != 0 {
			return true
		}
	}
	return false
}

func (p *plan) holdsNot(cl *clause, c *call) bool {
	for i := range cl.not {
		if p.holds(&cl.not[i], c) {
			return false
		}
	}
	return true
}

func anyGlob(list []glob, s string) bool {
	for i := range list {
		if list[i].match(s) {
			return true
		}
	}
	return false
}
