#!/bin/sh
# Makes the virtual environment that clients.py runs in: tests/foreign/setup.sh [DIRECTORY, default target/foreign]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../../target/foreign}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
echo "$venv/bin/python $here/clients.py"
