package convert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// BenchmarkConvert measures, for each format, how much log one core turns into fragments: from the text of a line, as
// tail hands it over with path and offset, to what is emitted. short are the lines of testdata (a few hundred bytes),
// long the same with outputs of some kilobytes, as real sessions have them; real are the samples beside the repository,
// where they are at hand.
func BenchmarkConvert(b *testing.B) {
	short := map[string][]string{}
	for name, log := range testLogs(b) {
		folder, _, _ := strings.Cut(name, "/")
		short[folder] = append(short[folder], lines(log)...)
	}
	for folder, all := range short {
		c := testConverter(b, folder)
		b.Run(folder+"/short", func(b *testing.B) { benchmarkLines(b, c, all) })
		b.Run(folder+"/long", func(b *testing.B) { benchmarkLines(b, c, longer(c, all)) })
		if real := realLines(b, folder); len(real) > 0 {
			b.Run(folder+"/real", func(b *testing.B) { benchmarkLines(b, c, real) })
		}
	}
}

// benchmarkLines converts a log over and over. Bytes are those of the lines, without what tail puts around them.
func benchmarkLines(b *testing.B, c *Converter, all []string) {
	var events [][]byte
	size := 0
	for _, l := range all {
		e := msgp.AppendMapHeader(nil, 3)
		e = msgp.AppendString(msgp.AppendString(e, "log"), l)
		e = msgp.AppendString(msgp.AppendString(e, "path"), "/home/alice/agent/session.jsonl")
		events = append(events, msgp.AppendInt(msgp.AppendString(e, "offset"), size))
		size += len(l)
	}
	var doc value.Doc
	var in Input
	b.SetBytes(int64(size))
	b.ReportAllocs()
	started := cpuTime(b)
	for b.Loop() {
		src := new(Source)
		for _, e := range events {
			doc.Reset()
			body, _, err := doc.ParseMsgpack(e)
			if err != nil {
				b.Fatal(err)
			}
			in.Unwrap(&doc, Record{Body: body, Tag: "agents"})
			c.Convert(src, &in, func(*schema.Fragment) {})
		}
	}
	cpu := (cpuTime(b) - started).Seconds()
	b.ReportMetric(float64(b.N)*float64(size)/1e6/cpu, "MB/core-s")
	b.ReportMetric(float64(b.N)*float64(len(all))/cpu, "records/core-s")
	b.ReportMetric(float64(size)/float64(len(all)), "B/record")
}

// cpuTime is the processor time this process has used, in user and system, the garbage collector's included. On a
// machine that others use too it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// longer gives each line that tells an output three kilobytes more of it.
func longer(c *Converter, all []string) []string {
	more := strings.Repeat("-rw-r--r-- 1 alice alice 1822 Mar  3 10:11 src/main.go: \"ok\"\n", 48)
	var out []string
	for _, line := range all {
		feed(c, new(Source), []string{line}, func(f *schema.Fragment) {
			// The output may be a text in the line, or in JSON text in the line.
			was, now := f.Execution.Stdout, f.Execution.Stdout+more
			for depth := 0; was != "" && depth < 2; depth++ {
				was, now = escaped(was), escaped(now)
				if strings.Contains(line, was) {
					line = strings.Replace(line, was, now, 1)
					return
				}
			}
		})
		out = append(out, line)
	}
	return out
}

// escaped is s as the inside of a JSON string.
func escaped(s string) string {
	b, _ := json.Marshal(s) // a string can be marshalled
	return string(b[1 : len(b)-1])
}

// realLines are the JSON lines of a format's samples, none when there are no samples.
func realLines(b *testing.B, folder string) []string {
	folder = strings.NewReplacer("claude", "claude-code", "gemini", "gemini-cli").Replace(folder)
	paths, err := filepath.Glob(filepath.Join(samplesDir, folder, "*.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	var all []string
	for _, p := range paths {
		log, err := os.ReadFile(p)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, lines(string(log))...)
	}
	return all
}
