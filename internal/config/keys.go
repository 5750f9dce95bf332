package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/agentaudit/agentaudit/schema"
)

// checkKeys compares the keys of a YAML text with the fields of a struct, at every depth: an unknown key is an error that
// names line, key and the nearest known one. YAML errors are told without the text around them.
func checkKeys(text []byte, into any) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return errors.New(yaml.FormatError(err, false, false))
	}
	for _, doc := range file.Docs {
		if err := checkNode(doc.Body, reflect.TypeOf(into), ""); err != nil {
			return err
		}
	}
	return nil
}

func checkNode(n ast.Node, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		if t.Kind() != reflect.Struct {
			return nil // free keys: mapping, fields, settings
		}
		for _, v := range n.Values {
			if err := checkPair(v, t, path); err != nil {
				return err
			}
		}
	case *ast.MappingValueNode:
		if t.Kind() == reflect.Struct {
			return checkPair(n, t, path)
		}
	case *ast.SequenceNode:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, v := range n.Values {
			if err := checkNode(v, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkPair(v *ast.MappingValueNode, t reflect.Type, path string) error {
	key := v.Key.GetToken().Value
	full := strings.TrimPrefix(path+"."+key, ".")
	var known []string
	for _, field := range reflect.VisibleFields(t) { // with those of inlined structs
		name := field.Tag.Get("yaml")
		if name == key && name != "-" {
			return checkNode(v.Value, field.Type, full)
		}
		if name != "-" && name != "" && name != ",inline" {
			known = append(known, name)
		}
	}
	line := v.Key.GetToken().Position.Line
	return fmt.Errorf("line %d: unknown key %q%s", line, full, DidYouMean(key, known))
}

// DidYouMean is ": did you mean …?" with the nearest of the known names, or the list of them when none is near.
func DidYouMean(name string, known []string) string {
	best, distance := "", len(name)/2+2
	for _, k := range known {
		if d := schema.EditDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	known = slices.Sorted(slices.Values(known))
	return "; known here: " + strings.Join(known, ", ")
}
