#!/usr/bin/env bash
# What the browser tests need: Debian's Chromium, Node.js, and playwright-core (which drives it; it brings no browser of its own).
#   tests/browser/setup.sh FOLDER
# Installs playwright-core into FOLDER. As root, the two packages of Debian too, if they are missing.
set -euo pipefail
folder=${1:?"usage: tests/browser/setup.sh FOLDER"}

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "the browser tests need: ${missing[*]} (as root: apt-get install -y ${missing[*]})" >&2
        exit 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi

mkdir -p "$folder"
if ! [ -d "$folder/node_modules/playwright-core" ]; then
    # No scripts: none is needed, and none of a package's is run.
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error playwright-core@1.65.1
fi
echo "chromium: $(chromium --version 2>/dev/null), node: $(node --version)"
