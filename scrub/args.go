package scrub

import (
	"cmp"
	"slices"
	"strings"
)

// Args scrubs an argument vector: what follows a secret flag is a secret, and so is what the program takes as one. It
// returns args itself when nothing changes, else a copy.
func (e *Engine) Args(args []string) (clean []string, n int) {
	defer func() {
		if recover() != nil {
			clean, n = []string{failureLabel}, 1
		}
	}()
	for i, a := range args {
		if v := validText(a); v != a {
			args = slices.Clone(args)
			for j := i; j < len(args); j++ {
				args[j] = validText(args[j])
			}
			break
		}
	}
	return e.args(args)
}

// args repeats argsPass until nothing more is found.
func (e *Engine) args(args []string) (clean []string, n int) {
	for range maxPasses {
		next, k := e.argsPass(args)
		if k == 0 {
			return args, n
		}
		args, n = next, n+k
	}
	clean = make([]string, len(args))
	for i := range clean {
		clean[i] = failureLabel
	}
	return clean, n + 1
}

func (e *Engine) argsPass(args []string) (clean []string, n int) {
	clean = args
	set := func(i int, v string, k int) {
		if k == 0 {
			return
		}
		if n == 0 {
			clean = slices.Clone(args)
		}
		clean[i] = v
		n += k
	}
	flag := "" // the secret flag before
	for i, a := range args {
		switch name, value, ok := strings.Cut(a, "="); {
		case flag != "" && (a == "" || a[0] != '-'):
			v, k := e.value(flag, a)
			set(i, v, k)
		case ok && len(a) > 1 && a[0] == '-' && run(name, 0, ccName, len(name)) == len(name):
			v, k := e.value(strings.TrimLeft(name, "-"), value)
			set(i, name+"="+v, k)
		default:
			v, k := e.text(a)
			set(i, v, k)
		}
		flag = secretFlag(a)
	}
	return e.programArgs(clean, n)
}

// programArgs applies the entries of the programs among the arguments: sudo, env and the like may stand before them.
func (e *Engine) programArgs(args []string, n int) ([]string, int) {
	clean := args
	for i, a := range args {
		if i >= maxWords {
			break
		}
		for _, p := range programsNamed(a) {
			c := command{e: e, p: &programs[p], args: clean[i+1:], here: -1}
			c.run()
			slices.SortFunc(c.found, func(a, b argSecret) int { return cmp.Or(a.arg-b.arg, a.from-b.from) })
			for k, f := range slices.Backward(c.found) {
				if k > 0 && c.found[k-1].arg == f.arg && c.found[k-1].to > f.from {
					continue
				}
				if n == 0 {
					clean = slices.Clone(args)
				}
				v := clean[i+1+f.arg]
				clean[i+1+f.arg] = v[:f.from] + e.label(f.kind, v[f.from:f.to]) + v[f.to:]
				n++
			}
		}
	}
	return clean, n
}

// programsNamed returns the entries for an executable, given by name or path.
func programsNamed(a string) []int {
	if i := strings.LastIndexAny(a, `/\`); i >= 0 {
		a = a[i+1:]
	}
	if len(a) == 0 || len(a) > 32 || run(a, 0, ccName, len(a)) != len(a) {
		return nil
	}
	var low [32]byte
	for i := range len(a) {
		low[i] = lower(a[i])
	}
	return programIndex[strings.TrimSuffix(string(low[:len(a)]), ".exe")]
}

// secretFlag returns the name of a flag whose next argument is a secret, or "".
func secretFlag(a string) string {
	if len(a) < 3 || a[0] != '-' || len(a) > maxName || run(a, 0, ccName, len(a)) != len(a) {
		return ""
	}
	name := strings.TrimLeft(a, "-")
	if _, t := judgeName(name); t == trustNone {
		return ""
	}
	return name
}
