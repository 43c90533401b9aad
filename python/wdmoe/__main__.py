# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

import sys

from wdmoe.cli import main

sys.exit(main())
