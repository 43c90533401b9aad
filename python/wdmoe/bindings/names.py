# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Names that are near one that doesn't exist; types of C++ in a list."""

import difflib


def nearest(name, names):
    """', did you mean A or B?', or ''."""
    names = {str(each) for each in names}
    folded = {}
    for each in sorted(names):
        folded.setdefault(each.lower(), each)
    found = [folded[each] for each in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)]
    return f"; did you mean {' or '.join(found)}?" if found else ""


def split(text):
    """At the commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "<([{") - (letter in ">)]}")
        if letter == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts
