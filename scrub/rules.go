package scrub

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// nameKeywords are in every name that judgeName knows.
var nameKeywords = []string{
	"pass", "pwd", "secret", "token", "key", "auth", "cred", "cookie", "signature", "sig=", "bearer", "mnemonic",
	"phrase", "psk", "jwt", "otp", "seed", "salt", "_pw", "-pw", "pw=", "pw:", "_pat", "code=", "psw", "pasw", "pssw",
}

// programKeywords are the program's names; a short one triggers only before its subcommand.
func programKeywords(p *program) []string {
	var k []string
	for name := range strings.FieldsSeq(p.names) {
		if len(name) > 3 || p.sub == "" {
			k = append(k, name)
			continue
		}
		for sub := range strings.FieldsSeq(p.sub) {
			k = append(k, name+" "+sub)
		}
	}
	return k
}

// ruleFiles are the built-in rules.
//
//go:embed rules/*.rules
var ruleFiles embed.FS

// tables are rules compiled.
type tables struct {
	auto     *automaton
	patterns int // how many there are
	rules    []rule
	kinds    map[string]bool // of labels
	name     string          // Ruleset, with a digest of the files of one's own
	texts    []ruleText      // what the rules of files were compiled from
}

// builtinTables compiles the built-in rules, once for all engines.
var builtinTables = sync.OnceValues(func() (*tables, error) { return compileTables(nil) })

