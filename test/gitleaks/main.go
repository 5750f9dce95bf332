// Command gitleaks measures the scrubber, and gitleaks' detector on the same texts in the same run: make bench-scrub. It
// is a module of its own so that gitleaks, and what it needs, stay out of the product.
//
// Times are CPU times of this process, all threads together; each is the median of several rounds, in which the two take
// turns.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/agentaudit/agentaudit/scrub"
	"github.com/agentaudit/agentaudit/test/scrubcorpus"
)

func main() {
	size := flag.Int("mb", 8, "megabytes of records")
	rounds := flag.Int("rounds", 5, "rounds, of which the median counts")
	flag.Parse()
	start := cpu()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	engine, err := scrub.New(scrub.Options{Key: []byte("an organisation's key"), KeyID: "k1"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	took := cpu() - start
	debug.FreeOSMemory()
	runtime.ReadMemStats(&after)
	fmt.Printf("start                      %8.1f ms CPU, %.1f MB kept\n", float64(took.Microseconds())/1e3, float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6)
	if err := speed(engine, *size<<20, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	allocations(engine)
	adversarial(engine, *rounds)
}

// cpu is the CPU time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// median is the median CPU time of work.
func median(rounds int, work func()) time.Duration { return medians(rounds, work)[0] }

// medians are the median CPU times of several works, which take turns: what slows the machine for a while slows all.
func medians(rounds int, works ...func()) []time.Duration {
	times := make([][]time.Duration, len(works))
	for range rounds {
		for i, work := range works {
			start := cpu()
			work()
			times[i] = append(times[i], cpu()-start)
		}
	}
	var out []time.Duration
	for _, t := range times {
		slices.Sort(t)
		out = append(out, t[len(t)/2])
	}
	return out
}

func rate(bytes int, d time.Duration) float64 { return float64(bytes) / 1e6 / max(d.Seconds(), 1e-9) }

func bytesOf(texts []string) (n int) {
	for _, s := range texts {
		n += len(s)
	}
	return n
}

// speed compares the two over records, and measures short pieces and a long text.
func speed(e *scrub.Engine, size, rounds int) error {
	var texts, short []string
	long := ""
	for _, r := range scrubcorpus.Records(size, 100) {
		texts = append(texts, r.Text)
	}
	for _, r := range scrubcorpus.Records(size, 0) {
		for s := r.Text; s != ""; s = s[min(128, len(s)):] {
			short = append(short, s[:min(128, len(s))])
		}
		long += r.Text + "\n"
	}
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return err
	}
	few := texts[:max(1, len(texts)/20)] // gitleaks takes long
	scrubAll := func(texts []string) func() {
		return func() {
			for _, s := range texts {
				e.Text(s)
			}
		}
	}
	ours := rate(bytesOf(texts), median(rounds, scrubAll(texts)))
	theirs := rate(bytesOf(few), median(max(1, rounds/2), func() {
		for _, s := range few {
			detector.DetectString(s)
		}
	}))
	fmt.Printf("mixed records, 1%% secrets  %8.0f MB/s a core\n", ours)
	fmt.Printf("  gitleaks' detector       %8.1f MB/s: %.0f times slower\n", theirs, ours/theirs)
	fmt.Printf("records of 128 bytes       %8.0f MB/s\n", rate(bytesOf(short), median(rounds, scrubAll(short))))
	fmt.Printf("one long text              %8.0f MB/s\n", rate(len(long), median(rounds, func() { e.Text(long) })))
	return nil
}

func allocations(e *scrub.Engine) {
	clean := scrubcorpus.Records(1<<18, 0)
	n := testing.AllocsPerRun(10, func() {
		for _, r := range clean {
			e.Text(r.Text)
		}
	})
	fmt.Printf("allocations, clean records %8.3f each\n", n/float64(len(clean)))
}

// adversarial measures each generator at n and 2n bytes, over more rounds: these are short, and their ratio is wanted.
func adversarial(e *scrub.Engine, rounds int) {
	const size = 1 << 20
	fmt.Printf("\n%-34s %10s %14s\n", "adversarial text, 1 MiB", "MB/s", "time(2n)/time(n)")
	for _, g := range scrubcorpus.Adversarial {
		once, twice := g.Make(size), g.Make(2*size)
		times := medians(3*rounds, func() { e.Text(once) }, func() { e.Text(twice) })
		a, b := times[0], times[1]
		fmt.Printf("%-34s %10.0f %14.2f\n", g.Name, rate(len(once), a), b.Seconds()/max(a.Seconds(), 1e-9)*float64(len(once))*2/float64(len(twice)))
	}
}
