#!/bin/sh
# What the tests need beside Go, gcc and make: Java and Maven, which start a real Elasticsearch (Java 17 or newer) and
# OpenSearch (21 or newer; Debian 13 has it); Chromium, which reads the pages of serve; and promtool, which tests the alert
# rules. That is taken out of Debian's prometheus, whose service nobody wants here.
set -e
cd "$(dirname "$0")/../.."
if ! command -v promtool >/dev/null && [ ! -x bin/promtool ] && command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then apt-get -qq update; fi
  dir=$(mktemp -d)
  (cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download prometheus && dpkg-deb -x prometheus_*.deb .)
  mkdir -p bin && cp "$dir/usr/bin/promtool" bin/promtool
  rm -rf "$dir"
fi
if command -v javac >/dev/null && command -v mvn >/dev/null && command -v chromium >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "agent-audit: the tests need a JDK (21 or newer), Maven and Chromium (Debian: apt-get install default-jdk-headless maven chromium)" >&2
  exit 1
fi
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends default-jdk-headless maven chromium
