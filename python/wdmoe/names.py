# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Names that are near one that doesn't exist."""

import difflib


def nearest(name, known, few=0):
    """"; did you mean A or B?", or, where none is near: what there is if that is not more than `few`, or nothing."""
    names = [str(each) for each in known]
    # Case is what is most often wrong.
    folded = {}
    for each in sorted(names):
        folded.setdefault(each.lower(), each)
    found = [folded[each] for each in difflib.get_close_matches(str(name).lower(), folded, n=3, cutoff=0.6)]
    if found:
        return f"; did you mean {' or '.join(found)}?"
    return f"; there are: {', '.join(names)}" if 0 < len(names) <= few else ""
