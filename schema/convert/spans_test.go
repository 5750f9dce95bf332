package convert

import "testing"

func FuzzSpans(f *testing.F) { fuzzLog(f, "spans") }
