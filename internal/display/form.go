package display

import (
	"bufio"
	"cmp"
	"fmt"
	"io"

	"github.com/agentaudit/agentaudit/internal/query"
	"github.com/agentaudit/agentaudit/schema"
)

// Form writes rows one after the other; it holds none of them for long.
type Form interface {
	Row(row query.Row) error
	// Close writes what ends the form, and flushes.
	Close() error
}

// Names of the forms.
const (
	Table  = "table"
	JSON   = "json"   // one array
	NDJSON = "ndjson" // a canonical record a line, which can be verified
	CSV    = "csv"    // a column a field, named by the schema's paths
	OCSF   = "ocsf"   // an OCSF event a line
)

// Options of a form.
type Options struct {
	Terminal bool     // the output is one: colours, and nothing it might obey
	Width    int      // of a table, in cells; 0: as wide as it gets
	Wide     bool     // a table with host, session and record id
	Fields   []string // columns of CSV; none: all
}

// New returns a form that writes to w.
func New(name string, w io.Writer, o Options) (Form, error) {
	b := bufio.NewWriterSize(w, 64<<10)
	switch name {
	case Table:
		return newTable(b, o), nil
	case JSON:
		return &jsonArray{w: b}, nil
	case NDJSON:
		return &ndjson{w: b, terminal: o.Terminal}, nil
	case CSV:
		return newCSV(b, o.Fields)
	case OCSF:
		return &ocsf{w: b}, nil
	}
	return nil, fmt.Errorf("form %q is not known; table, json, ndjson, csv and ocsf are", name)
}

type ndjson struct {
	w        *bufio.Writer
	terminal bool
	buf      []byte
}

func (f *ndjson) Row(row query.Row) error {
	doc := row.JSON
	if f.terminal {
		f.buf = AppendSafeJSON(f.buf[:0], doc)
		doc = f.buf
	}
	_, _ = f.w.Write(doc)
	return f.w.WriteByte('\n')
}

func (f *ndjson) Close() error { return f.w.Flush() }

type jsonArray struct {
	w   *bufio.Writer
	n   int
	buf []byte
}

func (f *jsonArray) Row(row query.Row) error {
	open := "[\n"
	if f.n > 0 {
		open = ",\n"
	}
	f.n++
	_, _ = f.w.WriteString(open)
	f.buf = AppendSafeJSON(f.buf[:0], row.JSON)
	_, err := f.w.Write(f.buf)
	return err
}

func (f *jsonArray) Close() error {
	end := "\n]\n"
	if f.n == 0 {
		end = "[]\n"
	}
	_, _ = f.w.WriteString(end)
	return f.w.Flush()
}

// Exit is the exit code, or what there is instead of one.
func Exit(a *schema.Action) string {
	switch e := &a.Execution; {
	case e.ExitCode.Set:
		return "exit " + schema.FormatInt(e.ExitCode)
	case e.TimedOut:
		return "timed out"
	case e.Interrupted:
		return "stopped"
	}
	return a.Event.Outcome
}

// Agent names the agent of an action: the agent, else its software, else the log it is from.
func Agent(a *schema.Action) string {
	return cmp.Or(a.Identity.AgentName, a.Identity.AgentID, a.Identity.ServiceName, a.Event.Provider)
}

// User names the user of an action.
func User(a *schema.Action) string {
	return cmp.Or(a.Identity.UserName, a.Identity.UserEmail, a.Identity.UserID)
}

// What is what an action did, in one text: the command, else the tool and its arguments, else the line of the log.
func What(a *schema.Action) string {
	switch c := &a.Command; {
	case c.Line != "":
		return c.Line
	case c.Stdin != "":
		return cmp.Or(c.Tool, "stdin") + ": " + c.Stdin
	case c.Tool != "" && c.ToolArguments != "":
		return c.Tool + " " + string(c.ToolArguments)
	case c.Tool != "":
		return c.Tool
	}
	return cmp.Or(a.Message, a.Error.Message, a.Event.Original, string(a.Trail.Fields), a.Event.Action)
}
