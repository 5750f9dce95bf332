package convert

import "testing"

func FuzzDroid(f *testing.F) { fuzzLog(f, "droid") }
