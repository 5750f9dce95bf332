package seal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/convert"
)

// The journal's forms of what is not a record yet. Each begins with a version byte; an unknown version is an error,
// never a guess.
//
//	pending  1 | roles seen | arrival, ns, 8 bytes | session id, 16 bytes | document
//	source   1 | JSON: format, version, records, links, known document
//	session  1 | JSON: start, last, count, recent, watch

const storedVersion = 1

var errStored = errors.New("seal: stored state is of an unknown version or damaged")

// Pending is an action that waits for its other fragments.
type Pending struct {
	*Clean
	Roles   uint8     // bit 1<<Role for each role seen
	Arrived time.Time // when the first fragment came
}

// Bytes for the journal.
func (p *Pending) Bytes() Bytes {
	b := make([]byte, 0, 1024)
	b = append(b, storedVersion, p.Roles)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Arrived.UnixNano()))
	b = append(b, p.Session[:]...)
	return Bytes{p.a.AppendJSON(b)}
}

// RestorePending reads what Bytes wrote; key is the action's.
func RestorePending(key schema.ID, b []byte) (*Pending, error) {
	if len(b) < 26 || b[0] != storedVersion {
		return nil, errStored
	}
	a, err := schema.Parse(b[26:])
	if err != nil {
		return nil, fmt.Errorf("seal: pending action %v: %w", key, err)
	}
	p := &Pending{Clean: &Clean{Key: key, a: *a}, Roles: b[1]}
	p.Arrived = time.Unix(0, int64(binary.BigEndian.Uint64(b[2:])))
	copy(p.Session[:], b[10:26])
	return p, nil
}

type storedSource struct {
	Format  string          `json:"format"`
	Version string          `json:"version"`
	Records int64           `json:"records"`
	Links   []byte          `json:"links"`
	Known   json.RawMessage `json:"known"`
	Memory  Memory          `json:"memory,omitzero"`
	Partial *storedPartial  `json:"partial,omitempty"`
}

// storedPartial are the lines that a source holds, see convert.Partial.
type storedPartial struct {
	Text  string          `json:"text"`
	First []byte          `json:"first"`
	Known json.RawMessage `json:"known"`
}

// Source scrubs what is known of a source and returns it for the journal; src itself is not changed. m is what Line
// and Output have left behind, which holds nothing raw.
func (s *Scrubber) Source(src *convert.Source, m *Memory) (Bytes, error) {
	known := src.Known
	s.action(&known)
	known.Trail.Redactions = schema.Int{}
	st := storedSource{Format: src.Format, Version: s.Text(src.Version), Records: src.Records, Known: known.AppendJSON(nil), Memory: m.mapTexts(s.rename)}
	if p := src.Partial; p.Text != "" {
		first := *p.Known
		s.action(&first)
		first.Trail.Redactions = schema.Int{}
		st.Partial = &storedPartial{Text: s.Text(p.Text), First: p.First[:], Known: first.AppendJSON(nil)}
	}
	for _, l := range src.Links {
		st.Links = append(append(st.Links, l.Name[:]...), l.Action[:]...)
	}
	b, err := json.Marshal(st)
	return Bytes{append([]byte{storedVersion}, b...)}, err
}

// RestoreSource reads what Source wrote.
func RestoreSource(b []byte) (*convert.Source, Memory, error) {
	var st storedSource
	if len(b) == 0 || b[0] != storedVersion || json.Unmarshal(b[1:], &st) != nil || len(st.Links)%32 != 0 {
		return nil, Memory{}, errStored
	}
	known, err := schema.Parse(st.Known)
	if err != nil {
		return nil, Memory{}, fmt.Errorf("seal: source: %w", err)
	}
	src := &convert.Source{Format: st.Format, Version: st.Version, Records: st.Records, Known: *known}
	for l := st.Links; len(l) > 0; l = l[32:] {
		src.Links = append(src.Links, convert.Link{Name: schema.ID(l[:16]), Action: schema.ID(l[16:32])})
	}
	if st.Partial != nil && len(st.Partial.First) == len(schema.ID{}) {
		known, err := schema.Parse(st.Partial.Known)
		if err != nil {
			return nil, Memory{}, fmt.Errorf("seal: source: %w", err)
		}
		src.Partial = convert.Partial{Text: st.Partial.Text, First: schema.ID(st.Partial.First), Known: known}
	}
	return src, st.Memory, nil
}

// Session is what later actions of a session need to know of the earlier ones.
type Session struct {
	Start  time.Time
	Last   time.Time // wall clock of the last action, for forgetting idle sessions
	Count  int64
	Recent []Preceding // oldest first
	Watch  []uint64    // what package anomaly knows of it
}

type storedSession struct {
	Start  time.Time          `json:"start"`
	Last   time.Time          `json:"last"`
	Count  int64              `json:"count"`
	Recent []schema.Preceding `json:"recent"`
	Watch  []uint64           `json:"watch,omitempty"`
}

// Bytes for the journal.
func (s *Session) Bytes() (Bytes, error) {
	st := storedSession{Start: s.Start, Last: s.Last, Count: s.Count, Watch: s.Watch}
	for _, p := range s.Recent {
		st.Recent = append(st.Recent, p.p)
	}
	b, err := json.Marshal(st)
	return Bytes{append([]byte{storedVersion}, b...)}, err
}

// RestoreSession reads what Bytes wrote.
func RestoreSession(b []byte) (*Session, error) {
	var st storedSession
	if len(b) == 0 || b[0] != storedVersion || json.Unmarshal(b[1:], &st) != nil {
		return nil, errStored
	}
	s := &Session{Start: st.Start, Last: st.Last, Count: st.Count, Watch: st.Watch}
	for _, p := range st.Recent {
		s.Recent = append(s.Recent, Preceding{p})
	}
	return s, nil
}
