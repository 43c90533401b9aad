#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Builds the fuzz targets with Clang and runs each on its corpus, with AddressSanitizer and UBSan.
#
#   fuzz/run.sh                         20,000 inputs each
#   fuzz/run.sh --inputs 10000000       as many
#   fuzz/run.sh --seconds 30            at most so long each
#   fuzz/run.sh gate-log checkpoint     these targets only
#
# What makes one fail is left in build/fuzz/found/; put it into fuzz/corpus/TARGET/ as crash-SOMETHING when it is mended,
# and it is tried first from then on. New inputs that reach new code go to build/fuzz/corpus/, not into the checkout's.

set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."

inputs=20000 seconds=0
targets=()
all=$(cd fuzz/corpus && ls)
while [ $# -gt 0 ]; do
    case $1 in
    --inputs | --seconds)
        if ! [[ ${2:-} =~ ^[1-9][0-9]*$ ]]; then
            echo "fuzz/run.sh: $1 is '${2:-}'; expected a whole number >= 1" >&2
            exit 2
        fi
        case $1 in --inputs) inputs=$2 ;; *) seconds=$2 ;; esac
        shift
        ;;
    -h | --help)
        sed -n '/^# Builds/,/^$/s/^# \{0,1\}//p' "$0"
        exit
        ;;
    *)
        if [ ! -d "fuzz/corpus/$1" ]; then
            echo "fuzz/run.sh: no target '$1'; there are:" $all >&2
            exit 2
        fi
        targets+=("$1")
        ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] || targets=($all)
command -v clang++ >/dev/null || {
    echo "fuzz/run.sh: no clang++, which brings libFuzzer: apt-get install clang" >&2
    exit 2
}

export PATH="$PWD/.venv/bin:$PATH"
build=$PWD/build/fuzz
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DWDMOE_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++ \
    -DPython3_EXECUTABLE="$(command -v python3)" >"$build/configure.log" 2>&1 || {
    tail -n 20 "$build/configure.log"
    exit 1
}
cmake --build "$build" --target fuzz --parallel "$(nproc)" >"$build/build.log" 2>&1 || {
    tail -n 40 "$build/build.log"
    exit 1
}

mkdir -p "$build/found" "$build/logs"
one() {
    local target=$1
    mkdir -p "$build/corpus/$target"
    local began=$SECONDS result=passed
    "$build/fuzz/fuzz-$target" -runs="$inputs" -max_total_time="$seconds" -max_len=2048 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$build/found/$target-" "$build/corpus/$target" "fuzz/corpus/$target" \
        >"$build/logs/$target" 2>&1 || result=FAILED
    local executed edges
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/logs/$target")
    edges=$(grep -oE 'cov: [0-9]+' "$build/logs/$target" | tail -n 1 | grep -oE '[0-9]+' || true)
    printf '%-18s %12s %8s %8s s  %s\n' "$target" "${executed:-?}" "${edges:-?}" $((SECONDS - began)) $result
}
export -f one
export build inputs seconds
printf '%-18s %12s %8s %10s\n' target inputs edges time
results=$(printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I {} bash -c 'one {}' | tee /dev/stderr)
failed=$(grep -c 'FAILED$' <<<"$results" || true)
for target in $(awk '/FAILED$/ { print $1 }' <<<"$results"); do
    echo "== $target"
    grep -vE '^0x|^\\' "$build/logs/$target" | tail -n 40 | cut -c 1-300
done
echo "$((${#targets[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
