#!/bin/sh
# Fuzzes each target, or those named, for so many seconds each: fuzz/run.sh [SECONDS, default 1800] [TARGET…]
# Needs a nightly compiler and cargo-fuzz. The facade has no unsafe code of its own, so the address sanitizer is left out, which makes
# it several times faster. Logs go to target/fuzz/TARGET.log; an input that fails, to fuzz/artifacts.
set -eu
cd "$(dirname "$0")"
seconds=${1:-1800}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- requests paths configs headers answers
python3 seeds.py
cargo +nightly fuzz build --sanitizer none --target-dir ../target/fuzz
for target; do
    case $target in configs) dictionary=yaml; most=16384 ;; *) dictionary=http; most=4096 ;; esac
    echo "$target: $seconds seconds"
    cargo +nightly fuzz run --sanitizer none --target-dir ../target/fuzz "$target" -- \
        -max_total_time="$seconds" -dict="dictionaries/$dictionary.dict" -max_len=$most -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 >"../target/fuzz/$target.log" 2>&1 || { tail -40 "../target/fuzz/$target.log" >&2; exit 1; }
    grep -E "^stat::|^Done" "../target/fuzz/$target.log"
done
