#!/bin/sh
# Installs the pairs of real systems that real.py compares: tests/live/setup.sh [DIRECTORY, default target/live]
# json-server 0.17 and 1.x (node and npm), httpbin 0.7.0 and 0.10.4 with what each was made for (Python 3).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$here/../../target/live}
for version in 0.17.4 1.0.0-beta.3; do
    mkdir -p "$target/json-server-$version"
    npm install --prefix "$target/json-server-$version" --silent --no-fund --no-audit "json-server@$version"
done
venv() {
    python3 -m venv "$target/$1"
    wheels=$1
    shift
    "$target/$wheels/bin/pip" install --quiet --disable-pip-version-check gunicorn==27.0.1 "$@"
}
venv httpbin-0.7.0 httpbin==0.7.0 Flask==1.1.4 Werkzeug==0.16.1 Jinja2==2.11.3 MarkupSafe==1.1.1 itsdangerous==1.1.0 click==7.1.2
venv httpbin-0.10.4 httpbin==0.10.4 Flask==3.1.3 Werkzeug==3.1.9
echo "tests/live/real.py"
