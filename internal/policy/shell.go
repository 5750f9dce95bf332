package policy

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is a simple command, or a call of a tool that is none.
type command struct {
	text string   // as written, without redirections; "" for a tool
	argv []string // its words, where they are plain; an unknown one is "\x00"
}

const (
	maxText     = 64 << 10
	maxNesting  = 100
	maxCommands = 256
	unknown     = "\x00"
)

// commands are the simple commands of an action. whole is false when some may be missing: the text is not shell, or too
// large or deep to be read.
func (x *Subject) commands() (list []command, whole bool) {
	switch {
	case x.Command != "":
		return split(x.Command)
	case len(x.Args) == 3 && strings.HasSuffix(x.Args[0], "sh") && (x.Args[1] == "-c" || x.Args[1] == "-lc"):
		return split(x.Args[2])
	case len(x.Args) > 0:
		return []command{{text: strings.Join(x.Args, " "), argv: x.Args}}, true
	case x.Tool != "":
		return []command{{}}, true
	}
	return nil, false
}

func split(text string) (list []command, whole bool) {
	if len(text) > maxText || strings.Count(text, "(")+strings.Count(text, "{") > maxNesting || strings.Count(text, "`") > maxNesting || strings.Count(text, "! ") > maxNesting {
		return nil, false
	}
	defer func() {
		if recover() != nil {
			list, whole = nil, false
		}
	}()
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, false
	}
	whole = true
	syntax.Walk(file, func(n syntax.Node) bool {
		if len(list) >= maxCommands {
			whole = false
			return false
		}
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				list = append(list, simple(text, n))
			}
		case *syntax.DeclClause:
			list = append(list, command{text: text[n.Pos().Offset():n.End().Offset()], argv: []string{n.Variant.Value, unknown}})
		}
		return true
	})
	return list, whole
}

func simple(text string, n *syntax.CallExpr) command {
	c := command{text: text[n.Args[0].Pos().Offset():n.Args[len(n.Args)-1].End().Offset()]}
	for _, w := range n.Args {
		c.argv = append(c.argv, literal(w))
	}
	return c
}

// literal is a word's text when nothing in it is expanded.
func literal(w *syntax.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(part.Value, `\`, ""))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, q := range part.Parts {
				lit, ok := q.(*syntax.Lit)
				if !ok {
					return unknown
				}
				b.WriteString(lit.Value)
			}
		default:
			return unknown
		}
	}
	return b.String()
}
