package report

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/agentaudit/agentaudit/schema"
)

// kinds count what people decided about each kind of command.
type kinds struct {
	by map[string]*Kind
}

func newKinds() *kinds { return &kinds{by: map[string]*Kind{}} }

// add takes a record that somebody approved in the period, or that was denied in it or before.
func (k *kinds) add(a *schema.Action, inPeriod bool, unrefusedSince time.Time) {
	approved := inPeriod && a.Authorization.Decision == schema.Approved
	denied := a.Authorization.Decision == schema.Denied && (inPeriod || !a.Time.Before(unrefusedSince))
	if !approved && !denied {
		return
	}
	what := kindOf(a)
	kind := k.by[what]
	if kind == nil {
		if len(k.by) >= mostGroups {
			what = othersKey
		}
		if kind = k.by[what]; kind == nil {
			kind = &Kind{Kind: what, Records: []Evidence{}, Refused: []Evidence{}}
			k.by[what] = kind
		}
	}
	if denied {
		kind.Denied++
		kind.Refused = keep(kind.Refused, a)
		if at := a.Time.UTC(); kind.LastDenied == nil || at.After(*kind.LastDenied) {
			kind.LastDenied = &at
		}
		return
	}
	kind.Approved++
	kind.Highest = highest(kind.Highest, a)
	kind.Records = keep(kind.Records, a)
	if len(a.Risk.Anomalies) > 0 {
		kind.Anomalies++
	}
}

// harmless is the risk below which a kind of command could be allowed.
const harmless = 40

// list are the kinds, those that could be allowed first, then the most often decided about.
func (k *kinds) list(o *Options) []Kind {
	out := make([]Kind, 0, len(k.by))
	for _, kind := range k.by {
		unrefused := kind.LastDenied == nil || kind.LastDenied.Before(o.Query.Until.Add(-o.Unrefused))
		kind.Candidate = kind.Kind != othersKey && kind.Approved > 0 && kind.Approved >= int64(o.Approvals) && unrefused &&
			kind.Anomalies == 0 && score(kind.Highest) < harmless
		out = append(out, *kind)
	}
	slices.SortFunc(out, func(a, b Kind) int {
		if a.Candidate != b.Candidate {
			if a.Candidate {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Approved+b.Denied, a.Approved+a.Denied), strings.Compare(a.Kind, b.Kind))
	})
	return out
}

// kindOf names the kind of an action: the programs of a shell command, with the subcommand of those that have such (git
// push; npm test); else the tool.
func kindOf(a *schema.Action) string {
	if a.Command.Line == "" {
		return cmp.Or(a.Command.Tool, a.Event.Action, "(unknown)")
	}
	return kindOfCommand(a.Command.Line)
}

// Bounds of what is parsed and of what a kind holds.
const (
	longestCommand = 16 << 10
	mostPrograms   = 4
)

// unparsed is the kind of commands that no shell would read, or too long to be read here.
const unparsed = "(command that cannot be read)"

func kindOfCommand(line string) string {
	if len(line) > longestCommand {
		return unparsed
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(line), "")
	if err != nil {
		return unparsed
	}
	var programs []string
	syntax.Walk(file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			if p := program(call.Args); !slices.Contains(programs, p) {
				programs = append(programs, p)
			}
		}
		return true
	})
	switch {
	case len(programs) == 0:
		return unparsed
	case len(programs) > mostPrograms:
		programs = append(programs[:mostPrograms], "…")
	}
	return strings.Join(programs, " + ")
}

// subcommands are programs whose first argument says what they do.
var subcommands = map[string]bool{
	"apt": true, "apt-get": true, "aws": true, "az": true, "brew": true, "bun": true, "cargo": true, "crontab": true, "docker": true,
	"dotnet": true, "flyctl": true, "gcloud": true, "gh": true, "git": true, "glab": true, "go": true, "gradle": true, "helm": true,
	"kubectl": true, "make": true, "mvn": true, "npm": true, "npx": true, "pip": true, "pip3": true, "pnpm": true, "podman": true,
	"poetry": true, "rustup": true, "sudo": true, "systemctl": true, "terraform": true, "uv": true, "yarn": true,
}

var plainWord = regexp.MustCompile(`^[a-z][a-z0-9:_-]*$`)

// program names what a simple command runs; a subcommand is the first plain word after options.
func program(args []*syntax.Word) string {
	first := args[0].Lit()
	if first == "" {
		return "(computed)"
	}
	p := path.Base(first)
	if !subcommands[p] {
		return p
	}
	for _, arg := range args[1:] {
		word := arg.Lit()
		if strings.HasPrefix(word, "-") {
			continue
		}
		if plainWord.MatchString(word) {
			return p + " " + word
		}
		break
	}
	return p
}
