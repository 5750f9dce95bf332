// Command agent-audit is the companion of the Fluent Bit plugin: it imports logs, queries and verifies what was stored,
// and is itself every built-in exporter (agent-audit exporter NAME).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes: fine, a finding (failed verification, unhealthy), usage or environment.
const (
	exitFine    = 0
	exitFinding = 1
	exitUsage   = 2
)

// errFinding ends a command with exit code 1: it ran, and found something; what, it has printed.
var errFinding = errors.New("finding")

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFinding):
		return exitFinding
	case errors.Is(err, syscall.EPIPE):
		return exitFine // the reader, such as head, has seen enough
	}
	fmt.Fprintln(os.Stderr, "agent-audit: "+err.Error())
	return exitUsage
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "agent-audit",
		Short: "Audit trail of AI agents: import, query, verify",
		Long: "agent-audit keeps an audit trail of what AI agents do: which command, for whom, let through by whom, with what " +
			"result. Fluent Bit's output agent_audit feeds it from running agents; import feeds it from logs that are there " +
			"already. Secrets are removed before anything is stored.\n\n" +
			"Exit codes: 0 fine, 1 a finding (failed verification, unhealthy, invalid configuration), 2 wrong usage or environment.",
		Example: `  Bring in what Claude Code and Codex have logged so far, then look at it:
    agent-audit import ~/.claude/projects ~/.codex/sessions
    agent-audit query --risk 60-100
    agent-audit session ID
  Prove that nothing was changed:
    agent-audit verify --key /elsewhere/agent-audit.pub`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		convertCommand(), importCommand(), exporterCommand(), statusCommand(), deadLettersCommand(), manCommand(), validateCommand(),
		scrubCommand(), rescanCommand(), riskCommand(), fingerprintCommand(), queryCommand(), sessionCommand(), exportCommand(), reportCommand(), serveCommand(), verifyCommand(), proveCommand(), retrieveCommand(), reconcileCommand(), versionCommand(),
		setupCommand(), doctorCommand(), keystoreCommand(), pseudonymCommand(), eraseCommand(), revealCommand(), holdCommand(), rotateKeysCommand(),
	)
	return root
}
