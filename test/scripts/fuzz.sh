#!/bin/sh
# Run every fuzz target of the module for the given time each; the first failure ends it.
set -e
cd "$(dirname "$0")/../.."
for pkg in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
    echo "== $pkg $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-30s}" -fuzzminimizetime 5s "$pkg"
  done
done
