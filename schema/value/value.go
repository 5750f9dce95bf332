// Package value holds decoded records, from msgpack or from JSON text, as one kind of tree: ordered, keeping duplicate
// keys, and without an allocation a node. Strings point into the input wherever they can.
//
//	Doc    one record's nodes, in preorder; reuse it with Reset
//	Value  a node; the zero Value does not exist, and reading from it gives zero values
package value

import "strconv"

// Kind of a Value.
type Kind uint8

// Kinds. Msgpack bin is String, invalid UTF-8 and all.
const (
	Missing Kind = iota
	Null
	Bool
	Int
	Uint // beyond int64
	Float
	Number // a JSON number, as text
	String
	Array
	Object
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"missing", "null", "bool", "int", "uint", "float", "number", "string", "array", "object"}[k]
}

type node struct {
	key  string
	str  string // String, Number
	num  uint64 // Bool, Int, Uint, Float (bits); Object: keyBit of each key
	end  int32  // index after the last descendant
	up   int32  // index of the parent, -1 for a root
	kind Kind
}

// Doc owns the nodes of one record. The zero Doc is ready to use; it is not safe for concurrent use.
type Doc struct {
	nodes   []node
	text    []byte // the piece of memory in which texts are made
	scratch []byte // of Compose
	keys    int    // maps in keys of maps around the value being read
	watch   func(Value)
}

// Watch has seen called for each value that Get finds, until it is called with nil: what a reader looked at.
func (d *Doc) Watch(seen func(Value)) { d.watch = seen }

// Reset forgets all nodes and keeps the memory. Values of the document must not be used afterwards; their strings may.
func (d *Doc) Reset() {
	if cap(d.nodes) > maxKeptNodes {
		d.nodes = nil
	}
	d.nodes = d.nodes[:0]
}

// maxKeptNodes bounds what Reset keeps after one huge record: 64 Ki nodes of 56 bytes.
const maxKeptNodes = 64 << 10

// Value is a node of a Doc.
type Value struct {
	doc *Doc
	i   int32
}

func (v Value) node() *node { return &v.doc.nodes[v.i] }

// Exists says whether there is such a value; a JSON null exists.
func (v Value) Exists() bool { return v.doc != nil }

// Kind of the value, Missing when it does not exist.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Missing
	}
	return v.node().kind
}

// Key under which the value stands in its object, "" elsewhere.
func (v Value) Key() string {
	if v.doc == nil {
		return ""
	}
	return v.node().key
}

// First child of an array or object.
func (v Value) First() Value {
	if v.doc == nil || v.node().end == v.i+1 {
		return Value{}
	}
	return Value{v.doc, v.i + 1}
}

// Next sibling.
func (v Value) Next() Value {
	if v.doc == nil {
		return Value{}
	}
	n := v.node()
	if n.up < 0 || n.end >= v.doc.nodes[n.up].end {
		return Value{}
	}
	return Value{v.doc, n.end}
}

// Len is the number of children, counted.
func (v Value) Len() int {
	n := 0
	for c := v.First(); c.Exists(); c = c.Next() {
		n++
	}
	return n
}

// Get follows object keys; of duplicates the last one counts, as in most JSON readers.
func (v Value) Get(path ...string) Value {
	for _, key := range path {
		if v.doc == nil {
			return v
		}
		v = v.get(key)
	}
	if v.doc != nil && v.doc.watch != nil {
		v.doc.watch(v)
	}
	return v
}

// Any is the value under the first of the keys that an object has with a value other than null.
func (v Value) Any(keys ...string) Value {
	if v.doc == nil {
		return v
	}
	n := v.node()
	if n.kind != Object {
		return Value{}
	}
	for _, key := range keys {
		if n.num&keyBit(key) == 0 {
			continue
		}
		c := v.get(key)
		if c.doc == nil {
			continue
		}
		if v.doc.watch != nil {
			v.doc.watch(c)
		}
		if c.node().kind != Null {
			return c
		}
	}
	return Value{}
}

