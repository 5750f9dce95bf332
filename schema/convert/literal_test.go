package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema/value"
)

func TestParseLiteral(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1}`: `{"a":1}`, `{'a': "it's", 'b': 'say "x"\n', 'c': (1, None), 'd': [True, False]}`: `{"a":"it's","b":"say \"x\"\n","c":[1,null],"d":[true,false]}`,
		`{'a': Path('/x')}`: "", `{'a`: "", "ls -l": "", "": "", `{'a': 'b'} and more`: "", `{'a': 'C:\\x\\\''}`: `{"a":"C:\\x\\'"}`,
	} {
		var doc value.Doc
		if got := string(jsonOf(parseLiteral(&doc, text))); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func FuzzParseLiteral(f *testing.F) {
	f.Add(`{'a': "it's", 'b': (1, None)}`)
	f.Add(`{"a": [1, "x"]}`)
	f.Fuzz(func(t *testing.T, s string) {
		var doc value.Doc
		parseLiteral(&doc, s)
	})
}
