package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// ID identifies an action, a fragment, a session or an input: the first 16 bytes of a SHA-256 over what makes it
// unique in its source. It is never random, so that reading a log again gives the same IDs.
type ID [16]byte

// MakeID derives an ID from parts. Parts are length-prefixed: ("ab", "c") and ("a", "bc") differ.
func MakeID(parts ...string) ID {
	size := 0
	for _, p := range parts {
		size += binary.MaxVarintLen64 + len(p)
	}
	var buf [512]byte
	if size > len(buf) {
		return makeLongID(parts)
	}
	sum := sha256.Sum256(appendParts(buf[:0], parts))
	return ID(sum[:16])
}

// Derive is MakeID of the ID's text, what and says. Every fragment asks for it, so the usual, short one allocates nothing.
func (id ID) Derive(what string, says ...string) ID {
	size := 3*binary.MaxVarintLen64 + 2*len(id) + len(what)
	for _, s := range says {
		size += binary.MaxVarintLen64 + len(s)
	}
	var buf [512]byte
	if size > len(buf) {
		return makeLongID(append([]string{id.String(), what}, says...))
	}
	b := hex.AppendEncode(binary.AppendUvarint(buf[:0], uint64(2*len(id))), id[:])
	b = append(binary.AppendUvarint(b, uint64(len(what))), what...)
	sum := sha256.Sum256(appendParts(b, says))
	return ID(sum[:16])
}

func appendParts(b []byte, parts []string) []byte {
	for _, p := range parts {
		b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
	}
	return b
}

// makeLongID is MakeID for parts that are not worth a copy of them all.
func makeLongID(parts []string) ID {
	h := sha256.New()
	var buf [1024]byte
	for _, p := range parts {
		h.Write(binary.AppendUvarint(buf[:0], uint64(len(p))))
		for len(p) > 0 {
			n := copy(buf[:], p)
			h.Write(buf[:n])
			p = p[n:]
		}
	}
	return ID(h.Sum(buf[:0])[:16])
}

// IsZero says whether the ID is unset.
func (id ID) IsZero() bool { return id == ID{} }

// String returns 32 hexadecimal digits: the form of event.id.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Role says what a fragment tells about its action.
type Role uint8

// Roles. A Whole fragment is a complete action by itself and waits for nothing.
const (
	Whole Role = iota
	Request
	Decision
	Result
)

// String names the role as it is stored in the journal.
func (r Role) String() string {
	return [...]string{"whole", "request", "decision", "result"}[r&3]
}

// Fragment is what one log line tells about one action. Its Action holds only what that line (and the head of its log)
// says; see Merge.
type Fragment struct {
	Role Role
	// Key is the identity of the action: equal for all its fragments, in all lanes.
	Key ID
	// ID is the identity of this fragment: equal when the same line is read again, or repeated in a resumed log.
	ID ID
	// Piece is set where the output is one piece of what a process prints.
	Piece Piece
	Action
}

// Piece says that the output of a fragment is one piece of what a process prints: more of it comes, or has come, in other
// fragments of the same log.
type Piece struct {
	Of    ID   // the process; zero for an output that is there as a whole
	Last  bool // the process has ended
	Again bool // the piece before, told of another action
}
