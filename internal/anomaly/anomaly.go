// Package anomaly flags actions that are unlike what their agent, organisation or session did before. Every flag comes
// with a sentence that says why. It learns as it judges, one record after another, in the order of the stream:
//
//	watch.go    Watch: what is known of whom, in memory and in the journal
//	profile.go  what an agent or an organisation usually does: names used, hours, pace
//	filter.go   the set of names used, of fixed size, which forgets
//	session.go  what a session has just done: failures, denials, when it last spoke
//
// What is known is numbers only: counts, times, and digests of names. It is stored with the chunk whose records it
// was learnt from, so that after a crash the same records get the same flags. Times are those of the actions, in UTC;
// the clock of the machine counts for nothing.
//
// Memory is bounded: 9 KB for each of at most 1,024 agents and organisations (those idle longest are forgotten), and at
// most 0.7 KB for each session remembered.
package anomaly

import (
	"time"
)

// Flags of agent_audit.risk.anomalies that this package gives; package seal has those of evidence that does not fit
// together. Each of the first five has a twin with InOrganization behind it, where the whole organisation has not
// seen the like.
const (
	FirstProgram   = "first_program"
	FirstHost      = "first_host"
	FirstDirectory = "first_directory"
	FirstTool      = "first_tool"
	FirstTarget    = "first_target"

	InOrganization = "_in_organization"

	UnusualHour     = "unusual_hour"
	Burst           = "burst"
	FailureStreak   = "failure_streak"
	RetriedDenied   = "retried_after_denial"
	SessionResumed  = "session_resumed"
	SecretInCommand = "secret_in_command"
)

// Options of a Watch.
type Options struct {
	// WarmUp and WarmUpActions are how long, and over how many actions, an agent or organisation is learnt before it is
	// judged.
	WarmUp        time.Duration
	WarmUpActions int
	// MaxProfiles bounds the agents and organisations that are remembered.
	MaxProfiles int
}

// Defaults.
const (
	DefaultWarmUp        = 72 * time.Hour
	DefaultWarmUpActions = 300
	DefaultMaxProfiles   = 1024
)

// Finding is a flag and the sentence that explains it.
type Finding struct{ Flag, Reason string }

// kind is a kind of names.
type kind int

const (
	program kind = iota
	host
	directory
	tool
	target
	kinds
)

var kindFlags = [kinds]string{FirstProgram, FirstHost, FirstDirectory, FirstTool, FirstTarget}

var kindWords = [kinds]string{"program", "host", "directory tree", "tool", "target"}
