package schema

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

const pageFile = "../docs/schema.md"

// groupsOf the page, in its order.
var groupsOf = []struct{ name, says string }{
	{"identity", "Who acted, and on whose behalf."},
	{"command", "What was to be done."},
	{"risk", "How dangerous it looks, and why."},
	{"authorization", "Who or what let it through. `unrecorded` unless the log shows otherwise."},
	{"execution", "What came of it."},
	{"session", "The run of actions it belongs to."},
	{"infrastructure", "Where it happened."},
	{"trail", "How the record came to be: identity, order, provenance, scrubbing."},
}

const pageHead = `# The document

One record is one action of an AI agent: one JSON document, canonical (RFC 8785), the same in every store. This page is
made of the table in [schema/fields.go](../schema/fields.go) (` + "`go test ./schema -run TestPage -update`" + `), as are the mapping for
Elasticsearch, the scrubbing and the export to OCSF.

- **Names and types** are those of the Elastic Common Schema %s (ECS) where it has the field. ` + "`gen_ai.conversation.id`" + ` is
  OpenTelemetry's; ` + "`agent_audit.*`" + ` are ours. ECS' ` + "`agent.*`" + ` is the shipper, never the AI agent, and not used.
- A field is absent when it is not known. Nothing is guessed into it; ` + "`agent_audit.identity.inferred`" + ` tells of fields that the
  log itself did not give.
- **Words**: a field marked so is also searchable by words, in Elasticsearch as ` + "`FIELD.text`" + `.
- **Bounds**: a keyword has at most %d bytes, a command or another text 4 MiB, output 16 KiB (` + "`max_output`" + `), arguments 64 KiB;
  what is longer is cut, and ` + "`agent_audit.execution.truncated`" + ` says so. Texts of arguments of more than %d bytes are
  found by their words, in ` + "`agent_audit.long_values`" + `.
- **OCSF** is the place in events of the Open Cybersecurity Schema Framework 1.9 (` + "`-o ocsf`" + `): shell commands are Process Activity
  (1007), calls of tools API Activity (6003), lines that are no action Base Event (0). A field without a place stands in
  ` + "`unmapped`" + ` under its own name.
`

// page is docs/schema.md.
func page() string {
	var b strings.Builder
	fmt.Fprintf(&b, pageHead, ECSVersion, MaxKeyword, MaxValue)
	for _, g := range groupsOf {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | type | from | what | OCSF 1007 | OCSF 6003 |\n|---|---|---|---|---|---|\n", strings.ToUpper(g.name[:1])+g.name[1:], g.says)
		for i := range Fields {
			if f := &Fields[i]; f.Group == g.name {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", f.Path, typeOf(f), originOf(f), f.Doc, place(f, 1007), place(f, 6003))
			}
		}
	}
	return b.String()
}

func typeOf(f *Field) string {
	if f.Text {
		return f.Type + ", words"
	}
	return f.Type
}

func originOf(f *Field) string {
	switch {
	case f.ECS():
		return "ECS"
	case strings.HasPrefix(f.Path, "agent_audit."):
		return "ours"
	}
	return "OpenTelemetry"
}

func place(f *Field, class int) string {
	if p := f.OCSFPath(class); p != "" {
		return "`" + p + "`"
	}
	return ""
}

// TestPage holds the page against the table.
func TestPage(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(pageFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says; go test ./schema -run TestPage -update writes it", pageFile)
	}
	for i := range Fields {
		if !strings.Contains(want, "| `"+Fields[i].Path+"` |") {
			t.Errorf("%s is in no group of the page", Fields[i].Path)
		}
		if strings.ContainsAny(Fields[i].Doc, "|\n") || Fields[i].Doc == "" {
			t.Errorf("%s: its description does not fit a table", Fields[i].Path)
		}
	}
}
