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
#            them, are left out, and so is Python.
# --profile  of ./ns3 configure: debug (default), default, optimized, release.
# --suites   only the suites whose names match, such as 'wdmoe-core*' (default: all of the module, 'wdmoe*').
# --no-python  leaves the tree's Python bindings out.
#
# Warnings are errors throughout. ccache is used where there is one. The last line counts what passed.

me=in-tree light=false python=true
own_option() {
    case $1 in
    --light) light=true python=false ;;
    --no-python) python=false ;;
    *) return 1 ;;
    esac
}
. "$(dirname -- "$(readlink -f -- "$0")")/tree.sh"

take_arguments "test/in-tree.sh ../ns-3.48" "$@"
profile=${profile:-debug}
take_tree ns3 "CMake: there is no ns3, VERSION and contrib/ in it (ns-3.35: test/waf.sh)"
case $release in
3.44 | 3.45 | 3.46* | 3.47 | 3.48) ;;
*) die "'$tree' is ns-$release; the module is for ns-3.44 to ns-3.48" ;;
esac

began=$SECONDS
place_module
cd -- "$tree"
options=(-d "$profile" -G Ninja --enable-tests --enable-examples --enable-warnings --enable-werror
    --enable-modules=wdmoe --filter-module-examples-and-tests=wdmoe)
if $python; then
    options+=(--enable-python-bindings)
else
    options+=(--disable-python-bindings)
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

count "module header" grep -q 'wdmoe-controller.h' build/include/ns3/wdmoe-module.h
run_suites
tested=$SECONDS

echo "== ns-$release: examples"
results=$(mktemp -d)
short="--requests=1 --blocks=1 --maxPromptTokens=4 --maxOutputTokens=1"
for source in contrib/wdmoe/examples/*.cc contrib/wdmoe/examples/extend/*.cc; do
    grep -q '^main(' "$source" || continue
    name=$(basename "$source" .cc)
    case $name in
    wdmoe-evaluate) arguments="--model=wdmoe-lm-base --tokens=200 --levers=none --out=$results/table.json" ;;
    wdmoe-generate) arguments="--maxTokens=2" ;;
    wdmoe-first) arguments="" ;;
    extend-conformance) arguments="--check=shares" ;;
    *) arguments="$short --out=$results/$name" ;;
    esac
    if $light; then
        case $name in
        wdmoe-ideal | wdmoe-first | wdmoe-generate | wdmoe-evaluate | extend-*) ;;
        wdmoe-*) arguments+=" --radio=ideal" ;;
        esac
    fi
    count "./ns3 run $name" ./ns3 run --no-build "$name $arguments"
done
rm -rf -- "$results"

if $python; then
    echo "== ns-$release: Python"
    count "from ns import ns" python3 "$checkout/test/in-tree.py" "$tree"
fi
finish
