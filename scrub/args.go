package scrub

import (
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

func (e *Engine) args(args []string) (clean []string, n int) {
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
	return clean, n
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
