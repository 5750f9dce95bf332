package risk

import (
	"regexp"
	"strings"
)

// command judges argv as one simple command: wrappers in front of it (sudo, env, timeout …) are taken off and leave
// their marks, then what it starts itself (bash -c, ssh, find -exec, docker run …) is flattened in turn.
func (p *plan) command(argv []word, proto call, s site) {
	for range maxHops {
		if w := argv[0]; w.dyn && strings.Contains(w.text, " ") {
			if split := fields(w.text); len(split) > 0 { // the shell splits what an expansion yields
				split[0].dyn = true
				argv = append(split, argv[1:]...)
			}
		}
		proto.program = p.eng.program(argv[0].text)
		if proto.path = ""; strings.IndexByte(argv[0].text, '/') >= 0 && !strings.Contains(argv[0].text, shut) {
			proto.path = argv[0].text
		}
		if argv[0].computed() {
			proto.marks |= markDynamic
		}
		proto.info = p.eng.programs[proto.program]
		if proto.info == nil || proto.info.wrapper == nil {
			break
		}
		rest := proto.info.wrapper(p, argv, &proto)
		if len(rest) == 0 {
			break
		}
		if p.eng.sigma != nil && len(p.wraps) < maxNest {
			p.wraps = append(p.wraps, argv)
		}
		argv = rest
	}
	s.marks = proto.marks &^ (markDynamic | markXargs)
	i := p.add(proto, argv[1:])
	if i < 0 {
		return
	}
	if info := p.calls[i].info; info != nil && info.starts != nil && s.depth < maxDepth {
		s.depth++
		info.starts(p, i, s)
	}
}

// program is the program a word names. Expansions within a name are often there to hide it, and empty: c${x}url is
// taken for curl.
func (e *Engine) program(text string) string {
	name := baseName(text)
	if name != "" || !strings.Contains(text, shut) {
		return name
	}
	var b strings.Builder
	for len(text) > 0 {
		i := strings.IndexAny(text, open+openGuarded)
		if i < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i])
		_, text, _ = strings.Cut(text[i:], shut)
	}
	if name = baseName(b.String()); e.programs[name] != nil || e.byProgram[name] != nil {
		return name
	}
	return ""
}

// computed tells a program name that is not plain from the text. A name below a variable folder ($HOME/bin/x) is.
func (w *word) computed() bool {
	if !w.dyn {
		return false
	}
	i := strings.LastIndexByte(w.text, '/')
	return i < 0 || strings.Contains(w.text[i:], shut) || w.text[0] == '/'
}

// baseName is the program a word names: last path element, lower case, without .exe. It is "" when the name itself
// is an expansion that could not be resolved.
func baseName(s string) string {
	if i := strings.LastIndexAny(s, "/\\"); i >= 0 && i+1 < len(s) {
		s = s[i+1:]
	}
	if strings.Contains(s, shut) {
		return ""
	}
	lower := true
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' || s[i] == '.' {
			lower = false
			break
		}
	}
	if lower {
		return s
	}
	return strings.TrimSuffix(strings.ToLower(s), ".exe")
}

// wrapper takes a program off the front of argv and returns the command behind it; nil when there is none.
type wrapper func(p *plan, argv []word, c *call) []word

// starter flattens what a call starts: text, a command in its words, a command on another host.
type starter func(p *plan, i int, s site)

// skip returns argv behind its first word, the flags after that, and the flags' values.
func (info *programInfo) skip(argv []word) []word {
	i := 1
	for i < len(argv) {
		t := argv[i].text
		if len(t) < 2 || t[0] != '-' {
			break
		}
		i++
		if t == "--" {
			break
		}
		if info.takesValue(t) && i < len(argv) {
			i++
		}
	}
	return argv[i:]
}

func wrapPlain(_ *plan, argv []word, c *call) []word { return c.info.skip(argv) }

