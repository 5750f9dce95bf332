package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Shell histories with times. Made from bash 4.0 to 5.3 (HISTTIMEFORMAT set), zsh 5 (EXTENDED_HISTORY) and fish 3 and 4.
//
//	#1772359200                     bash: seconds since 1970, and the command on the next line; further lines up to the
//	make test                       next time are of the same command (lithist)
//	: 1772359200:12;make test       zsh: begin, seconds it took
//	- cmd: make test                fish 3 and 4: the command, with \n for a line's end, and on the next line its time; then
//	  when: 1772359200              perhaps "paths:" and a line for each
//
// Each line of a command is an action, of the same time. A history without times cannot be told from other text, and is
// not read. It does not say who, where, with what result, or in which session; zsh's seconds are written when the
// command has ended only with INC_APPEND_HISTORY_TIME, else 0 says nothing.
type shellHistory struct{}

const shellHistoryName = "shell-history"

func (*shellHistory) Name() string { return shellHistoryName }

// Detect takes any text for the line behind a time; whether there was one, Convert knows.
// Looks says what its lines of text look like.
func (*shellHistory) Looks() string {
	return "#seconds, then a command (bash); \": seconds:seconds;command\" (zsh); \"- cmd: command\", then \"  when: seconds\" (fish)"
}

// Keys of its objects: it reads lines of text.
func (*shellHistory) Keys() []string { return nil }

func (*shellHistory) Detect(v value.Value) bool { return v.Kind() == value.String }

const shellHistoryOpen = "shell history"

func (*shellHistory) Convert(src *Source, in *Input, emit Emit) bool {
	s, _ := in.Body.Str()
	known := &src.Known
	if digits, ok := strings.CutPrefix(s, "#"); ok {
		if at := historyTime(digits); !at.IsZero() {
			known.Execution.Start, known.Event.Provider = at, ""
			known.Trail.Sequence = schema.Some(src.Records)
			src.Link(shellHistoryOpen, schema.MakeID(shellHistoryName))
			return true
		}
	}
	if took := fishEntry(src, in, s, emit); took {
		return true
	}
	f := newFragment(in, shellHistoryName, "", schema.Whole)
	setKind(&f.Action, schema.ActionShell)
	if at, took, line, ok := zshEntry(s); ok {
		f.Event.Provider, f.Command.Line = "zsh", line
		if took > 0 {
			f.Execution.Duration = schema.Some(took * int64(time.Second))
		}
		setTime(f, at)
		f.Execution.Start = at
		if strings.HasSuffix(line, `\`) { // it goes on in the next line
			known.Execution.Start, known.Event.Provider = at, "zsh"
			known.Trail.Sequence = schema.Some(src.Records)
			src.Link(shellHistoryOpen, schema.MakeID(shellHistoryName))
			f.Command.Line = strings.TrimSuffix(line, `\`)
		}
	} else {
		_, open := src.Linked(shellHistoryOpen)
		if !open || s == "" || known.Trail.Sequence != schema.Some(src.Records-1) {
			return false
		}
		known.Trail.Sequence = schema.Some(src.Records)
		f.Event.Provider, f.Command.Line = orElse(known.Event.Provider, "bash"), s
		if rest, more := strings.CutSuffix(s, `\`); known.Event.Provider == "zsh" && more {
			f.Command.Line = rest
		} else if known.Event.Provider == "zsh" {
			src.Unlink(shellHistoryOpen)
		}
		setTime(f, known.Execution.Start)
		f.Execution.Start = known.Execution.Start
	}
	identifyByInput(f, in, 0)
	emit(f)
	return true
}

// historyTime reads seconds since 1970, which have ten digits until 2286.
func historyTime(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || len(s) != 10 {
		return time.Time{}
	}
	return epochInt(n)
}

// zshEntry reads ": begin:seconds;command".
func zshEntry(s string) (at time.Time, took int64, line string, ok bool) {
	rest, ok := strings.CutPrefix(s, ": ")
	if !ok {
		return at, 0, "", false
	}
	head, line, ok := strings.Cut(rest, ";")
	begin, seconds, both := strings.Cut(head, ":")
	took, err := strconv.ParseInt(seconds, 10, 32)
	at = historyTime(begin)
	return at, took, line, ok && both && err == nil && took >= 0 && !at.IsZero() && line != ""
}

const (
	fishOpen  = "fish command" // its line waits for the one that tells the time
	fishPaths = "fish paths"
)

// fishEntry reads a line of fish's history, and says whether it was one. The command is emitted at once, and its time when
// the next line tells it: they are two fragments of one action. That the line before was fish's, the source remembers.
func fishEntry(src *Source, in *Input, s string, emit Emit) bool {
	known := &src.Known
	follows := known.Trail.Sequence == schema.Some(src.Records-1)
	key, open := src.Linked(fishOpen)
	f := newFragment(in, shellHistoryName, "fish", schema.Request)
	switch {
	case strings.HasPrefix(s, "- cmd: ") && isHistory(in.Known.Infrastructure.LogPath):
		setKind(&f.Action, schema.ActionShell)
		f.Command.Line = fishText.Replace(s[len("- cmd: "):])
		f.Key = in.ID()
		f.ID = schema.MakeID(f.Key.String(), "command")
		src.Link(fishOpen, f.Key)
		emit(f)
	case open && follows && strings.HasPrefix(s, "  when: "):
		at := historyTime(strings.TrimSpace(s[len("  when: "):]))
		if at.IsZero() {
			return false
		}
		f.Role, f.Key = schema.Result, key
		f.Time, f.Execution.Start = at, at
		f.ID = schema.MakeID(key.String(), "when")
		src.Unlink(fishOpen)
		src.Link(fishPaths, key)
		emit(f)
	case follows && s == "  paths:", follows && strings.HasPrefix(s, "    - "):
		if _, ok := src.Linked(fishPaths); !ok {
			return false
		}
	default:
		return false
	}
	known.Trail.Sequence = schema.Some(src.Records)
	return true
}

// isHistory says whether a path may be that of a history: what begins "- cmd: " may be a list in any text.
func isHistory(path string) bool {
	return path == "" || strings.Contains(path, "hist") || strings.Contains(path, "fish")
}

// fishText undoes how fish writes a command in one line.
var fishText = strings.NewReplacer(`\\`, `\`, `\n`, "\n")
