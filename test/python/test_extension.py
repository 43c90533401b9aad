# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe.extension: C++ of one's own in a Python scenario."""

import pytest

from wdmoe import extension

SOURCE = '#include "twice.h"\nint Twice(int value) { return 2 * value; }\n'


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "twice.h").write_text("int Twice(int value);\n")
    path = tmp_path / "twice.cc"
    path.write_text(SOURCE)
    return path


def test_a_function_is_compiled_once_and_called(source, capfd):
    from wdmoe import ns

    library = extension.load([source], headers=[source.with_suffix(".h")])
    assert ns.cppyy.gbl.Twice(21) == 42
    assert "compiling twice.cc" in capfd.readouterr().err
    assert extension.load([source]) == library
    assert "compiling" not in capfd.readouterr().err


def test_a_change_is_compiled_again(source):
    first = extension.build([source])
    source.with_suffix(".h").write_text("int Twice(int value); // changed\n")
    assert extension.build([source]) != first


def test_the_compilers_message_arrives(source, tmp_path):
    source.write_text("int Twice(int value) { return 2 * valu; }\n")
    with pytest.raises(extension.BuildError, match="valu.* was not declared"):
        extension.build([source])
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.cc"):
        extension.load([tmp_path / "none.cc"])


def test_an_unwritable_cache_works_without(source, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    assert extension.build([source]).exists()
