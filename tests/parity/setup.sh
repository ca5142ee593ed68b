#!/bin/sh
# Makes the virtual environment that httpbin.py runs in: tests/parity/setup.sh [DIRECTORY, default target/parity]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../../target/parity}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
echo "$venv/bin/python $here/httpbin.py"
