package query

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// Sequences is a set of a stream's sequence numbers.
type Sequences struct {
	bits []uint64
	// Refused are those of which a store has only said that it will never have them.
	Refused uint64
}

// add puts in a number.
func (s *Sequences) add(n uint64) {
	for uint64(len(s.bits)) <= n/64 {
		s.bits = append(s.bits, make([]uint64, max(1024, len(s.bits)/2))...)
	}
	s.bits[n/64] |= 1 << (n % 64)
}

// Len is how many there are.
func (s *Sequences) Len() (n uint64) {
	for _, w := range s.bits {
		n += uint64(bits.OnesCount64(w))
	}
	return n
}

// has says whether a number is in the set.
func (s *Sequences) has(n uint64) bool {
	return n/64 < uint64(len(s.bits)) && s.bits[n/64]&(1<<(n%64)) != 0
}

// Range is a run of sequence numbers, both ends included.
type Range struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Missing are the numbers below end that are not in the set.
func (s *Sequences) Missing(end uint64) []Range {
	var all []Range
	for n := uint64(0); n < end; n++ {
		if s.has(n) {
			continue
		}
		if last := len(all) - 1; last >= 0 && all[last].Last+1 == n {
			all[last].Last = n
			continue
		}
		all = append(all, Range{n, n})
	}
	return all
}

// Stored asks a source which records of a stream it has. Of an archive the manifests say it; every other store is asked
// for all of its records, because what counts is what can be read.
func Stored(ctx context.Context, source Source, stream string) (*Sequences, error) {
	if a, ok := source.(*archiveSource); ok {
		return a.stored(ctx, stream)
	}
	s := &Sequences{}
	for row, err := range source.Query(ctx, Query{Order: OldestFirst}) {
		if err != nil {
			return nil, err
		}
		if t := &row.Action.Trail; t.Stream == stream && t.Sequence.Set && t.Sequence.N >= 0 {
			s.add(uint64(t.Sequence.N))
		}
	}
	return s, nil
}

// stored reads the ranges of a stream's manifests. Refused records are in none.
func (s *archiveSource) stored(ctx context.Context, stream string) (*Sequences, error) {
	list, err := s.reader.List(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	set := &Sequences{}
	for _, at := range archive.Manifests(list) {
		l, _, _, err := archive.ReadLink(ctx, s.reader, stream, at)
		if err != nil {
			return nil, err
		}
		m := l.(*archive.Manifest)
		omitted := m.Omitted
		for n := m.First; n <= m.Last; n++ {
			if len(omitted) > 0 && omitted[0].Sequence == n {
				omitted = omitted[1:]
				set.Refused++
				continue
			}
			set.add(n)
		}
	}
	return set, nil
}
