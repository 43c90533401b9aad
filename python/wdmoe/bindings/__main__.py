# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Makes the precompiled header: `python -m wdmoe.bindings`."""

import sys

from wdmoe.bindings import cache

if __name__ == "__main__":
    made = cache.ensure()
    if made:
        print(f"wdmoe: precompiled header {made}")
    sys.exit(0 if made else 1)
