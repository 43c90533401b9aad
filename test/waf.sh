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

me=waf all=false
own_option() {
    [ "$1" = --all ] && all=true
}
. "$(dirname -- "$(readlink -f -- "$0")")/tree.sh"

take_arguments "test/waf.sh ../ns-3.35" "$@"
profile=${profile:-release}
take_tree waf "waf: there is no waf, VERSION and contrib/ in it (ns-3.44 and later: test/in-tree.sh)"
[ "$release" = 3.35 ] || die "'$tree' is ns-$release; with waf the module is for ns-3.35"

began=$SECONDS
place_module
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
user() { # a program that is compiled as waf compiles those of users
    printf '#include "ns3/core-module.h"\n#include "ns3/wdmoe-module.h"\nint main() { ns3::WdmoeScenarioRadio("lte").Check(); }\n' |
        ${CXX:-g++} -std=c++17 -fsyntax-only -Ibuild -x c++ -
}
count "a program of C++17" user

run_suites
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
    wdmoe-evaluate) arguments="--model=wdmoe-lm-base --tokens=200 --levers=none --out=$results/table.json" ;;
    wdmoe-generate) arguments="--maxTokens=2" ;;
    wdmoe-first) arguments="" ;;
    extend-conformance) arguments="--check=shares" ;;
    extend-*) arguments=$short ;;
    wdmoe-testbed) arguments="$short --radio=lte" ;; # its own is Wi-Fi
    wdmoe-*) arguments=$short ;;
    *) arguments="" ;;
    esac
    count "./waf --run '$name $arguments'" run "$name" $arguments
done
for radio in ideal lte paced; do
    # of a scenario whose places are within reach of all of them
    count "--radio=$radio" run wdmoe-testbed $short --radio=$radio "--out=$results/$radio"
    count "summary.json of it" test -s "$results/$radio/summary.json"
done
for radio in wifi hybrid; do
    count "--radio=$radio is refused" refused "which this build leaves out" run wdmoe-ideal $short --radio=$radio
done
rm -rf -- "$results"

finish
