#!/bin/sh
# Makes the virtual environment that api.py runs in: tests/live/api-setup.sh [DIRECTORY, default target/schemathesis]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../../target/schemathesis}
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5
echo "$venv/bin/python $here/api.py"