// Path is where the value stands in the record: keys with dots between them, [] for a place in an array.
func (v Value) Path() string {
	if v.doc == nil || v.node().up < 0 {
		return ""
	}
	up, name := Value{v.doc, v.node().up}, v.Key()
	if up.Kind() == Array {
		return up.Path() + "[]"
	}
	if path := up.Path(); path != "" {
		return path + "." + name
	}
	return name
}

// Doc is the document the value belongs to, nil of a missing one.
func (v Value) Doc() *Doc { return v.doc }

// keyBit is one of 64 bits, by which most keys that an object does not have are told without looking at those it has:
// recognising a format is mostly asking for keys that are not there.
func keyBit(key string) uint64 {
	n := len(key)
	if n == 0 {
		return 1
	}
	return 1 << ((uint(n) + 7*uint(key[0]) + 13*uint(key[n-1]) + 29*uint(key[n/2])) % 64)
}

// Keys are the bits of some keys. Different keys may have the same bit: keys tell what surely is not there.
type Keys uint64

// KeysOf returns the bits of keys.
func KeysOf(keys ...string) Keys {
	var k Keys
	for _, key := range keys {
		k |= Keys(keyBit(key))
	}
	return k
}

// Keys of an object. What is no object, or an empty one, of which there is nothing to tell, has all bits set.
func (v Value) Keys() Keys {
	if v.Kind() != Object || v.node().num == 0 {
		return ^Keys(0)
	}
	return Keys(v.node().num)
}

// MayHold says whether an object with the keys k may have all of those: false is sure, true is not.
func (k Keys) MayHold(all Keys) bool { return k&all == all }

// get is the child of an existing value under a key.
func (v Value) get(key string) Value {
	nodes := v.doc.nodes
	n := &nodes[v.i]
	if n.kind != Object || n.num&keyBit(key) == 0 {
		return Value{}
	}
	found := int32(-1)
	for i, end := v.i+1, n.end; i < end; {
		c := &nodes[i]
		if c.key == key {
			found = i
		}
		i = c.end
	}
	if found < 0 {
		return Value{}
	}
	return Value{v.doc, found}
}

// At returns the i-th child of an array.
func (v Value) At(i int) Value {
	c := v.First()
	for ; i > 0 && c.Exists(); i-- {
		c = c.Next()
	}
	return c
}

// Str returns a string and whether the value is one.
func (v Value) Str() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return v.node().str, true
}

// String returns strings as they are, other scalars as text, and "" for null, arrays, objects and missing values.
func (v Value) String() string {
	switch v.Kind() {
	case String, Number:
		return v.node().str
	case Bool:
		return strconv.FormatBool(v.node().num != 0)
	case Int:
		return strconv.FormatInt(int64(v.node().num), 10)
	case Uint:
		return strconv.FormatUint(v.node().num, 10)
	case Float:
		return string(AppendFloat(nil, v.float()))
	}
	return ""
}

// Bool says whether the value is true, or the text "true".
func (v Value) Bool() bool {
	switch v.Kind() {
	case Bool:
		return v.node().num != 0
	case String:
		return v.node().str == "true"
	}
	return false
}

// Int returns an integer: a number without a fraction, or a string holding one (OpenTelemetry writes them so).
func (v Value) Int() (int64, bool) {
	switch v.Kind() {
	case Int:
		return int64(v.node().num), true
	case Float:
		f := v.float()
		if n := int64(f); float64(n) == f && f > -1<<62 && f < 1<<62 {
			return n, true
		}
	case Number, String:
		return parseInt(v.node().str)
	}
	return 0, false
}

// Float returns a number, or a string holding one.
func (v Value) Float() (float64, bool) {
	switch v.Kind() {
	case Int:
		return float64(int64(v.node().num)), true
	case Uint:
		return float64(v.node().num), true
	case Float:
		return v.float(), true
	case Number, String:
		s := v.node().str
		if s == "" || s[0] > '9' && s[0]|0x20 != 'i' && s[0]|0x20 != 'n' { // no number, infinity or NaN: an error need not be made
			return 0, false
		}
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	return 0, false
}

func parseInt(s string) (int64, bool) {
	if s == "" || s[0] > '9' {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if n := int64(f); err == nil && float64(n) == f && f > -1<<62 && f < 1<<62 {
		return n, true
	}
	return 0, false
}
