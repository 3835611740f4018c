#!/bin/sh
# with-node.sh <command…>: runs it under the Node that ./fettle uses, with the dependencies installed and their programs on the PATH.
set -eu
home=$(cd "$(dirname "$0")/.." && pwd)
node=$(sh "$home/scripts/setup.sh" dependencies)
export PATH="${node%/*}:$home/node_modules/.bin:$PATH"
exec "$@"
