# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# What every stage begins with: the checkout's folder, and how a missing program is had.

set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

# need PROGRAM PACKAGE...: as root on a Debian, installs the packages if there is no such program; else says what to do.
need() {
    local program=$1
    shift
    ! command -v "$program" >/dev/null || return 0
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "missing: $program. Install it and start again (Debian: apt-get install $*)" >&2
        exit 1
    fi
    [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mmin -720 -print -quit 2>/dev/null)" ] || apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}
