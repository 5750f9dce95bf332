package risk

import (
	"fmt"
	"syscall"
	"testing"
	"time"
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
	n, before := 0, cpu(b)
	for b.Loop() {
		e.Assess(Subject{Command: commands[n%len(commands)], Cwd: "/work/project"})
		n++
	}
	b.ReportMetric(float64(n)/(cpu(b)-before).Seconds(), "assessments/cpu-s")
}

// cpu is the time this process has had on processors, its own and the system's for it: on a machine that others use,
// only that can be compared.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDangerous judges the commands of the dangerous table.
func BenchmarkDangerous(b *testing.B) {
	e := mustNew(b)
	n, before := 0, cpu(b)
	b.ReportAllocs()
	for b.Loop() {
		e.Assess(Subject{Command: dangerous[n%len(dangerous)]})
		n++
	}
	b.ReportMetric(float64(n)/(cpu(b)-before).Seconds(), "assessments/cpu-s")
}
