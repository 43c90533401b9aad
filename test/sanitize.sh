#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Builds module and suites with AddressSanitizer and UndefinedBehaviorSanitizer, counts the lines that run, and runs the suites.
#
#   test/sanitize.sh                    all suites
#   test/sanitize.sh wdmoe-core ...     these
#
# Any finding ends a suite. ns-3's own libraries are not instrumented; what leaks in them is named in test/leaks.supp, each
# with its reason. At the end: how many lines of model/ and helper/ ran (gcovr); below 90 % of all suites it fails.

set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
export PATH="$PWD/.venv/bin:$PATH"
build=$PWD/build/sanitize

python3 -c 'import gcovr' 2>/dev/null || python3 -m pip install --quiet --disable-pip-version-check gcovr
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG= -DWDMOE_SANITIZE=address,undefined \
    -DWDMOE_COVERAGE=ON -DPython3_EXECUTABLE="$(command -v python3)" >"$build/configure.log"
cmake --build "$build" --target wdmoe-test-runner --parallel "$(nproc)"

export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:detect_odr_violation=0
export LSAN_OPTIONS=suppressions=$PWD/test/leaks.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
find "$build" -name '*.gcda' -delete
mkdir -p "$build/logs"
suites=("$@")
[ ${#suites[@]} -gt 0 ] || mapfile -t suites < <("$build/wdmoe-test-runner" --list 2>/dev/null | awk '/wdmoe/ { print $NF }')
one() {
    if "$build/wdmoe-test-runner" --suite="$1" --verbose >"$build/logs/$1" 2>&1; then
        echo "PASS $1"
    else
        echo "FAIL $1"
        grep -E -A 12 'ERROR: |runtime error|^  FAIL|Direct leak' "$build/logs/$1" | head -n 40
    fi
}
export -f one
export build
results=$(printf '%s\n' "${suites[@]}" | xargs -P "$(nproc)" -I {} bash -c 'one {}' | tee /dev/stderr)
failed=$(grep -c '^FAIL' <<<"$results" || true)

gcovr --root . --object-directory "$build" --filter 'model/' --filter 'helper/' --exclude 'model/core/example/' --exclude-unreachable-branches \
    --gcov-ignore-parse-errors=negative_hits.warn --txt "$build/coverage.txt" --json-summary "$build/coverage.json" "$build" >/dev/null 2>"$build/gcovr.log" ||
    tail -n 5 "$build/gcovr.log"
tail -n 6 "$build/coverage.txt"
percent=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["line_percent"])' "$build/coverage.json")
echo "lines of model/ and helper/ that ran: $percent % ($build/coverage.txt)"
if [ $# -eq 0 ] && ! python3 -c "import sys; sys.exit(not $percent >= 90)"; then
    echo "expected at least 90 %"
    failed=$((failed + 1))
fi
echo "$((${#suites[@]} - $(grep -c '^FAIL' <<<"$results" || true))) passed, $failed failed"
[ "$failed" -eq 0 ]
