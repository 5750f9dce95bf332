package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentaudit/agentaudit/internal/display"
	"github.com/agentaudit/agentaudit/internal/query"
)

func exportCommand() *cobra.Command {
	f := &filters{}
	var output, to string
	var force bool
	var fields []string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write records to a file",
		Long: "Writes what query would find to a file, or to standard output, one record after the other, however many there are. " +
			"The file appears when it is complete; one that is there already is replaced only with --force.\n" + filterHelp,
		Example: `  agent-audit export --since 2026-03-01 --until 2026-03-31 --to march.ndjson
  agent-audit export --session 0b9f3c52-6a61-4f0e-9c7d-2f1f8a4e1c01 --to incident.csv
  agent-audit export --source dir:/var/lib/agent-audit/archive -o ocsf | zstd > events.zst`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query(cmd, args)
			if err != nil {
				return err
			}
			if output == "" {
				output = formByName(to)
			}
			if output == display.Table {
				return errors.New("a table is for people: use query")
			}
			return export(cmd, f, q, exportTo{to: to, force: force, form: output, fields: fields, rules: f.rules})
		},
	}
	f.register(c)
	f.registerRules(c)
	c.Flags().StringVarP(&output, "output", "o", "", "form: json (an array), ndjson (canonical records), csv, ocsf (default: by the file's name, else ndjson)")
	c.Flags().StringVar(&to, "to", "-", "file to write; - is standard output")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	c.Flags().StringSliceVar(&fields, "fields", nil, "columns of csv, by schema path (default: all)")
	completeWords(c, "output", display.JSON, display.NDJSON, display.CSV, display.OCSF)
	return c
}

// formByName is the form that a file's name asks for.
func formByName(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".csv":
		return display.CSV
	case ".json":
		return display.JSON
	}
	return display.NDJSON
}

type exportTo struct {
	to, form string
	force    bool
	fields   []string
	rules    []string // files of secret rules of the user's own
}

func export(cmd *cobra.Command, f *filters, q query.Query, e exportTo) error {
	if _, err := display.New(e.form, io.Discard, display.Options{Fields: e.fields}); err != nil {
		return err
	}
	source, err := f.open(cmd.Context())
	if err != nil {
		return err
	}
	return exportFrom(cmd, source, q, e)
}

// exportFrom writes what a source finds, and closes it.
func exportFrom(cmd *cobra.Command, source query.Source, q query.Query, e exportTo) (err error) {
	defer source.Close()
	w, o := cmd.OutOrStdout(), terminalOptions(cmd.OutOrStdout())
	var file *newFile
	if e.to != "-" {
		if file, err = createFile(e.to, e.force); err != nil {
			return err
		}
		defer file.abandon()
		w, o = file, display.Options{}
	}
	o.Fields = e.fields
	form, err := display.New(e.form, w, o)
	if err != nil {
		return err
	}
	n := 0
	bar := newProgress(cmd.ErrOrStderr(), nil)
	bar.on = bar.on && !o.Terminal
	changed, err := show(cmd.Context(), e.rules, source, q, func(row query.Row) error {
		n++
		bar.count(n)
		return form.Row(row)
	})
	err = errors.Join(err, form.Close())
	bar.end()
	if err == nil && file != nil {
		err = file.commit()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d records exported\n", n)
	noteRedacted(cmd.ErrOrStderr(), changed)
	return nil
}

// count shows how many records are through.
func (p *progress) count(n int) {
	if !p.on || time.Since(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = time.Now()
	p.say(fmt.Sprintf("%d records", n))
}

// newFile is a file that gets its name when it is complete.
type newFile struct {
	*os.File
	path  string
	force bool
}

func createFile(path string, force bool) (*newFile, error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return nil, fmt.Errorf("%s exists already: name another file, or replace it with --force", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600: it holds an audit trail
	if err != nil {
		return nil, err
	}
	return &newFile{File: f, path: path, force: force}, nil
}

// commit makes the content durable, then gives the file its name. Without force the name is linked, which fails when
// somebody else has taken it meanwhile.
func (f *newFile) commit() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if f.force {
		return os.Rename(f.Name(), f.path)
	}
	err := os.Link(f.Name(), f.path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s has appeared meanwhile: it was not replaced", f.path)
	}
	return err
}

// abandon removes what has not got its name.
func (f *newFile) abandon() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