func wrapBackground(_ *plan, argv []word, c *call) []word {
	c.marks |= markBackground
	return c.info.skip(argv)
}

// wrapSkipOne is for wrappers whose first operand is theirs: timeout 5 cmd, chroot DIR cmd, flock FILE cmd.
func wrapSkipOne(_ *plan, argv []word, c *call) []word {
	rest := c.info.skip(argv)
	if len(rest) < 2 {
		return nil
	}
	return rest[1:]
}

// wrapCommand leaves `command -v x` and `command -V x`, which only ask where x is.
func wrapCommand(_ *plan, argv []word, c *call) []word {
	if len(argv) > 1 && (strings.HasPrefix(argv[1].text, "-v") || strings.HasPrefix(argv[1].text, "-V")) {
		return nil
	}
	return c.info.skip(argv)
}

func wrapSudo(_ *plan, argv []word, c *call) []word {
	root := true
	for i := 1; i < len(argv); i++ {
		switch t := argv[i].text; {
		case (t == "-u" || t == "--user") && i+1 < len(argv):
			root = argv[i+1].text == "root" || argv[i+1].text == "#0"
		case strings.HasPrefix(t, "--user="):
			root = t == "--user=root"
		}
		if argv[i].text == "" || argv[i].text[0] != '-' {
			break
		}
	}
	rest := assignments(c.info.skip(argv), c)
	if root {
		c.marks |= markRoot
	}
	return rest
}

func wrapEnv(p *plan, argv []word, c *call) []word {
	for i, w := range argv[1:] {
		if (w.text == "-S" || w.text == "--split-string") && i+2 < len(argv) {
			return append(fields(argv[i+2].text), argv[i+3:]...)
		}
		if w.text == "" || w.text[0] != '-' {
			break
		}
	}
	return assignments(c.info.skip(argv), c)
}

func assignments(argv []word, c *call) []word {
	for len(argv) > 0 {
		t := argv[0].text
		if eq := strings.IndexByte(t, '='); eq <= 0 || strings.IndexByte(t[:eq], '/') >= 0 {
			break
		}
		c.env = append(c.env, t)
		argv = argv[1:]
	}
	return argv
}

// wrapRun is for `poetry run cmd`, `bundle exec cmd`, `doppler run -- cmd`: the command follows run or exec.
func wrapRun(_ *plan, argv []word, c *call) []word {
	rest := c.info.skip(argv)
	if len(rest) == 0 || (rest[0].text != "run" && rest[0].text != "exec" && rest[0].text != "x") {
		return nil
	}
	for i := range rest {
		if rest[i].text == "--" {
			return rest[i+1:]
		}
	}
	return c.info.skip(rest)
}

// fields splits text at white space into static words.
func fields(s string) []word {
	var out []word
	for f := range strings.FieldsSeq(s) {
		out = append(out, word{text: f})
	}
	return out
}

// startShell flattens the text a shell is given: by -c, by standard input, by a heredoc, by a substitution.
func startShell(p *plan, i int, s site) {
	c := &p.calls[i]
	for j := range c.words {
		w := &c.words[j]
		if w.kind == flagWord && strings.HasSuffix(w.text, "c") && !strings.HasPrefix(w.text, "--") || w.text == "/c" || w.text == "/C" {
			if j+1 < len(c.words) {
				p.nested(c.words[j+1], s)
			}
			return
		}
	}
	for j := range c.words {
		if w := &c.words[j]; w.kind == positional && w.text != "-" && !strings.HasPrefix(w.text, "/dev/stdin") {
			return // a script file
		}
	}
	p.fromInput(i, s)
}

// fromInput flattens text that reaches a shell's standard input and can be told from the command itself.
func (p *plan) fromInput(i int, s site) {
	c := &p.calls[i]
	src, ok := p.input(c)
	if !ok || src == "" {
		return
	}
	if p.decodes(c.from) {
		s.marks |= markDecoded
	}
	s.in = span{}
	p.text(src, s)
}

