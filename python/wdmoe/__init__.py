# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""WDMoE for ns-3: the scenarios' command line, their results and pictures."""
