package risk

import "strings"

// What a command does may come about in steps: text is written where something will run it later, a secret is copied
// to a file that a later command sends. This file follows both, as far as the subject itself tells.

// written judges text that a call puts where it will be run: into a shell's startup file, a crontab, a unit, a hook.
func (p *plan) written(i int) {
	c := &p.calls[i]
	if c.writes&p.eng.startup == 0 && c.program != "crontab" && c.program != "at" && c.program != "batch" {
		return
	}
	text, ok := "", false
	switch c.program {
	case "tee", "sponge", "crontab", "at", "batch", "dd", ":":
		text, ok = p.input(c)
	default:
		text, ok = p.output(span{int32(i), int32(i) + 1})
	}
	if ok && text != "" {
		p.text(markersToShell(scheduled(text)), site{depth: p.depth + 1})
	}
}

// scheduled takes from each line what stands before the command in crontabs and units: times, a user, ExecStart=.
func scheduled(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		rest := strings.TrimSpace(line)
		if key, value, ok := strings.Cut(rest, "="); ok && strings.HasPrefix(key, "Exec") {
			rest = strings.TrimLeft(value, "-@:+!")
		}
		n := 0
		if strings.HasPrefix(rest, "@") {
			n = 1
		} else if f := strings.Fields(rest); len(f) > 5 && cronFields(f[:5]) {
			n = 5
		}
		for range n {
			_, rest, _ = strings.Cut(strings.TrimLeft(rest, " \t"), " ")
		}
		if n > 0 {
			rest = strings.TrimPrefix(strings.TrimLeft(rest, " \t"), "root ")
		}
		b.WriteString(rest)
		b.WriteByte('\n')
	}
	return b.String()
}

func cronFields(f []string) bool {
	for _, s := range f {
		if strings.Trim(s, "0123456789*,/-") != "" {
			return false
		}
	}
	return true
}

// stain is a file that an earlier call has made of something sensitive.
type stain struct {
	name  string
	class classSet
}

// stains lets a call read what went into the files it reads, and remembers those it makes itself. kept are the classes
// of what is worth following.
func (p *plan) stains(c *call) {
	if len(p.stained) > 0 {
		for i := range c.words {
			p.stainedWord(c, &c.words[i])
		}
		for i := range c.redirs {
			if !c.redirs[i].out {
				p.stainedWord(c, &c.redirs[i].word)
			}
		}
	}
	class := c.reads & p.eng.followed
	if s := c.from; !s.empty() && class == 0 {
		for i := s.lo; i < s.hi; i++ {
			class |= p.calls[i].reads & p.eng.followed
		}
	}
	if class == 0 {
		return
	}
	for i := range c.redirs {
		if c.redirs[i].out {
			p.stain(&c.redirs[i].word, class)
		}
	}
	if !p.eng.packers[c.program] {
		return
	}
	for i := range c.words {
		p.stain(&c.words[i], class)
	}
}

func (p *plan) stainedWord(c *call, w *word) {
	text := w.text[strings.LastIndexAny(w.text, "@=")+1:]
	for i := range p.stained {
		if p.stained[i].name == text {
			c.reads |= p.stained[i].class
		}
	}
}

// stain remembers the file a word names, unless it is the sensitive one itself, or no file.
func (p *plan) stain(w *word, class classSet) {
	if len(w.text) < 2 || w.text[0] == '-' || w.class&class != 0 || w.class&p.eng.nullDevice != 0 || len(p.stained) >= maxNest {
		return
	}
	p.stained = append(p.stained, stain{w.text, class})
}