// nested flattens the text in a word, given to a shell.
func (p *plan) nested(w word, s site) {
	if w.dyn && strings.HasPrefix(w.text, openGuarded) {
		return // wholly unknown; the rules see where it comes from
	}
	p.text(markersToShell(w.text), s)
}

// decodes tells whether a span holds a decoder.
func (p *plan) decodes(s span) bool {
	for i := s.lo; i < s.hi; i++ {
		switch p.calls[i].program {
		case "base64", "base32", "xxd", "openssl", "rev", "gpg":
			return true
		}
	}
	return false
}

func startEval(p *plan, i int, s site) {
	c := &p.calls[i]
	var b strings.Builder
	for j := range c.words {
		if j > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.words[j].text)
	}
	if b.Len() == 0 {
		return
	}
	s.marks |= markEval
	if p.decodes(c.subst) {
		s.marks |= markDecoded
	}
	p.nested(word{text: b.String(), dyn: !c.subst.empty()}, s)
}

// startFirst is for trap 'text' SIGNAL.
func startFirst(p *plan, i int, s site) {
	if c := &p.calls[i]; len(c.words) > 1 {
		p.nested(c.words[0], s)
	}
}

func startAlias(p *plan, i int, s site) {
	for _, w := range p.calls[i].words {
		if _, value, ok := strings.Cut(w.text, "="); ok {
			p.nested(word{text: value}, s)
		}
	}
}

// startWords is for programs whose operands, joined, are shell text: watch, parallel.
func startWords(p *plan, i int, s site) {
	argv := p.calls[i].words
	for j := range argv {
		if argv[j].kind == positional {
			p.text(markersToShell(join(argv[j:])), s)
			return
		}
	}
}

// startCommandFlag is for programs that take shell text by a flag: su -c, script -c, gcloud compute ssh --command,
// nix-shell --run, vagrant ssh -c.
func startCommandFlag(p *plan, i int, s site) {
	c := &p.calls[i]
	switch c.program {
	case "su", "runuser":
		s.marks |= markRoot
	case "gcloud", "vagrant":
		s.marks |= markRemote
	}
	for j := range c.words {
		switch t := c.words[j].text; {
		case t == "-c" || t == "--command" || t == "--run" || t == "--session-command":
			if j+1 < len(c.words) {
				p.nested(c.words[j+1], s)
				return
			}
		case strings.HasPrefix(t, "--command="):
			p.nested(word{text: t[len("--command="):]}, s)
			return
		}
	}
}

// startSSH flattens the command run on the other host: the words after the destination, or a heredoc.
func startSSH(p *plan, i int, s site) {
	c := &p.calls[i]
	s.marks |= markRemote
	for j := range c.words {
		if c.words[j].kind != positional {
			continue
		}
		if strings.HasPrefix(c.words[j].text, "root@") {
			s.marks |= markRoot
		}
		if j+1 < len(c.words) {
			s.in = c.from
			p.text(markersToShell(join(c.words[j+1:])), s)
			return
		}
		break
	}
	p.fromInput(i, s)
}

func join(argv []word) string {
	if len(argv) == 1 {
		return argv[0].text
	}
	var b strings.Builder
	for j := range argv {
		if j > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(argv[j].text)
	}
	return b.String()
}

// startContainer is for docker, podman, nerdctl: `exec` and `run` hand a command to a container, the first operand
// being the container or image. `compose exec` and `compose run` name a service.
func startContainer(p *plan, i int, s site) {
	c := &p.calls[i]
	j, at := 0, [3]int{}
	for k := range c.words {
		if c.words[k].kind == positional && j < len(at) {
			at[j], j = k, j+1
		}
	}
	n := 0
	if j > 2 && (c.words[at[0]].text == "compose" || c.words[at[0]].text == "container") {
		n = 1
	}
	if j < n+2 {
		return
	}
	if verb := c.words[at[n]].text; verb != "exec" && verb != "run" {
		return
	}
	s.marks |= markContainer
	if c.hasOption("-u", "root") || c.hasOption("--user", "root") || c.hasOption("-u", "0") {
		s.marks |= markRoot
	}
	p.behind(c.words, at[n+1]+1, c, s)
}

