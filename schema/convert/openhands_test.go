package convert

import (
	"testing"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

func FuzzOpenHands(f *testing.F) { fuzzLog(f, "openhands") }

func TestOpenHandsTakesItsOwn(t *testing.T) { ownSamples(t, &openHands{}, "openhands") }

// TestOpenHandsFolder holds that events in files of their own find each other by their folder, which names the session.
func TestOpenHandsFolder(t *testing.T) {
	c := testConverter(t, "openhands")
	var keys []schema.ID
	for _, e := range []struct{ path, log string }{
		{"/root/.openhands/sessions/s1/events/3.json", `{"id":3,"source":"agent","action":"run","args":{"command":"ls"}}`},
		{"/root/.openhands/sessions/s1/events/4.json", `{"id":4,"cause":3,"source":"agent","observation":"run","content":"a","extras":{"metadata":{"exit_code":0}}}`},
		{"/root/.openhands/sessions/s2/events/3.json", `{"id":3,"source":"agent","action":"run","args":{"command":"ls"}}`},
	} {
		doc := new(value.Doc)
		body, err := doc.ParseJSON(`{"log":"","path":"` + e.path + `"}`)
		if err != nil {
			t.Fatal(err)
		}
		in := Unwrap(doc, Record{Body: body, Tag: "t"})
		if in.Body, err = doc.ParseJSON(e.log); err != nil {
			t.Fatal(err)
		}
		c.Convert(new(Source), &in, func(f *schema.Fragment) {
			keys = append(keys, f.Key)
			if want := e.path[len("/root/.openhands/sessions/"):][:2]; f.Session.ID != want || len(f.Identity.Inferred) != 1 {
				t.Errorf("session %q, want %q", f.Session.ID, want)
			}
		})
	}
	if len(keys) != 3 || keys[0] != keys[1] || keys[0] == keys[2] {
		t.Error(keys)
	}
}
