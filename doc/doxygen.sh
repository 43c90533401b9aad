#!/usr/bin/env bash
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Makes the reference from the headers, build/doc/doxygen/index.html; any warning of them is an error. Overridden members
# have their documentation from ns-3's base classes, whose headers are read along: those of the ns3 package.

set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."

command -v doxygen >/dev/null || {
    echo "doc/doxygen.sh: no doxygen (Debian: apt-get install doxygen)" >&2
    exit 2
}
python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python
ns3=$("$python" -c 'import importlib.util as u; print(list(u.find_spec("ns3").submodule_search_locations)[0])')/include/ns3
mkdir -p build/doc
bases=$(grep -rhoE '#include "ns3/[a-z0-9-]+\.h"' model helper --include='*.h' | sed 's/.*ns3\/\(.*\)"/\1/' | sort -u |
    while read -r header; do [ ! -f "$ns3/$header" ] || echo "$ns3/$header"; done)
{
    cat doc/doxygen.conf
    echo "INPUT += $(echo $bases "$ns3"/{chunk,net-device,queue-disc,ideal-wifi-manager,wifi-remote-station-manager}.h)"
} >build/doc/doxygen.conf
doxygen build/doc/doxygen.conf
# Of ns-3's headers nothing is said here.
if grep -E "^$PWD/(model|helper)/" build/doc/doxygen.log >build/doc/doxygen-own.log; then
    sed "s#^$PWD/##" build/doc/doxygen-own.log
    echo "doxygen: $(wc -l <build/doc/doxygen-own.log) warnings"
    exit 1
fi
echo "doxygen: 0 warnings in $(find model helper -name '*.h' | wc -l) headers; $PWD/build/doc/doxygen/index.html"
