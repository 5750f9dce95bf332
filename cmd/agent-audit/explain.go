package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/logfile"
	"github.com/agentaudit/agentaudit/schema/convert"
	"github.com/agentaudit/agentaudit/schema/value"
	"github.com/agentaudit/agentaudit/scrub"
)

// explained is what convert --explain says of one file.
type explained struct {
	File string `json:"file"`
	convert.Explanation
}

// explain tells what is recognised in logs and why: names of fields, never values.
func explain(cfg *config.Config, args []string, asJSON bool, w io.Writer) error {
	files, err := logfile.Files(args)
	if err != nil {
		return err
	}
	engine, err := scrub.New(scrub.Options{})
	if err != nil {
		return err
	}
	c, err := convert.New(convert.Options{Format: cfg.Format, Mapping: cfg.Mapping, Prompts: cfg.Prompts})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, f := range files {
		found, err := explainFile(c, f)
		if err != nil {
			return err
		}
		cleanShapes(engine, found.Unknown)
		if asJSON {
			err = enc.Encode(explained{f, found})
		} else {
			err = printExplanation(w, f, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errNoEvent = errors.New("a log reader gave what is no event")

// explainFile reads one log as import does.
func explainFile(c *convert.Converter, file string) (convert.Explanation, error) {
	e := c.Explain()
	src := new(convert.Source)
	var doc value.Doc
	var in convert.Input
	err := logfile.Chunks(file, func(chunk []byte, _ int64) error {
		for len(chunk) > 0 {
			doc.Reset()
			event, rest, err := doc.ParseMsgpack(chunk)
			if err != nil {
				return errNoEvent
			}
			in.Unwrap(&doc, convert.Record{Body: event.At(1), Tag: "explain"})
			e.Convert(src, &in)
			chunk = rest
		}
		return nil
	})
	return e.Found(), err
}

// cleanShapes scrubs the names of unknown fields: a log may use what is secret as a name.
func cleanShapes(engine *scrub.Engine, shapes []convert.Shape) {
	for i := range shapes {
		for j, k := range shapes[i].Keys {
			shapes[i].Keys[j], _ = engine.Text(printableName(k))
		}
	}
}

// printableName is a field's name cut to what fits a line.
func printableName(s string) string {
	const most = 64
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func printExplanation(w io.Writer, file string, e convert.Explanation) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d records\n", file, e.Records)
	for _, f := range e.Formats {
		fmt.Fprintf(&b, "  %-18s %6d records, %d of them without an action; %d fragments of %d actions\n", f.Format, f.Records, f.Silent, f.Fragments, f.Actions)
		if len(f.Evidence) > 0 {
			fmt.Fprintf(&b, "  %-18s   by %s\n", "", strings.Join(f.Evidence, ", "))
		}
	}
	for _, s := range e.Unknown {
		fmt.Fprintf(&b, "  not recognised     %6d records with %s\n", s.Records, strings.Join(s.Keys, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
