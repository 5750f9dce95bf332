package convert

import "testing"

func FuzzLaurel(f *testing.F) { fuzzLog(f, "laurel") }
