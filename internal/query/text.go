package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What people write to ask for scores and times, on a command line and in an address.

// ParseRisk reads MIN-MAX, MIN-, -MAX or one score.
func ParseRisk(s string) (low, high *int, err error) {
	if s == "" {
		return nil, nil, nil
	}
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	if low, err = parseScore(from); err != nil {
		return nil, nil, err
	}
	if high, err = parseScore(to); err != nil {
		return nil, nil, err
	}
	if low == nil && high == nil {
		return nil, nil, errors.New("\"-\" names no score; 80-100 is a range")
	}
	return low, high, nil
}

func parseScore(s string) (*int, error) {
	if s == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 100 {
		return nil, fmt.Errorf("%q is no score from 0 to 100; 80-100 is a range", s)
	}
	return &n, nil
}

// ParseTime reads RFC 3339, a date or an age. A date as an end means the end of that day. Without a zone it is UTC.
func ParseTime(s string, now time.Time, end bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, time.UTC); err == nil {
		if end {
			t = t.AddDate(0, 0, 1)
		}
		return t, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	if age, ok := ParseAge(s); ok {
		return now.Add(-age), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: RFC 3339 (2026-03-01T10:00:00Z), a date (2026-03-01) or an age (30d, 12h, 45m)", s)
}

// ParseAge reads weeks and days, and what Go calls a duration.
func ParseAge(s string) (time.Duration, bool) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseFloat(number, 64)
			return time.Duration(n * float64(unit)), err == nil && n >= 0 && n*float64(unit) < 1<<62
		}
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}
