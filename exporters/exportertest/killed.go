package exportertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agentaudit/agentaudit/exporters"
)

// Names of the variables that tell a test binary to be an exporter that will be killed.
const (
	childSettings = "EXPORTERTEST_SETTINGS"
	childFrom     = "EXPORTERTEST_FROM"
)

// Main is the TestMain of a package that uses RunKilled.
func Main(m *testing.M, open exporters.Opener) {
	Child(open)
	os.Exit(m.Run())
}

// Child is for a TestMain that does more: in a process that RunKilled has started it delivers and never returns.
func Child(open exporters.Opener) {
	if settings := os.Getenv(childSettings); settings != "" {
		err := child(open, []byte(settings))
		fmt.Println("error", err)
		os.Exit(3)
	}
}

// child delivers without end, and prints what is acknowledged.
func child(open exporters.Opener, settings []byte) error {
	from, err := strconv.Atoi(os.Getenv(childFrom))
	if err != nil {
		return err
	}
	e, err := open(context.Background(), settings)
	if err != nil {
		return err
	}
	fmt.Println("open")
	for {
		size := 1 + rand.IntN(20)
		acked, _, err := e.Export(context.Background(), Batch(stream, Records(stream, uint64(from), size)))
		if err != nil {
			return err
		}
		fmt.Println("acked", acked)
		from = int(acked) + 1
	}
}

// RunKilled kills an exporter's process (SIGKILL) at random moments, again and again on the same store, and starts it
// from a record at or before the last one acknowledged: as a host does whose own note of it was lost. What was
// acknowledged must be there each time. Store.Open is not used; the process opens the exporter with settings.
func RunKilled(t *testing.T, settings []byte, s Store) {
	rng := rand.New(rand.NewPCG(5, uint64(time.Now().UnixNano())))
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	next := 0
	for round := range rounds {
		from := next - min(next, rng.IntN(30))
		acked := kill(t, settings, from, time.Duration(rng.IntN(60))*time.Millisecond)
		next = max(next, acked+1)
		got, err := s.Stored(t.Context(), stream)
		if err != nil && next > 0 {
			t.Fatal(err)
		}
		checkKilled(t, got, next)
		t.Logf("round %d: from %d, acknowledged up to %d, stored %d", round, from, acked, len(got))
	}
	if next == 0 {
		t.Error("nothing was ever acknowledged")
	}
}

// kill runs a child for a while after it has opened, and returns the last sequence acknowledged, -1 for none.
func kill(t *testing.T, settings []byte, from int, after time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childSettings+"="+string(settings), childFrom+"="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "open":
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		case "acked":
			if acked, err = strconv.Atoi(rest); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("the exporter fails after a crash: %s", lines.Text())
		}
	}
	_ = cmd.Wait() // killed
	return acked
}

// checkKilled checks that the first n records are stored, none twice, and none that was changed.
func checkKilled(t *testing.T, got []exporters.Record, n int) {
	t.Helper()
	want := Records(stream, 0, n+1000)
	seen := make(map[uint64]bool)
	for _, r := range got {
		if seen[r.Sequence] {
			t.Fatalf("record %d is stored twice", r.Sequence)
		}
		seen[r.Sequence] = true
		if r.Sequence >= uint64(len(want)) || !bytes.Equal(r.JSON, want[r.Sequence].JSON) {
			t.Fatalf("record %d was changed", r.Sequence)
		}
	}
	for i := range n {
		if !seen[uint64(i)] {
			t.Fatalf("record %d was acknowledged and is gone", i)
		}
	}
}
