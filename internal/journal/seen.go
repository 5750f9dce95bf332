package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/agentaudit/agentaudit/schema"
)

// Identities are remembered by generation: the window is cut in generations-many parts, each a key prefix, and a part
// that is over is dropped as one range. An identity is so remembered for SeenFor to SeenFor·(1+1/generations).
const generations = 4

func (j *Journal) generation() uint32 {
	part := int64(j.opt.SeenFor.Seconds()) / generations
	if part <= 0 {
		return 1
	}
	return uint32(j.opt.Now().Unix()/part) + 1
}

func appendSeenKey(b []byte, g uint32, id schema.ID) []byte {
	b = binary.BigEndian.AppendUint32(append(b, 'd'), g)
	return append(b, id[:]...)
}

// seenIter looks identities up. Most were never seen, so Bloom filters decide: Get would not ask those of the last
// level, where nearly all keys are.
func (j *Journal) seenIter() (*pebble.Iterator, error) {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'d'}, UpperBound: []byte{'d' + 1}, UseL6Filters: true})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return it, nil
}

// findOldest finds the oldest generation there is; generations count from 1.
func (j *Journal) findOldest() error {
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'d'}, UpperBound: []byte{'d' + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	j.oldest.Store(j.generation())
	if it.First() {
		j.oldest.Store(min(j.generation(), binary.BigEndian.Uint32(it.Key()[1:])))
	}
	return it.Error()
}

// Forget drops the generations that are over. It is cheap and may be called often.
func (j *Journal) Forget() error {
	now := j.generation()
	if now <= generations || j.oldest.Load() >= now-generations {
		return nil
	}
	from, to := binary.BigEndian.AppendUint32([]byte{'d'}, 0), binary.BigEndian.AppendUint32([]byte{'d'}, now-generations)
	if err := j.db.DeleteRange(from, to, pebble.NoSync); err != nil {
		return fmt.Errorf("journal: forget: %w", err)
	}
	j.oldest.Store(now - generations)
	return nil
}
