package kibana

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/journal"
	"github.com/agentaudit/agentaudit/internal/logfile"
	"github.com/agentaudit/agentaudit/internal/pipeline"
	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/scrub"
)

func TestMain(m *testing.M) { estest.Main(m) }

// dataStream is where the tests keep the corpus.
const dataStream = "logs-" + schema.Dataset + "-kibana"

// The clock of the tests: rules look back from now; the incident was sealed within the last hour and everything else
// long before; dashboards show the time from shownFrom to shownTo.
var (
	now         = time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	sealedEarly = now.Add(-10 * time.Hour)
	sealedLate  = now.Add(-30 * time.Minute)
	shownFrom   = now.Add(-40 * 24 * time.Hour)
	shownTo     = now.Add(24 * time.Hour)
)

// record is a record of the corpus. Its id is that of its document.
type record struct {
	id string
	*schema.Action
}

// corpus are the records that all queries run on: the repository's examples, the converters' test logs, an incident of
// our own (testdata/incident.jsonl), and real logs where they are at hand. They are on the server after the first call.
func corpus(t *testing.T) ([]record, *estest.Server) {
	t.Helper()
	s := estest.Elasticsearch(t)
	loaded.Do(func() {
		var docs [][]byte
		for i, file := range logs(t) {
			docs = append(docs, convert(t, fmt.Sprint("log-", i), file, sealedEarly, nil)...)
		}
		incident := convert(t, "incident", "testdata/incident.jsonl", sealedLate, garbage(25))
		docs = append(docs, append(incident[:9:9], incident[10:]...)...) // one is missing from the sequence
		load(t, s, docs)
	})
	if len(loaded.records) == 0 {
		t.Fatal("the corpus was not loaded")
	}
	return loaded.records, s
}

var loaded struct {
	sync.Once
	records []record
}

func logs(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{"../../../examples/logs", "../../../schema/convert/testdata", "../../../../shared/samples"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !slices.Contains([]string{".golden", ".md"}, filepath.Ext(path)) {
				files = append(files, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if len(files) < 40 {
		t.Fatalf("only %d logs", len(files))
	}
	return files
}

// garbage are chunks that are no msgpack, each different.
func garbage(n int) [][]byte {
	var chunks [][]byte
	for i := range n {
		chunks = append(chunks, []byte{0xc1, byte(i)})
	}
	return chunks
}

// convert runs the write line over a log, and then over chunks, and returns its records.
func convert(t *testing.T, stream, file string, at time.Time, chunks [][]byte) [][]byte {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatalf("%s: %v", file, err)
		}
	}
	dir := t.TempDir()
	c, err := config.Load("", func(key string) string { return map[string]string{"state_dir": dir, "sqlite_path": dir + "/x.db"}[key] })
	check(err)
	engine, err := scrub.New(scrub.Options{})
	check(err)
	j, err := journal.Open("convert", func() string { return stream }, journal.Options{FS: vfs.NewMem()})
	check(err)
	defer j.Close()
	p, err := pipeline.New(pipeline.Options{Config: c, Journal: j, Scrub: engine, Now: func() time.Time { at = at.Add(time.Millisecond); return at }})
	check(err)
	check(logfile.Chunks(file, func(chunk []byte, _ int64) error { return p.Flush("test", chunk) }))
	for _, chunk := range chunks {
		check(p.Flush("test", chunk))
	}
	check(p.Finish())
	records, err := j.Read(0, 1<<20, 1<<30)
	check(err)
	var docs [][]byte
	for _, r := range records {
		docs = append(docs, bytes.Clone(r.JSON))
	}
	return docs
}

// load puts the records on the server and among loaded.
func load(t *testing.T, s *estest.Server, docs [][]byte) {
	t.Helper()
	for _, d := range elasticsearch.Templates(elasticsearch.TemplateOptions{}) {
		s.Must(t, http.MethodPut, d.Path, []byte(d.Body))
	}
	s.Must(t, http.MethodPut, "/_data_stream/"+dataStream, nil)
	var bulk bytes.Buffer
	seen := map[string]bool{} // the stores keep one record an identity; some test logs repeat each other's
	add := func(id string, doc []byte) {
		a, err := schema.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if seen[a.Event.ID] && !strings.HasSuffix(id, "-copy") {
			return
		}
		seen[a.Event.ID] = true
		loaded.records = append(loaded.records, record{id: id, Action: a})
		fmt.Fprintf(&bulk, "{\"create\":{\"_id\":%q}}\n%s\n", id, doc)
	}
	for i, d := range docs {
		add(fmt.Sprint("r", i), d)
	}
	add("r-copy", docs[len(docs)-1]) // as after a rollover: it must not make up for a missing record
	var answer struct {
		Errors bool
		Items  []map[string]json.RawMessage
	}
	if err := json.Unmarshal(s.Must(t, http.MethodPost, "/"+dataStream+"/_bulk?refresh=true", bulk.Bytes()), &answer); err != nil || answer.Errors {
		t.Fatalf("bulk: %v %.3000s", err, fmt.Sprint(answer.Items))
	}
}
