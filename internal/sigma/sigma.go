// Package sigma evaluates Sigma rules of the category process_creation on commands, before they are processes: each
// simple command that a text would run is one event. Rule files are the user's own; none comes with the program.
//
//	rule.go       the file: logsource, tags, level, author
//	detection.go  selections: fields, modifiers, values
//	value.go      how one value is compared
//	condition.go  and, or, not, parentheses, 1 of selection_*
//
// It follows the Sigma specification 2.1 (https://sigmahq.io/sigma-specification). What a command cannot tell, such as the
// parent process of the agent's shell, is an absent field: a selection on it does not hold. Correlation rules and
// aggregations behind | are refused.
package sigma

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Event is a command as a process would be recorded. A field that is not known is "".
type Event struct {
	Image            string // path of the program, /usr/bin/curl
	CommandLine      string // program and arguments, separated by spaces
	CurrentDirectory string
	User             string
}

// field returns a value by its Sigma name; ok is false where nothing is known.
func (e *Event) field(name string) (string, bool) {
	v := ""
	switch name {
	case "Image", "process.executable", "exe":
		v = e.Image
	case "CommandLine", "process.command_line", "cmdline":
		v = e.CommandLine
	case "CurrentDirectory", "process.working_directory", "cwd":
		v = e.CurrentDirectory
	case "User", "user.name":
		v = e.User
	}
	return v, v != ""
}

// fields are the names in which keywords without a field are searched.
var fields = []string{"CommandLine", "Image", "CurrentDirectory", "User"}

// Set is a number of rules. It is immutable and safe for concurrent use.
type Set struct {
	Rules []Rule
	// Problems are files that were passed over: not readable, or in need of what this package does not know. Their texts
	// name file and reason and quote nothing else.
	Problems []error
	digest   hash.Hash
	// Other counts the rules for other log sources, which are left alone.
	Other int
}

// limits on what is loaded: a folder given by mistake must not fill the memory.
const (
	maxRules = 10_000
	maxFile  = 1 << 20
)

// Load reads all *.yml and *.yaml files below a folder, or one file. Files that cannot be used are in Problems; that
// there is no rule at all is an error.
func Load(path string) (*Set, error) {
	s := &Set{digest: sha256.New()}
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := filepath.Ext(file); d.IsDir() || ext != ".yml" && ext != ".yaml" {
			return nil
		}
		if len(s.Rules) >= maxRules {
			return fmt.Errorf("more than %d rules", maxRules)
		}
		s.file(file)
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("sigma: %w", err)
	case len(s.Rules) == 0:
		err := fmt.Errorf("sigma: %s has no process_creation rule for Linux that can be used", path)
		return nil, errors.Join(append([]error{err}, s.Problems[:min(len(s.Problems), 3)]...)...)
	}
	slices.SortFunc(s.Rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return s, nil
}

// Digest tells one set of files from another.
func (s *Set) Digest() string { return hex.EncodeToString(s.digest.Sum(nil)[:6]) }

func (s *Set) file(path string) {
	text, err := readFile(path)
	if err == nil {
		fmt.Fprintf(s.digest, "%d:%s", len(text), text)
		var rules []Rule
		var other int
		rules, other, err = Parse(text)
		s.Rules, s.Other = append(s.Rules, rules...), s.Other+other
	}
	if err != nil {
		s.Problems = append(s.Problems, fmt.Errorf("%s: %w", path, err))
	}
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	return os.ReadFile(path)
}

// Match calls visit with the number of each rule that matches.
func (s *Set) Match(e *Event, visit func(n int)) {
	v := view{event: e}
	for i := range s.Rules {
		if s.Rules[i].condition.holds(&v, &s.Rules[i]) {
			visit(i)
		}
	}
}

// view is an event with what has been worked out of it so far.
type view struct {
	event *Event
	lower map[string]string
}

// folded is a field in lower case.
func (v *view) folded(name, value string) string {
	if f, ok := v.lower[name]; ok {
		return f
	}
	if v.lower == nil {
		v.lower = make(map[string]string, 4)
	}
	f := strings.ToLower(value)
	v.lower[name] = f
	return f
}
