package elasticsearch

import (
	"encoding/json"
	"testing"

	"github.com/agentaudit/agentaudit/exporters/exportertest"
)

func TestEventID(t *testing.T) {
	for doc, want := range map[string]string{
		`{"event":{"id":"x"}}`:                                      "x",
		`{"a":"\\","event":{"action":"a\"b","id":"x"},"z":1}`:       "x",
		`{"a":{"event":{"id":"no"}},"event":{"id":"yes"}}`:          "yes",
		`{"a":[1,{"b":["]"]},-2.5e3,null,true],"event":{"id":"x"}}`: "x",
		`{"a":"\"event\":{\"id\":\"no\"}","event":{"id":"yes"}}`:    "yes",
		`{"event":{"id":""}}`:                                       "",
		`{"event":{"id":7}}`:                                        "",
		`{"event":"id"}`:                                            "",
		`{"event":{"id":"x"}`:                                       "x", // Elasticsearch refuses it
		`{"event":{"id":"x`:                                         "",
		`{"event":{"id":"x"},"b":"`:                                 "",
		`{}`:                                                        "",
		``:                                                          "",
		`[]`:                                                        "",
	} {
		got, ok := eventID([]byte(doc))
		if ok != (want != "") || ok && string(got) != want {
			t.Errorf("%s: %q %v, want %q", doc, got, ok, want)
		}
	}
	for _, r := range exportertest.Records("s", 0, 200) {
		var doc struct{ Event struct{ ID string } }
		if err := json.Unmarshal(r.JSON, &doc); err != nil {
			t.Fatal(err)
		}
		if got, ok := eventID(r.JSON); !ok || string(got) != doc.Event.ID {
			t.Errorf("%s: %q %v", r.JSON, got, ok)
		}
	}
}

// Whatever is found in a document that JSON knows is what JSON finds there.
func FuzzEventID(f *testing.F) {
	f.Add([]byte(`{"a":"\\","event":{"action":"a\"b","id":"x"},"z":1}`))
	f.Add(exportertest.Records("s", 0, 1)[0].JSON)
	f.Add([]byte(`{"event":{"id":"`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		id, ok := eventID(doc)
		var parsed struct {
			Event struct {
				ID json.RawMessage `json:"id"`
			} `json:"event"`
		}
		if !ok || !isCompact(doc) || json.Unmarshal(doc, &parsed) != nil {
			return
		}
		if string(parsed.Event.ID) != `"`+string(id)+`"` {
			t.Errorf("%s: %s, want %s", doc, id, parsed.Event.ID)
		}
	})
}

// isCompact says whether a document is JSON as we write it: no white space, no key twice, none in other letters.
func isCompact(doc []byte) bool {
	var v map[string]any
	if json.Unmarshal(doc, &v) != nil {
		return false
	}
	again, err := json.Marshal(v)
	return err == nil && len(again) == len(doc)
}
