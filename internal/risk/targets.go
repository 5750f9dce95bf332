package risk

import (
	"net/netip"
	"path"
	"strings"
)

// classSet is a set of classes of paths and names, one bit a class. Which paths are in a class is data (`classes` in
// rules.yaml); the classes below follow from the shape of a word and are computed.
type classSet uint64

// Computed classes, in the order of computedClasses.
const (
	classVariableRoot classSet = 1 << iota // "$DIR/" or "$DIR"/*: the root, if DIR is empty
	classVariablePath                      // "$DIR/x"
	classDynamic                           // holds an unknown expansion that may be empty
	classGuarded                           // holds one that is not
	classBroad                             // . .. * ./* ../*
	classTopLevel                          // /x, but not /tmp
	classHomeChild                         // ~/x, not hidden
	classHidden                            // ~/.x
	classAbsolute                          // any absolute or home path
	classRelative                          // any path below the working directory, or a bare name
	classParent                            // ../x
	classProduction                        // prod, production, live as a part of the name
	classMainBranch                        // main, master, release, production, refs/heads/main, HEAD:main
	classForceRef                          // +main, +refs/heads/x: a forced push by refspec
	classURL                               // https://…
	classPlainURL                          // http://, but not to this machine
	classLocalURL                          // http://localhost, https://127.0.0.1:8443, localhost:3000
	classAddressURL                        // https://203.0.113.4: a public address in place of a name
	classRemotePath                        // host:path, user@host:path
	classBucket                            // s3://x, gs://x
	classNetDevice                         // /dev/tcp/…, /dev/udp/…
	classMount                             // /:/x, /etc:/x: a container's mount of the host's root or system
	classGlob                              // holds * or ?
	classNotable                           // in none of the harmless classes
	firstNamedClass
)

var computedClasses = []string{
	"variable-root", "variable-path", "dynamic", "guarded", "broad", "top-level", "home-child", "hidden", "absolute", "relative",
	"parent", "production", "main-branch", "force-ref", "url", "plain-url", "local-url", "address-url", "remote-path", "bucket", "net-device",
	"mount", "glob", "notable",
}

// pathIndex finds the named classes of a path. Entries are written as in rules.yaml:
//
//	/etc/shadow   that path
//	/etc/**       that path and all below it; ~ is any user's home
//	**/.env.*     that last element anywhere, with * and ? in it
//	**/.a/b.json  those last elements anywhere
//	**/.git/**    that element anywhere, and all below it
//	**/.git/x/**  those elements anywhere, and all below them
//	/dev/sd?      a whole absolute path with * and ? in it, where * crosses slashes
type pathIndex struct {
	exact, below map[string]classSet
	base, dir    map[string]classSet
	tails        map[string][]tailEntry // by last element
	inner        []tailEntry            // several elements with all below them
	baseGlobs    []globEntry
	pathGlobs    []globEntry
}

// tailEntry is an entry of several elements that may stand anywhere: .claude/settings.json.
type tailEntry struct {
	tail  string
	class classSet
}

type globEntry struct {
	glob  glob
	class classSet
}

func newPathIndex() *pathIndex {
	return &pathIndex{
		exact: map[string]classSet{}, below: map[string]classSet{},
		base: map[string]classSet{}, dir: map[string]classSet{}, tails: map[string][]tailEntry{},
	}
}

func (x *pathIndex) add(entry string, class classSet) {
	name, anywhere := strings.CutPrefix(entry, "**/")
	switch dir, below := strings.CutSuffix(name, "/**"); {
	case anywhere && below && strings.Contains(dir, "/"):
		x.inner = append(x.inner, tailEntry{"/" + dir + "/", class})
	case anywhere && below:
		x.dir[dir] |= class
	case anywhere && strings.Contains(name, "/"):
		base := name[strings.LastIndexByte(name, '/')+1:]
		x.tails[base] = append(x.tails[base], tailEntry{name, class})
	case anywhere && strings.ContainsAny(name, "*?"):
		x.baseGlobs = append(x.baseGlobs, globEntry{newGlob(name), class})
	case anywhere:
		x.base[name] |= class
	case below:
		x.below[dir] |= class
	case strings.ContainsAny(entry, "*?"):
		x.pathGlobs = append(x.pathGlobs, globEntry{newGlob(entry), class})
	default:
		x.exact[entry] |= class
	}
}

