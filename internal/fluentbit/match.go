package fluentbit

import (
	"regexp"
	"strconv"
	"strings"
)

// mayFeed says whether records of an input may reach an output. Where it cannot be known (variables, routes, filters that
// rewrite tags) they may.
func (c *Config) mayFeed(input *Section, number int, output *Section) bool {
	if input.Get("routes") != nil {
		return true
	}
	for _, f := range c.All("filter") {
		if f.Value("name") == "rewrite_tag" {
			return true
		}
	}
	tag := input.Value("tag")
	if tag == "" {
		tag = input.Value("name") + "." + strconv.Itoa(number)
	}
	if pattern := output.Value("match_regex"); pattern != "" {
		re, err := regexp.Compile(pattern)
		return err != nil || Symbolic(pattern+tag) || strings.Contains(tag, "*") || re.MatchString(tag)
	}
	return overlap(wild(output.Value("match")), wild(tag))
}

// wild puts "*" for each variable.
func wild(s string) string {
	for {
		from := strings.Index(s, "${")
		if from < 0 {
			return s
		}
		to := strings.IndexByte(s[from:], '}')
		if to < 0 {
			return s[:from] + "*"
		}
		s = s[:from] + "*" + s[from+to+1:]
	}
}

// overlap says whether a text exists that both patterns match; "*" in them is any text. Row j of the table says whether
// the rests a[i:] and b[j:] overlap.
func overlap(a, b string) bool {
	row := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		below := row
		row = make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = below[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && below[j]
			case i < len(a) && j < len(b) && a[i] == b[j]:
				row[j] = below[j+1]
			}
		}
	}
	return row[0]
}
