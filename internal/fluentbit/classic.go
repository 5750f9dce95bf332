package fluentbit

import (
	"strings"
)

// readClassic reads the classic form. Keys are indented below their section; a line is a comment only when "#" is its
// first character that is no blank.
func (c *Config) readClassic(file, text string) {
	var section *Section
	n := 0
	for line := range strings.Lines(text) {
		n++
		at := Pos{File: file, Line: n}
		line = strings.TrimRight(line, "\r\n")
		content := strings.TrimSpace(line)
		switch {
		case content == "" || content[0] == '#':
		case line[0] == '@':
			c.meta(at, content)
		case line[0] == '[':
			name, _, ok := strings.Cut(content[1:], "]")
			if !ok {
				c.find(Error, at, "the section's name has no closing bracket", "Fluent Bit does not start", "write [OUTPUT]")
				continue
			}
			section = &Section{Pos: at, Name: strings.ToLower(strings.TrimSpace(name))}
			c.Sections = append(c.Sections, section)
		case section == nil:
			c.find(Error, at, "a key before the first section", "Fluent Bit does not start", "put it below a [SECTION]")
		default:
			c.classicEntry(section, at, line, content)
		}
	}
}

func (c *Config) classicEntry(section *Section, at Pos, line, content string) {
	if line[0] != ' ' && line[0] != '\t' {
		c.find(Error, at, "the key is not indented", "Fluent Bit does not start", "indent it as the other keys")
	}
	key, value := content, ""
	if i := strings.IndexAny(content, " \t"); i >= 0 {
		key, value = content[:i], strings.TrimSpace(content[i:])
	}
	if value == "" {
		c.find(Error, at, "the key "+key+" has no value", "Fluent Bit does not start", "give it a value, or remove it")
	}
	section.Entries = append(section.Entries, Entry{Pos: at, Key: strings.ToLower(key), Value: value})
}

// meta reads @INCLUDE; @SET and what else there is change nothing that is looked at.
func (c *Config) meta(at Pos, line string) {
	if name, path, _ := strings.Cut(line, " "); strings.EqualFold(name, "@include") {
		c.include(at, strings.TrimSpace(path))
	}
}
