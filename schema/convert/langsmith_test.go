package convert

import "testing"

func FuzzLangSmith(f *testing.F) { fuzzLog(f, "langsmith") }
