#!/bin/sh
# Debian and RPM packages of this machine's architecture, or of GOARCH with CC, in bin/packages. The same sources give the
# same bytes: no paths, no times but the commit's, and build ids only of the contents.
set -e
cd "$(dirname "$0")/../.."
NFPM="go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"
export ARCH="${GOARCH:-$(go env GOARCH)}" LIBC="libc6 (>= 2.34)"
export VERSION="${VERSION:-$(git describe --tags --match 'v*' 2>/dev/null || echo "0.0.0-$(git rev-list --count HEAD)")}"
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
export BUILD=bin/package CGO_ENABLED=1
umask 022
rm -rf "$BUILD" && mkdir -p "$BUILD/man" "$BUILD/completion" bin/packages
go build -trimpath -buildmode=c-shared -ldflags="-s -w" -o "$BUILD/out_agent_audit.so" ./plugin
go build -trimpath -buildmode=pie -ldflags="-s -w -X main.buildVersion=$VERSION" -o "$BUILD/agent-audit" ./cmd/agent-audit
tool="$BUILD/agent-audit" # the pages are written by a program of this machine
if [ "$ARCH" != "$(go env GOHOSTARCH)" ]; then
  tool=$(mktemp) && GOARCH=$(go env GOHOSTARCH) CC=gcc go build -o "$tool" ./cmd/agent-audit
fi
"$tool" man "$BUILD/man"
"$tool" completion bash >"$BUILD/completion/agent-audit.bash"
"$tool" completion zsh >"$BUILD/completion/_agent-audit"
"$tool" completion fish >"$BUILD/completion/agent-audit.fish"
GOARCH= CC= $NFPM package -f packaging/nfpm.yaml -p deb -t bin/packages/
GOARCH= CC= LIBC="glibc >= 2.34" $NFPM package -f packaging/nfpm.yaml -p rpm -t bin/packages/
(cd bin/packages && sha256sum agent-audit* >SHA256SUMS && cat SHA256SUMS)
