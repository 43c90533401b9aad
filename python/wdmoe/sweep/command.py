# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe sweep FILE.toml`."""

import sys

from wdmoe.sweep.program import SweepError


def main(options):
    from wdmoe.sweep.engine import sweep

    try:
        result = sweep(
            options.file,
            out=options.out,
            jobs=options.jobs,
            scheduler=options.scheduler,
            retry_failed=options.retry_failed,
        )
    except SweepError as error:
        print(f"wdmoe sweep: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"wdmoe sweep: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if result.failed else 0
