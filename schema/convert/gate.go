package convert

import (
	"strings"

	"github.com/agentaudit/agentaudit/schema/value"
)

// keyed is a format whose records, where they are objects, can be told from most others by the keys they have. To look
// for these is so cheap that a record is shown only to the few formats whose it may be.
type keyed interface {
	// Keys are the sets of keys, with spaces between the keys of each, of which every object of the format has one set
	// whole. A format without any reads no objects.
	Keys() []string
}

// gate is what keyed says of a format, as bits.
type gate struct {
	Format
	any  bool // no keys are told: everything may be the format's
	sets []value.Keys
	last bool // of the last resorts
}

func newGate(f Format) *gate {
	g := &gate{Format: f, last: lastResorts[f.Name()]}
	k, ok := f.(keyed)
	if !ok {
		g.any = true
		return g
	}
	for _, keys := range k.Keys() {
		g.sets = append(g.sets, value.KeysOf(strings.Fields(keys)...))
	}
	return g
}

// detect is Detect for a record with these keys.
func (g *gate) detect(body value.Value, keys value.Keys) bool {
	return g.open(keys) && g.Detect(body)
}

// open says whether a record with these keys, or one that is no object, may be of the format.
func (g *gate) open(keys value.Keys) bool {
	if g.any || keys == ^value.Keys(0) {
		return true
	}
	for _, all := range g.sets {
		if keys.MayHold(all) {
			return true
		}
	}
	return false
}
