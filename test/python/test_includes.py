# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Who may include whom: a radio is one folder and its helper, and arrows between folders point one way."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Folders with sources, whether or not they are in git.
FOLDERS = ("model", "helper", "examples", "bench", "test")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)

# What a folder under model/ may include of the others; nothing under model/ includes a helper.
ARROWS = {
    "core": set(),
    "moe": {"core"},
    "radio": {"core"},
    "control": {"core", "moe", "radio"},
    "app": {"core", "moe", "radio", "control"},
}

# Headers of ns-3 that one technology is made of.
STACKS = {
    "lte": re.compile(r"^ns3/(lte|epc|ff-mac|rr-ff|pf-ff|eps-bearer|component-carrier|a2-a4|a3-rsrp)"),
    "wifi": re.compile(r"^ns3/(.*wifi|yans|he-|vht-|ht-|eht-|ap-|sta-|multi-user-scheduler|mac-(rx|tx)|qos-|edca)"),
}


def sources(root):
    """Files of the module below root, as paths relative to it."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc") and path.is_file():
                yield path.relative_to(root)


def of_radio(path, radio):
    """Whether a file belongs to a radio: its folder, its helper, its own tests and benchmarks."""
    place, name = path.parts[0], path.name
    return (
        path.parts[:3] == ("model", "radio", radio)
        or (place == "helper" and re.match(rf"wdmoe-{radio}-radio-helper\.(h|cc)$", name))
        or (place == "test" and name.startswith(f"wdmoe-radio-{radio}-"))
        or (place == "bench" and name.startswith(f"{radio}-"))
    )


def violations(root):
    """Every include that breaks a rule, as "file: include: rule"."""
    files = list(sources(root))
    names = [path.name for path in files if path.suffix == ".h"]
    assert len(names) == len(set(names)), "two headers of one name: it is not clear which of them is included"
    where = {path.name: path for path in files if path.suffix == ".h"}
    radios = sorted({path.parts[2] for path in files if path.parts[:2] == ("model", "radio") and len(path.parts) > 3})
    found = []
    for path in files:
        own = path.parts[1] if path.parts[0] == "model" else None
        radio = path.parts[2] if own == "radio" and len(path.parts) > 3 else None
        for include in INCLUDE.findall((root / path).read_text(encoding="utf-8")):
            header = where.get(include.rsplit("/", 1)[-1])
            rule = None
            if header is not None and header.as_posix() == "model/wdmoe-compat.h":
                continue  # switches between releases of ns-3: for everybody
            if header is None:
                if own == "core" and include.startswith("ns3/"):
                    rule = "model/core knows no ns-3"
                for stack, pattern in STACKS.items():
                    # Tests, benchmarks, examples and helpers of radios may look into ns-3 itself.
                    open_to = path.parts[0] not in ("model", "helper") or any(
                        path.match(helper) for helper in ("helper/*-radio-helper.*", "helper/wdmoe-paced-medium-*.cc")
                    )
                    if pattern.match(include) and not open_to and not of_radio(path, stack):
                        rule = f"headers of this stack are for model/radio/{stack}/ and helpers of radios"
            else:
                folder = header.parts[1] if header.parts[0] == "model" else None
                if folder == "radio" and len(header.parts) > 3 and not of_radio(path, header.parts[2]):
                    rule = f"headers of the radio '{header.parts[2]}' are for its folder and its helper"
                elif own and folder is None:
                    rule = "model/ knows only model/"
                elif own and folder != own and folder not in ARROWS[own]:
                    rule = f"model/{own} knows {', '.join(sorted(ARROWS[own])) or 'nobody'}, not model/{folder}"
                elif radio and folder == "radio" and len(header.parts) > 3 and header.parts[2] != radio:
                    rule = f"the radio '{radio}' knows no other radio"
            if rule:
                found.append(f"{path.as_posix()}: {include}: {rule}")
    return radios, found


def test_includes_point_one_way():
    radios, found = violations(ROOT)
    assert {"ideal", "lte"} <= set(radios)
    assert not found, "\n".join(found)


HEADERS = (
    "model/core/wdmoe-rate-law.h",
    "model/moe/wdmoe-gate-source.h",
    "model/radio/wdmoe-radio.h",
    "model/radio/lte/wdmoe-lte-radio.h",
    "model/radio/paced/wdmoe-paced-radio.h",
    "model/control/wdmoe-controller.h",
    "model/app/wdmoe-gating-server.h",
    "helper/wdmoe-lte-radio-helper.h",
)


@pytest.mark.parametrize(
    ("path", "include", "allowed"),
    [
        ("model/radio/lte/wdmoe-lte-radio.cc", '"wdmoe-lte-radio.h"', True),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/wdmoe-radio.h"', True),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/wdmoe-rate-law.h"', True),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/lte-helper.h"', True),
        ("helper/wdmoe-lte-radio-helper.cc", '"ns3/wdmoe-lte-radio.h"', True),
        ("helper/wdmoe-lte-radio-helper.cc", "<ns3/wdmoe-lte-radio.h>", True),
        ("test/wdmoe-radio-lte-test-suite.cc", '"ns3/wdmoe-lte-radio.h"', True),
        ("bench/lte-vs-stock.cc", '"ns3/wdmoe-lte-radio.h"', True),
        ("examples/wdmoe-lte.cc", '"ns3/wdmoe-lte-radio-helper.h"', True),
        ("model/control/wdmoe-controller.cc", '"ns3/wdmoe-radio.h"', True),
        ("examples/wdmoe-lte.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("examples/extend/other.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("bench/other.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("test/wdmoe-control-test-suite.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("test/wdmoe-radio-paced-test-suite.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("helper/wdmoe-paced-radio-helper.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("helper/wdmoe-comparison-helper.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("helper/wdmoe-comparison-helper.cc", '"ns3/lte-helper.h"', False),
        ("helper/wdmoe-comparison-helper.cc", '  <../model/radio/lte/wdmoe-lte-radio.h>', False),
        ("model/radio/paced/wdmoe-paced-radio.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("model/radio/paced/wdmoe-paced-radio.cc", '"ns3/wifi-net-device.h"', False),
        ("model/radio/wdmoe-radio.cc", '"lte/wdmoe-lte-radio.h"', False),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/wdmoe-controller.h"', False),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/wdmoe-gating-server.h"', False),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/wdmoe-gate-source.h"', False),
        ("model/radio/lte/wdmoe-lte-radio.cc", '"ns3/wdmoe-lte-radio-helper.h"', False),
        ("model/control/wdmoe-controller.cc", '"ns3/wdmoe-gating-server.h"', False),
        ("model/control/wdmoe-controller.cc", '"ns3/wdmoe-lte-radio.h"', False),
        ("model/core/wdmoe-latency.cc", '"ns3/nstime.h"', False),
        ("model/core/wdmoe-latency.cc", '"ns3/wdmoe-radio.h"', False),
        ("model/core/wdmoe-latency.cc", '"wdmoe-rate-law.h"', True),
        ("model/core/wdmoe-latency.cc", "<cmath>", True),
    ],
)
def test_a_violation_is_found(tmp_path, path, include, allowed):
    for name in HEADERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#include <vector>\n")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(f"// a file\n#include <string>\n#  include {include.strip()}\n// #include \"x.h\"\n")
    radios, found = violations(tmp_path)
    assert radios == ["lte", "paced"]
    assert [line.split(":")[0] for line in found] == ([] if allowed else [path])
