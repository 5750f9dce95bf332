package archive

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
)

// A key change is a signed note by the key that signed a stream until then:
//
//	agent-audit key change
//	agent-audit/STREAM                                      origin, as in checkpoints
//	5000                                                    tree size from which on the new key signs
//	9f86…                                                   SHA-256 of the link before, in hexadecimal
//	agent-audit+1a2b3c4d+Aa…                                the new key (vkey)
//
//	— agent-audit Gisz…=
//
// It stands in the first link that the new key signs, and binds it to its place: it says nothing for another stream, or
// for another history. From there on the old key is good for nothing in this stream.
const keyChangeTitle = "agent-audit key change"

// maxKeyChange bounds what a reader takes for one.
const maxKeyChange = 4096

// keyChange is the note that lets the writer's key follow on the one that signed the stream's last link, "" if it is the
// same.
func (w *writer) keyChange(h *head, e *Entry) (string, error) {
	if h.last == nil {
		return "", nil
	}
	c, err := ParseCheckpoint(h.last.Common().Checkpoint)
	if err != nil {
		return "", exporters.Permanent(fmt.Errorf("archive: %s/%s: %w", h.stream, h.last.Name(), err))
	}
	if c.By(w.Key) {
		return "", nil
	}
	if w.PreviousKey == nil || !c.By(w.PreviousKey) {
		return "", exporters.Permanent(fmt.Errorf("archive: stream %s was signed by the key %s+%08x until now, and the key given is %s+%08x: "+
			"give the old one as previous_key_file, so that it vouches for the new one; if it is lost, write to another folder or prefix",
			h.stream, c.Signers[0].Name, c.Signers[0].Hash, w.Key.Name(), w.Key.KeyHash()))
	}
	text := keyChangeText(e, h.next(), w.Key.Public)
	signed, err := note.Sign(&note.Note{Text: text}, w.PreviousKey)
	return string(signed), err
}

func keyChangeText(e *Entry, size uint64, vkey string) string {
	return strings.Join([]string{
		keyChangeTitle, e.Origin + "/" + e.Stream, strconv.FormatUint(size, 10), e.Previous.SHA256, vkey, "",
	}, "\n")
}

// NewKey is the key that a link's key change names, if one of the keys has signed it for this very place.
func NewKey(l Link, keys note.Verifiers) (note.Verifier, error) {
	e := l.Common()
	size := l.After().Size
	if m, ok := l.(*Manifest); ok {
		size = m.First
	}
	if e.Previous == nil || len(e.KeyChange) > maxKeyChange {
		return nil, errors.New("key change is out of place")
	}
	body, _, _ := strings.Cut(e.KeyChange, "\n\n")
	vkey := body[strings.LastIndex(body, "\n")+1:]
	if body+"\n" != keyChangeText(e, size, vkey) {
		return nil, errors.New("key change is of another place")
	}
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, errors.New("key change names no key")
	}
	if err := openNote(e.KeyChange, keys); err != nil {
		return nil, fmt.Errorf("key change: %w", err)
	}
	return key, nil
}
