package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// aider's chat history (.aider.chat.history.md), Markdown, line by line. Made from 0.47 (2024) to 0.86 (2025).
//
//	# aider chat started at 2025-05-01 10:00:00     a session; the time is local, its zone is not told
//	> /usr/bin/aider --model m --yes-always         how it was started
//	> Aider v0.86.1
//	> Main model: m with diff edit format           also "Model: " and "Models: "
//	> Applied edit to src/a.py                      a file was changed
//	> pytest -q                                     a command that the model proposes, one or more lines (the mark
//	                                                stands before the first only),
//	> Run shell command? (Y)es/(N)o/(S)kip all/(D)on't ask again [Yes]: n      and the answer
//	> Running pytest -q                             after a yes: each of the commands
//	#### /run make                                  the person's own command; also "!make", "/test make" and "/git log"
//	anything else                                   what the person and the model say, and what aider says of itself
//
// Any line may be of such a log, so none is taken before one that is aider's for certain. Exit codes, output, times,
// directory, user and host are not told. With --yes-always the answer is written as "n", and it is aider's, not a
// person's. Only the first line of a person's command is read.
type aider struct{}

const aiderName = "aider"

func (*aider) Name() string { return aiderName }

const (
	aiderStart = "# aider chat started at "
	aiderAsks  = "> Run shell command"
)

// Detect takes any text: whether it is aider's is told by the lines before, see Convert.
// Looks says what its lines of text look like.
func (*aider) Looks() string {
	return "a chat history: \"# aider chat started at …\", \"> Aider v…\", \"> Run shell command? (Y)es/(N)o…\", and the lines after it"
}

// Keys of its objects: it reads lines of text.
func (*aider) Keys() []string { return nil }

func (*aider) Detect(v value.Value) bool { return v.Kind() == value.String }

func (*aider) Convert(src *Source, in *Input, emit Emit) bool {
	line := strings.TrimRight(str(in.Body), " \r\n")
	if src.Format != aiderName && !strings.HasPrefix(line, aiderStart) && !strings.HasPrefix(line, "> Aider v") &&
		(!strings.HasPrefix(line, aiderAsks) || !strings.Contains(line, "? (Y)es/(N)o")) {
		return false
	}
	l := aiderLine{src: src, in: in, emit: emit}
	if at, ok := strings.CutPrefix(line, aiderStart); ok {
		src.Known = schema.Action{}
		keep(&src.Known.Session.ID, at)
		keep(&src.Known.Session.ConversationID, at)
		src.Known.Session.Start = timeOf(at)
		return true
	}
	if said, ok := strings.CutPrefix(line, "> "); ok {
		l.said(strings.TrimSpace(said))
		return true
	}
	if src.Known.Command.Line != "" && line != "" && line[0] != '#' {
		l.propose(line) // of several lines only the first has the mark
		return true
	}
	src.Known.Command.Line, src.Known.Authorization.Decision = "", ""
	if typed, ok := strings.CutPrefix(line, "#### "); ok {
		l.typed(typed)
	}
	return true
}

// aiderLine is one line while it is read. Known.Command.Line holds the lines before that may be a proposed command.
type aiderLine struct {
	src  *Source
	in   *Input
	emit Emit
}

func (l *aiderLine) fragment() *schema.Fragment {
	f := newFragment(l.in, aiderName, aiderName, schema.Whole)
	known := &l.src.Known
	f.Session = known.Session
	f.Identity.ServiceName, f.Identity.AgentName = aiderName, aiderName
	f.Identity.ServiceVersion, f.Identity.Model = known.Identity.ServiceVersion, known.Identity.Model
	f.Authorization.Mode = known.Authorization.Mode
	return f
}

func (l *aiderLine) shell(tool, line string) *schema.Fragment {
	f := l.fragment()
	setKind(&f.Action, schema.ActionShell)
	f.Command.Tool, f.Command.Line = tool, line
	identifyByInput(f, l.in, 0)
	return f
}

// aiderNotes begin lines that are no proposed command.
var aiderNotes = []string{"Tokens: ", "Commit ", "Committing ", "Added ", "Add command output", "Git repo", "Repo-map", "Weak model", "Only ", "Allow "}

