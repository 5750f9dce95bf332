package risk

import (
	"regexp"
	"slices"
	"strings"
)

// finish sorts a call's words into flags, values and operands, and works out what it reads and writes.
func (p *plan) finish(c *call) {
	if c.tool != "" {
		return
	}
	if c.info == nil {
		c.info = p.eng.programs[c.program]
	}
	p.kinds(c)
	for i := range c.words {
		w := &c.words[i]
		w.class = p.eng.classifyWord(w, p)
		c.targets |= w.class
	}
	for i := range c.redirs {
		r := &c.redirs[i]
		r.word.class = p.eng.classify(r.word.text, p)
		c.targets |= r.word.class
		if r.out {
			c.writes |= r.word.class
			if r.word.class&p.eng.nullDevice == 0 {
				c.marks |= markRedirected
			}
		} else {
			c.reads |= r.word.class
		}
	}
	if c.bare() {
		c.marks |= markBare
	}
	p.roles(c)
	p.transfers(c)
	p.code(c)
	p.fetched(c)
	p.stains(c)
	if c.program == "cd" || c.program == "pushd" {
		if n := len(c.words); n > 0 && c.words[n-1].kind == positional {
			p.setCwd(c.words[n-1].text)
		} else if n == 0 {
			p.setCwd("~")
		}
	}
}

// bare tells a call without operands and without flags that take a value; - stands for standard input.
func (c *call) bare() bool {
	for i := range c.words {
		if c.words[i].kind != flagWord && c.words[i].text != "-" && c.words[i].text != "/dev/stdin" {
			return false
		}
	}
	return true
}

// kinds sorts a call's words into flags, their values and operands.
func (p *plan) kinds(c *call) {
	for i := 0; i < len(c.words); i++ {
		w := &c.words[i]
		if len(w.text) < 2 || w.text[0] != '-' {
			w.kind = positional
			continue
		}
		if w.text == "--" {
			w.kind = flagWord
			for i++; i < len(c.words); i++ {
				c.words[i].kind = positional
			}
			return
		}
		w.kind = flagWord
		if c.info.takesValue(w.text) && i+1 < len(c.words) && !strings.HasPrefix(c.words[i+1].text, "--") {
			i++
			c.words[i].kind = valueWord
		}
	}
}

// classifyWord looks into flags only for the path attached to them: --file=x, -d@x.
func (e *Engine) classifyWord(w *word, p *plan) classSet {
	if w.kind != flagWord {
		return e.classify(w.text, p)
	}
	if i := strings.IndexAny(w.text, "=@/~"); i > 0 {
		if w.text[i] == '=' || w.text[i] == '@' {
			i++
		}
		return e.classify(w.text[i:], p)
	}
	return 0
}

// fetched remembers the files that downloads leave behind, and marks a call that runs one of them.
func (p *plan) fetched(c *call) {
	fetcher := p.eng.fetchers[c.program]
	if !fetcher {
		if len(p.got) > 0 && slices.Contains(p.got, c.ranFile(p.eng)) {
			c.marks |= markDownloaded
		}
		return
	}
	for i := range c.words {
		w := &c.words[i]
		name := ""
		switch {
		case w.kind == valueWord && c.info != nil && c.info.writeFlags[c.info.lastFlag(c.words[i-1].text)],
			w.kind == positional && w.class&classURL != 0 && (c.program == "wget" || c.hasShort('O')):
			name = w.text
		}
		if name = name[strings.LastIndexByte(name, '/')+1:]; name != "" && name != "-" && len(p.got) < maxNest {
			p.got = append(p.got, strings.ToLower(name))
		}
	}
	for i := range c.redirs {
		if name := c.redirs[i].word.text; c.redirs[i].out && len(p.got) < maxNest {
			p.got = append(p.got, strings.ToLower(name[strings.LastIndexByte(name, '/')+1:]))
		}
	}
}

// ranFile is the base name of the file a call runs: its program, or a shell's or interpreter's first operand.
func (c *call) ranFile(e *Engine) string {
	if !e.runners[c.program] {
		return c.program
	}
	for i := range c.words {
		if c.words[i].kind == positional {
			name := c.words[i].text
			return strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
		}
	}
	return ""
}