// startKubectl is for kubectl exec POD -- cmd.
func startKubectl(p *plan, i int, s site) {
	c := &p.calls[i]
	s.marks |= markContainer | markRemote
	for j := range c.words {
		if c.words[j].text == "--" {
			p.behind(c.words, j+1, c, s)
			return
		}
	}
}

// behind judges the words from j on as a command of their own.
func (p *plan) behind(words []word, j int, c *call, s site) {
	if j < len(words) {
		p.command(unmarked(words[j:]), call{from: c.from, subst: c.subst, stdin: c.stdin, marks: s.marks}, s)
	}
}

// unmarked copies words without their kinds and classes, which belong to the outer command.
func unmarked(words []word) []word {
	out := make([]word, len(words))
	for i, w := range words {
		out[i] = word{text: w.text, dyn: w.dyn}
	}
	return out
}

// startFind is for find … -exec cmd {} ; — {} stands for what is found: for the starting folder itself when nothing
// narrows the search, else for something below it, by the name asked for.
func startFind(p *plan, i int, s site) {
	c := &p.calls[i]
	root, found := ".", ""
	for j := range c.words {
		switch w := c.words[j]; {
		case w.kind == positional && j == 0:
			root = w.text
		case (w.text == "-name" || w.text == "-iname") && j+1 < len(c.words):
			found = c.words[j+1].text
		case strings.HasPrefix(w.text, "-path") || strings.HasPrefix(w.text, "-mtime") ||
			strings.HasPrefix(w.text, "-empty") || strings.HasPrefix(w.text, "-regex"):
			found = openGuarded + "found" + shut
		}
	}
	if bare := strings.Trim(found, "*"); strings.ContainsFunc(bare, func(r rune) bool { return r < 128 && isLetter(byte(r)) }) {
		found = bare
	}
	if found != "" && root != "/" && root != "~" {
		root = strings.TrimSuffix(root, "/") + "/x/" + found
	}
	for j := 0; j < len(c.words); j++ {
		switch c.words[j].text {
		case "-exec", "-execdir", "-ok", "-okdir":
			end := j + 1
			for end < len(c.words) && c.words[end].text != ";" && c.words[end].text != "+" {
				end++
			}
			argv := unmarked(c.words[j+1 : end])
			for k := range argv {
				if strings.Contains(argv[k].text, "{}") {
					argv[k] = word{text: strings.ReplaceAll(argv[k].text, "{}", root), dyn: true}
				}
			}
			p.behind(argv, 0, c, s)
			c, j = &p.calls[i], end
		}
	}
}

// startXargs judges the command whose further words come from standard input.
func startXargs(p *plan, i int, s site) {
	c := &p.calls[i]
	for j := range c.words {
		if c.words[j].kind == positional {
			argv := unmarked(c.words[j:])
			if in, ok := p.input(c); ok && len(in) < 4096 {
				argv = append(argv, fields(in)...)
			} else {
				argv = append(argv, word{text: openGuarded + "input" + shut, dyn: true})
			}
			p.command(argv, call{from: c.from, marks: s.marks | markXargs}, s)
			return
		}
	}
}

// startRest is for programs whose operands are a command: nsenter, unshare.
func startRest(p *plan, i int, s site) {
	c := &p.calls[i]
	for j := range c.words {
		if c.words[j].kind == positional {
			p.behind(c.words, j, c, s)
			return
		}
	}
}

