# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""C++ of one's own in a Python scenario: a radio, a selector, a queue disc that has to be compiled.

    from wdmoe import extension, ns

    extension.load(["patient-selector.cc"])  # its TypeIds are known from now on
    extension.load(["my-radio.cc", "my-radio-helper.cc"], headers=["my-radio-helper.h"])
    helper = ns.MyRadioHelper()

Sources are compiled once, by the same compiler and flags as `wdmoe build` has; the library is kept in a cache and made
again when a source, a header beside it, or the module has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wdmoe.build import compile_flags, find_parts, link_flags


class BuildError(RuntimeError):
    """The compiler refused a source; the message is the compiler's."""


def load(sources, headers=()):
    """Compiles C++ sources into a library, loads it, and makes what headers declare known to Python.

    Returns the library's path. FileNotFoundError for a file that is not there, BuildError where the compiler fails.
    """
    sources, headers = ([Path(file).resolve() for file in files] for files in (sources, headers))
    for file in (*sources, *headers):
        if not file.is_file():
            raise FileNotFoundError(f"no file {file}; expected C++ sources and headers to compile and load")
    library = build(sources)
    from wdmoe import ns  # the libraries that this one needs come first

    import cppyy

    cppyy.load_library(str(library))
    for header in headers:
        cppyy.add_include_path(str(header.parent))
        cppyy.include(header.name)
    del ns
    return library


def build(sources):
    """The library of some sources, compiled where there is none yet."""
    library = cache_folder() / f"{sources[0].stem}-{_key(sources)}.so"
    if library.exists():
        return library
    print(f"wdmoe: compiling {', '.join(source.name for source in sources)} ...", file=sys.stderr, flush=True)
    library.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=library.parent))
    try:
        objects = [work / f"{number}.o" for number in range(len(sources))]
        commands = [
            [*compile_flags(), "-fPIC", "-c", str(source), "-o", str(made)] for source, made in zip(sources, objects)
        ]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as executor:
            list(executor.map(_run, commands))
        made = work / library.name
        _run([*compile_flags(), "-shared", *map(str, objects), "-o", str(made), *link_flags()])
        os.replace(made, library)  # whole or not at all: another process may be doing the same
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return library


def cache_folder():
    """Where libraries are kept; a folder of this process where that cannot be written."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wdmoe" / "extensions"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if os.access(root, os.W_OK):
            return root
    except OSError:
        pass
    return Path(_own_folder())


_own = []


def _own_folder():
    if not _own:
        _own.append(tempfile.TemporaryDirectory(prefix="wdmoe-"))
    return _own[0].name


def _run(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise BuildError(f"no compiler {command[0]}; install g++, or name one by the variable CXX") from None
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)} failed:\n{done.stderr}")


def _key(sources):
    """Changes with the sources, the headers beside them, the module's library, and the compiler's flags."""
    digest = hashlib.sha256(repr((compile_flags(), link_flags())).encode())
    include, library = find_parts()
    state = library.stat()
    digest.update(f"{library} {state.st_size} {state.st_mtime_ns}".encode())
    beside = {header for source in sources for header in source.parent.glob("*.h")}
    for file in [*sources, *sorted(beside)]:
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
