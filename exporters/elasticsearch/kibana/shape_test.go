package kibana

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// shape is what a JSON value must be: a small schema language, in which we have written down what Kibana's public API
// documentation says. It returns what is wrong, below the path.
type shape func(path string, v any) []string

func wrong(path, format string, args ...any) []string {
	return []string{path + ": " + fmt.Sprintf(format, args...)}
}

// textLike is a text that matches the pattern.
func textLike(pattern string) shape {
	re := regexp.MustCompile(pattern)
	return func(path string, v any) []string {
		if s, ok := v.(string); !ok || !re.MatchString(s) {
			return wrong(path, "%.80q is not like %s", fmt.Sprint(v), pattern)
		}
		return nil
	}
}

var anyText, someText = textLike(``), textLike(`\S`)

func oneOf(words ...string) shape {
	return func(path string, v any) []string {
		if s, ok := v.(string); !ok || !slices.Contains(words, s) {
			return wrong(path, "%v is none of %v", v, words)
		}
		return nil
	}
}

func whole(low, high float64) shape {
	return func(path string, v any) []string {
		if n, ok := v.(float64); !ok || n != float64(int64(n)) || n < low || n > high {
			return wrong(path, "%v is no whole number from %v to %v", v, low, high)
		}
		return nil
	}
}

func truth(path string, v any) []string {
	if _, ok := v.(bool); !ok {
		return wrong(path, "%v is neither true nor false", v)
	}
	return nil
}

func listOf(element shape, low, high int) shape {
	return func(path string, v any) []string {
		list, ok := v.([]any)
		if !ok || len(list) < low || len(list) > high {
			return wrong(path, "%v is no list of %d to %d", v, low, high)
		}
		var all []string
		for i, e := range list {
			all = append(all, element(fmt.Sprintf("%s[%d]", path, i), e)...)
		}
		return all
	}
}

// objectOf is an object with the keys required, perhaps the keys optional, and no other.
func objectOf(required, optional map[string]shape) shape {
	return func(path string, v any) []string {
		o, ok := v.(map[string]any)
		if !ok {
			return wrong(path, "%v is no object", v)
		}
		var all []string
		for key := range required {
			if _, ok := o[key]; !ok {
				all = append(all, wrong(path, "%s is missing", key)...)
			}
		}
		for key, value := range o {
			s := required[key]
			if s == nil {
				s = optional[key]
			}
			if s == nil {
				all = append(all, wrong(path, "%s is unknown", key)...)
				continue
			}
			all = append(all, s(path+"."+key, value)...)
		}
		return all
	}
}

// mapOf is an object with any keys.
func mapOf(value shape) shape {
	return func(path string, v any) []string {
		o, ok := v.(map[string]any)
		if !ok {
			return wrong(path, "%v is no object", v)
		}
		var all []string
		for key, e := range o {
			all = append(all, value(path+"."+key, e)...)
		}
		return all
	}
}

// jsonText is a text that holds JSON of a shape.
func jsonText(inner shape) shape {
	return func(path string, v any) []string {
		s, _ := v.(string)
		var parsed any
		if err := json.Unmarshal([]byte(s), &parsed); err != nil {
			return wrong(path, "no JSON text: %v", err)
		}
		return inner(path, parsed)
	}
}

func anything(string, any) []string { return nil }

// merged is all of several tables of keys.
func merged(tables ...map[string]shape) map[string]shape {
	all := map[string]shape{}
	for _, t := range tables {
		for key, s := range t {
			all[key] = s
		}
	}
	return all
}
