package risk

import (
	"fmt"
	"testing"
)

// BenchmarkOrdinary judges commands as agents run them all day, each different from the one before.
func BenchmarkOrdinary(b *testing.B) {
	e := mustNew(b)
	forms := []string{
		"ls -la src/pkg%d", "cat internal/app/file%d.go", "git status --short dir%d", "go test ./internal/pkg%d/...",
		"grep -rn 'func main%d' .", "npm run build%d", "cd /work/project%d && make test", "sed -n '1,%dp' main.go",
		"git add -A && git commit -m 'Fix the parser, part %d'", "find . -name '*.go%d' | head -20", "rm -f out/%d.o",
		"curl -s https://api.example.org/items/%d | jq .name", "python3 script.py --n %d", "mkdir -p build/%d",
	}
	commands := make([]string, 1<<14)
	for i := range commands {
		commands[i] = fmt.Sprintf(forms[i%len(forms)], i)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		e.Assess(Subject{Command: commands[n%len(commands)], Cwd: "/work/project"})
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "assessments/s")
}

// BenchmarkDangerous judges the commands of the dangerous table.
func BenchmarkDangerous(b *testing.B) {
	e := mustNew(b)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		e.Assess(Subject{Command: dangerous[n%len(dangerous)]})
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "assessments/s")
}
