package convert

import "testing"

func TestShellHistory(t *testing.T)         { goldenHostLog(t, "shell-history/history.txt") }
func TestShellHistoryIsItsOwn(t *testing.T) { notStolen(t, &shellHistory{}) }
func FuzzShellHistory(f *testing.F)         { fuzzHostLog(f, "shell-history/history.txt") }