// said reads a line of aider's own.
func (l *aiderLine) said(s string) {
	known := &l.src.Known
	before := known.Command.Line
	approved := known.Authorization.Decision == schema.Approved
	switch {
	case strings.HasPrefix(s, "Run shell command"):
		l.answer(s)
		return
	case strings.HasPrefix(s, "Running ") && approved && (before == "" || hasLine(before, s[len("Running "):])):
		l.ran(s[len("Running "):])
		f := l.shell("shell", s[len("Running "):])
		f.Authorization.Decision, f.Authorization.Source, f.Authorization.Raw = schema.Approved, "user", "y"
		l.emit(f)
		return
	}
	if approved {
		before = "" // what was proposed has been answered
	}
	known.Command.Line, known.Authorization.Decision = "", ""
	if version, ok := strings.CutPrefix(s, "Aider v"); ok {
		keep(&known.Identity.ServiceVersion, version)
		keep(&l.src.Version, version)
		return
	}
	for _, p := range []string{"Main model: ", "Model: ", "Models: "} {
		if model, ok := strings.CutPrefix(s, p); ok {
			model, _, _ = strings.Cut(model, " with ")
			keep(&known.Identity.Model, model)
			return
		}
	}
	if path, ok := strings.CutPrefix(s, "Applied edit to "); ok {
		l.edit(path)
		return
	}
	program, arguments, _ := strings.Cut(s, " ")
	if program == "aider" || strings.HasSuffix(program, "/aider") { // how it was started
		if strings.Contains(" "+arguments+" ", " --yes") {
			known.Authorization.Mode = "yes-always"
		}
		return
	}
	for _, p := range aiderNotes {
		if strings.HasPrefix(s, p) {
			return
		}
	}
	known.Command.Line = before
	l.propose(s)
}

// ran takes a command that runs from those approved; with the last of them the approval is used up.
func (l *aiderLine) ran(line string) {
	known, left := &l.src.Known, ""
	for p := range strings.Lines(known.Command.Line) {
		if strings.TrimSpace(p) == strings.TrimSpace(line) {
			line = "\x00" // once
			continue
		}
		left += p
	}
	if known.Command.Line = strings.TrimSpace(left); known.Command.Line == "" {
		known.Authorization.Decision = ""
	}
}

// propose adds a line to what may be a proposed command.
func (l *aiderLine) propose(s string) {
	before := l.src.Known.Command.Line
	if len(before)+len(s) > 64<<10 {
		before = ""
	}
	if before != "" {
		before += "\n"
	}
	l.src.Known.Command.Line = strings.Clone(before + strings.TrimSpace(s))
}

// hasLine says whether one of the lines of s is line.
func hasLine(s, line string) bool {
	for l := range strings.Lines(s) {
		if strings.TrimSpace(l) == strings.TrimSpace(line) {
			return true
		}
	}
	return false
}

// answer reads what was said to a proposed command.
func (l *aiderLine) answer(s string) {
	known := &l.src.Known
	proposed := known.Command.Line
	_, word, ok := cutLast(s, "]: ")
	if !ok {
		known.Command.Line = ""
		return
	}
	if word = strings.ToLower(word); strings.HasPrefix(word, "y") || strings.HasPrefix(word, "a") {
		known.Authorization.Decision = schema.Approved
		return
	}
	known.Command.Line, known.Authorization.Decision = "", ""
	if strings.HasPrefix(s, "Run shell command?") { // one: whatever stands before its line is not of it
		if _, last, ok := cutLast(proposed, "\n"); ok {
			proposed = last
		}
	}
	if proposed == "" {
		return
	}
	source := "user"
	if known.Authorization.Mode == "yes-always" {
		source = "config"
	}
	f := l.shell("shell", proposed)
	deny(f, source, word, "")
	f.Authorization.DecidedAt = f.Time
	l.emit(f)
}

func (l *aiderLine) edit(path string) {
	f := l.fragment()
	setKind(&f.Action, schema.ActionFileChange)
	f.Command.Tool = "edit"
	var doc value.Doc
	f.Command.ToolArguments = single("path", doc.Text(path))
	f.Event.Outcome = schema.OutcomeSuccess
	identifyByInput(f, l.in, 0)
	l.emit(f)
}

// typed reads a command of the person.
func (l *aiderLine) typed(s string) {
	line := ""
	for _, p := range []string{"/run ", "/test ", "!"} {
		if rest, ok := strings.CutPrefix(s, p); ok {
			line = strings.TrimSpace(rest)
		}
	}
	if rest, ok := strings.CutPrefix(s, "/git "); ok {
		line = "git " + strings.TrimSpace(rest)
	}
	if line != "" {
		f := l.shell("user_shell", line)
		f.Identity.Model = ""
		l.emit(f)
	}
}
