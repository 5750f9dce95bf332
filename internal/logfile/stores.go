package logfile

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Some agents keep their sessions in SQLite. Such a file is opened for reading only, and each row that tells of a session
// becomes an event of the form in which the agent's converter knows it: as the files of the agent's older versions have it, or
// its export. In the place of the offset stands the row's number.

// sqliteMagic begins every SQLite file.
var sqliteMagic = []byte("SQLite format 3\x00")

// store is how one agent keeps its sessions. The query gives one JSON object a row, in the order in which they are to be
// read; bytes that are compressed (zstd) are JSON after that.
type store struct {
	agent  string
	tables []string // that the file must have
	query  string
}

var stores = []store{
	// opencode since 1.2: data is what the files under storage/ held, less the ids.
	{"opencode", []string{"session", "message", "part"}, `
		SELECT json FROM (
			SELECT id AS s, 0 AS at, 0 AS kind, json_object('id', id, 'projectID', project_id, 'directory', directory,
				'parentID', parent_id, 'version', version, 'time', json_object('created', time_created)) AS json FROM session
			UNION ALL SELECT session_id, time_created, 1, json_patch(data, json_object('id', id, 'sessionID', session_id)) FROM message
			UNION ALL SELECT session_id, time_created, 2,
				json_patch(data, json_object('id', id, 'sessionID', session_id, 'messageID', message_id)) FROM part
		) ORDER BY s, at, kind`},
	// Goose since 1.10: sessions.db.
	{"goose", []string{"sessions", "messages"}, `
		SELECT json FROM (
			SELECT id AS s, 0 AS at, 0 AS row, json_object('id', id, 'working_dir', working_dir, 'message_count', 0) AS json FROM sessions
			UNION ALL SELECT session_id, created_timestamp, rowid,
				json_object('role', role, 'created', created_timestamp, 'content', json(content_json), 'session_id', session_id) FROM messages
		) ORDER BY s, row`},
	// Crush: .crush/crush.db of a project.
	{"crush", []string{"sessions", "messages", "files"}, `
		SELECT json_object('id', id, 'session_id', session_id, 'role', role, 'parts', json(parts), 'model', model,
			'created_at', created_at, 'agent', 'crush') FROM messages ORDER BY session_id, created_at, rowid`},
	// Kiro CLI and Amazon Q Developer CLI: data.sqlite3.
	{"kiro", []string{"conversations_v2"}, `SELECT value FROM conversations_v2`},
	{"amazon-q", []string{"conversations"}, `SELECT value FROM conversations`},
	// Zed: threads/threads.db.
	{"zed", []string{"threads"}, `SELECT data, id FROM threads ORDER BY updated_at`},
	// Cursor: globalStorage/state.vscdb. A bubble is a message of a conversation, whose id its key has.
	{"cursor", []string{"cursorDiskKV"}, `
		SELECT json_patch(CAST(value AS TEXT), json_object('composerId', substr(key, 10, 36)))
		FROM cursorDiskKV WHERE key LIKE 'bubbleId:%' AND json_valid(CAST(value AS TEXT)) ORDER BY rowid`},
}

// database reads a SQLite file. One that is nobody's that we know gives a single event that says so: what is not understood
// is not dropped silently.
func (w *writer) database(file string) error {
	db, err := openStore(file)
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := tablesOf(db)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	known := false
	for _, s := range stores {
		if !s.fits(tables) {
			continue
		}
		known = true
		if err := w.rows(db, s); err != nil {
			return fmt.Errorf("%s: sessions of %s: %w", file, s.agent, err)
		}
	}
	if !known {
		w.event([]byte(`{"message":"a SQLite database that is no agent's store we know"}`))
	}
	return w.flush()
}

// fits says whether the file has all tables of the store; Crush's and Goose's have names in common.
func (s store) fits(tables map[string]string) bool {
	for _, t := range s.tables {
		if _, ok := tables[t]; !ok {
			return false
		}
	}
	if s.agent == "goose" {
		return strings.Contains(tables["messages"], "content_json")
	}
	if s.agent == "crush" {
		return strings.Contains(tables["messages"], "parts")
	}
	return true
}

// openStore opens a file for reading only. One that another program has left in write-ahead mode without its log can be
// opened only as one that does not change.
func openStore(file string) (*sql.DB, error) {
	var last error
	for _, mode := range []string{"mode=ro", "mode=ro&immutable=1"} {
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+mode)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if _, last = tablesOf(db); last == nil {
			return db, nil
		}
		db.Close()
	}
	return nil, fmt.Errorf("%s: %w", file, last)
}

// tablesOf are the tables of a database with what made them.
func tablesOf(db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(context.Background(), `SELECT name, coalesce(sql, '') FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tables := map[string]string{}
	for rows.Next() {
		var name, made string
		if err := rows.Scan(&name, &made); err != nil {
			return nil, err
		}
		tables[name] = made
	}
	return tables, rows.Err()
}

// rows makes an event of each row of a store's query.
func (w *writer) rows(db *sql.DB, s store) error {
	rows, err := db.QueryContext(context.Background(), s.query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxDocument*4))
	if err != nil {
		return err
	}
	defer unzip.Close()
	for rows.Next() {
		var text, id []byte
		into := []any{&text, &id}[:len(columns)]
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if text, err = plainRow(unzip, text, id); err != nil {
			return err
		}
		w.event(text)
		if err := w.flushLong(); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), w.flush())
}

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// plainRow is the JSON of a row, with the id that stands beside it.
func plainRow(unzip *zstd.Decoder, text, id []byte) ([]byte, error) {
	if bytes.HasPrefix(text, zstdMagic) {
		plain, err := unzip.DecodeAll(text, nil)
		if err != nil {
			return nil, err
		}
		text = plain
	}
	if rest, ok := bytes.CutPrefix(text, []byte("{")); ok && len(id) > 0 && !bytes.ContainsAny(id, "\"\\") {
		text = []byte(`{"id":"` + string(id) + `",` + string(rest))
	}
	return text, nil
}

// event adds an event that is no line of the file.
func (w *writer) event(text []byte) {
	at := w.offset
	w.line(text)
	w.offset = at + 1
}
