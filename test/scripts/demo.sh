#!/bin/sh
# The main job, on embedded stores: sample logs of three formats through the plugin, then what an analyst and an auditor
# do with the trail.
set -e
cd "$(dirname "$0")/../.."
state=${DEMO_DIR:-demo}
rm -rf "$state"
run() { printf '\n\033[1m$ %s\033[0m\n' "$*"; PATH="$PWD/bin:$PATH" "$@"; }
title() { printf '\n== %s\n' "$*"; }

title "Three agents' logs go through the plugin (C ABI, as Fluent Bit calls it) into SQLite and a signed archive"
go build -trimpath -buildmode=pie -o bin/demo ./test/demo && bin/demo bin "$state" examples/logs/*.jsonl
run agent-audit status --state "$state"

source="sqlite:$state/audit.db"
title "1. By session: what was done in it, in order"
run agent-audit session 3b0c7a51-9f0e-4c53-8d55-6a7d20c1e901 --source "$source"
title "2. By agent over time"
run agent-audit query --source "$source" --agent codex --since 2026-11-20 --until 2026-11-21
title "3. By command text: full text, and prefix"
run agent-audit query --source "$source" --command refunds
run agent-audit query --source "$source" --command-prefix "kubectl delete"
title "4. By risk"
run agent-audit query --source "$source" --risk 70-100
title "5. By decision: denied, and approved in spite of an anomaly"
run agent-audit query --source "$source" --decision denied
run agent-audit query --source "$source" --decision auto_approved --anomaly
title "The loop back to policy: dangerous, and no person looked"
run agent-audit query --source "$source" --risk 70-100 --decision auto_approved
title "The same question to the archive, and its proof"
run agent-audit query --source "dir:$state/archive" --decision denied
run agent-audit verify "$state/archive"