// find returns the classes of a clean path.
func (x *pathIndex) find(s string) classSet {
	out := x.exact[s] | x.below[s]
	start := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '/' {
			continue
		}
		if i > 0 {
			out |= x.below[s[:i]]
		}
		if i > start {
			out |= x.dir[s[start:i]]
		}
		start = i + 1
	}
	base := s[start:]
	out |= x.base[base] | x.dir[base]
	for _, e := range x.tails[base] {
		if s == e.tail || strings.HasSuffix(s, e.tail) && s[len(s)-len(e.tail)-1] == '/' {
			out |= e.class
		}
	}
	for _, e := range x.inner {
		if strings.Contains(s, e.tail) || strings.HasPrefix(s, e.tail[1:]) {
			out |= e.class
		}
	}
	for i := range x.baseGlobs {
		if x.baseGlobs[i].glob.match(base) {
			out |= x.baseGlobs[i].class
		}
	}
	if s[0] != '/' {
		return out
	}
	for i := range x.pathGlobs {
		if x.pathGlobs[i].glob.match(s) {
			out |= x.pathGlobs[i].class
		}
	}
	return out
}

// classify returns the classes of a word's text, and of the parts of it that may be a path or a name of their own:
// behind = (of=/dev/sda, --file=x), behind @ (curl -d @x), before and behind : (docker -v /:/host).
func (e *Engine) classify(s string, p *plan) classSet {
	if s == "" || len(s) > 4096 {
		return 0
	}
	out := e.classifyPart(s, p)
	for i := 0; i < len(s) && i < 256; i++ {
		switch s[i] {
		case '=':
			out |= e.classifyPart(strings.TrimPrefix(s[i+1:], "@"), p)
		case '@':
			if i == 0 || s[0] == '-' {
				out |= e.classifyPart(s[i+1:], p)
			}
		case ':':
			out |= e.colon(s, i, p)
		case ' ', '\n':
			return out
		}
	}
	if out&e.harmless == 0 {
		out |= classNotable
	}
	return out
}

// colon classifies s around the colon at i.
func (e *Engine) colon(s string, i int, p *plan) classSet {
	left, right := s[:i], s[i+1:]
	if strings.HasPrefix(right, "//") {
		scheme := strings.ToLower(left[strings.LastIndexByte(left, '=')+1:])
		switch scheme {
		case "s3", "gs", "az", "abfs":
			return classBucket | productionName(right)
		case "http", "ftp", "telnet":
			host := hostClass(right[2:])
			if host&classLocalURL == 0 {
				host |= classPlainURL
			}
			return classURL | host
		case "https", "sftp", "ssh", "git", "ws", "wss", "postgres", "postgresql", "mysql", "redis", "mongodb":
			return classURL | hostClass(right[2:])
		case "file":
			return e.classifyPart(right[2:], p)
		}
		return 0
	}
	if i == 1 && isLetter(s[0]) {
		return 0 // a drive
	}
	if isLocalHost(left) && right != "" && (right[0] == '/' || right[0] >= '0' && right[0] <= '9') {
		return classURL | classLocalURL
	}
	var out classSet
	if isMainBranch(right) {
		out |= classMainBranch
	}
	if strings.HasPrefix(right, "/") || strings.HasPrefix(right, "~") {
		l := left[strings.LastIndexByte(left, '=')+1:]
		if strings.HasPrefix(l, "/") || strings.HasPrefix(l, "~") {
			mounted := e.classifyPart(l, p)
			if mounted&e.mountable != 0 {
				mounted |= classMount
			}
			return out | mounted
		}
		return out | classRemotePath | e.classifyPart(right, p)&^(classAbsolute|classTopLevel)
	}
	if left != "" && strings.IndexByte(left, '/') < 0 && strings.IndexByte(left, '@') > 0 {
		out |= classRemotePath
	}
	return out
}

// hostClass tells this machine, and public addresses, from names in what stands behind :// in a URL.
func hostClass(s string) classSet {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	if host, _, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(s, "[") {
		s = host
	}
	if isLocalHost(s) {
		return classLocalURL
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
		return classAddressURL
	}
	return 0
}

func isLocalHost(s string) bool {
	switch s {
	case "localhost", "127.0.0.1", "0.0.0.0", "[::1]", "host.docker.internal":
		return true
	}
	return strings.HasSuffix(s, ".localhost")
}

// classifyPart returns the classes of one path or name.
func (e *Engine) classifyPart(s string, p *plan) classSet {
	if s == "" || s[0] == '-' || strings.IndexByte(s, '\n') >= 0 {
		return 0
	}
	out := shape(s)
	if out&(classVariableRoot|classURL) != 0 {
		return out
	}
	out |= productionName(s)
	if isMainBranch(s) {
		out |= classMainBranch
	}
	clean := cleanPath(s)
	if clean == "" {
		return out
	}
	if strings.HasPrefix(clean, "..") && strings.Trim(clean, "./") == "" {
		out |= classBroad
	}
	if c := clean[0]; c != '/' && c != '~' && p != nil && p.inCwd && out&(classDynamic|classGuarded) == 0 {
		joined := cleanPath(p.cwd + "/" + clean)
		if e.paths.find(clean)&e.harmless == 0 {
			return out&^classBroad | e.paths.find(joined) | depthClass(joined)
		}
	}
	return out | e.paths.find(clean) | depthClass(clean)
}

