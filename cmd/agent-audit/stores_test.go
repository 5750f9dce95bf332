package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// storeCases are the stores of agents in SQLite: what makes one, and the commands in it with their exit codes.
var storeCases = []struct {
	name, file string
	statements []string
	want       string
}{
	{
		"opencode", "opencode.db", []string{
			"CREATE TABLE session (id text PRIMARY KEY, project_id text, parent_id text, directory text, title text, version text, time_created integer, time_updated integer)",
			"CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, time_updated integer, data text)",
			"CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, time_created integer, time_updated integer, data text)",
			`INSERT INTO session VALUES ('ses_1','p',NULL,'/srv/shop','t','1.2.0',1767225600000,0)`,
			`INSERT INTO message VALUES ('msg_1','ses_1',1767225601000,0,'{"role":"assistant","time":{"created":1767225601000},"modelID":"m","providerID":"p","path":{"cwd":"/srv/shop/web"}}')`,
			`INSERT INTO part VALUES ('prt_1','msg_1','ses_1',1767225602000,0,'{"type":"tool","callID":"toolu_01StoreEfGhIjKlMnOpQ1","tool":"bash","state":{"status":"completed","input":{"command":"make"},"output":"no","metadata":{"exit":2},"time":{"start":1767225602000,"end":1767225603000}}}')`,
		}, "make in /srv/shop/web exit 2",
	},
	{
		"goose", "sessions.db", []string{
			"CREATE TABLE sessions (id TEXT PRIMARY KEY, description TEXT, working_dir TEXT, created_at TIMESTAMP)",
			"CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content_json TEXT, created_timestamp INTEGER)",
			`INSERT INTO sessions VALUES ('20260101_1','d','/srv/goose','2026-01-01')`,
			`INSERT INTO messages VALUES (1,'20260101_1','assistant','[{"type":"toolRequest","id":"toolu_01StoreEfGhIjKlMnOpQ2","toolCall":{"status":"success","value":{"name":"developer__shell","arguments":{"command":"ls"}}}}]',1767225600)`,
			`INSERT INTO messages VALUES (2,'20260101_1','user','[{"type":"toolResponse","id":"toolu_01StoreEfGhIjKlMnOpQ2","toolResult":{"status":"success","value":{"content":[],"structuredContent":{"stdout":"a","exit_code":0},"isError":false}}}]',1767225601)`,
		}, "ls in /srv/goose exit 0",
	},
	{
		"crush", "crush.db", []string{
			"CREATE TABLE sessions (id TEXT PRIMARY KEY)", "CREATE TABLE files (id TEXT PRIMARY KEY)",
			"CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, parts TEXT, model TEXT, provider TEXT, created_at INTEGER)",
			`INSERT INTO messages VALUES ('m1','s1','assistant','[{"type":"tool_call","data":{"id":"toolu_01StoreEfGhIjKlMnOpQ3","name":"bash","input":"{\"command\":\"go test\"}","finished":true}}]','m','p',1767225600000)`,
			`INSERT INTO messages VALUES ('m2','s1','tool','[{"type":"tool_result","data":{"tool_call_id":"toolu_01StoreEfGhIjKlMnOpQ3","name":"bash","content":"FAIL\nExit code 1","is_error":false}}]','','',1767225601000)`,
		}, "go test exit 1",
	},
	{
		"kiro", "data.sqlite3", []string{
			"CREATE TABLE conversations_v2 (key TEXT, conversation_id TEXT, value TEXT, created_at INTEGER)",
			`INSERT INTO conversations_v2 VALUES ('/srv/k','c1','{"conversation_id":"c1","history":[{"user":{"env_context":{"env_state":{"current_working_directory":"/srv/k"}},"content":{"Prompt":{"prompt":"x"}}},"assistant":{"ToolUse":{"tool_uses":[{"id":"tooluse_StoreEfGhIjKlMnOpQ4","name":"execute_bash","args":{"command":"id"}}]}}}],"next_message":{"content":{"ToolUseResults":{"tool_use_results":[{"tool_use_id":"tooluse_StoreEfGhIjKlMnOpQ4","status":"Success","content":[{"Json":{"exit_status":"0","stdout":"","stderr":""}}]}]}}},"transcript":[]}',1)`,
		}, "id in /srv/k exit 0",
	},
	{
		"cursor", "state.vscdb", []string{
			"CREATE TABLE ItemTable (key TEXT PRIMARY KEY, value BLOB)", "CREATE TABLE cursorDiskKV (key TEXT PRIMARY KEY, value BLOB)",
			`INSERT INTO cursorDiskKV VALUES ('composerData:11111111-2222-4333-8444-555555555555','{}')`,
			`INSERT INTO cursorDiskKV VALUES ('bubbleId:11111111-2222-4333-8444-555555555555:b1',CAST('{"bubbleId":"b1","type":2,"createdAt":"2026-01-01T00:00:00Z","toolFormerData":{"toolCallId":"toolu_01StoreEfGhIjKlMnOpQ5","name":"run_terminal_cmd","status":"completed","rawArgs":"{\"command\":\"npm test\"}","result":"{\"output\":\"\",\"exitCodeV2\":1}"}}' AS BLOB))`,
			`INSERT INTO cursorDiskKV VALUES ('bubbleId:11111111-2222-4333-8444-555555555555:b2',NULL)`,
		}, "npm test exit 1",
	},
	{
		"zed", "threads.db",
		[]string{"CREATE TABLE threads (id TEXT PRIMARY KEY, summary TEXT, updated_at TEXT, data_type TEXT, data BLOB)"},
		"cargo test in /srv/zed exit 101",
	},
	{"unknown", "places.sqlite", []string{"CREATE TABLE moz_places (id INTEGER)"}, ""},
}

