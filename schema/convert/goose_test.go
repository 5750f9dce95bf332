package convert

import "testing"

func FuzzGoose(f *testing.F) { fuzzLog(f, "goose") }
