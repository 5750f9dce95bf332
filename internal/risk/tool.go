package risk

import (
	"encoding/json"
	"slices"
	"strings"
)

// shellTools are the tools whose argument is a shell command, by lower-case name without an MCP server's prefix.
var shellTools = map[string]bool{
	"bash": true, "shell": true, "sh": true, "exec": true, "exec_command": true, "local_shell": true, "terminal": true,
	"run_terminal_cmd": true, "run_shell_command": true, "execute_command": true, "run_command": true,
	"execute_bash": true, "powershell": true, "run_in_terminal": true, "container.exec": true, "shell_command": true,
	"run_terminal_command": true, "bash_tool": true, "developer__shell": true, "start_process": true, "command": true,
	"execute_shell": true, "run_shell": true, "shell_exec": true, "unified_exec": true, "local_shell_call": true,
}

// Names of the arguments looked at. Content that a tool writes is not judged: it is data until something runs it.
var (
	commandKeys = []string{"command", "cmd", "script", "commands", "action"}
	sqlKeys     = []string{"sql", "query", "statement", "queries"}
	nestedKeys  = []string{"command", "cmd", "cli_command", "shell_command", "bash_command", "commandLine", "command_line"}
	codeKeys    = []string{"code", "python", "source", "script"}
	contentKeys = []string{
		"content", "new_string", "old_string", "new_str", "old_str", "file_text", "text", "body", "description",
		"prompt", "explanation", "thought", "todos", "code_edit", "message", "comment",
	}
)

// codeTools are words in the names of tools that run program text.
var codeTools = map[string]bool{
	"python": true, "code": true, "jupyter": true, "ipython": true, "repl": true, "interpreter": true, "cell": true,
}

const maxArguments = 1 << 20 // bytes of JSON arguments read

// toolCall flattens a tool call: a shell tool's command as shell text, any other as one call with the tool's name and
// its arguments' short strings as words.
func (p *plan) toolCall(s Subject) {
	short := strings.ToLower(s.Tool)
	if i := strings.LastIndex(short, "__"); i >= 0 {
		short = short[i+2:]
	}
	var args map[string]json.RawMessage
	switch {
	case len(s.Arguments) > maxArguments:
		p.cut = true
	case s.Arguments != "":
		if json.Unmarshal([]byte(s.Arguments), &args) != nil && shellTools[short] {
			p.text(s.Arguments, site{})
			return
		}
	}
	if dir := stringOf(firstOf(args, []string{"workdir", "cwd", "working_directory", "directory"})); dir != "" && s.Cwd == "" {
		p.setCwd(dir)
	}
	if shellTools[short] && p.shellTool(args) {
		return
	}
	p.plainTool(s.Tool[:min(len(s.Tool), 256)], args)
}

func (p *plan) shellTool(args map[string]json.RawMessage) bool {
	raw := firstOf(args, commandKeys)
	var nested struct {
		Command json.RawMessage `json:"command"`
	}
	if len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &nested) == nil {
		raw = nested.Command // Codex: {"action":{"command":[…]}}
	}
	if text := stringOf(raw); text != "" {
		p.text(text, site{})
		return true
	}
	var argv []string
	if json.Unmarshal(raw, &argv) != nil || len(argv) == 0 {
		return false
	}
	p.argv(argv)
	return true
}

// argv judges a command given as words.
func (p *plan) argv(args []string) {
	if len(args) == 1 && strings.ContainsAny(args[0], " |;&") {
		p.text(args[0], site{})
		return
	}
	if len(args) > maxWords {
		args, p.cut = args[:maxWords], true
	}
	words, size := make([]word, len(args)), 0
	for i, a := range args {
		if size += len(a); size > 2*maxText {
			words, p.cut = words[:i], true
			break
		}
		words[i].text = a
	}
	if len(words) > 0 {
		p.command(words, call{}, site{})
	}
}

