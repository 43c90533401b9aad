#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Makes the manual: build/doc/html/index.html. Warnings are errors. Uses .venv if ./wdmoe made it, else the Python at hand.

set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."

python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python
if ! "$python" -c 'import sphinx, furo, latex2mathml' 2>/dev/null; then
    echo "doc/build.sh: installing Sphinx beside $("$python" -c 'import sys; print(sys.executable)')"
    "$python" -m pip install --quiet --disable-pip-version-check sphinx furo latex2mathml
fi
mkdir -p build/doc
# All of it each time: a page taken from the last time would not warn, nor know of a change in conf.py.
"$python" -m sphinx -E -a -b html -W --keep-going -n -q -d build/doc/trees doc build/doc/html
echo "the manual: $PWD/build/doc/html/index.html"
