#!/bin/sh
# gpu-check.sh [OPTION]...: runs the check of the bundle, with its OPTIONs, as on another machine: unpacked in a folder of its
# own, which is removed afterwards. What it finds goes into bench/results.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
tar -xzf target/lockstep-bundle.tar.gz -C "$folder"
mkdir -p bench/results
"$folder/lockstep-bundle/bench/gpu/check.sh" --output "$PWD/bench/results/gpu-check-$(date +%Y%m%d-%H%M%S)" "$@"