// builtinRules parses the built-in rule files. Of rules that find the same, the later names it.
var builtinRules = sync.OnceValues(func() ([]*Rules, error) {
	var files []*Rules
	for _, name := range []string{"kingfisher.rules", "gitleaks.rules", "agentaudit.rules"} {
		text, err := ruleFiles.ReadFile("rules/" + name)
		if err != nil {
			return nil, err
		}
		f, err := ParseRules(name, string(text))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
})

// tableBuilder collects rules and the keywords that trigger them.
type tableBuilder struct {
	rules    []rule
	keywords []keyword
	patterns patternCompiler
}

func (b *tableBuilder) add(r rule, texts ...string) {
	for _, t := range texts {
		b.keyword(t, false)
	}
	b.rules = append(b.rules, r)
}

// keyword adds a keyword of the rule that is added next; exact ones are found in just their case.
func (b *tableBuilder) keyword(text string, exact bool) {
	k := keyword{text: strings.ToLower(text), rule: uint16(len(b.rules))}
	if exact {
		k.exact = text
	}
	b.keywords = append(b.keywords, k)
}

// addPattern adds a rule that is found by the anchors of its pattern.
func (b *tableBuilder) addPattern(r rule, apart bool) {
	p := r.pattern
	for _, a := range p.anchors {
		b.keyword(a, p.cased)
		b.keywords[len(b.keywords)-1].apart = apart && len(p.before) == 0
	}
	b.rules = append(b.rules, r)
}

// compileTables compiles the built-in rules and those of files, which may replace or disable built-in ones.
func compileTables(files []*Rules) (*tables, error) {
	builtin, err := builtinRules()
	if err != nil {
		return nil, err
	}
	return compileFiles(append(slices.Clone(builtin), files...), files)
}

// compileFiles compiles the rules of all files, and what is written in Go; the digest in the name is that of own.
func compileFiles(all, own []*Rules) (*tables, error) {
	texts, err := joinRules(all)
	if err != nil {
		return nil, err
	}
	b := &tableBuilder{patterns: patternCompiler{slots: map[byteSet]uint16{}}}
	b.addNative()
	t := &tables{kinds: nativeKinds(), texts: texts, name: Ruleset}
	if len(own) > 0 {
		digest := sha256.New()
		for _, f := range own {
			digest.Write(f.digest[:])
		}
		t.name += "+" + hex.EncodeToString(digest.Sum(nil)[:4])
	}
	encoded := slices.Clone(base64Words)
	for _, w := range base64Wide {
		encoded = append(encoded, wide(w))
	}
	for i := range texts {
		first := len(b.rules)
		if err := b.addText(&texts[i]); err != nil {
			return nil, err
		}
		t.kinds[texts[i].kind] = true
		for _, r := range b.rules[first:] {
			if r.pattern != nil && len(r.pattern.before) == 0 && r.token.within == 0 {
				encoded = append(encoded, heads(r.pattern.steps, r.pattern.start, "")...)
			}
		}
	}
	b.addBase64(encoded)
	if len(b.rules) > maxRules {
		return nil, fmt.Errorf("%w: %d rules, more than %d", ErrRules, len(b.rules), maxRules)
	}
	t.rules, t.patterns = b.rules, int(b.patterns.count)
	if t.auto, err = newAutomaton(b.keywords); err != nil {
		return nil, err
	}
	return t, nil
}

const maxRules = 1 << 15

// addNative adds what is written in Go, before the rules of files: of rules that find the same, the later names it.
func (b *tableBuilder) addNative() {
	b.add(rule{kind: "label"}, labelStart)
	b.add(rule{verify: verifyView}, viewKeywords...)
	b.add(rule{kind: "jwt", verify: verifyJWT}, "eyJ")
	b.add(rule{kind: kindAuthorization, verify: verifyBearer}, "Bearer ")
	b.add(rule{verify: verifyName}, nameKeywords...)
	for i := range programs {
		b.add(rule{verify: verifyProgram, prog: &programs[i], index: i}, programKeywords(&programs[i])...)
	}
	for i := range callees {
		b.add(rule{verify: verifyCall, index: i}, callees[i].keywords()...)
	}
	b.add(rule{kind: kindPassword, verify: verifyQuoted}, "identified by ", "identified with mysql_native_password by ")
	b.add(rule{verify: verifyURL}, "://")
	b.add(rule{kind: kindPrivateKey, verify: verifyJWK}, `"kty`)
	b.add(rule{verify: verifyDiscord}, discordAnchors...)
	b.add(rule{verify: verifyManifest}, "kind: secret", `kind: "secret`, "kind: 'secret", `"kind": "secret`)
	b.add(rule{verify: verifyPgpass}, ":5432:", ":5433:", ":*:*:")
	b.add(rule{verify: verifyPutty}, "private-lines: ")
	b.add(rule{verify: verifyPEM}, "-----begin ")
	b.add(rule{verify: verifyPEMTail}, "-----end ")
	b.add(rule{verify: verifyKeyBody}, "b3blbnnzac1rzxktdje", "mhccaqee", "mc4caqaw")
	b.add(rule{verify: verifyKeyBody, index: 6}, "ibaakc", "ibadan")
}

// addText compiles a rule of a file.
func (b *tableBuilder) addText(r *ruleText) error {
	t := &tokenRule{
		kind: r.kind, within: r.within, also: r.also, checks: r.checks,
		start: r.glued != "start" && r.glued != "both", end: r.glued != "end" && r.glued != "both",
	}
	anchored := len(r.near) == 0 && len(r.names) == 0
	for _, m := range r.match {
		p, err := b.pattern(r, m, anchored)
		if err != nil {
			return err
		}
		t.match = append(t.match, p)
	}
	for _, m := range r.except {
		p, err := b.pattern(r, m, false)
		if err != nil {
			return err
		}
		t.except = append(t.except, p)
	}
	switch {
	case len(r.names) > 0:
		b.add(rule{kind: r.kind, verify: verifyNamed, token: t}, r.names...)
	case len(r.near) > 0:
		for _, m := range r.near {
			p, err := b.pattern(r, m, true)
			if err != nil {
				return err
			}
			b.addPattern(rule{kind: r.kind, verify: verifyNear, token: t, pattern: p}, false)
		}
	default:
		for _, p := range t.match {
			b.addPattern(rule{kind: r.kind, verify: verifyToken, token: t, pattern: p}, t.start)
		}
	}
	return nil
}

func (b *tableBuilder) pattern(r *ruleText, text string, anchored bool) (*pattern, error) {
	e, err := parsePattern(text, r.fold)
	if err != nil {
		return nil, r.errorf("%q: %v", text, err)
	}
	p, err := b.patterns.compile(e, anchored)
	if err != nil {
		return nil, r.errorf("%q: %v", text, err)
	}
	return p, nil
}
