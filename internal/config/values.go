package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is written as 500ms, 60s, 5m, 12h or 90d.
type Duration time.Duration

// Size is a number of bytes, written as 4096, 16KiB, 64MiB, 1GiB or 64MB.
type Size int64

func (d *Duration) parse(s string) error {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is not a duration such as 60s, 5m, 12h or 90d", s)
		}
		*d = Duration(n * float64(24*time.Hour))
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 60s, 5m, 12h or 90d", s)
	}
	*d = Duration(v)
	return nil
}

// ParseDuration reads a duration as the configuration has it.
func ParseDuration(s string) (time.Duration, error) {
	var d Duration
	err := d.parse(s)
	return time.Duration(d), err
}

// UnmarshalYAML reads a duration; a bare number is seconds.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var n int64
	if unmarshal(&n) == nil {
		*d = Duration(time.Duration(n) * time.Second)
		return nil
	}
	var s string
	if err := unmarshal(&s); err != nil {
		return err
	}
	return d.parse(s)
}

// MarshalJSON writes it as exporters read it: Go's form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	return d.parse(s)
}

var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"k", 1 << 10},
	{"K", 1 << 10},
	{"M", 1 << 20},
	{"G", 1 << 30},
	{"B", 1},
}

func (z *Size) parse(s string) error {
	number, factor := strings.TrimSpace(s), 1.0
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, u.suffix); ok {
			number, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || n*factor > 1<<60 {
		return fmt.Errorf("%q is not a size such as 4096, 16KiB, 64MiB or 1GiB", s)
	}
	*z = Size(n * factor)
	return nil
}

// UnmarshalYAML reads a size.
func (z *Size) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if err := unmarshal(&s); err != nil {
		return err
	}
	return z.parse(s)
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off", s)
}
