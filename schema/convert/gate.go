package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema/value"
)

// keyed is a format whose records, where they are objects, can be told from most others by the keys they have. To look
// for these is so cheap that a record is shown only to the few formats whose it may be. Of texts, such a format reads none
// unless it is textual.
type keyed interface {
	// Keys are the sets of keys, with spaces between the keys of each, of which every object of the format has one set
	// whole. A format without any reads no objects.
	Keys() []string
}

// gate is what keyed and textual say of a format.
type gate struct {
	Format
	any   bool // nothing is told: everything may be the format's
	texts bool
	sets  keySets
	last  bool // of the last resorts
}

func newGate(f Format) *gate {
	g := &gate{Format: f, last: lastResorts[f.Name()]}
	k, ok := f.(keyed)
	if !ok {
		g.any = true
		return g
	}
	_, g.texts = f.(textual)
	g.sets = newKeySets(k.Keys()...)
	return g
}

// keySets are sets of keys, of which an object may have one.
type keySets []value.Keys

func newKeySets(sets ...string) keySets {
	var s keySets
	for _, keys := range sets {
		s = append(s, value.KeysOf(strings.Fields(keys)...))
	}
	return s
}

// mayBeIn says whether an object with those keys may have all of one of the sets: false is sure, true is not.
func (s keySets) mayBeIn(keys value.Keys) bool {
	for _, all := range s {
		if keys.MayHold(all) {
			return true
		}
	}
	return false
}

// shape is what gates look at in a record.
type shape struct {
	kind value.Kind
	keys value.Keys
}

func shapeOf(body value.Value) shape { return shape{body.Kind(), body.Keys()} }

// detect is Detect for a record of that shape.
func (g *gate) detect(body value.Value, s shape) bool {
	return g.open(s) && g.Detect(body)
}

// open says whether a record of that shape may be of the format.
func (g *gate) open(s shape) bool {
	switch {
	case g.any:
		return true
	case s.kind == value.String:
		return g.texts
	case s.keys == ^value.Keys(0): // an array, or an object without keys
		return true
	}
	return g.sets.mayBeIn(s.keys)
}
