package convert

import "testing"

func FuzzATIF(f *testing.F) { fuzzLog(f, "atif") }
