# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Sweeps: one simulation for each policy, point of a grid or Latin hypercube, and seed, on a Dask cluster.

``wdmoe.sweep("FILE.toml")`` runs what is missing of one, ``wdmoe.sweep.load(DIR)`` reads its rows. As `wdmoe sweep`.
"""

import sys
import types

from wdmoe.sweep.program import SweepError

__all__ = ["SweepError", "load", "summarize", "sweep"]


def sweep(source, out=None, jobs=None, scheduler=None, retry_failed=False, quiet=False):
    """Runs what is missing of a sweep; returns what is there then: `runs` and `summary` (pandas frames), `failed` (how
    many), `folder`.

    source
        A TOML file, or a dictionary of the same keys.
    out
        The folder of its results, and of earlier ones (default: results/sweep-NAME).
    jobs
        Simulations at a time on this machine (default: one for each core).
    scheduler
        The address of a running Dask cluster, in place of this machine.
    retry_failed
        Whether those that failed earlier are run again.
    quiet
        Whether nothing is printed but what needs attention.

    Ctrl-C ends it at once; what was done by then is kept, and the same call goes on.
    """
    from wdmoe.sweep.engine import sweep as run

    return run(source, out, jobs, scheduler, retry_failed, quiet)


def load(folder):
    """The rows of a sweep's folder as a pandas frame, while the sweep goes on too.

    Columns: key, policy, seed, options, status (done or failed), reason, wall_s, revision, then all metrics of
    summary.json, as "block_latency_s.p50".
    """
    from wdmoe.sweep.store import load as read

    return read(folder)


def summarize(folder):
    """Means, intervals and paired differences of the rows there are in a sweep's folder, as summary.csv has them."""
    from wdmoe.sweep import summary
    from wdmoe.sweep.store import load as read
    from wdmoe.sweep.store import read_plan

    plan = read_plan(folder)
    return summary.summarize(summary.planned(read(folder), plan), plan)


class _Callable(types.ModuleType):
    """The package is the function too: wdmoe.sweep(...)."""

    def __call__(self, *arguments, **options):
        return sweep(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
