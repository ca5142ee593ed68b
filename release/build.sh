#!/usr/bin/env bash
# The optimised build: target/optimized/banyan, arranged by a profile of the traffic in train.py.
#
#     release/build.sh
#
# Takes two builds in release mode. Needs what cargo needs, Python 3, openssl, and the compiler's own llvm-profdata:
# `rustup component add llvm-tools`.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
profdata=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
if ! [ -x "$profdata" ]; then
    echo "no llvm-profdata beside the compiler: rustup component add llvm-tools" >&2
    exit 1
fi
work=$PWD/target/optimized
# The flags of the two builds differ, and each finds its own dependencies again when it is run once more.
build() {
    RUSTFLAGS="${RUSTFLAGS:-} $1" cargo build --release --locked --bin banyan --target "$host" --target-dir "$work/$2"
}

rm -rf "$work/raw" "$work/banyan.profdata"
mkdir -p "$work/raw"
build "-Cprofile-generate=$work/raw" instrumented
python3 release/train.py "$work/instrumented/$host/release/banyan"
"$profdata" merge -o "$work/banyan.profdata" "$work/raw"
# The order of blocks that serves the instruction cache best (Newell and Pupyrev, "Improved Basic Block Reordering", 2018).
build "-Cprofile-use=$work/banyan.profdata -Cllvm-args=-enable-ext-tsp-block-placement" built
cp "$work/built/$host/release/banyan" "$work/banyan"
"$work/banyan" --version
