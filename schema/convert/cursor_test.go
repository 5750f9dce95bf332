package convert

import "testing"

func FuzzCursor(f *testing.F) { fuzzLog(f, "cursor") }
