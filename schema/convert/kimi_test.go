package convert

import "testing"

func FuzzKimi(f *testing.F) { fuzzLog(f, "kimi") }