// startPackage is for npx PACKAGE, uvx PACKAGE: the package's program, without version and scope.
func startPackage(p *plan, i int, s site) {
	c := &p.calls[i]
	for j := range c.words {
		if w := &c.words[j]; w.kind == positional {
			argv := unmarked(c.words[j:])
			if at := strings.LastIndexByte(argv[0].text, '@'); at > 0 {
				argv[0].text = argv[0].text[:at]
			}
			p.behind(argv, 0, c, s)
			return
		}
	}
}

// startAnsible is for ansible HOSTS -m shell -a 'text'.
func startAnsible(p *plan, i int, s site) {
	c := &p.calls[i]
	s.marks |= markRemote
	module, text := "command", ""
	for j := range c.words {
		if c.words[j].kind != valueWord {
			continue
		}
		switch c.words[j-1].text {
		case "-m", "--module-name":
			module = c.words[j].text
		case "-a", "--args":
			text = c.words[j].text
		}
	}
	switch module[strings.LastIndexByte(module, '.')+1:] {
	case "shell", "command", "raw", "script":
		p.text(markersToShell(text), s)
	}
}

// startModule is for python -m MODULE: the module as a program.
func startModule(p *plan, i int, s site) {
	c := &p.calls[i]
	for j := range c.words {
		if c.words[j].kind == valueWord && c.words[j-1].text == "-m" && strings.HasPrefix(c.program, "py") {
			p.behind(c.words, j, c, s)
			return
		}
		if c.words[j].kind == positional {
			return
		}
	}
}

// startGit is for `git -c alias.x='!cmd'` and `git bisect run cmd`, `git submodule foreach 'cmd'`.
func startGit(p *plan, i int, s site) {
	c := &p.calls[i]
	for j := range c.words {
		switch t := c.words[j].text; {
		case strings.HasPrefix(t, "alias.") && strings.Contains(t, "=!"):
			p.nested(word{text: t[strings.Index(t, "=!")+2:]}, s)
			c = &p.calls[i]
		case t == "foreach" && j+1 < len(c.words) && j > 0 && c.words[j-1].text == "submodule":
			p.text(markersToShell(join(c.words[j+1:])), s)
			return
		case t == "run" && j > 0 && c.words[j-1].text == "bisect":
			p.behind(c.words, j+1, c, s)
			return
		}
	}
}

// shellCalls finds shell text in the literals of other languages: os.system("…"), subprocess.run("…"),
// child_process.execSync('…'), system("…"), `…`.
var (
	shellCalls = regexp.MustCompile(`(?:\bsystem|\bpopen\d?|\bexec(?:Sync|File|FileSync)?|\bspawn(?:Sync)?|\bsubprocess\.\w+|\bgetoutput|\bshell_exec|\bpassthru)\s*\(?\s*(?:\[\s*)?(?:[frb]?"((?:[^"\\]|\\.)*)"|[frb]?'((?:[^'\\]|\\.)*)')((?:\s*,\s*(?:"[^"]*"|'[^']*'))*)`)
	backticks  = regexp.MustCompile("`([^`]+)`")
	quotedWord = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)
)

// startCode flattens the shell commands in a program's text given by -c, -e or standard input.
func startCode(p *plan, i int, s site) {
	startModule(p, i, s)
	code, program := p.calls[i].code, p.calls[i].program
	if code == "" || !strings.ContainsAny(code, "(\"'`") {
		return
	}
	if len(code) > maxText {
		code, p.cut = code[:maxText], true
	}
	if program == "ruby" || program == "perl" || program == "php" {
		for _, m := range backticks.FindAllStringSubmatch(code, 16) {
			p.text(m[1], s)
		}
	}
	for _, m := range shellCalls.FindAllStringSubmatch(code, 16) {
		text := m[1] + m[2]
		for _, q := range quotedWord.FindAllStringSubmatch(m[3], 32) {
			text += " " + q[1] + q[2]
		}
		p.text(unescapeANSI(text), s)
	}
}
