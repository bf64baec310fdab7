#!/bin/sh
# run.sh [OPTION...]: the comparison with PyTorch DDP; PYTHON names the Python that has PyTorch, options go to compare.py.
set -eu
python=${PYTHON:-/usr/bin/python3}
exec "$python" "$(dirname "$0")/compare.py" --python "$python" "$@"
