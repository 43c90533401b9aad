#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Builds the module with waf inside an ns-3.35 tree, as contrib/wdmoe, and tests it there: what a user of that tree does
# by hand (wscript-compat/README.md).
#
#   test/waf.sh TREE [--all] [--profile NAME] [--suites PATTERN]
#
# TREE       folder of an ns-3.35 source tree, or its archive (.tar.xz, .tar.gz, .tar.bz2), which is unpacked into
#            build/waf/. A folder is built in where it is.
# --all      builds the tests and examples of ns-3's own modules as well, and runs the suites by ./test.py; without it
#            only the module, what it depends on, its tests and its examples are built.
# --profile  of ./waf configure: release (default), optimized, debug.
# --suites   only the suites whose names match, such as 'wdmoe-core*' (default: all of the module, 'wdmoe*').
#
# ccache is used where there is one, JOBS is the number of jobs. The last line counts what passed.

set -euo pipefail

checkout=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)
die() { printf 'waf: %s\n' "$*" >&2; exit 2; }
usage() { sed -n '/^# Builds/,/^# ccache/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | head -n -1; }

tree="" all=false profile=release suites='wdmoe*'
while [ $# -gt 0 ]; do
    case $1 in
    --all) all=true ;;
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
[ -n "$tree" ] || die "which tree? For example: test/waf.sh ../ns-3.35"

if [ -f "$tree" ]; then
    mkdir -p -- "$checkout/build/waf"
    top=$(tar -tf "$tree" | sed -n '1s|/.*||p')
    [ -n "$top" ] || die "'$tree' is no archive of a folder"
    [ -d "$checkout/build/waf/$top" ] || tar -xf "$tree" -C "$checkout/build/waf"
    tree=$checkout/build/waf/$top
fi
[ -f "$tree/waf" ] && [ -f "$tree/VERSION" ] && [ -d "$tree/contrib" ] ||
    die "'$tree' is no ns-3 source tree with waf: there is no waf, VERSION and contrib/ in it (ns-3.44 and later: test/in-tree.sh)"
tree=$(cd -- "$tree" && pwd -P)
release=$(cat -- "$tree/VERSION")
[ "$release" = 3.35 ] || die "'$tree' is ns-$release; with waf the module is for ns-3.35"

# The files that git knows, in a folder of that name: no build folder and no .venv, which waf would look into.
began=$SECONDS
module=$tree/contrib/wdmoe
if [ -e "$module" ] && [ ! -e "$module/.by-waf" ]; then
    [ "$(cd -- "$module" && pwd -P)" = "$checkout" ] || die "'$module' is there already, and not by this script"
elif [ ! "$module" -ef "$checkout" ]; then
    # what waf looks at is what the files hold, not when they were written
    rm -rf -- "$module"
    mkdir -p -- "$module"
    touch -- "$module/.by-waf"
    (cd -- "$checkout" && git ls-files -z --cached --others --exclude-standard -- ':!bench/results' |
        while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
        tar -c --null --files-from=- | tar -x -C "$module")
fi

cd -- "$tree"
if command -v ccache >/dev/null; then
    export CC="ccache ${CC:-gcc}" CXX="ccache ${CXX:-g++}"
fi
options=(-d "$profile" --enable-modules=wdmoe --enable-tests --enable-examples --disable-python --disable-werror)
$all || options+=(--wdmoe-only)
echo "== ns-$release: ./waf configure ${options[*]}"
./waf configure "${options[@]}"
configured=$SECONDS
echo "== ns-$release: ./waf build"
./waf build -j "${JOBS:-$(nproc)}"
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
refused() { # refused WORDS COMMAND...: it fails and says why
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "this went through"
        return 1
    fi
    case $said in *"$words"*) ;; *) printf '%s\n' "$said"; return 1 ;; esac
}

count "module header" grep -q 'wdmoe-controller.h' build/ns3/wdmoe-module.h

echo "== ns-$release: ./test.py -n -s '$suites'"
report=$(mktemp)
# it writes colours wherever it writes
./test.py -n -s "$suites" 2>&1 | sed 's/\x1b\[[0-9;]*m//g' | tee "$report" || true
# One line each: [k/n] PASS: TestSuite wdmoe-core
suites_passed=$(grep -c 'PASS: TestSuite wdmoe' "$report" || true)
suites_failed=$(grep -cE '(FAIL|CRASH|TIMEOUT|VALGR|SKIP): TestSuite wdmoe' "$report" || true)
grep -q 'tests passed' "$report" || suites_failed=$((suites_failed + 1))
rm -f -- "$report"
passed=$((passed + suites_passed))
failed=$((failed + suites_failed))
[ "$suites_passed" -gt 0 ] || failed=$((failed + 1))
tested=$SECONDS

echo "== ns-$release: examples"
short="--requests=1 --blocks=1 --maxPromptTokens=4 --maxOutputTokens=1"
results=$(mktemp -d)
suffix=-$profile
[ "$profile" != release ] || suffix=
run() { # run NAME ARGUMENTS: as a user does
    LD_LIBRARY_PATH=$tree/build/lib "$tree/build/contrib/wdmoe/wscript-compat/wdmoe/ns$release-$1$suffix" "${@:2}"
}
for program in build/contrib/wdmoe/wscript-compat/wdmoe/ns"$release"-*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    name=${program##*/ns"$release"-}
    name=${name%"$suffix"}
    case $name in
    wdmoe-evaluate | wdmoe-generate | wdmoe-first) arguments="" ;;
    wdmoe-testbed) arguments="$short --radio=lte" ;; # its own is Wi-Fi
    wdmoe-*) arguments=$short ;;
    *) arguments="" ;;
    esac
    count "./waf --run '$name $arguments'" run "$name" $arguments
done
for radio in ideal lte paced; do
    count "wdmoe-ideal --radio=$radio" run wdmoe-ideal $short --radio=$radio "--out=$results/$radio"
    count "summary.json of it" test -s "$results/$radio/summary.json"
done
for radio in wifi hybrid; do
    count "--radio=$radio is refused" refused "which this build leaves out" run wdmoe-ideal $short --radio=$radio
done
rm -rf -- "$results"

printf '== ns-%s, %s: configure %d s, build %d s, suites %d s, the rest %d s\n' "$release" "$profile" \
    $((configured - began)) $((built - configured)) $((tested - built)) $((SECONDS - tested))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
