package convert

import "testing"

func FuzzFalco(f *testing.F) { fuzzLog(f, "falco") }

func TestFalcoIsItsOwn(t *testing.T) { notStolen(t, &falco{}, "falco") }
