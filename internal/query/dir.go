package query

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/s3"
	"github.com/agentaudit/agentaudit/schema"
)

// archiveSource reads an archive's objects. Objects that by their manifests have no match are skipped. It checks sizes
// and hashes of what it reads, but no signatures: that is what verify is for.
type archiveSource struct {
	reader archive.Reader
	name   string
}

// OpenDir opens an archive folder.
func OpenDir(ctx context.Context, dir string) (Source, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("archive: %s is no folder", dir)
	}
	return OpenArchive(ctx, archive.FS(os.DirFS(dir)), dir)
}

// OpenS3 opens an archive in a bucket.
func OpenS3(ctx context.Context, url string) (Source, error) {
	p, err := s3.ParseURL(url)
	if err != nil {
		return nil, err
	}
	r, err := s3.OpenReader(ctx, p)
	if err != nil {
		return nil, err
	}
	return OpenArchive(ctx, r, p.String())
}

// OpenArchive opens an archive in a folder or bucket; name is for errors.
func OpenArchive(ctx context.Context, r archive.Reader, name string) (Source, error) {
	s := &archiveSource{reader: r, name: name}
	found := false
	for _, err := range s.manifests(ctx) {
		if err != nil {
			return nil, err
		}
		found = true
		break
	}
	if !found {
		return nil, fmt.Errorf("archive: there is no archive in %s yet", name)
	}
	return s, nil
}

// Close lets go of nothing.
func (s *archiveSource) Close() error { return nil }

// manifests reads the manifests of all streams.
func (s *archiveSource) manifests(ctx context.Context) iter.Seq2[*archive.Manifest, error] {
	return func(yield func(*archive.Manifest, error) bool) {
		streams, err := s.reader.List(ctx, "")
		if err != nil {
			yield(nil, fmt.Errorf("archive: %w", err))
			return
		}
		for _, l := range streams {
			if !l.Dir || archive.CheckStream(l.Name) != nil {
				continue
			}
			list, err := s.reader.List(ctx, l.Name)
			if err != nil {
				yield(nil, fmt.Errorf("archive: %w", err))
				return
			}
			for run := range slices.Chunk(archive.Manifests(list), readAhead) {
				for _, l := range s.read(ctx, l.Name, run) {
					if l.err != nil {
						yield(nil, l.err)
						return
					}
					if !yield(l.m, nil) {
						return
					}
				}
			}
		}
	}
}

// readAhead is how many manifests are read at a time.
const readAhead = 32

// manifest is one that was read.
type manifest struct {
	m   *archive.Manifest
	err error
}

// read reads manifests of a stream at the same time: in a bucket most of it is waiting.
func (s *archiveSource) read(ctx context.Context, stream string, run []archive.Listed) []manifest {
	out := make([]manifest, len(run))
	var all sync.WaitGroup
	for i, at := range run {
		all.Go(func() {
			l, _, _, err := archive.ReadLink(ctx, s.reader, stream, at)
			out[i].err = err
			if err == nil {
				out[i].m = l.(*archive.Manifest)
			}
		})
	}
	all.Wait()
	return out
}

// Query reads the objects in the order of their newest (oldest) records. Rows wait until no object that is still to come
// can hold one that goes before them, so that memory holds what objects overlap in time, and never more than Limit rows.
func (s *archiveSource) Query(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if err := q.Check(); err != nil {
			yield(Row{}, err)
			return
		}
		objects, err := s.objects(ctx, &q)
		if err != nil {
			yield(Row{}, err)
			return
		}
		m := q.matcher()
		w := &waiting{q: &q}
		sent := 0
		for i, o := range objects {
			if err := s.search(ctx, o, m, w); err != nil {
				yield(Row{}, err)
				return
			}
			if q.Limit > 0 {
				w.cut(q.Limit - sent)
			}
			for w.Len() > 0 && (i+1 == len(objects) || q.precedes(w.rows[0].Action.Time, objects[i+1])) {
				sent++
				if !yield(heap.Pop(w).(Row), nil) || sent == q.Limit {
					return
				}
			}
		}
	}
}

// objects are those that may hold a match, in the order in which they have to be read.
func (s *archiveSource) objects(ctx context.Context, q *Query) ([]*archive.Manifest, error) {
	var objects []*archive.Manifest
	for m, err := range s.manifests(ctx) {
		if err != nil {
			return nil, err
		}
		if q.mayMatch(m) {
			objects = append(objects, m)
		}
	}
	slices.SortFunc(objects, func(a, b *archive.Manifest) int {
		byTime := b.Time.Max.Compare(a.Time.Max)
		if q.Order == OldestFirst {
			byTime = a.Time.Min.Compare(b.Time.Min)
		}
		return cmp.Or(byTime, cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.First, b.First))
	})
	return objects, nil
}

