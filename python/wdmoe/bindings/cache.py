# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The precompiled header: what makes loading ns-3 take less than a second.

It holds all headers that are loaded, as cppyy's compiler reads them (122 MB), in the user's cache folder, under a name
made of everything that it depends on. What belongs to other versions of that is left to the next clean-up.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from wdmoe.bindings import paths

# Code that a processor of the same architecture can run, unless the user says otherwise.
CLING_ARGS = "-O2"
_KEPT = 5  # files of other keys: other environments of the same user
_SUFFIX = ".pch"


def folder():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wdmoe"


def versions():
    """Of what the precompiled header is made with."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("ns3", "cppyy", "cppyy-backend", "cppyy-cling", "cpycppyy"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "none"
    # The compiler's headers (libstdc++) are those of the newest g++ that there is.
    roots = [
        Path("/usr/include/c++"),
        *(Path(root) for root in os.environ.get("CPLUS_INCLUDE_PATH", "").split(":") if root),
    ]
    found["c++"] = " ".join(
        f"{place}:{place.stat().st_mtime_ns}" for root in roots if root.is_dir() for place in sorted(root.iterdir())
    )
    return found


def key():
    """Name of the precompiled header that fits what is installed now."""
    digest = hashlib.sha256()
    for part in [
        *map(str, sorted(versions().items())),
        os.environ.get("EXTRA_CLING_ARGS", CLING_ARGS),
        os.environ.get("STDCXX", ""),
        *paths.DEFINES,
        *paths.MODULES,
        paths.ns3(),
        paths.backend(),
    ]:
        digest.update(f"{part}\n".encode())
    for header in paths.headers():
        digest.update(f"{header}\n".encode())
        digest.update(header.read_bytes())
    return digest.hexdigest()[:20]


def path():
    return folder() / (key() + _SUFFIX)


def includes():
    """What is precompiled. The guards keep what a user includes later from being read again."""
    lines = [f"#ifndef {name}\n#define {name} 1\n#endif" for name in paths.DEFINES]
    lines += [f'#include "ns3/{name}-module.h"' for name in (*paths.MODULES, "wdmoe")]
    return "\n".join(lines) + "\n"


def _build(target):
    backend = paths.backend()
    # on the file system where it will be, so that it gets its name only when it is whole
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as scratch:
        header, made = Path(scratch) / "wdmoe-all.h", Path(scratch) / "made"
        header.write_text(includes())
        environment = dict(os.environ, EXTRA_CLING_ARGS=os.environ.get("EXTRA_CLING_ARGS", CLING_ARGS), TMPDIR=scratch)
        command = [
            sys.executable,
            str(backend / "etc" / "dictpch" / "makepch.py"),
            str(made),
            f"-I{backend / 'include'}",
        ]
        command += [f"-I{paths.module()[0]}", f"-I{paths.ns3() / 'include'}", str(header)]
        done = subprocess.run(command, cwd=backend, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not made.exists():
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise OSError(f"the compiler says: {said[-1]}")
        os.replace(made, target)


def _clean(target):
    """Removes all but the newest few of other keys."""
    others = sorted(
        (other for other in target.parent.glob("*" + _SUFFIX) if other != target),
        key=lambda other: other.stat().st_mtime,
    )
    for other in others[: max(0, len(others) - _KEPT)]:
        with contextlib.suppress(OSError):
            other.unlink()


def ensure(quiet=False):
    """Path of the precompiled header, built if there is none; None, with a line that says why, if it can't be."""
    target = path()
    if target.exists():
        with contextlib.suppress(OSError):
            os.utime(target)  # as the last that is used, it is the last to be removed
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target.parent / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("wdmoe: waiting for another process that precompiles the headers", file=sys.stderr, flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                if not quiet:
                    print(
                        f"wdmoe: precompiling the headers of ns-3 once, takes 15 to 30 s (140 MB in {target.parent})",
                        file=sys.stderr,
                        flush=True,
                    )
                _build(target)
                _clean(target)
        return target
    except OSError as error:
        print(
            f"wdmoe: no precompiled header in {target.parent} ({error}); loading ns-3 takes 8 to 15 s each time. "
            "Name a writable folder by XDG_CACHE_HOME",
            file=sys.stderr,
        )
        return None


def writable():
    """Whether a precompiled header can be put into the folder, as it is or once it is made."""
    place = folder()
    while not place.exists():
        place = place.parent
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
