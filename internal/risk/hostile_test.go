package risk

import (
	"runtime"
	"strings"
	"testing"
)

// TestHostile holds that no text takes long, or much memory, to judge; none may go unnoticed either.
func TestHostile(t *testing.T) {
	e := mustNew(t)
	const deep, big = 10_000, 1 << 20
	for name, cmd := range map[string]string{
		"long word":       "ls " + strings.Repeat("a", big),
		"many words":      "ls " + strings.Repeat("a ", big/2),
		"many commands":   strings.Repeat("ls;", big/3),
		"and chain":       "ls" + strings.Repeat("&&ls", big/4),
		"pipe chain":      "ls" + strings.Repeat("|ls", big/3),
		"parentheses":     strings.Repeat("(", deep) + "ls" + strings.Repeat(")", deep),
		"braces":          strings.Repeat("{ ", deep) + "ls" + strings.Repeat(";}", deep),
		"substitutions":   strings.Repeat("$(", deep) + "ls" + strings.Repeat(")", deep),
		"quoted":          strings.Repeat(`"$(`, deep) + "ls" + strings.Repeat(`)"`, deep),
		"backticks":       strings.Repeat("`", big),
		"ifs":             strings.Repeat("if ", deep) + "ls",
		"whiles":          strings.Repeat("while true; do ", deep) + "ls" + strings.Repeat("; done", deep),
		"bangs":           strings.Repeat("! ", deep) + "ls",
		"functions":       strings.Repeat("f() ", deep) + "ls",
		"times":           strings.Repeat("time ", deep) + "ls",
		"sudos":           strings.Repeat("sudo ", deep) + "ls",
		"evals":           strings.Repeat("eval ", deep) + "ls",
		"xargs":           strings.Repeat("xargs ", deep) + "ls",
		"finds":           strings.Repeat("find . -exec ", deep) + "ls",
		"find many execs": "find . " + strings.Repeat("-exec ls {} ; ", deep),
		"python":          "python -c '" + strings.Repeat("os.system(\"ls\");", deep) + "'",
		"ssh":             strings.Repeat("ssh h ", deep) + "ls",
		"arithmetic":      "echo $((" + strings.Repeat("1+", deep) + "1))",
		"ternaries":       "echo $((" + strings.Repeat("1?1:", deep) + "1))",
		"minus":           "echo $((" + strings.Repeat("- ", deep) + "1))",
		"tests":           "[[ " + strings.Repeat("a && ", deep) + "a ]]",
		"assignments":     strings.Repeat("a=b ", deep) + "ls",
		"variables":       strings.Repeat("a=$a$a;", 64) + "rm -rf $a",
		"growing":         "a=" + strings.Repeat("x", 1000) + ";" + strings.Repeat("a=$a$a$a$a$a$a$a$a;", 64) + "echo $a",
		"heredocs":        strings.Repeat("cat <<A\nx\nA\n", deep),
		"heredocs open":   "cat " + strings.Repeat("<<A ", deep),
		"redirects":       "ls " + strings.Repeat(">a ", deep),
		"brace words":     "echo " + strings.Repeat("{a,b}", deep),
		"brace lists":     "echo " + strings.Repeat("{a,b} ", deep),
		"echo eval":       "eval \"$(echo " + strings.Repeat("eval ", deep) + ")\"",
		"base64":          "echo " + strings.Repeat("QUFB", big/4) + " | base64 -d | sh",
		"quotes":          strings.Repeat("'", big),
		"nul":             strings.Repeat("\x00", big),
		"markers":         strings.Repeat("\x01\x02\x03/", big/4),
		"stars":           "ls " + strings.Repeat("*", big),
		"sql":             "psql -c '" + strings.Repeat("drop;", big/5) + "'",
		"invalid utf8":    strings.Repeat("\xff\xfe", big/2),
		"windows":         "C:\\x " + strings.Repeat("a;", big/2),
		"case":            strings.Repeat("case a in a) ", deep) + "ls" + strings.Repeat(";; esac", deep),
		"elif":            "if a; then b; " + strings.Repeat("elif a; then b; ", deep) + "fi",
		"params":          "echo " + strings.Repeat("${a:-", deep) + strings.Repeat("}", deep),
		"json":            strings.Repeat(`{"a":`, deep),
	} {
		t.Run(name, func(t *testing.T) { bounded(t, e, cmd) })
	}
}

// bounded holds what is allocated below a limit; what takes for ever the test runner ends.
func bounded(t *testing.T, e *Engine, cmd string) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e.Assess(Subject{Command: cmd, Cwd: "/etc"})
	e.Assess(Subject{Args: strings.Fields(cmd)})
	e.Assess(Subject{Tool: "x", Arguments: cmd})
	runtime.ReadMemStats(&after)
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 256 {
		t.Errorf("allocated %d MB", mb)
	}
}