// mayMatch says whether the object can hold a match.
func (q *Query) mayMatch(m *archive.Manifest) bool {
	z := &m.Zone
	timed := !m.Time.Max.IsZero()
	switch {
	case m.Count == 0,
		!timed && (!q.Since.IsZero() || !q.Until.IsZero()),
		!q.Since.IsZero() && m.Time.Max.Before(q.Since),
		!q.Until.IsZero() && !m.Time.Min.Before(q.Until),
		q.Session != "" && !z.May("sessions", q.Session),
		q.Agent != "" && !z.May("agents", q.Agent),
		q.User != "" && !z.May("users", q.User),
		q.Anomaly != "" && !z.May("anomalies", q.Anomaly),
		len(q.Decision) > 0 && !slices.Contains(q.Decision, "") && !z.May("decisions", q.Decision...),
		(q.RiskMin != nil || q.RiskMax != nil) && z.RiskMax == nil,
		q.RiskMin != nil && *z.RiskMax < int64(*q.RiskMin):
		return false
	case q.AnyAnomaly && len(z.Anomalies) == 0:
		return slices.Contains(z.Truncated, "anomalies")
	case q.After != nil && timed && q.Order == OldestFirst:
		return !m.Time.Max.Before(q.After.Time)
	case q.After != nil && timed:
		return !m.Time.Min.After(q.After.Time)
	}
	return true
}

// precedes says whether a row of that time goes before every row of an object.
func (q *Query) precedes(t time.Time, o *archive.Manifest) bool {
	if q.Order == OldestFirst {
		return t.Before(o.Time.Min)
	}
	return t.After(o.Time.Max)
}

// mayMatchBlock says whether a block can hold a match.
func (q *Query) mayMatchBlock(b *archive.Block) bool {
	timed := !b.Time.Max.IsZero()
	switch {
	case !timed && (!q.Since.IsZero() || !q.Until.IsZero()),
		!q.Since.IsZero() && b.Time.Max.Before(q.Since),
		!q.Until.IsZero() && !b.Time.Min.Before(q.Until),
		q.Session != "" && !b.MaySession(q.Session),
		q.Agent != "" && !b.MayAgent(q.Agent):
		return false
	}
	return true
}

// search puts an object's matches among those waiting. Of an object only the blocks are read that can hold one.
func (s *archiveSource) search(ctx context.Context, o *archive.Manifest, m *matcher, w *waiting) error {
	var blocks []int
	for i := range o.Blocks {
		if m.mayMatchBlock(&o.Blocks[i]) {
			blocks = append(blocks, i)
		}
	}
	if len(blocks) == len(o.Blocks) { // all of it, or version 1, which has none
		data, err := archive.ReadObject(ctx, s.reader, o)
		return s.matches(ctx, o, data, err, m, w)
	}
	for _, i := range blocks {
		part, data, err := archive.ReadBlock(ctx, s.reader, o, i)
		if err := s.matches(ctx, part, data, err, m, w); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// matches puts the matches of an object or block that was read among those waiting.
func (s *archiveSource) matches(ctx context.Context, o *archive.Manifest, data []byte, err error, m *matcher, w *waiting) error {
	if errors.Is(err, archive.ErrSize) || errors.Is(err, archive.ErrSHA256) {
		return fmt.Errorf("%w: it was changed or damaged; verify the archive", err)
	}
	if err != nil {
		return err
	}
	for r, err := range o.Records(data) {
		if err != nil {
			return fmt.Errorf("archive: %s/%s: %w", o.Stream, o.Object.Name, err)
		}
		if !hasAll(r.JSON, m.needles) {
			continue
		}
		a, err := schema.Parse(r.JSON)
		if err != nil {
			return fmt.Errorf("archive: %s: record %d: %w", o.Stream, r.Sequence, err)
		}
		if m.match(a) {
			heap.Push(w, Row{Action: a, JSON: bytes.Clone(r.JSON)})
			if m.Limit > 0 && w.Len() >= 2*m.Limit+1000 {
				w.cut(m.Limit)
			}
		}
	}
	return ctx.Err()
}

func hasAll(doc []byte, needles [][]byte) bool {
	for _, n := range needles {
		if !bytes.Contains(doc, n) {
			return false
		}
	}
	return true
}

// waiting is a heap of rows, the one that goes first on top.
type waiting struct {
	q    *Query
	rows []Row
}

func (w *waiting) Len() int           { return len(w.rows) }
func (w *waiting) Less(i, j int) bool { return w.q.before(w.rows[i].Cursor(), w.rows[j].Cursor()) }
func (w *waiting) Swap(i, j int)      { w.rows[i], w.rows[j] = w.rows[j], w.rows[i] }
func (w *waiting) Push(x any)         { w.rows = append(w.rows, x.(Row)) }

// Pop takes the last row.
func (w *waiting) Pop() any {
	last := w.rows[len(w.rows)-1]
	w.rows[len(w.rows)-1] = Row{}
	w.rows = w.rows[:len(w.rows)-1]
	return last
}

// cut forgets all but the n rows that go first.
func (w *waiting) cut(n int) {
	if len(w.rows) <= n {
		return
	}
	slices.SortFunc(w.rows, func(a, b Row) int { // a sorted slice is a heap
		if c := compare(a.Cursor(), b.Cursor()); w.q.Order == OldestFirst {
			return c
		} else {
			return -c
		}
	})
	clear(w.rows[n:])
	w.rows = w.rows[:n]
}
