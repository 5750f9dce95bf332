package convert

import "testing"

func FuzzOtelGenAI(f *testing.F) { fuzzLog(f, "otel-genai") }
