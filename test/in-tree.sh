#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Builds the module inside an ns-3 tree, as contrib/wdmoe, and tests it there: what a user of that tree does by hand.
#
#   test/in-tree.sh TREE [--light] [--profile NAME] [--suites PATTERN] [--no-python]
#
# TREE       folder of an ns-3 source tree (3.44 to 3.48), or its archive (.tar.xz, .tar.gz, .tar.bz2), which is
#            unpacked into build/in-tree/. A folder is built in where it is.
# --light    without the tree's LTE and Wi-Fi, which take most of the time: the radios over them, and the tests that need
#            them, are left out.
# --profile  of ./ns3 configure: debug (default), default, optimized, release.
# --suites   only the suites whose names match, such as 'wdmoe-core*' (default: all of the module, 'wdmoe*').
# --no-python  leaves the tree's Python bindings out.
#
# Warnings are errors throughout. ccache is used where there is one. The last line counts what passed.

set -euo pipefail

checkout=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)
die() { printf 'in-tree: %s\n' "$*" >&2; exit 2; }
usage() { sed -n '/^# Builds/,/^# Warnings/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | head -n -1; }

tree="" light=false profile=debug suites='wdmoe*' python=true
while [ $# -gt 0 ]; do
    case $1 in
    --light) light=true python=false ;;
    --no-python) python=false ;;
    --profile | --suites)
        [ $# -ge 2 ] || die "$1 needs a value"
        case $1 in --profile) profile=$2 ;; *) suites=$2 ;; esac
        shift
        ;;
    -h | --help)
        usage
        exit
        ;;
    -*) die "no option $1; see --help" ;;
    *)
        [ -z "$tree" ] || die "one tree at a time, got '$tree' and '$1'"
        tree=$1
        ;;
    esac
    shift
done
[ -n "$tree" ] || die "which tree? For example: test/in-tree.sh ../ns-3.48"

if [ -f "$tree" ]; then
    mkdir -p -- "$checkout/build/in-tree"
    top=$(tar -tf "$tree" | sed -n '1s|/.*||p')
    [ -n "$top" ] || die "'$tree' is no archive of a folder"
    [ -d "$checkout/build/in-tree/$top" ] || tar -xf "$tree" -C "$checkout/build/in-tree"
    tree=$checkout/build/in-tree/$top
fi
[ -x "$tree/ns3" ] && [ -f "$tree/VERSION" ] && [ -d "$tree/contrib" ] ||
    die "'$tree' is no ns-3 source tree with CMake: there is no ns3, VERSION and contrib/ in it (ns-3.35: test/waf.sh)"
tree=$(cd -- "$tree" && pwd -P)
release=$(cat -- "$tree/VERSION")
case $release in
3.44 | 3.45 | 3.46* | 3.47 | 3.48) ;;
*) die "'$tree' is ns-$release; the module is for ns-3.44 to ns-3.48" ;;
esac

# The files that git knows, in a folder of that name: no build folder and no .venv, which ns-3 would look into.
began=$SECONDS
module=$tree/contrib/wdmoe
if [ -e "$module" ] && [ ! -e "$module/.by-in-tree" ]; then
    [ "$(cd -- "$module" && pwd -P)" = "$checkout" ] || die "'$module' is there already, and not by this script"
else
    rm -rf -- "$module"
    mkdir -p -- "$module"
    touch -- "$module/.by-in-tree"
    # with their times, so that a second run compiles what changed
    (cd -- "$checkout" && git ls-files -z --cached --others --exclude-standard -- ':!bench/results' |
        while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
        tar --create --null --no-recursion --files-from=- --file=-) | tar --extract --file=- --directory="$module"
fi

cd -- "$tree"
options=(-d "$profile" -G Ninja --enable-tests --enable-examples --enable-warnings --enable-werror
    --enable-modules=wdmoe --filter-module-examples-and-tests=wdmoe)
if $python; then
    options+=(--enable-python-bindings)
fi
if $light; then
    options+=(--disable-modules="lte;wifi")
fi
echo "== ns-$release: ./ns3 configure ${options[*]}"
./ns3 configure "${options[@]}"
configured=$SECONDS
echo "== ns-$release: build"
cmake --build cmake-cache --parallel "$(nproc)"
built=$SECONDS

passed=0 failed=0
count() { # count NAME COMMAND...
    local name=$1 log
    shift
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "PASS $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name: $*"
        tail -n 30 -- "$log"
    fi
    rm -f -- "$log"
}

header=build/include/ns3/wdmoe-module.h
count "module header" grep -q 'ns3/wdmoe-controller.h' "$header"

echo "== ns-$release: ./test.py -n -s '$suites'"
report=$(mktemp)
./test.py -n -s "$suites" 2>&1 | tee "$report" || true
# One line each: [k/n] PASS: TestSuite wdmoe-core
suites_passed=$(grep -c 'PASS: TestSuite wdmoe' "$report" || true)
suites_failed=$(grep -cE '(FAIL|CRASH|TIMEOUT|VALGR): TestSuite wdmoe|SKIP: TestSuite wdmoe' "$report" || true)
tail -n 2 -- "$report" | grep -q 'tests passed' || suites_failed=$((suites_failed + 1))
rm -f -- "$report"
passed=$((passed + suites_passed))
failed=$((failed + suites_failed))
[ "$suites_passed" -gt 0 ] || failed=$((failed + 1))
tested=$SECONDS

echo "== ns-$release: examples"
short="--requests=1 --blocks=1 --maxPromptTokens=4 --maxOutputTokens=1"
results=$(mktemp -d)
for program in "$tree"/build/contrib/wdmoe/examples/ns"$release"-wdmoe-*; do
    [ -x "$program" ] || continue
    name=${program##*/ns"$release"-}
    name=${name%-"$profile"}
    case $name in
    wdmoe-evaluate | wdmoe-generate | wdmoe-first) arguments="" ;;
    *) arguments=$short ;;
    esac
    count "./ns3 run $name" ./ns3 run --no-build "$name $arguments --out=$results/$name"
done
rm -rf -- "$results"

if $python; then
    echo "== ns-$release: Python"
    count "from ns import ns" python3 "$checkout/test/in-tree.py" "$tree"
fi
printf '== ns-%s, %s: configure %d s, build %d s, suites %d s, the rest %d s\n' "$release" "$profile" \
    $((configured - began)) $((built - configured)) $((tested - built)) $((SECONDS - tested))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
