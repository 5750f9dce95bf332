package fluentbit

import (
	"strings"

	goyaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// topLevel are the sections of a YAML configuration, by which it is told from ours.
var topLevel = []string{
	"service", "pipeline", "parsers", "multiline_parsers", "plugins", "includes", "env", "customs", "upstream_servers", "stream_processor",
}

// Looks says whether a YAML text is a Fluent Bit configuration: it has a section of one at its top.
func Looks(text []byte) bool {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return false
	}
	for _, doc := range file.Docs {
		for _, name := range topLevel {
			if find(doc.Body, name) != nil {
				return true
			}
		}
	}
	return false
}

func (c *Config) yaml(file string, text []byte) {
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		line, what := YAMLError(err)
		c.find(Error, Pos{file, line}, "no valid YAML: "+what, "Fluent Bit does not start", "")
		return
	}
	r := yamlReader{c: c, file: file}
	for _, doc := range parsed.Docs {
		for _, v := range pairs(doc.Body) {
			r.top(v)
		}
	}
}

// YAMLError takes apart what the parser says: the line, 0 if it names none, and the text, without the source, for that may
// hold credentials.
func YAMLError(err error) (line int, what string) {
	what, _, _ = strings.Cut(goyaml.FormatError(err, false, false), "\n")
	if place, rest, ok := strings.Cut(strings.TrimPrefix(what, "["), "] "); ok && strings.HasPrefix(what, "[") {
		number, _, _ := strings.Cut(place, ":")
		for _, d := range number {
			if d < '0' || d > '9' {
				return 0, what
			}
			line = line*10 + int(d-'0')
		}
		return line, rest
	}
	return 0, what
}

type yamlReader struct {
	c    *Config
	file string
}

// top reads one section at the top of the file.
func (r *yamlReader) top(v *ast.MappingValueNode) {
	key := r.key(v)
	switch key {
	case "service":
		r.section("service", v.Value)
	case "parsers":
		r.list("parser", v.Value)
	case "pipeline":
		for _, p := range pairs(v.Value) {
			if name := r.key(p); name == "inputs" || name == "filters" || name == "outputs" {
				r.list(strings.TrimSuffix(name, "s"), p.Value)
			}
		}
	case "plugins":
		for _, n := range elements(v.Value) {
			at := r.at(n)
			r.c.Sections = append(r.c.Sections, &Section{Pos: at, Name: "plugins", Entries: []Entry{{Pos: at, Key: "path", Value: scalar(n)}}})
		}
	case "includes":
		for _, n := range elements(v.Value) {
			r.c.include(r.at(n), scalar(n))
		}
	}
}

// list reads sections that stand in a list.
func (r *yamlReader) list(name string, n ast.Node) {
	for _, e := range elements(n) {
		r.section(name, e)
	}
}

func (r *yamlReader) section(name string, n ast.Node) {
	s := &Section{Pos: r.at(n), Name: name}
	for i, v := range pairs(n) {
		at := Pos{r.file, v.Key.GetToken().Position.Line}
		if i == 0 {
			s.Pos = at
		}
		e := Entry{Pos: at, Key: translate(v.Key.GetToken().Value)}
		switch value := unwrap(v.Value).(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			e.Kind = Map
		case *ast.SequenceNode:
			e.Kind = List
			if len(value.Values) > 0 {
				e.Value = scalar(value.Values[0])
			}
		case *ast.NullNode, nil:
			e.Kind = Null
		default:
			e.Value = scalar(value)
		}
		s.Entries = append(s.Entries, e)
	}
	r.c.Sections = append(r.c.Sections, s)
}

func (r *yamlReader) key(v *ast.MappingValueNode) string { return v.Key.GetToken().Value }

func (r *yamlReader) at(n ast.Node) Pos {
	if t := n.GetToken(); t != nil {
		return Pos{r.file, t.Position.Line}
	}
	return Pos{r.file, 0}
}

// translate is flb_cf_key_translate: a key that begins in lower case and has no underscore is camelCase. Plugins ask for
// keys without case.
func translate(key string) string {
	if key == "" || key[0] < 'a' || key[0] > 'z' || strings.Contains(key, "_") {
		return strings.ToLower(key)
	}
	var b strings.Builder
	for _, r := range key {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unwrap takes tags, anchors and comments off a node.
func unwrap(n ast.Node) ast.Node {
	for {
		switch w := n.(type) {
		case *ast.TagNode:
			n = w.Value
		case *ast.AnchorNode:
			n = w.Value
		default:
			return n
		}
	}
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch n := unwrap(n).(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func elements(n ast.Node) []ast.Node {
	if s, ok := unwrap(n).(*ast.SequenceNode); ok {
		return s.Values
	}
	return nil
}

func scalar(n ast.Node) string {
	switch n := unwrap(n).(type) {
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value)
	case *ast.StringNode:
		return strings.TrimSpace(n.Value)
	case nil:
		return ""
	default:
		if t := n.GetToken(); t != nil {
			return t.Value
		}
		return ""
	}
}

func find(n ast.Node, key string) ast.Node {
	for _, v := range pairs(n) {
		if v.Key.GetToken().Value == key {
			return v.Value
		}
	}
	return nil
}
