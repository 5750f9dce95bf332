package value

import (
	"fmt"
	"math"
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

// add appends a node under parent up.
func (d *Doc) add(n node) int32 {
	i := int32(len(d.nodes))
	n.end = i + 1
	d.nodes = append(d.nodes, n)
	return i
}

// close ends the array or object i: all nodes since are its descendants.
func (d *Doc) close(i int32) { d.nodes[i].end = int32(len(d.nodes)) }

// Text makes a document of one string.
func (d *Doc) Text(s string) Value {
	return Value{d, d.add(node{kind: String, str: s, up: -1})}
}
