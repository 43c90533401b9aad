# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""How the models wdmoe-lm-base and wdmoe-lm-robust are made; see data/models/README.md for the recipe."""
