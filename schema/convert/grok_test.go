package convert

import "testing"

func FuzzGrok(f *testing.F) { fuzzLog(f, "grok") }