// zedThread is what Zed compresses.
const zedThread = `{"version":"0.3.0","title":"t","updated_at":"2026-01-01T00:00:00Z","initial_project_snapshot":{"worktree_snapshots":[{"worktree_path":"/srv/zed"}]},"messages":[{"Agent":{"content":[{"ToolUse":{"id":"toolu_01StoreEfGhIjKlMnOpQ6","name":"terminal","input":{"command":"cargo test","cd":"."}}}],"tool_results":{"toolu_01StoreEfGhIjKlMnOpQ6":{"tool_use_id":"toolu_01StoreEfGhIjKlMnOpQ6","tool_name":"terminal","is_error":false,"content":{"Text":"Command failed with exit code 101"}}}}}]}`

// makeStore makes a file of SQLite.
func makeStore(t *testing.T, file string, statements []string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if filepath.Base(file) == "threads.db" {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO threads VALUES ('0f6d','s','2026-01-01','zstd',?)", z.EncodeAll([]byte(zedThread), nil)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStores holds that the stores of agents in SQLite are read: by rows, as their converters know them, and without a change
// to the file or beside it.
func TestStores(t *testing.T) {
	for _, c := range storeCases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.file)
			makeStore(t, file, c.statements)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := convertConfig("", "auto")
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := convertLogs(cfg, []string{file}, &out); err != nil {
				t.Fatal(err)
			}
			if got := storeFacts(t, out.String()); got != c.want {
				t.Errorf("got %q, want %q\n%s", got, c.want, out.String())
			}
			if out.Len() == 0 {
				t.Error("nothing is told of the file")
			}
			after, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(before, after) {
				t.Error("the file was changed", err)
			}
			if beside, _ := os.ReadDir(dir); len(beside) != 1 {
				t.Errorf("files were left beside it: %v", beside)
			}
		})
	}
}

// storeFacts are the commands of records with directory and exit code.
func storeFacts(t *testing.T, records string) string {
	t.Helper()
	var facts []string
	for line := range strings.Lines(records) {
		var r struct {
			Process struct {
				Line string `json:"command_line"`
				Cwd  string `json:"working_directory"`
				Exit *int   `json:"exit_code"`
			} `json:"process"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Process.Line == "" {
			continue
		}
		fact := r.Process.Line
		if r.Process.Cwd != "" {
			fact += " in " + r.Process.Cwd
		}
		if r.Process.Exit != nil {
			fact += " exit " + strconv.Itoa(*r.Process.Exit)
		}
		facts = append(facts, fact)
	}
	return strings.Join(facts, "; ")
}