// shape returns the classes that need no look at the path's names.
func shape(s string) classSet {
	var out classSet
	if strings.IndexByte(s, openGuarded[0]) >= 0 {
		out |= classGuarded
	}
	if strings.IndexByte(s, open[0]) >= 0 {
		out |= classDynamic
		if s[0] == open[0] {
			j := strings.IndexByte(s, shut[0])
			switch rest := s[j+1:]; {
			case j < 0 || rest == "":
			case rest == "/" || rest == "/*" || rest == "/." || rest == "/**" || rest == "/.*":
				return out | classVariableRoot
			case rest[0] == '/':
				return out | classVariablePath
			}
		}
	}
	switch s {
	case ".", "..", "*", "./*", "../*", "./", "../", "**", ".*", "./.*", "../..", "{*,.*}", "*.*", ".[!.]*", "./.":
		out |= classBroad
	}
	switch {
	case strings.HasPrefix(s, "../"):
		out |= classParent
	case s[0] == '/' || s[0] == '~':
		out |= classAbsolute
	default:
		out |= classRelative
	}
	if strings.HasPrefix(s, "/dev/tcp/") || strings.HasPrefix(s, "/dev/udp/") {
		out |= classNetDevice
	}
	if s[0] == '+' {
		out |= classForceRef
	}
	if strings.ContainsAny(s, "*?") {
		out |= classGlob
	}
	return out
}

// depthClass tells top-level folders and children of a home from deeper paths.
func depthClass(clean string) classSet {
	switch n := strings.Count(clean, "/"); {
	case n != 1:
	case clean[0] == '/' && clean != "/" && clean != "/tmp":
		return classTopLevel
	case strings.HasPrefix(clean, "~/."):
		return classHidden
	case strings.HasPrefix(clean, "~/"):
		return classHomeChild
	}
	return 0
}

// cleanPath is s without trailing slashes and "all in it" globs, with . and .. resolved, backslashes turned, and any
// user's home written ~.
func cleanPath(s string) string {
	if strings.IndexByte(s, '\\') >= 0 {
		s = strings.ReplaceAll(s, "\\", "/")
	}
	if strings.Contains(s, "//") || strings.Contains(s, "/.") || strings.HasPrefix(s, "./") {
		s = path.Clean(s)
	}
	if len(s) > 2 && s[1] == ':' && isLetter(s[0]) && s[2] == '/' {
		s = s[2:]
	}
	for len(s) > 1 {
		t := strings.TrimSuffix(strings.TrimSuffix(s, "/**"), "/*")
		if t = strings.TrimSuffix(t, "/"); t == "" {
			t = "/"
		}
		if t == s {
			break
		}
		s = t
	}
	return homePath(s)
}

func homePath(s string) string {
	rest := ""
	switch {
	case s == "/root" || strings.HasPrefix(s, "/root/"):
		return "~" + s[len("/root"):]
	case strings.HasPrefix(s, "/home/"):
		rest = s[len("/home/"):]
	case strings.HasPrefix(s, "/Users/"):
		rest = s[len("/Users/"):]
	case len(s) > 1 && s[0] == '~' && s[1] != '/':
		rest = s[1:]
	default:
		return s
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return "~" + rest[i:]
	}
	return "~"
}

// productionName tells names with prod, production or live as a word of their own.
func productionName(s string) classSet {
	for i := 0; i+4 <= len(s); i++ {
		if c := s[i] | 0x20; c != 'p' && c != 'l' || i > 0 && isLetter(s[i-1]) {
			continue
		}
		end := i
		for end < len(s) && isLetter(s[end]) {
			end++
		}
		switch w := s[i:end]; len(w) {
		case 4:
			if strings.EqualFold(w, "prod") || strings.EqualFold(w, "live") {
				return classProduction
			}
		case 10:
			if strings.EqualFold(w, "production") {
				return classProduction
			}
		}
		i = end
	}
	return 0
}

func isMainBranch(s string) bool {
	s = strings.TrimPrefix(s, "+")
	s = strings.TrimPrefix(s, "refs/heads/")
	s = strings.TrimPrefix(s, "origin/")
	switch s {
	case "main", "master", "trunk", "production", "release", "develop", "prod":
		return true
	}
	return strings.HasPrefix(s, "release/")
}

// setCwd sets the working directory that relative names belong to from here on.
func (p *plan) setCwd(dir string) {
	if dir == "" || strings.Contains(dir, shut) {
		p.cwd, p.inCwd = "", false
		return
	}
	if c := dir[0]; c != '/' && c != '~' && (len(dir) < 3 || dir[1] != ':') {
		if p.cwd == "" {
			return
		}
		dir = p.cwd + "/" + dir
	}
	p.cwd = cleanPath(dir)
	p.inCwd = p.eng.paths.find(p.cwd)&^p.eng.harmless != 0
}
