#!/bin/sh
# run.sh [OPTION...]: the comparison with PyTorch DDP; PYTHON names the Python that has PyTorch, options go to compare.py.
set -eu
exec python3 "$(dirname "$0")/compare.py" --python "${PYTHON:-/usr/bin/python3}" "$@"
