package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/agentaudit/agentaudit/internal/config"
)

// FileEvery is how often the file is written.
const FileEvery = 15 * time.Second

// Watch is the page and the file of one instance, either or both.
type Watch struct {
	registry *prometheus.Registry
	i        Instance
	log      *slog.Logger
	file     string
	server   *http.Server
	listener net.Listener
	stop     chan struct{}
	wg       sync.WaitGroup
}

// Start shows an instance as configured; with neither address nor file it does nothing. It fails when the address cannot
// be listened on. The instance must outlive it.
func Start(c config.Metrics, i Instance, log *slog.Logger) (*Watch, error) {
	w := &Watch{registry: prometheus.NewRegistry(), i: i, log: log, file: c.File, stop: make(chan struct{})}
	w.registry.MustRegister(&collector{i: i, now: time.Now})
	if c.Listen != "" {
		if err := w.listen(c.Listen); err != nil {
			return nil, err
		}
	}
	if c.File != "" {
		w.wg.Go(w.write)
	}
	return w, nil
}

// listen serves the page; it tells of the process as well, which the file leaves to node_exporter.
func (w *Watch) listen(address string) error {
	all := prometheus.NewRegistry()
	all.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(prometheus.Gatherers{w.registry, all}, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", w.healthy)
	mux.HandleFunc("GET /readyz", w.ready)
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	w.listener = l
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	w.wg.Go(func() {
		if err := w.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("metrics are no longer served", "error", err)
		}
	})
	return nil
}

// healthy fails when only a new start of Fluent Bit helps: it is for a liveness probe.
func (w *Watch) healthy(rw http.ResponseWriter, _ *http.Request) {
	if s := w.i.Status(); s.Broken != "" {
		http.Error(rw, "the journal takes nothing until Fluent Bit is started again", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(rw, "ok")
}

// ready fails also while chunks are refused, as they are until exporters catch up when the journal is full.
func (w *Watch) ready(rw http.ResponseWriter, r *http.Request) {
	if w.i.Counts().Refusing {
		http.Error(rw, "the last chunk was not taken: see Fluent Bit's log", http.StatusServiceUnavailable)
		return
	}
	w.healthy(rw, r)
}

// write keeps the file up to date. A reader never sees half of it.
func (w *Watch) write() {
	t := time.NewTicker(FileEvery)
	defer t.Stop()
	last := ""
	for {
		text := ""
		if err := prometheus.WriteToTextfile(w.file, w.registry); err != nil {
			text = err.Error()
		}
		if text != "" && text != last {
			w.log.Warn("metrics file was not written", "error", text)
		}
		last = text
		select {
		case <-w.stop:
			return
		case <-t.C:
		}
	}
}

// Addr is where the page is served, "" if nowhere.
func (w *Watch) Addr() string {
	if w.listener == nil {
		return ""
	}
	return w.listener.Addr().String()
}

// Close ends the page and leaves the file as it was written last.
func (w *Watch) Close() error {
	close(w.stop)
	var err error
	if w.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err = w.server.Shutdown(ctx); err != nil {
			err = w.server.Close()
		}
	}
	w.wg.Wait()
	return err
}
