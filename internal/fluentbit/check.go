package fluentbit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/agentaudit/agentaudit/internal/config"
)

// Name of the output, and of its shared object.
const (
	Name   = "agent_audit"
	Object = "out_agent_audit.so"
)

// Output is an agent_audit output, with its configuration as far as it could be read.
type Output struct {
	Pos
	Config *config.Config
	// Works says that the configuration was read whole and without an error.
	Works bool
}

// Check looks at everything that bears on the agent_audit outputs, and adds what it finds to c.Findings, in the order of
// files and lines. It returns these outputs; without any, the configuration is none for us, which is a finding too.
func (c *Config) Check() []Output {
	var outputs []Output
	ours := []*Section{}
	for _, s := range c.All("output") {
		if strings.EqualFold(s.Value("name"), Name) {
			ours = append(ours, s)
		}
	}
	if len(ours) == 0 {
		c.find(Error, Pos{File: c.root}, "there is no output named "+Name, "nothing is audited", "add an output with the name "+Name)
	}
	for _, s := range ours {
		outputs = append(outputs, c.output(s))
	}
	if len(ours) > 0 {
		c.sameFolders(outputs)
		c.service()
		c.plugin()
		c.inputs(ours)
	}
	slices.SortStableFunc(c.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return outputs
}

// setting is how a key is set in the form at hand.
func (c *Config) setting(key, value string) string {
	if c.classic {
		return key + " " + value
	}
	return key + ": " + value
}

// core are the keys of every output, which Fluent Bit reads itself (src/flb_output.c, flb_output_set_property).
var core = []string{
	"name", "alias", "match", "match_regex", "host", "port", "ipv6", "workers", "retry_limit", "log_level",
	"log_suppress_interval", "processors", "tls",
}

func isCore(key string) bool {
	for _, prefix := range []string{"tls.", "storage.", "net."} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return slices.Contains(core, key)
}

// startFails is what an error in our configuration leads to.
const startFails = "the output does not start, and Fluent Bit ends with code 255"

// output checks one agent_audit output.
func (c *Config) output(s *Section) Output {
	before := len(c.Findings)
	c.keys(s)
	broken := slices.ContainsFunc(c.Findings[before:], func(f Finding) bool { return f.Severity == Error })
	c.delivery(s)
	get := func(key string) string {
		e := s.Get(key)
		if e == nil || key == "config" || config.CheckFlat(key, e.Value) != nil {
			return "" // what is not accepted is reported at its line, or known only where Fluent Bit runs
		}
		return e.Value
	}
	file, ok := c.configFile(s)
	cfg, err := config.Load(file, get)
	if cfg == nil {
		line, what := FileError(err, file)
		c.find(Error, Pos{file, line}, what, startFails, "")
		ok = false
	}
	if !ok { // what the flat keys say, for comparing outputs
		cfg, _ = config.Load("", get)
		return Output{Pos: s.Pos, Config: cfg}
	}
	if err != nil {
		c.incomplete(s, cfg, err)
	}
	return Output{Pos: s.Pos, Config: cfg, Works: err == nil && !broken}
}

// incomplete tells what is missing in a configuration that could be read.
func (c *Config) incomplete(s *Section, cfg *config.Config, err error) {
	none := cfg.Exporters.None()
	if cfg.StateDir == "" {
		c.find(Error, s.Pos, "state_dir is not set", startFails, "name a folder on a local disk for journal and keys: "+c.setting("state_dir", "/var/lib/agent-audit"))
	}
	if none {
		c.find(Error, s.Pos, "no exporter is set", startFails, "set sqlite_path, archive_dir, s3_bucket or elasticsearch_url, or exporters in the file named by config")
	}
	if cfg.StateDir != "" && !none {
		c.find(Error, s.Pos, err.Error(), startFails, "")
	}
}

// keys checks an output's keys and the form of their values.
func (c *Config) keys(s *Section) {
	known := config.FlatKeys()
	for _, e := range s.Entries {
		switch {
		case e.Kind == Map && e.Key != "processors":
			c.find(Error, e.Pos, e.Key+" is a map", "Fluent Bit ends while it starts", "use the flat keys, or put it into a file of ours and name that with config")
		case isCore(e.Key):
		case !slices.Contains(known, e.Key):
			c.find(Error, e.Pos, fmt.Sprintf("unknown key %q%s", e.Key, config.DidYouMean(e.Key, append(known, core...))),
				"Fluent Bit takes any key, and nothing reads this one", "correct its name; settings without a flat key belong into the file named by config")
		case e.Kind == List:
			c.find(Warning, e.Pos, e.Key+" is a list", "plugins get only its first element", "give one value")
		case e.Kind == Null:
			c.find(Warning, e.Pos, e.Key+" has no value", `plugins get the text "null"`, "remove it, or give it a value")
		case !Symbolic(e.Value):
			if err := config.CheckFlat(e.Key, e.Value); err != nil {
				c.find(Error, e.Pos, err.Error(), startFails, "")
			}
		}
	}
}

// delivery checks how Fluent Bit hands records to the output.
func (c *Config) delivery(s *Section) {
	switch n, err := strconv.Atoi(s.Value("workers")); {
	case s.Get("workers") == nil || err == nil && n == 0:
		c.find(Warning, s.At("workers"), "workers is not set", "without a worker the output runs on the engine's own thread, and each write to disk stalls every input and output", c.setting("workers", "1"))
	case err == nil && n > 1:
		c.find(Warning, s.At("workers"), fmt.Sprintf("workers is %d", n), "records are written one chunk at a time: more workers only wait for each other, and Fluent Bit leaks them at each hot reload", c.setting("workers", "1"))
	}
	switch limit := strings.ToLower(s.Value("retry_limit")); {
	case limit == "no_limits" || limit == "false" || limit == "off" || Symbolic(limit):
	case limit == "":
		c.find(Warning, s.Pos, "retry_limit is not set", "its default is 1: a chunk that cannot be written twice, because the disk is full for a minute, is dropped", c.setting("retry_limit", "no_limits"))
	default:
		c.find(Warning, s.At("retry_limit"), "retry_limit is "+limit, "after that many attempts Fluent Bit drops the chunk", c.setting("retry_limit", "no_limits"))
	}
	if s.Value("match") == "" && s.Value("match_regex") == "" && !slices.ContainsFunc(c.All("input"), func(in *Section) bool { return in.Get("routes") != nil }) {
		c.find(Error, s.Pos, "match is not set", "no record reaches the output", "match with the tag of the agents' logs: "+c.setting("match", "agents.*"))
	}
}

// configFile is the path of the output's file, "" if it has none; ok says that it need not be read, or can be.
func (c *Config) configFile(s *Section) (path string, ok bool) {
	e := s.Get("config")
	switch {
	case e == nil || e.Value == "":
		return "", true
	case Symbolic(e.Value):
		c.find(Note, e.Pos, "the file "+e.Value+" was not checked", "its name is known only where Fluent Bit runs", "check it by itself: agent-audit validate FILE")
		return "", false
	}
	if !filepath.IsAbs(e.Value) {
		c.find(Warning, e.Pos, "config is a relative path", "it begins at the folder that Fluent Bit is started in", "give an absolute path")
	}
	for _, path := range []string{e.Value, c.resolve(e.Value)} {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, true
		}
	}
	c.find(Error, e.Pos, "the file "+e.Value+" cannot be read", startFails, "correct the path")
	return "", false
}

// FileError takes the name of the file and the line off an error of config.Load.
func FileError(err error, file string) (line int, what string) {
	what = strings.TrimPrefix(err.Error(), file+": ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, text
			}
		}
	}
	return YAMLError(errors.New(what))
}

// sameFolders finds outputs that would lock each other out.
func (c *Config) sameFolders(outputs []Output) {
	state, archive := map[string]Pos{}, map[string]Pos{}
	for _, o := range outputs {
		if dir := o.Config.StateDir; dir != "" {
			dir = filepath.Clean(dir)
			if other, taken := state[dir]; taken {
				c.find(Error, o.Pos, "state_dir "+dir+" is also that of the output at line "+strconv.Itoa(other.Line), "a state folder belongs to one output: the second does not start", "give each its own")
			}
			state[dir] = o.Pos
		}
		if a := o.Config.Exporters.Archive; a != nil && a.Dir != "" {
			dir := filepath.Clean(a.Dir)
			if other, taken := archive[dir]; taken {
				c.find(Error, o.Pos, "archive_dir "+dir+" is also that of the output at line "+strconv.Itoa(other.Line), "an archive is locked by its exporter: the second never delivers", "give each its own")
			}
			archive[dir] = o.Pos
		}
	}
}
