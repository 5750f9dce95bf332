package fluentbit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads a configuration. An error says that the file itself cannot be read; what is wrong inside is in Findings.
func Load(file string) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &Config{root: file, dir: filepath.Dir(file), read: map[string]bool{}, classic: !IsYAML(file)}
	c.add(file, text)
	c.named("plugins_file", "plugins")
	c.named("parsers_file", "parser")
	return c, nil
}

// IsYAML says whether Fluent Bit takes a file for YAML: by its name.
func IsYAML(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	return ext == ".yaml" || ext == ".yml"
}

func (c *Config) add(file string, text []byte) {
	c.read[filepath.Clean(file)] = true
	if IsYAML(file) {
		c.yaml(file, text)
	} else {
		c.readClassic(file, string(text))
	}
}

// mostFiles is how many files Fluent Bit reads at most (FLB_CF_FILE_NUM_LIMIT).
const mostFiles = 1000

// include reads a file, or those of a pattern, named at a place.
func (c *Config) include(at Pos, path string) {
	if Symbolic(path) {
		c.find(Note, at, "the included "+path+" was not checked", "its name is known only where Fluent Bit runs", "")
		return
	}
	files := []string{c.resolve(path)}
	if strings.ContainsAny(path, "*?[") {
		files, _ = filepath.Glob(files[0])
		slices.Sort(files)
	}
	if len(files) == 0 {
		c.find(Error, at, fmt.Sprintf("no file matches %q", path), "Fluent Bit does not start without the files it includes", "correct the pattern, or remove it")
	}
	for _, f := range files {
		switch text, err := readRegular(f); {
		case err != nil:
			c.find(Error, at, "the file cannot be read: "+err.Error(), "Fluent Bit does not start without it", "correct the path: relative ones begin at "+c.dir)
		case c.read[filepath.Clean(f)] || len(c.read) >= mostFiles:
			c.find(Error, at, f+" is included twice", "Fluent Bit refuses it", "include it once")
		default:
			c.add(f, text)
		}
	}
}

// readRegular reads a file that is one: reading a pipe or a device might never end.
func readRegular(file string) ([]byte, error) {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", file)
	}
	return os.ReadFile(file)
}

// named reads the files that the service names under a key.
func (c *Config) named(key, section string) {
	for _, s := range c.All("service") {
		for _, e := range s.Entries {
			if e.Key == key {
				c.namedFile(e, key, section)
			}
		}
	}
}

func (c *Config) namedFile(e Entry, key, section string) {
	if Symbolic(e.Value) {
		c.Sections = append(c.Sections, &Section{Pos: e.Pos, Name: section, Entries: []Entry{{Pos: e.Pos, Key: "path", Value: e.Value}}})
		return
	}
	file := c.resolve(e.Value)
	text, err := readRegular(file)
	switch {
	case err != nil:
		c.find(Warning, e.Pos, key+" cannot be read: "+err.Error(), "Fluent Bit does not start without it", "correct the path")
	case !c.read[filepath.Clean(file)]:
		c.add(file, text)
	}
}
