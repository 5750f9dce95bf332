package convert

import "testing"

func FuzzPi(f *testing.F) { fuzzLog(f, "pi") }
