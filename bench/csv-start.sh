#!/bin/sh
# How long a job on a large CSV file takes to its first step, and the memory that a rank takes: a million rows of 50 columns
# on two ranks. Numbers are written with 6 decimals, or with all 17 digits, as Python's repr writes them.
#
#   bench/csv-start.sh [ROWS [6|17]]
#
# Prints first_step_seconds (from the start of the process) and peak_resident_bytes (of the largest rank), as in metrics.jsonl,
# and twice the bytes of the decoded samples. Needs python3 with numpy to write the file, 470 MB or 960 MB of it.
set -eu
rows=${1:-1000000}
digits=${2:-6}
home=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/csv-start-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"

python3 - "$rows" "$digits" >rows.csv <<'PYTHON'
import sys

import numpy

rows, digits = int(sys.argv[1]), sys.argv[2]
random = numpy.random.default_rng(0)
number = repr if digits == "17" else "{:.6f}".format
print(",".join("x%d" % column for column in range(49)) + ",y")
for first in range(0, rows, 10000):
    features = random.standard_normal((min(10000, rows - first), 49))
    for row in features.tolist():
        print(",".join(map(number, row)) + ",%d" % (row[0] + row[1] > 0))
PYTHON

cat >job.yaml <<'YAML'
name: csv-start
data:
  train: {format: csv, files: rows.csv, target: y}
model:
  - linear: {in: 49, out: 64}
  - relu
  - linear: {in: 64, out: 2}
optimizer:
  sgd: {lr: 0.01}
train: {epochs: 1, batch-size: 1024}
YAML
mpirun -np 2 "$home/lockstep" train job.yaml --output run
tail -n 1 run/metrics.jsonl | tr ',{}' '\n' | grep -E 'first_step_seconds|peak_resident_bytes'
echo "twice the decoded samples: $((rows * 50 * 4 * 2)) bytes"
