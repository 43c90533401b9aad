# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The machines that work for a sweep: this one's cores, a running Dask cluster, or one that Slurm starts."""

import contextlib
import os

from wdmoe.sweep.program import SweepError

# [cluster] in a sweep's file: key -> the argument of dask_jobqueue.SLURMCluster, its type and default.
SLURM = {
    "queue": ("queue", str, None),
    "account": ("account", str, None),
    "walltime": ("walltime", str, "01:00:00"),
    "cores": ("cores", int, 1),
    "memory": ("memory", str, "2GB"),
    "interface": ("interface", str, None),
    "directives": ("job_extra_directives", list, []),
    "prologue": ("job_script_prologue", list, []),
    "log_directory": ("log_directory", str, None),
}
CONNECT_S = 20


def make_slurm(profile):
    """A SLURMCluster without jobs yet, by the keys of SLURM: one Dask worker with one thread for each core."""
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise SweepError(
            "[cluster] kind = \"slurm\" needs dask-jobqueue: python -m pip install 'wdmoe[slurm]'"
        ) from None
    given = {argument: profile.get(key, default) for key, (argument, _, default) in SLURM.items()}
    return SLURMCluster(
        **{argument: value for argument, value in given.items() if value is not None}, processes=given["cores"]
    )


@contextlib.contextmanager
def open_client(jobs=None, scheduler=None, profile=None):
    """A Dask client with the workers of a sweep; closed, with whatever was started, at the end.

    @p jobs simulations at a time on this machine, @p scheduler the address of a running cluster, @p profile the
    table [cluster].
    """
    import dask
    from distributed import Client, LocalCluster

    # One task in a worker, none waiting in it: a run may take long, and the next free worker is to have it. The
    # heart beats in a thread of its own process, where a simulation is another one: no worker is too busy for it.
    settings = {
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.allowed-failures": 5,
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        "distributed.admin.tick.limit": "1h",
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        if scheduler:
            try:
                client = Client(scheduler, timeout=CONNECT_S)
            except (OSError, ValueError) as error:
                raise SweepError(
                    f"no Dask scheduler answers at '{scheduler}' ({error}); expected tcp://HOST:PORT"
                ) from None
        elif profile and profile["kind"] == "slurm":
            cluster = stack.enter_context(make_slurm(profile))
            cluster.scale(jobs=profile["workers"])
            client = Client(cluster)
        else:
            # The simulations are processes of their own, so the workers need be none: they start at once, and a
            # script that sweeps needs no `if __name__ == "__main__"`.
            count = jobs or (profile or {}).get("workers") or len(os.sched_getaffinity(0))
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=False,
                dashboard_address=None,
                silence_logs=40,  # logging.ERROR
            )
            stack.enter_context(cluster)
            client = Client(cluster)
        yield stack.enter_context(client)
