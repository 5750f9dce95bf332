package schema

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
)

// ecsFile holds the fields of the Elastic Common Schema that we use: version, path and type, from the file
// generated/csv/fields.csv of github.com/elastic/ecs.
const ecsFile = "testdata/ecs.csv"

// ecsWhole is that file itself, where it is at hand.
const ecsWhole = "../../shared/schema/ecs_flat.csv"

// TestECSTypes holds that every field with a name of the Elastic Common Schema has its type, and that no name of ours
// takes one of its.
func TestECSTypes(t *testing.T) {
	types := readECS(t, ecsFile, 1, 2)
	for i := range Fields {
		f := &Fields[i]
		want, ok := types[f.Path]
		switch {
		case ok != f.ECS():
			t.Errorf("%s: in the Elastic Common Schema %v, the table says %v", f.Path, ok, f.ECS())
		case ok && want != f.Type:
			t.Errorf("%s is %s, in the Elastic Common Schema %s", f.Path, f.Type, want)
		}
		delete(types, f.Path)
	}
	for path := range types {
		t.Errorf("%s: %s is no field of ours", ecsFile, path)
	}
}

// TestECSFile holds our extract against the whole file.
func TestECSFile(t *testing.T) {
	if _, err := os.Stat(ecsWhole); err != nil {
		t.Skipf("%s is not at hand", ecsWhole)
	}
	types := readECS(t, ecsWhole, 3, 4)
	for path, got := range readECS(t, ecsFile, 1, 2) {
		if types[path] != got {
			t.Errorf("%s is %q, here %s", path, types[path], got)
		}
	}
	for i := range Fields {
		f := &Fields[i]
		if types[f.Path] != "" && !f.ECS() {
			t.Errorf("%s is a field of the Elastic Common Schema", f.Path)
		}
		if root, _, _ := strings.Cut(f.Path, "."); root == "agent" {
			t.Errorf("%s: agent.* is the shipper in the Elastic Common Schema, never the AI agent", f.Path)
		}
	}
}

// readECS reads paths and types from columns of a CSV file with a heading.
func readECS(t *testing.T, file string, path, typ int) map[string]string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, row := range slices.Delete(rows, 0, 1) {
		types[row[path]] = row[typ]
	}
	return types
}
