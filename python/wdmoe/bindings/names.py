# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The nearest names to one that doesn't exist."""

import difflib


def nearest(name, names):
    """', did you mean A or B?', or ''."""
    names = {str(each) for each in names}
    folded = {}
    for each in sorted(names):
        folded.setdefault(each.lower(), each)
    found = [folded[each] for each in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)]
    return f"; did you mean {' or '.join(found)}?" if found else ""