// roles splits a call's targets into what it reads and what it writes.
func (p *plan) roles(c *call) {
	info := c.info
	if info == nil {
		for i := range c.words {
			c.reads |= c.words[i].class
		}
		return
	}
	all, last := info.writesAll, -1
	if (all || info.writesLast) && len(info.writesWith) > 0 && !c.anyFlag(info.writesWith) {
		all = false
	} else if info.writesLast {
		for i := range c.words {
			if c.words[i].kind == positional {
				last = i
			}
		}
	}
	for i := range c.words {
		w := &c.words[i]
		switch {
		case w.kind == valueWord && info.keyFlags[info.lastFlag(c.words[i-1].text)]:
		case w.kind == valueWord && info.writeFlags[info.lastFlag(c.words[i-1].text)],
			w.kind != valueWord && all,
			i == last:
			c.writes |= w.class
		default:
			c.reads |= w.class
		}
	}
}

// transfers reads the commands that a client for files is given on its standard input: put ~/.ssh/id_rsa.
func (p *plan) transfers(c *call) {
	if c.program != "sftp" && c.program != "ftp" && c.program != "lftp" {
		return
	}
	in, _ := p.input(c)
	n := 0
	for f := range strings.FieldsSeq(in) {
		if n++; n > maxCalls {
			return
		}
		class := p.eng.classify(f, p)
		c.reads |= class
		c.targets |= class
	}
}

// lastFlag is the flag of a bundle that takes the next word: -o of -so.
func (info *programInfo) lastFlag(t string) string {
	if !info.singleDash && len(t) > 2 && t[0] == '-' && t[1] != '-' && isLetter(t[1]) {
		return "-" + t[len(t)-1:]
	}
	return t
}

// codeWrites finds program text that writes or deletes files.
var codeWrites = regexp.MustCompile(`open\s*\([^)]*,\s*["'][wax]|\b(?:unlink|unlinkSync|rename|renameSync|rmtree|rmSync|rm_rf|truncate|truncateSync)\b|\bos\.remove|\bwrite_(?:text|bytes)|\b(?:write|append)File(?:Sync)?|\bfile_put_contents|\bFile\.(?:write|delete)|\bshutil\.(?:move|copy)`)

// literals counts the sensitive paths among a program text's string literals as read, and those that are guarded as
// written if the text writes files at all; and reads the statements in those literals that are SQL.
func (p *plan) literals(c *call) {
	if strings.IndexByte(c.code, '/') < 0 && strings.IndexByte(c.code, '.') < 0 {
		return
	}
	var guarded classSet
	for _, m := range quotedWord.FindAllStringSubmatch(c.code, 32) {
		text := m[1] + m[2]
		class := p.eng.classify(text, nil)
		c.reads |= class & p.eng.sensitive
		guarded |= class & p.eng.guarded
		if strings.IndexByte(text, ' ') > 0 {
			c.sql |= classifySQL(text) & (sqlDrop | sqlTruncate | sqlDeleteAll | sqlUpdateAll | sqlExecute | sqlGrantAll)
		}
	}
	if guarded != 0 && codeWrites.MatchString(c.code) {
		c.writes |= guarded
	}
	c.targets |= c.reads & p.eng.sensitive
}

// code gathers the program text given to an interpreter or a database client.
func (p *plan) code(c *call) {
	info := c.info
	if info == nil || info.codeFlags == nil && !info.codeInput && !info.codeWords {
		return
	}
	var parts []string
	script := false
	for i := range c.words {
		w := &c.words[i]
		switch w.kind {
		case valueWord:
			if flag := c.words[i-1].text; info.codeFlags[flag] || len(flag) > 2 && flag[1] != '-' && info.codeFlags["-"+flag[len(flag)-1:]] {
				parts = append(parts, w.text)
			}
		case flagWord:
			if name, v, ok := strings.Cut(w.text, "="); ok && info.codeFlags[name] {
				parts = append(parts, v)
			} else if len(w.text) > 2 && info.codeFlags[w.text[:2]] && w.text[1] != '-' {
				parts = append(parts, w.text[2:])
			}
		case positional:
			script = script || w.text != "-"
			if info.codeWords {
				parts = append(parts, w.text)
			}
		}
	}
	if info.codeInput && (!script || info.sql) {
		if in, ok := p.input(c); ok {
			parts = append(parts, in)
		}
	}
	sep := " "
	if !info.codeWords {
		sep = ";\n"
	}
	if c.code = strings.Join(parts, sep); len(c.code) > maxText {
		c.code, p.cut = c.code[:maxText], true
	}
	if !info.sql {
		p.literals(c)
	}
	if info.sql {
		c.sql = classifySQL(c.code)
		for _, part := range parts {
			c.sql |= classifySQL(part)
		}
	}
}
