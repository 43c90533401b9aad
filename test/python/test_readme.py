# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What README.md shows in full is the file that is tested."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("language, name", [("cpp", "wdmoe-first.cc"), ("python", "wdmoe-figure.py")])
def test_the_readme_shows_the_example(language, name):
    source = (CHECKOUT / "examples" / name).read_text()
    body = source[source.index('#include "ns3') :] if language == "cpp" else source.split("\n\n", 1)[1]
    assert body.strip() in re.findall(rf"^```{language}\n(.*?)\n```$", (CHECKOUT / "README.md").read_text(), re.S | re.M)


def test_the_script_is_short():
    lines = (CHECKOUT / "examples/wdmoe-figure.py").read_text().splitlines()
    assert len(lines) < 40
