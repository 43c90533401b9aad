# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of extend-conformance.cc: the radio of the tutorial, held to what it promised."""

import sys
from pathlib import Path

from wdmoe import extension, ns

HERE = Path(__file__).parent


def main(argv):
    extension.load(
        [HERE / f"{part}.cc" for part in ("switched-queue-disc", "switched-radio", "switched-radio-helper")],
        headers=[HERE / "switched-radio-helper.h"],
    )
    helper = ns.SwitchedRadioHelper()
    return ns.WdmoeRadioConformance("switched", helper).Main(len(argv), argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
