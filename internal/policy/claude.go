package policy

import (
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Claude Code's settings.json has permissions, as its documentation describes them (code.claude.com/docs/en/permissions,
// 2.1):
//
//	"permissions": {"allow": ["Bash(npm run test:*)", "Read(~/.zshrc)", "mcp__github"], "ask": […], "deny": […]}
//
//	Tool                   every call of the tool
//	Bash(git status)       that command; Bash(git:*), Bash(git *): those that begin with its words; * anywhere
//	Read(…), Edit(…)       files, by patterns as of gitignore: //absolute, ~/home, relative; Edit is for all that write
//	WebFetch(domain:x)     that domain
//	mcp__server            all tools of a server; mcp__server__tool, mcp__server__*
//
// Of a command with timeout, time, nice, nohup or stdbuf before it, what follows is matched as well, as Claude Code does.

// ParseClaude reads the rules of a settings.json.
func ParseClaude(text []byte) ([]Rule, error) {
	var f struct {
		Permissions struct{ Allow, Ask, Deny []string }
	}
	if json.Unmarshal(text, &f) != nil {
		return nil, errors.New("is no settings.json")
	}
	var out []Rule
	for effect, list := range map[Effect][]string{Allow: f.Permissions.Allow, Ask: f.Permissions.Ask, Deny: f.Permissions.Deny} {
		for _, name := range list {
			out = append(out, claudeRule(name, effect))
		}
	}
	slices.SortStableFunc(out, func(a, b Rule) int { return strings.Compare(string(a.Effect)+a.Name, string(b.Effect)+b.Name) })
	return out, nil
}

func claudeRule(name string, effect Effect) Rule {
	r := Rule{Name: name, Effect: effect, agents: []string{"claude*"}}
	tool, spec, has := strings.Cut(name, "(")
	spec = strings.TrimSuffix(spec, ")")
	if spec == "*" {
		has = false
	}
	switch {
	case !has:
		r.match = func(x *Subject, c *command) bool { return claudeTool(tool, x, c) }
	case tool == "Bash":
		r.match = func(x *Subject, c *command) bool { return c.text != "" && claudeBash(spec, c) }
	case strings.HasPrefix(spec, "domain:"):
		r.match = func(x *Subject, _ *command) bool {
			return x.Tool == tool && isDomain(argument(x, "url"), strings.TrimPrefix(spec, "domain:"))
		}
	case tool == "Read" || tool == "Edit":
		r.match = func(x *Subject, c *command) bool {
			return c.text == "" && claudeTool(tool, x, c) && isPath(argument(x, "file_path", "path", "notebook_path"), spec)
		}
	default:
		r.match = func(x *Subject, _ *command) bool {
			return x.Tool == tool && slices.ContainsFunc([]string{"subagent_type", "skill", "name"}, func(k string) bool { v := argument(x, k); return v != "" && glob(spec, v) })
		}
	}
	return r
}

// claudeTool says whether a rule for a whole tool is for this call.
func claudeTool(tool string, x *Subject, c *command) bool {
	switch tool {
	case "Bash":
		return c.text != ""
	case "Edit":
		return slices.Contains([]string{"Edit", "Write", "MultiEdit", "NotebookEdit"}, x.Tool)
	case "Read":
		return slices.Contains([]string{"Read", "Grep", "Glob", "LS"}, x.Tool)
	}
	if strings.HasPrefix(tool, "mcp__") && strings.Count(tool, "__") == 1 {
		return strings.HasPrefix(x.Tool, tool+"__")
	}
	return glob(tool, x.Tool)
}

// claudeWrappers are programs that Claude Code looks behind.
var claudeWrappers = map[string]bool{"timeout": true, "time": true, "nice": true, "nohup": true, "stdbuf": true}

func claudeBash(spec string, c *command) bool {
	if claudeText(spec, c.text) {
		return true
	}
	if !claudeWrappers[c.argv[0]] {
		return false
	}
	rest := c.argv[1:]
	for len(rest) > 0 && (strings.HasPrefix(rest[0], "-") || c.argv[0] == "timeout" && strings.Trim(rest[0], "0123456789.smhd") == "") {
		rest = rest[1:]
	}
	return len(rest) > 0 && !slices.Contains(rest, unknown) && claudeText(spec, strings.Join(rest, " "))
}

func claudeText(spec, text string) bool {
	prefix, ok := strings.CutSuffix(spec, ":*")
	if !ok {
		prefix, ok = strings.CutSuffix(spec, " *")
	}
	switch {
	case ok && !strings.Contains(prefix, "*"):
		return text == prefix || strings.HasPrefix(text, prefix+" ")
	case ok:
		return glob(prefix, text) || glob(prefix+" *", text)
	}
	return glob(spec, text)
}

// argument is the first of these text arguments of the call.
func argument(x *Subject, names ...string) string {
	var args map[string]json.RawMessage
	if json.Unmarshal([]byte(x.Arguments), &args) != nil {
		return ""
	}
	for _, name := range names {
		var s string
		if json.Unmarshal(args[name], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

func isDomain(address, domain string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if rest, ok := strings.CutPrefix(domain, "*."); ok {
		return strings.HasSuffix(host, "."+strings.ToLower(rest))
	}
	return host == strings.ToLower(domain)
}

// isPath matches a file with a pattern of gitignore's kind. What is relative to a folder that is not known here (the
// settings' or the project's) is matched at the end of the path.
func isPath(file, pattern string) bool {
	if file == "" || strings.Contains(file, "..") {
		return false
	}
	file = path.Clean(file)
	if rest, ok := strings.CutPrefix(pattern, "//"); ok {
		return pathGlob("/"+rest, file)
	}
	if rest, ok := strings.CutPrefix(pattern, "~/"); ok {
		for _, home := range []string{"/root/", "/home/*/", "/Users/*/"} {
			if pathGlob(home+rest, file) {
				return true
			}
		}
		return false
	}
	pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "/")
	return pathGlob(pattern, file) || pathGlob("**/"+pattern, strings.TrimPrefix(file, "/"))
}

// pathGlob matches by elements: ** stands for any number of them, * for anything within one.
func pathGlob(pattern, file string) bool {
	p, f := strings.Split(pattern, "/"), strings.Split(file, "/")
	if len(p) > 64 || len(f) > 256 {
		return false
	}
	at := make([]bool, len(f)+1) // which beginnings of file the pattern so far matches
	at[0] = true
	for _, element := range p {
		next := make([]bool, len(f)+1)
		for i, ok := range at {
			switch {
			case !ok:
			case element == "**":
				for j := i; j <= len(f); j++ {
					next[j] = true
				}
			case i < len(f):
				if m, _ := path.Match(element, f[i]); m {
					next[i+1] = true
				}
			}
		}
		at = next
	}
	return at[len(f)]
}
