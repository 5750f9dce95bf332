package convert

import "testing"

func FuzzHermes(f *testing.F) { fuzzLog(f, "hermes") }
