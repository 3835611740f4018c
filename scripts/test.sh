#!/bin/sh
# npm test: all set-up, then every test. Arguments are test files to run instead of all.
# The programs in debian-packages.txt read the formats that fettle writes, completion scripts among them; fettle itself needs none of them.
set -eu
cd "$(dirname "$0")/.."

missing_packages() {
  while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
  done <scripts/debian-packages.txt
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null; }

missing=$(missing_packages)
if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ]; then
    printf 'The tests need these Debian packages. As root, run this, then npm test again:\n  apt-get install -y --no-install-recommends%s\n' "$missing" >&2
    exit 1
  fi
  printf 'installing%s\n' "$missing" >&2
  # shellcheck disable=SC2086 # several words on purpose
  apt install -y --no-install-recommends $missing 2>/dev/null || { # no lists yet, or they name versions that are gone
    apt update
    apt install -y --no-install-recommends $missing
  }
fi

sh scripts/setup.sh build >/dev/null # tests that start ./fettle at the same time need not wait for each other
exec sh scripts/with-node.sh node scripts/test.ts "$@"
