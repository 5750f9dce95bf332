#!/bin/sh
# Install the Debian package into a fresh root, run what it installs, and take it away again; compare two builds byte by
# byte. Needs dpkg, and root for the install.
set -e
cd "$(dirname "$0")/../.."
rm -rf bin/packages
test/scripts/packages.sh
first=$(cat bin/packages/SHA256SUMS)
deb=$(ls bin/packages/*.deb) rpm=$(ls bin/packages/*.rpm)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status"
dpkg --root="$root" --force-depends -i "$deb"
fail() { echo "agent-audit: $*" >&2; exit 1; }
[ "$(stat -c %a "$root/var/lib/agent-audit")" = 700 ] || fail "the state folder is open to others"
[ "$(readlink "$root/usr/bin/agent-audit")" = /usr/lib/agent-audit/agent-audit ] || fail "no agent-audit on PATH"
run="$root/usr/lib/agent-audit/agent-audit"
"$run" version
"$run" version | grep -q "agent-audit $(dpkg-deb -f "$deb" Version | sed 's/~/-/')" || fail "the program is of another version"
"$run" validate --strict "$root/etc/agent-audit/agent-audit.yaml"
"$run" import --state "$root/var/lib/agent-audit" "$root/usr/share/doc/agent-audit/examples/logs"
"$run" verify "$root/var/lib/agent-audit/archive"
zcat -f "$root/usr/share/man/man1/agent-audit.1"* | grep -q 'SEE ALSO' || fail "no manual page"
bash -n "$root/usr/share/bash-completion/completions/agent-audit" || fail "completion for bash is broken"
echo changed >>"$root/etc/agent-audit/agent-audit.yaml"
dpkg --root="$root" --force-depends -i "$deb" </dev/null
grep -q '^changed$' "$root/etc/agent-audit/agent-audit.yaml" || fail "an upgrade has overwritten the configuration"
dpkg --root="$root" --force-depends -r agent-audit
[ ! -e "$run" ] || fail "removal has left the program"
[ -d "$root/var/lib/agent-audit/archive" ] || fail "removal has taken records along"
if command -v rpm >/dev/null; then rpm -qlp "$rpm" | grep -q /usr/lib/agent-audit/out_agent_audit.so || fail "the RPM lacks the plugin"; fi

# The same from another folder.
git worktree add -q --detach "$root/again" HEAD
(cd "$root/again" && test/scripts/packages.sh >/dev/null)
second=$(cat "$root/again/bin/packages/SHA256SUMS")
git worktree remove --force "$root/again"
[ "$second" = "$first" ] || fail "a second build gives other bytes"
echo "packages: installed, run, upgraded, removed; two builds are the same"
