#!/bin/sh
# Build both artefacts. The program is position-independent like the plugin, so that the two share their compiled
# packages: half the time on a fresh machine.
set -e
cd "$(dirname "$0")/../.."
for tool in go gcc; do
  command -v $tool >/dev/null || { echo "agent-audit: $tool is needed to build (Debian: apt-get install golang gcc)" >&2; exit 1; }
done
go build -trimpath -buildmode=c-shared -ldflags='-s -w' -o bin/out_agent_audit.so ./plugin
go build -trimpath -buildmode=pie -ldflags='-s -w' -o bin/agent-audit ./cmd/agent-audit
