package serve

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// ReadLog is the audit of the audit: a file to which a record is appended for every read, as a document of the trail's
// own schema, one a line (event.action audit-read): who asked what, from where, and how many records were shown.
//
// Each record holds its own digest, which covers that of the record before it (agent_audit.fields.digest and .previous),
// so that a line that was changed, taken out or put in is found by CheckReads. Whoever may write the file could write all
// of it anew, or cut off its end: to have the reads sealed as the trail is, let Fluent Bit tail the file into the same
// output, which takes documents of ours as they are.
type ReadLog struct {
	mu       sync.Mutex
	file     *os.File
	redactor *display.Redactor
	stream   string
	next     int64
	previous string // digest of the last line
	broken   error
}

// Read is one read, or an attempt.
type Read struct {
	Time    time.Time
	Who     string
	Address string              // of the reader
	What    string              // method and path
	Params  map[string][]string // as asked
	Shown   int                 // records
	Status  int                 // of HTTP
	Version string
}

// OpenReads opens the log, and makes it (0600) if need be. A last line that was cut short by a crash is ended, so that
// the log goes on behind it; CheckReads shows it.
func OpenReads(path string, redactor *display.Redactor) (*ReadLog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("serve: log of reads: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("serve: log of reads: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("serve: log of reads %s is written by another process", path)
	}
	l := &ReadLog{file: f, redactor: redactor}
	if err := l.resume(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("serve: log of reads %s: %w", path, err)
	}
	return l, nil
}

// resume finds the end of the chain.
func (l *ReadLog) resume() error {
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var last []byte
	err := eachLine(l.file, func(line []byte, whole bool) error {
		last = append(last[:0], line...)
		l.next++
		if !whole {
			_, err := l.file.WriteString("\n")
			return errors.Join(err, l.file.Sync())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if last != nil {
		l.previous, _, _, _ = digestOf(last)
	}
	host, _ := os.Hostname()
	l.stream = schema.MakeID("audit-reads", host, l.file.Name()).String()
	return nil
}

// eachLine reads lines without their ends; the last may not be whole.
func eachLine(r io.Reader, visit func(line []byte, whole bool) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := b.ReadBytes('\n')
		if len(line) > 0 {
			text, whole := bytes.CutSuffix(line, []byte("\n"))
			if err := visit(text, whole); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fields are those of a record's agent_audit.fields.
type fields struct {
	Digest   string `json:"digest"` // SHA-256 of the document in which this is "", hexadecimal
	Previous string `json:"previous"`
	Shown    int    `json:"shown"` // records
	Status   int    `json:"status"`
}

// sealed is the document with fields and their digest.
func sealed(a *schema.Action, f fields) (doc []byte, digest string) {
	f.Digest = ""
	for range 2 {
		text, _ := json.Marshal(f) // texts and numbers cannot fail
		a.Trail.Fields = schema.JSON(text)
		doc = a.AppendJSON(nil)
		if f.Digest == "" {
			f.Digest = digest256(doc)
		}
	}
	return doc, f.Digest
}

func digest256(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// digestOf is what a line's successor names as previous, and whether the line is as it was written. Of a line that is
// none of ours it is the digest of its text.
func digestOf(line []byte) (digest string, f fields, a *schema.Action, whole bool) {
	a, err := schema.Parse(line)
	if err != nil || json.Unmarshal([]byte(a.Trail.Fields), &f) != nil || a.Event.Action != schema.ActionRead {
		return digest256(line), fields{}, nil, false
	}
	copied := *a
	doc, digest := sealed(&copied, f)
	return digest, f, a, bytes.Equal(doc, line)
}

// Append writes a read durably. After an error that may have left a part of a line the log takes no more.
func (l *ReadLog) Append(r Read) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	line, digest := l.document(&r)
	_, err := l.file.Write(append(line, '\n'))
	if err = errors.Join(err, l.file.Sync()); err != nil {
		l.broken = fmt.Errorf("serve: log of reads: %w", err)
		return l.broken
	}
	l.previous = digest
	l.next++
	return nil
}

// document makes the line of a read. What was asked for may hold a secret: it is scrubbed as records are.
func (l *ReadLog) document(r *Read) (line []byte, digest string) {
	a := &schema.Action{Time: r.Time.UTC()}
	a.Event = schema.Event{
		Kind: schema.KindEvent, Category: []string{"database"}, Type: []string{"access"}, Action: schema.ActionRead,
		Provider: "agent-audit", Created: r.Time.UTC(), Outcome: schema.OutcomeSuccess,
	}
	if r.Status >= 400 {
		a.Event.Outcome = schema.OutcomeFailure
	}
	a.Identity.UserName = r.Who
	a.Identity.ServiceName, a.Identity.ServiceVersion = "agent-audit", r.Version
	a.Command.Tool = r.What
	a.Risk = schema.Risk{Score: schema.Some(0), Category: "read-only", Source: schema.RiskReported}
	if len(r.Params) > 0 {
		values := map[string]any{}
		for name, list := range r.Params {
			if values[name] = list; len(list) == 1 {
				values[name] = list[0]
			}
		}
		params, _ := json.Marshal(values) // texts cannot fail
		a.Command.ToolArguments = schema.JSON(params)
	}
	a.Infrastructure.SourceIP = r.Address
	a.Infrastructure.HostName, _ = os.Hostname()
	redactor := *l.redactor
	a = redactor.Row(query.Row{Action: a}).Action
	a.Trail = schema.Trail{Stream: l.stream, Sequence: schema.Some(l.next), Format: "audit-read", Complete: true}
	a.Event.ID = schema.MakeID("audit-read", l.stream, strconv.FormatInt(l.next, 10), schema.FormatTime(r.Time)).String()
	return sealed(a, fields{Previous: l.previous, Shown: r.Shown, Status: r.Status})
}

// Close closes the log.
func (l *ReadLog) Close() error { return l.file.Close() }

// CheckReads follows the chain of a log. It returns how many records it has, and what is wrong, line by line.
func CheckReads(r io.Reader) (n int, wrong []string, _ error) {
	previous := ""
	err := eachLine(r, func(line []byte, whole bool) error {
		n++
		digest, f, a, intact := digestOf(line)
		switch {
		case !whole:
			wrong = append(wrong, fmt.Sprintf("line %d is cut short", n))
		case a == nil:
			wrong = append(wrong, fmt.Sprintf("line %d is no record of a read", n))
		case !intact:
			wrong = append(wrong, fmt.Sprintf("line %d was changed", n))
		case f.Previous != previous:
			wrong = append(wrong, fmt.Sprintf("line %d does not follow the line before it: lines were changed, or are missing", n))
		case a.Trail.Sequence.N != int64(n-1):
			wrong = append(wrong, fmt.Sprintf("line %d has the number %d", n, a.Trail.Sequence.N))
		}
		previous = digest
		return nil
	})
	return n, wrong, err
}
