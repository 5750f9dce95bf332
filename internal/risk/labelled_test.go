package risk

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The labelled set, testdata/labelled: dangerous commands by category, each act in several wordings (acts are separated
// by empty lines), and ordinary ones. A command is a line, ⏎ stands for a line break in it, # begins a comment; a line
// may be a tool call as in rules.yaml's samples. The files ending in 1 were written first; those in 2, before any rule was
// tuned, in wordings that had not been thought of; those in 3 after that tuning. What the rules made of 2 and 3 before they
// had been tuned with them is in docs/risk.md.
const (
	dangerousFrom  = 70 // points that a dangerous command must have
	ordinaryBelow  = 30 // points that an ordinary one must not reach
	dangerousShare = 0.97
	ordinaryShare  = 0.98
	leastLabelled  = 600
)

type labelled struct {
	category string
	subject  Subject
	text     string
}

func readLabelled(t testing.TB, name string) []labelled {
	t.Helper()
	b, err := os.ReadFile("testdata/labelled/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []labelled
	category := "ordinary"
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if c, ok := strings.CutPrefix(line, "# category: "); ok {
			category = c
		}
		if line == "" || line[0] == '#' {
			continue
		}
		text := strings.ReplaceAll(line, "⏎", "\n")
		out = append(out, labelled{category, sample(text).subject(), line})
	}
	return out
}

// matrix counts, for each label, how many commands were found dangerous, between, and ordinary.
type matrix struct {
	labels []string
	counts map[string]*[3]int
}

func (m *matrix) add(label string, score int) {
	c := m.counts[label]
	if c == nil {
		c = new([3]int)
		m.counts[label], m.labels = c, append(m.labels, label)
	}
	switch {
	case score >= dangerousFrom:
		c[0]++
	case score >= ordinaryBelow:
		c[1]++
	default:
		c[2]++
	}
}

func (m *matrix) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %6s %6s %6s\n", "labelled", ">= 70", "30-69", "< 30")
	for _, l := range m.labels {
		c := m.counts[l]
		fmt.Fprintf(&b, "%-24s %6d %6d %6d\n", l, c[0], c[1], c[2])
	}
	return b.String()
}

// TestLabelled holds the confusion matrix within the bounds, and prints it with -v.
func TestLabelled(t *testing.T) {
	e := mustNew(t)
	m := matrix{counts: map[string]*[3]int{}}
	dangerous, found, ordinary, quiet := 0, 0, 0, 0
	for _, name := range []string{"dangerous1.txt", "dangerous2.txt", "dangerous3.txt", "ordinary1.txt", "ordinary2.txt", "ordinary3.txt"} {
		for _, l := range readLabelled(t, name) {
			a := e.Assess(l.subject)
			m.add(l.category, a.Score)
			if l.category == "ordinary" {
				if ordinary++; a.Score < ordinaryBelow {
					quiet++
					continue
				}
			} else if dangerous++; a.Score >= dangerousFrom {
				found++
				continue
			}
			t.Logf("%s %s: %d %v: %s", name, l.category, a.Score, a.Rules, l.text)
		}
	}
	t.Logf("\n%s%d of %d dangerous found, %d of %d ordinary quiet", &m, found, dangerous, quiet, ordinary)
	if float64(found) < dangerousShare*float64(dangerous) || float64(quiet) < ordinaryShare*float64(ordinary) {
		t.Errorf("want %v and %v of them", dangerousShare, ordinaryShare)
	}
	if dangerous+ordinary < leastLabelled {
		t.Errorf("%d commands, want %d", dangerous+ordinary, leastLabelled)
	}
}
