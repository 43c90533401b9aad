#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Runs suites under valgrind's memcheck: any error, and any memory that is lost for good, fails.
#
#   test/valgrind.sh                    the suites that take less than some minutes so
#   test/valgrind.sh wdmoe-core ...     these
#
# memcheck is some thirty times slower. What ns-3's libraries do is named in test/memcheck.supp, each with its reason; there is nothing
# of the module's own in it. wdmoe-core-memory is not for it: it counts calls of its own malloc, which memcheck replaces.
# WDMOE_BUILD names another build folder, for example one of -DCMAKE_BUILD_TYPE=RelWithDebInfo, for line numbers.

set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
export PATH="$PWD/.venv/bin:$PATH"
command -v valgrind >/dev/null || {
    echo "test/valgrind.sh: no valgrind (Debian: apt-get install valgrind)" >&2
    exit 2
}
build=${WDMOE_BUILD:-$(ls -d build/py3-* build/dev 2>/dev/null | head -n 1)}
[ -x "$build/wdmoe-test-runner" ] || cmake --build "$build" --target wdmoe-test-runner --parallel "$(nproc)"
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(wdmoe-bottleneck wdmoe-moe wdmoe-app wdmoe-radio-ideal wdmoe-control wdmoe-watchdog wdmoe-quality wdmoe-foreign)
mkdir -p build/valgrind
failed=0
for suite in "${suites[@]}"; do
    began=$SECONDS
    if valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --suppressions=test/memcheck.supp --fullpath-after= --log-file="build/valgrind/$suite.log" \
        "$build/wdmoe-test-runner" --suite="$suite" --fullness=QUICK >"build/valgrind/$suite.out" 2>&1; then
        echo "PASS $suite ($((SECONDS - began)) s)"
    else
        failed=$((failed + 1))
        echo "FAIL $suite ($((SECONDS - began)) s)"
        head -n 30 "build/valgrind/$suite.log"
        tail -n 3 "build/valgrind/$suite.out"
    fi
done
echo "$((${#suites[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
