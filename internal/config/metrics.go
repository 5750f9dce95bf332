package config

import (
	"fmt"
	"net"
	"path/filepath"
)

// Metrics section, in Prometheus's format. They hold numbers, names of exporters, formats and kinds of secrets, and never
// a text of a record.
type Metrics struct {
	// Listen is the address of a page for Prometheus (/metrics) and for probes (/healthz, /readyz), 127.0.0.1:2021 say. Off
	// when empty. Flat: metrics_listen.
	Listen string `yaml:"listen"`
	// File is written every 15 seconds, for node_exporter's textfile collector; it ends in .prom. Flat: metrics_file.
	File string `yaml:"file"`
}

func (m *Metrics) check() error {
	if m.Listen != "" {
		if _, _, err := net.SplitHostPort(m.Listen); err != nil {
			return fmt.Errorf("metrics.listen (metrics_listen) %q is no address: expected host:port, 127.0.0.1:2021 say", m.Listen)
		}
	}
	if m.File != "" && filepath.Ext(m.File) != ".prom" {
		return fmt.Errorf("metrics.file (metrics_file) %q does not end in .prom: node_exporter would not read it", m.File)
	}
	return nil
}

// Local says whether the page is for this machine only.
func (m *Metrics) Local() bool {
	host, _, err := net.SplitHostPort(m.Listen)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