func (p *plan) plainTool(name string, args map[string]json.RawMessage) {
	c := call{tool: strings.ToLower(name), toolWords: snake(name)}
	keys := make([]string, 0, len(args))
	for k := range args {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if slices.Contains(contentKeys, k) || len(c.words) > 64 {
			continue
		}
		raw := args[k]
		if slices.Contains(sqlKeys, k) {
			c.code = stringOf(raw)
			c.sql = classifySQL(c.code)
			continue
		}
		c.words = append(c.words, stringsIn(raw, 2)...)
	}
	c.words = append(c.words, patchPaths(stringOf(firstOf(args, []string{"input", "patch", "diff"})))...)
	for i := range c.words {
		w := &c.words[i]
		w.class = p.eng.classify(w.text, p)
		c.targets |= w.class
	}
	c.reads = c.targets
	if anyGlob(p.eng.writeTools, c.tool) {
		c.reads, c.writes = 0, c.targets
	}
	p.calls = append(p.calls, c)
	p.toolText(&c, args)
}

// toolText judges what of a tool's arguments is run: a command, program text, or what is written to where it will run.
func (p *plan) toolText(c *call, args map[string]json.RawMessage) {
	if text := stringOf(firstOf(args, nestedKeys)); strings.ContainsAny(text, " \t\n") {
		p.text(text, site{depth: 1})
	}
	if hasVerb(c.toolWords, codeTools) {
		if text := stringOf(firstOf(args, codeKeys)); text != "" {
			p.command([]word{{text: "python3"}}, call{stdin: text}, site{depth: 1})
		}
	}
	if c.writes&p.eng.startup != 0 {
		for _, k := range contentKeys {
			if text := stringOf(args[k]); text != "" {
				p.text(scheduled(text), site{depth: 1})
			}
		}
	}
}

// patchPaths are the files an apply_patch text touches.
func patchPaths(patch string) []word {
	var out []word
	for line := range strings.SplitSeq(patch, "\n") {
		for _, head := range []string{"*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: ", "+++ b/"} {
			if f, ok := strings.CutPrefix(line, head); ok && len(out) < 64 {
				out = append(out, word{text: strings.TrimSpace(f)})
			}
		}
	}
	return out
}

func firstOf(args map[string]json.RawMessage, keys []string) json.RawMessage {
	for _, k := range keys {
		if raw, ok := args[k]; ok {
			return raw
		}
	}
	return nil
}

func stringOf(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// stringsIn are the short strings in a JSON value, into lists and objects down to depth.
func stringsIn(raw json.RawMessage, depth int) []word {
	if len(raw) == 0 || len(raw) > maxText {
		return nil
	}
	switch raw[0] {
	case '"':
		if s := stringOf(raw); s != "" && len(s) < 1024 {
			return []word{{text: s}}
		}
	case 't':
		return []word{{text: "true"}}
	case '[':
		var list []json.RawMessage
		if depth == 0 || json.Unmarshal(raw, &list) != nil {
			return nil
		}
		var out []word
		for _, v := range list[:min(len(list), 32)] {
			out = append(out, stringsIn(v, depth-1)...)
		}
		return out
	case '{':
		var object map[string]json.RawMessage
		if depth == 0 || json.Unmarshal(raw, &object) != nil {
			return nil
		}
		var out []word
		for _, k := range []string{"path", "file_path", "url", "name", "branch", "command", "uri"} {
			out = append(out, stringsIn(object[k], depth-1)...)
		}
		return out
	}
	return nil
}

// snake writes createIssue as create_issue.
func snake(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if c := name[i]; isUpper(c) {
			if i > 0 && isLetter(name[i-1]) && !isUpper(name[i-1]) {
				b.WriteByte('_')
			}
			b.WriteByte(c | 0x20)
			continue
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// hasVerb tells whether a tool's name, in snake form, has one of these words in it: mcp__github__create_issue and
// create-issue have create. An MCP server's name does not count.
func hasVerb(tool string, verbs map[string]bool) bool {
	if i := strings.LastIndex(tool, "__"); i >= 0 {
		tool = tool[i+2:]
	}
	start := 0
	for i := 0; i <= len(tool); i++ {
		if i < len(tool) && isLetter(tool[i]) {
			continue
		}
		if verbs[tool[start:i]] {
			return true
		}
		start = i + 1
	}
	return false
}
