package archive

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// beatTimeout bounds the writing of a heartbeat.
const beatTimeout = time.Minute

// startHeartbeats begins to write heartbeats to streams of which no record comes.
func (w *writer) startHeartbeats() {
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	if w.Heartbeat == 0 {
		return
	}
	every := min(max(w.Heartbeat/10, time.Millisecond), time.Minute)
	w.wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.beatAll(ctx)
			}
		}
	})
}

// beatAll writes the heartbeats that are due. What fails is tried again at the next tick.
func (w *writer) beatAll(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			slog.Error("heartbeat: internal error", "error", fmt.Sprint(r))
		}
	}()
	w.mu.Lock()
	defer w.mu.Unlock()
	streams := []string{}
	if _, met := w.heads[w.Stream]; !met && w.Stream != "" {
		streams = append(streams, w.Stream)
	}
	for s := range w.heads {
		streams = append(streams, s)
	}
	for _, s := range streams {
		if err := w.beat(ctx, s); err != nil && ctx.Err() == nil {
			delete(w.heads, s)
			slog.Warn("heartbeat was not written, and is tried again", "stream", s, "error", err)
		}
	}
}

// beat writes a stream's heartbeat if it is due. A stream without records has none: where its archive begins only the
// first batch tells.
func (w *writer) beat(ctx context.Context, stream string) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	h, err := w.head(ctx, stream)
	if err != nil || h.last == nil || w.now().Sub(h.last.Common().Created) < w.Heartbeat {
		return err
	}
	e, err := w.entry(h)
	if err != nil {
		return err
	}
	beat := &Heartbeat{Entry: e, Tree: TreeHead{Size: h.tree.Size(), Root: Hex(h.tree.Root())}}
	file, err := seal(beat, w.Key)
	if err != nil {
		return err
	}
	f, err := w.commit(ctx, beat, file)
	if err != nil {
		return err
	}
	h.last, h.file, h.stored = beat, file, f
	return nil
}
