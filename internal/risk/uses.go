package risk

import (
	"slices"
	"strings"
)

// Uses are what a subject works with: the names by which it can be told from other subjects. They are parts of the
// subject, so they must come of one that was scrubbed if they are to be kept.
type Uses struct {
	Programs []string // base names, each once
	Hosts    []string // of URLs, ssh, host:path
	Paths    []string // clean paths and names of files, with arguments that look like such
	Trees    []string // folders that the paths, and the working directory, lie in: their first parts
	Targets  []string // clusters, namespaces, projects, profiles, databases, remotes, buckets
}

// maxUses bounds each list.
const maxUses = 16

// Uses tells what a subject works with.
func (e *Engine) Uses(s Subject) Uses {
	sc := scratches.Get().(*scratch)
	defer sc.release()
	e.flatten(sc, s)
	var u Uses
	if s.Cwd != "" {
		put(&u.Trees, tree(cleanPath(s.Cwd)))
	}
	for i := range sc.plan.calls {
		c := &sc.plan.calls[i]
		if c.program != "" && c.program != ":" && !shellNames[c.program] {
			put(&u.Programs, c.program)
		}
		for j := range c.words {
			u.word(c, j)
		}
		for j := range c.redirs {
			u.path(c.redirs[j].word.text, c.redirs[j].word.class)
		}
	}
	return u
}

// shellNames are programs that say nothing: what they run is told itself.
var shellNames = map[string]bool{"sh": true, "bash": true, "zsh": true, "dash": true, "cd": true, "eval": true, "test": true, "[": true}

// put adds a name once; it copies it, as the subject's memory may go.
func put(list *[]string, name string) {
	if name != "" && len(*list) < maxUses && !slices.Contains(*list, name) {
		*list = append(*list, strings.Clone(name))
	}
}

func (u *Uses) word(c *call, j int) {
	w := &c.words[j]
	text := w.text
	if len(text) > 1024 || strings.Contains(text, shut) || strings.ContainsAny(text, " \n") {
		return
	}
	if h := hostOf(c, w); h != "" {
		put(&u.Hosts, strings.ToLower(h))
		return
	}
	if w.class&classBucket != 0 {
		put(&u.Targets, strings.Join(strings.SplitN(text, "/", 4)[:min(3, strings.Count(text, "/")+1)], "/"))
		return
	}
	flag := ""
	if w.kind == valueWord && j > 0 {
		flag = c.words[j-1].text
	} else if name, value, ok := strings.Cut(text, "="); ok && w.kind == flagWord {
		flag, text = name, value
	}
	switch {
	case targetFlags[c.program] != nil && targetFlags[c.program][flag]:
		put(&u.Targets, flagTarget(c.program, flag, text))
	case c.program == "git" && w.kind == positional && j > 0 && c.hasSubcommand(pushed):
		put(&u.Targets, "git push "+text)
	case w.kind == positional:
		u.path(text, w.class)
	}
}

var pushed = []string{"push"}

// targetFlags are the flags that name a target, by program.
var targetFlags = map[string]map[string]bool{
	"kubectl": {"-n": true, "--namespace": true, "--context": true, "--cluster": true},
	"oc":      {"-n": true, "--namespace": true, "--context": true, "--cluster": true},
	"helm":    {"-n": true, "--namespace": true, "--kube-context": true},
	"aws":     {"--profile": true, "--region": true, "--cluster": true},
	"gcloud":  {"--project": true, "--cluster": true},
	"az":      {"--subscription": true, "-g": true, "--resource-group": true},
	"psql":    {"-h": true, "--host": true, "-d": true, "--dbname": true},
	"mysql":   {"-h": true, "--host": true, "-D": true, "--database": true},
	"docker":  {"-H": true, "--host": true, "--context": true},
}

func flagTarget(program, flag, value string) string {
	return program + " " + strings.TrimLeft(flag, "-") + " " + value
}

// hostOf is the host that a word names, "" if it names none.
func hostOf(c *call, w *word) string {
	text := w.text
	switch {
	case w.class&classURL != 0:
		if i := strings.Index(text, "://"); i >= 0 {
			text = text[i+3:]
		}
	case w.class&classRemotePath != 0:
		text, _, _ = strings.Cut(text, ":")
	case w.kind == positional && remotePrograms[c.program] && strings.ContainsAny(text, ".@") && !strings.ContainsAny(text, "/*"):
	default:
		return ""
	}
	if i := strings.IndexAny(text, "/?#"); i >= 0 {
		text = text[:i]
	}
	text = text[strings.LastIndexByte(text, '@')+1:]
	if host, _, ok := strings.Cut(text, ":"); ok && !strings.HasPrefix(text, "[") {
		text = host
	}
	return text
}

var remotePrograms = map[string]bool{
	"ssh": true, "nc": true, "ncat": true, "ping": true, "telnet": true, "sftp": true, "dig": true, "host": true, "nslookup": true, "mosh": true,
}

func (u *Uses) path(text string, class classSet) {
	if text == "" || class&classURL != 0 || strings.Contains(text, shut) || len(text) > 1024 {
		return
	}
	clean := cleanPath(text)
	if strings.ContainsAny(clean, "/.") || class&(classAbsolute|classHidden) != 0 {
		put(&u.Paths, clean)
	}
	if clean[0] == '/' || clean[0] == '~' {
		put(&u.Trees, tree(clean))
	}
}

// tree is the folder that stands for all below it: the first two parts of a path, three of one in a home.
func tree(clean string) string {
	parts := 2
	if strings.HasPrefix(clean, "~") {
		parts = 3
	}
	at := 0
	for range parts {
		i := strings.IndexByte(clean[min(at+1, len(clean)):], '/')
		if i < 0 {
			return clean
		}
		at += 1 + i
	}
	return clean[:at]
}
