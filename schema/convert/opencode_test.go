package convert

import "testing"

func FuzzOpencode(f *testing.F) { fuzzLog(f, "opencode") }
