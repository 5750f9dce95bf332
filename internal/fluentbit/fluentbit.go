// Package fluentbit reads Fluent Bit configurations, classic and YAML, as far as it takes to tell whether the agent_audit
// output in them will work, and says what will not.
//
//	classic   [OUTPUT] sections of indented "Key value" lines, @INCLUDE FILE, @SET NAME=VALUE (src/config_format/flb_cf_fluentbit.c)
//	YAML      service, pipeline: inputs, filters, outputs; parsers, plugins, includes, env (src/config_format/flb_cf_yaml.c)
//
// Files named by plugins_file and parsers_file are read too. ${NAME} is kept as it is: it is known only where Fluent Bit
// runs, so that nothing is said about a value that holds one.
package fluentbit

import (
	"path/filepath"
	"strconv"
	"strings"
)

// Pos is a place in a file; Line is 0 for the file as a whole.
type Pos struct {
	File string
	Line int
}

// Kind of an Entry's value.
type Kind int

// Kinds: a text, and what only YAML has.
const (
	Text Kind = iota
	List
	Map
	Null
)

// Entry is a key of a section.
type Entry struct {
	Pos
	Key   string // as Fluent Bit hands it on: lower case, YAML's camelCase as snake_case
	Value string // of a list, its first element, which is what plugins get
	Kind  Kind
}

// Section is a service, an input, a filter, an output, a parser or a list of plugins.
type Section struct {
	Pos
	Name    string // service, input, filter, output, parser, plugins …
	Entries []Entry
}

// Config is a configuration with all that it includes, in order.
type Config struct {
	Sections []*Section
	// Findings are what kept parts of it from being read.
	Findings []Finding
	classic  bool
	root     string // the first file
	dir      string // its folder: what relative names are relative to
	read     map[string]bool
}

// Get returns a key's entry, the last one if there are several, nil if there is none.
func (s *Section) Get(key string) *Entry {
	for i := len(s.Entries) - 1; i >= 0; i-- {
		if s.Entries[i].Key == key {
			return &s.Entries[i]
		}
	}
	return nil
}

// Value of a key, "" if it is not set.
func (s *Section) Value(key string) string {
	if e := s.Get(key); e != nil {
		return e.Value
	}
	return ""
}

// At is the place of a key, or of the section if it is not set.
func (s *Section) At(key string) Pos {
	if e := s.Get(key); e != nil {
		return e.Pos
	}
	return s.Pos
}

// Label names a section to people: "input tail", "output agent_audit".
func (s *Section) Label() string { return strings.TrimSpace(s.Name + " " + s.Value("name")) }

// All returns the sections of a name.
func (c *Config) All(name string) []*Section {
	var found []*Section
	for _, s := range c.Sections {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// Service is a key of the service section.
func (c *Config) Service(key string) *Entry {
	var found *Entry
	for _, s := range c.All("service") {
		if e := s.Get(key); e != nil {
			found = e
		}
	}
	return found
}

// Symbolic says whether a value is known only where Fluent Bit runs.
func Symbolic(value string) bool { return strings.Contains(value, "${") }

// On reads a boolean as Fluent Bit does (flb_utils_bool).
func On(value string) bool {
	switch strings.ToLower(value) {
	case "true", "on", "yes":
		return true
	}
	return false
}

// Bytes reads a size as Fluent Bit does (flb_utils_size_to_bytes): K, M and G with or without B, in powers of 1000.
func Bytes(value string) (int64, bool) {
	v := strings.ToUpper(strings.TrimSpace(value))
	factor := int64(1)
	v = strings.TrimSuffix(v, "B")
	for suffix, f := range map[string]int64{"K": 1e3, "M": 1e6, "G": 1e9} {
		if number, ok := strings.CutSuffix(v, suffix); ok {
			v, factor = number, f
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	return n * factor, err == nil && n >= 0 && n < 1<<32
}

// resolve is a path as Fluent Bit takes it: relative to the folder of the first file.
func (c *Config) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}
