package value

import (
	"fmt"
	"math"
	"unsafe"
)

// MaxDepth is how deeply arrays and objects may nest; deeper input is an error.
const MaxDepth = 256

// MaxNodes is how many values one record may hold (56 bytes each while it is read); more is an error.
const MaxNodes = 1 << 20

var (
	errDepth = fmt.Errorf("nested more than %d deep", MaxDepth)
	errNodes = fmt.Errorf("more than %d values", MaxNodes)
)

// room says whether another value may be added at this depth.
func (d *Doc) room(depth int) error {
	if depth > MaxDepth {
		return errDepth
	}
	if len(d.nodes) >= MaxNodes {
		return errNodes
	}
	return nil
}

func (v Value) float() float64 { return math.Float64frombits(v.node().num) }

// add appends a node under parent up. It is written where it stands: there are many.
func (d *Doc) add(kind Kind, up int32, key, text string, num uint64) int32 {
	i := len(d.nodes)
	if i == cap(d.nodes) {
		d.nodes = append(d.nodes, node{})
	} else {
		d.nodes = d.nodes[:i+1]
	}
	n := &d.nodes[i]
	n.key, n.str, n.num, n.end, n.up, n.kind = key, text, num, int32(i)+1, up, kind
	return int32(i)
}

// close ends the array or object i: all nodes since are its descendants.
func (d *Doc) close(i int32) { d.nodes[i].end = int32(len(d.nodes)) }

// Text makes a document of one string.
func (d *Doc) Text(s string) Value { return Value{d, d.add(String, -1, "", s, 0)} }

// Null makes a document of null.
func (d *Doc) Null() Value { return Value{d, d.add(Null, -1, "", "", 0)} }

// Bool makes a document of true or false.
func (d *Doc) Bool(b bool) Value {
	num := uint64(0)
	if b {
		num = 1
	}
	return Value{d, d.add(Bool, -1, "", "", num)}
}

// The texts that a document makes (decoded strings, JSON) stand one behind the other in pieces of memory of this size, as
// long as they are short. They are never written again and outlive the document's Reset; one that is kept keeps its piece.
const (
	textPiece = 4 << 10
	shortText = textPiece / 8
)

// maxScratch bounds what a document keeps of the memory in which it composes texts.
const maxScratch = 64 << 10

// Compose returns what write appends to the empty buffer it is given.
func (v Value) Compose(write func(to []byte) []byte) string {
	d := v.doc
	scratch := d.scratch
	d.scratch = nil // write may compose too
	b := write(scratch[:0])
	if cap(b) <= maxScratch {
		d.scratch = b
	}
	if len(b) > shortText {
		return string(b)
	}
	return d.keep(append(d.piece(len(b)), b...))
}

// piece is an empty buffer with room for a short text of n bytes.
func (d *Doc) piece(n int) []byte {
	if cap(d.text)-len(d.text) < n {
		size := textPiece
		if d.text == nil { // a document may be made for one text
			size = max(n, 64)
		}
		d.text = make([]byte, 0, size)
	}
	return d.text[len(d.text):]
}

// keep makes a text of what was written to the piece last given.
func (d *Doc) keep(b []byte) string {
	d.text = d.text[:len(d.text)+len(b)]
	return unsafe.String(unsafe.SliceData(b), len(b))
}
