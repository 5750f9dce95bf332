package convert

import "testing"

// In the sampled chats the newlines of results are escaped twice; both exit codes are read all the same.

func FuzzGemini(f *testing.F) { fuzzLog(f, "gemini") }

func FuzzQwen(f *testing.F) { fuzzLog(f, "qwen") }

func TestGeminiTakesItsOwn(t *testing.T) { ownSamples(t, &gemini{}, "gemini-cli", "gemini") }

func TestQwenTakesItsOwn(t *testing.T) { ownSamples(t, &qwen{}, "qwen") }

// TestGeminiKey holds that an id with a counter in it is good within its session only.
func TestGeminiKey(t *testing.T) {
	for id, global := range map[string]bool{
		"run_shell_command-1": false, "search_file_content-12": false, "run_shell_command__call_37515": false,
		"run_shell_command-1768858008072-7d88fcce98a3b": true, "call_0123456789abcdef01": true,
	} {
		if (geminiKey("f", "a", id) == geminiKey("f", "b", id)) != global {
			t.Error(id)
		}
	}
}
