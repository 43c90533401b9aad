# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# What test/in-tree.sh and test/waf.sh have in common: taking a tree, putting the module into it, counting what passes. A script
# sets `me`, its own name, and own_option(), and sources this.

set -euo pipefail

script=$(readlink -f -- "$0")
checkout=$(cd -- "$(dirname -- "$script")/.." && pwd -P)
tree="" profile="" suites='wdmoe*'
passed=0 failed=0

die() { printf '%s: %s\n' "$me" "$*" >&2; exit 2; }

# The comment at a script's head, from its first words to the empty line.
usage() { sed -n '/^# Builds/,/^$/s/^# \{0,1\}//p' "$script"; }

# take_arguments EXAMPLE ARGUMENT...: sets tree, profile and suites; own_option() takes what is not known here.
take_arguments() {
    local example=$1
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --profile | --suites)
            [ $# -ge 2 ] || die "$1 needs a value"
            case $1 in --profile) profile=$2 ;; *) suites=$2 ;; esac
            shift
            ;;
        -h | --help)
            usage
            exit
            ;;
        -*) own_option "$1" || die "no option $1; see --help" ;;
        *)
            [ -z "$tree" ] || die "one tree at a time, got '$tree' and '$1'"
            tree=$1
            ;;
        esac
        shift
    done
    [ -n "$tree" ] || die "which tree? For example: $example"
}

# take_tree PROGRAM WORDS: tree is a folder from then on, unpacked if it was an archive, in which there is that program.
take_tree() {
    local top into=$checkout/build/$me
    if [ -f "$tree" ]; then
        mkdir -p -- "$into"
        top=$(tar -tf "$tree" | sed -n '1s|/.*||p')
        [ -n "$top" ] || die "'$tree' is no archive of a folder"
        [ -d "$into/$top" ] || tar -xf "$tree" -C "$into"
        tree=$into/$top
    fi
    [ -f "$tree/$1" ] && [ -f "$tree/VERSION" ] && [ -d "$tree/contrib" ] ||
        die "'$tree' is no ns-3 source tree with $2"
    tree=$(cd -- "$tree" && pwd -P)
    release=$(cat -- "$tree/VERSION")
}

# The files that git knows, in contrib/wdmoe: no build folder and no .venv, which ns-3 would look into. With their times, so that a
# second run compiles what changed.
place_module() {
    local module=$tree/contrib/wdmoe
    if [ -e "$module" ] && [ ! -e "$module/.by-$me" ]; then
        [ "$(cd -- "$module" && pwd -P)" = "$checkout" ] || die "'$module' is there already, and not by this script"
        return
    fi
    rm -rf -- "$module"
    mkdir -p -- "$module"
    touch -- "$module/.by-$me"
    (cd -- "$checkout" && git ls-files -z --cached --others --exclude-standard -- ':!bench/results' |
        while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
        tar --create --null --no-recursion --files-from=- --file=-) | tar --extract --file=- --directory="$module"
}

# count NAME COMMAND...: one that passes or fails.
count() {
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

# The suites that match, by the tree's test.py, as it is built.
run_suites() {
    local report good bad
    echo "== ns-$release: ./test.py -n -s '$suites'"
    report=$(mktemp)
    # it writes colours wherever it writes
    ./test.py -n -s "$suites" 2>&1 | sed -u 's/\x1b\[[0-9;]*m//g' | tee "$report" || true
    # One line each: [k/n] PASS: TestSuite wdmoe-core
    good=$(grep -c 'PASS: TestSuite wdmoe' "$report" || true)
    bad=$(grep -cE '(FAIL|CRASH|TIMEOUT|VALGR|SKIP): TestSuite wdmoe' "$report" || true)
    grep -q 'tests passed' "$report" || bad=$((bad + 1))
    [ "$good" -gt 0 ] || bad=$((bad + 1))
    rm -f -- "$report"
    passed=$((passed + good))
    failed=$((failed + bad))
}

# The last lines.
finish() {
    printf '== ns-%s, %s: configure %d s, build %d s, suites %d s, the rest %d s\n' "$release" "$profile" \
        $((configured - began)) $((built - configured)) $((tested - built)) $((SECONDS - tested))
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
