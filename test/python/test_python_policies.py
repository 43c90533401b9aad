# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Parts written in Python: the same results as in C++, lifetimes, what is refused, a radio that passes conformance."""

import functools
import gc
import subprocess
import sys
import textwrap
import traceback
import weakref
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cppyy")
import wdmoe  # noqa: E402
from wdmoe import ns  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import python_radio  # noqa: E402

FILES = ("blocks.csv", "requests.csv", "shares.csv", "schedule.csv")


class Top(wdmoe.Selector):
    """Top-k by numpy."""

    def select(self, block):
        order = np.argsort(-block.gate, axis=1, kind="stable")[:, : block.top_k]
        return order, np.take_along_axis(block.gate, order, axis=1)


class Patient(wdmoe.Selector):
    """As PatientSelector of examples/extend: an expert that takes too long beside the token's heaviest is left out."""

    patience = 2.0

    def select(self, block):
        heaviest = block.expert_latency_s[block.gate.argmax(axis=1)]
        return block.top & (block.expert_latency_s <= self.patience * heaviest[:, None])


class Equal(wdmoe.Allocator):
    """A K-th to each."""

    def allocate(self, loads):
        share = np.full(loads.devices, 1 / loads.devices)
        return share, share


class Answers(wdmoe.Selector):
    """Answers what it is told to."""

    def __init__(self, answer=lambda block: block.top):
        self._answer = answer
        self._blocks = []

    def select(self, block):
        self._blocks.append(block)
        return self._answer(block)


def compare(policies, radio="ideal", out="", **options):
    """The comparison of the examples, small; returns it."""
    comparison = ns.WdmoeComparisonHelper("ideal")
    comparison.policies = policies
    comparison.requests, comparison.blocks, comparison.maxOutputTokens = 2, 2, 2
    comparison.out = str(out)
    for name, value in options.items():
        setattr(comparison, name, value)
    assert comparison.Run(ns.WdmoeScenarioRadio(radio)) == 0
    return comparison


def simulate(radio=None, gates=None, requests=None, **parts):
    """One small simulation with these parts; its number of blocks."""
    try:
        server = ns.CreateObject[ns.Node]()
        phones = ns.NodeContainer(8)
        mobility = ns.MobilityHelper()
        mobility.Install(server)
        mobility.SetPositionAllocator(
            "ns3::GridPositionAllocator", "MinX", ns.DoubleValue(30), "DeltaX", ns.DoubleValue(30)
        )
        mobility.Install(phones)
        air = (radio or ns.WdmoeIdealRadioHelper()).Install(server, phones)
        model = ns.WdmoeModelDescription.Load("mixtral-8x7b")
        model.expert.bytesPerWeight = 0.5
        profiles = ns.std.vector["wdmoe::DeviceProfile"]()
        for _ in range(8):
            profiles.push_back(ns.WdmoeLoadDeviceProfile("phone-soc"))
        optimizer = ns.WdmoeOptimizerHelper()
        for name, part in parts.items():
            getattr(optimizer, f"Set{name.capitalize()}")(part)
        controller = optimizer.Install(air, model, profiles)
        part = optimizer = None
        parts.clear()
        gc.collect()
        helper = ns.WdmoeGatingServerHelper(model)
        helper.SetAttribute("MaxBlocks", ns.UintegerValue(2))
        if gates is None:
            gates = ns.CreateObject[ns.WdmoeSyntheticGateSource]()
            gates.SetAttribute("Preset", ns.StringValue("mixtral-8x7b"))
            gates.AssignStreams(100)
        if requests is None:
            requests = ns.CreateObject[ns.WdmoePoissonRequestSource]()
            requests.SetAttribute("MaxRequests", ns.UintegerValue(1))
            for name, tokens in (("PromptTokens", 16), ("OutputTokens", 2)):
                requests.SetAttribute(name, ns.StringValue(f"ns3::ConstantRandomVariable[Constant={tokens}]"))
            requests.AssignStreams(200)
        app = helper.Install(controller, gates, requests)
        nodes = ns.WdmoeExpertNodeHelper(model, profiles)
        nodes.Install(controller)
        ns.Simulator.Stop(ns.Seconds(1000))
        ns.Simulator.Run()
        return app
    finally:
        ns.Simulator.Destroy()
        gc.collect()


# ---- the same as in C++


@pytest.mark.parametrize(
    "selector, allocator, twin",
    [
        (Top, "ns3::WdmoeEqualAllocator", "topk-equal"),
        ("ns3::WdmoeTopKSelector", Equal, "topk-equal"),
        (Top, Equal, "topk-equal"),
        (Answers, "ns3::WdmoeEqualAllocator", "topk-equal"),
    ],
)
def test_same_files_as_cpp(selector, allocator, twin, tmp_path):
    """A policy of Python and its twin of C++ give the same files, but for the name."""
    wdmoe.register_policy("python-twin", selector, allocator, like=twin)
    compare(f"{twin},python-twin", out=tmp_path)
    for file in FILES:
        lines = (tmp_path / file).read_text().splitlines()[1:]
        mine = [line.replace("python-twin", twin) for line in lines if "python-twin" in line]
        theirs = [line for line in lines if twin in line.replace("python-twin", "")]
        assert mine == theirs
        assert mine or file == "schedule.csv"


def test_threshold_as_cpp_rule():
    """The tutorial's rule, against its definition token by token, on what a simulation asks."""

    class Checked(Patient):
        def select(self, block):
            kept = super().select(block)
            for token, row in enumerate(block.gate):
                order = np.argsort(-row, kind="stable")[: block.top_k]
                limit = self.patience * block.expert_latency_s[order[0]]
                expected = {e for e in order if block.expert_latency_s[e] <= limit and row[e] > 0}
                assert set(np.flatnonzero(kept[token])) == expected
            return kept

    simulate(selector=Checked())


def test_random_numbers_repeat(tmp_path):
    class Draws(wdmoe.Selector):
        def select(self, block):
            keep = block.top.copy()
            second = keep & (block.gate < block.gate.max(axis=1, keepdims=True))
            return keep & ~(second & (self.rng.random((block.tokens, 1)) < 0.5))

    wdmoe.register_policy("draws", Draws)
    texts = []
    for name in "ab":
        compare("draws", out=tmp_path / name)
        texts.append((tmp_path / name / "blocks.csv").read_text())
    assert texts[0] == texts[1]


# ---- settings and names


def test_settings_are_attributes(tmp_path):
    made = []

    class Settings(wdmoe.Selector):
        gain = 0.1
        count = 3
        active = True
        label = "a"

        def __init__(self, shift=0.25):
            self.shift = shift
            made.append(self)

        def select(self, block):
            return block.top

    wdmoe.register_policy("settings", Settings)
    del made[:]
    text = "settings:selector.gain=0.3:selector.count=5:selector.active=false:selector.label=b:selector.shift=1e-3"
    compare(f"settings,{text}", out=tmp_path)
    assert [(s.gain, s.count, s.active, s.label, s.shift) for s in made] == [
        (0.1, 3, True, "a", 0.25),
        (0.3, 5, False, "b", 0.001),
    ]
    name = wdmoe.register_part(Settings)
    assert f'"{name}::gain": "0.1"' in (tmp_path / "summary.json").read_text()
    ns.Config.SetDefault(f"{name}::gain", ns.DoubleValue(0.7))
    compare("settings")
    assert made[-1].gain == 0.7
    made[-1] = None


def test_parts_by_name_and_factory():
    name = wdmoe.register_part(Patient)
    assert name.startswith("python::Patient")
    assert wdmoe.register_part(Patient) == name
    compare(f"{name}+ns3::WdmoeEqualAllocator")
    wdmoe.register_policy(
        "eager", functools.partial(Answers, lambda block: block.gate.argmax(1)[:, None] == np.arange(8))
    )
    found = compare("topk-equal,eager")
    assert found.GetResults()
    wdmoe.register_policy("shared", Answers())  # one object for all simulations
    compare("shared")
    compare("shared")


def test_part_that_cannot_be_made():
    class NoSelect(wdmoe.Selector):
        pass

    class Needs(wdmoe.Selector):
        def __init__(self, gain):
            self.gain = gain

        def select(self, block):
            return block.top

    with pytest.raises(TypeError, match="select"):
        NoSelect()
    with pytest.raises(TypeError, match="NoSelect has no 'select'; write it: def select"):
        wdmoe.register_policy("none", NoSelect)
    with pytest.raises(TypeError, match="needs 'gain' to be made"):
        wdmoe.register_policy("none", Needs)
    with pytest.raises(TypeError, match="selector=Equal; expected a subclass of wdmoe.Selector"):
        wdmoe.register_policy("none", Equal)
    with pytest.raises(TypeError, match="expected a wdmoe.Allocator"):
        ns.WdmoeOptimizerHelper().SetAllocator(Answers())
    with pytest.raises(TypeError, match="3 is no class of a part"):
        wdmoe.register_policy("none", 3)
    with pytest.raises(ValueError, match="expected PART.ATTRIBUTE"):
        wdmoe.register_policy("none", Top, settings={"gain": 2})
    simulate(selector=Needs(2))


# ---- lifetimes


def test_object_lives_as_long_as_it_is_needed():
    part = Answers()
    gone = weakref.ref(part)
    simulate(selector=part)
    blocks = part._blocks
    simulate(selector=part)  # the same object again
    del part
    gc.collect()
    assert gone() is None
    assert len(blocks) >= 8


def test_arrays_stay_good_after_the_simulation():
    copies = []

    def answer(block):
        copies.append((block.gate, block.gate.copy(), block.expert_latency_s, block.expert_latency_s.copy()))
        return block.top

    part = Answers(answer)
    simulate(selector=part)
    for _ in range(3):
        simulate(selector=Answers())
    for gate, then, latency, latency_then in copies:
        assert np.array_equal(gate, then) and np.array_equal(latency, latency_then)
        assert not gate.flags.writeable
        with pytest.raises(ValueError):
            gate[0, 0] = 1
    with pytest.raises(RuntimeError, match="Block.expert_snr is read after the call"):
        part._blocks[0].expert_snr  # noqa: B018


def test_gate_is_no_copy():
    addresses = []

    def answer(block):
        addresses.append((block._raw.gate, block.gate.__array_interface__["data"][0]))
        return block.top

    simulate(selector=Answers(answer))
    assert addresses and all(mine == theirs for mine, theirs in addresses)


def test_python_ends_before_cpp():
    """Objects of C++ that hold parts when Python ends do not call it any more."""
    script = """
        import wdmoe
        from wdmoe import ns

        class Top(wdmoe.Selector):
            def select(self, block):
                return block.top

        kept = wdmoe.policies.as_object(Top())
        optimizer = ns.WdmoeOptimizerHelper()
        optimizer.SetSelector(Top())
        import builtins
        builtins.kept = (kept, optimizer)
        kept.Ref()
        print("end")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "end"), done.stderr


# ---- what is refused

K = 8
BAD_SELECTIONS = [
    (lambda b: None, TypeError, "block 0: the answer is None; expected booleans or weights; did select"),
    (lambda b: "text", TypeError, "expected booleans or weights"),
    (lambda b: b.top.astype(int), TypeError, r"the answer is int64; .* use .astype\(bool\)"),
    (lambda b: b.top[:, :3], ValueError, r"has shape \(16, 3\); expected \(16, 8\), tokens x experts"),
    (lambda b: [[True], [True, False]], ValueError, "rows have different lengths"),
    (lambda b: (b.top, None), TypeError, "experts are bool; expected whole numbers"),
    (lambda b: (np.zeros((3, 1), int), None), ValueError, r"experts have shape \(3, 1\); expected \(16, S\)"),
    (
        lambda b: (np.zeros((16, 1), int), np.ones((16, 2))),
        ValueError,
        r"weights has shape \(16, 2\); expected \(16, 1\)",
    ),
    (lambda b: (1, 2, 3), TypeError, r"returned a tuple of 3; expected \(experts, weights\)"),
    (lambda b: b.gate * np.nan, ValueError, "block 0: token 0 has the weight nan at expert 0; expected a number >= 0"),
    (lambda b: b.gate * np.inf, ValueError, "has the weight inf"),
    (lambda b: -b.gate, ValueError, "has the weight -"),
    (lambda b: b.top & (np.arange(16) != 5)[:, None], ValueError, "token 5 has no expert; expected 1 to 2"),
    (lambda b: np.ones((16, 8), bool), ValueError, "token 0 has more than 2 experts; expected 1 to 2"),
    (lambda b: (np.full((16, 1), 8), None), ValueError, "token 0 has expert 8; expected 0 to 7, or -1 for none"),
    (lambda b: (np.full((16, 1), -2), None), ValueError, "token 0 has expert -2"),
    (lambda b: (np.full((16, 2), 3), None), ValueError, "token 0 has expert 3 twice"),
]


@pytest.mark.parametrize("answer, kind, message", BAD_SELECTIONS)
def test_bad_selections(answer, kind, message):
    with pytest.raises(kind, match=rf"python::Answers(-\d+)?.select\(\), .*{message}"):
        simulate(selector=Answers(answer))


def share(value=1 / K, count=K):
    return np.full(count, value)


BAD_PLANS = [
    (lambda _: None, TypeError, "returned None; expected shares"),
    (lambda _: (share(), None), TypeError, "uplink is None; expected 8 shares"),
    (lambda _: ("a", "b"), TypeError, "downlink is 'a'; expected 8 numbers"),
    (lambda _: (share(), share(count=9)), ValueError, r"uplink has shape \(9,\); expected \(8,\)"),
    (lambda _: (share(np.nan), share()), ValueError, "downlink share of device 0 is nan"),
    (lambda _: (share(), share(-0.1)), ValueError, "uplink share of device 0 is -0.1"),
    (lambda _: (share(0.2), share()), ValueError, "downlink shares sum to 1.6; expected at most 1"),
    (lambda _: wdmoe.Plan(share(), share(), downlink_weight=share(np.inf)), ValueError, "weight of device 0 is inf"),
    (
        lambda loads: wdmoe.Plan(share(), share(), cut=[99] * loads.tasks),
        ValueError,
        "cut of task 0 is 99; expected 0 to",
    ),
]


@pytest.mark.parametrize("answer, kind, message", BAD_PLANS)
def test_bad_plans(answer, kind, message):
    class Allocates(wdmoe.Allocator):
        def allocate(self, loads):
            return answer(loads)

    with pytest.raises(kind, match=rf"Allocates(-\d+)?.allocate\(\), at .* s: .*{message}"):
        simulate(allocator=Allocates())


BAD_PLACES = [
    ([[0] * 8] * 2, ValueError, "device 0 holds .* bytes; expected at most"),
    (np.full((2, 8), 9), ValueError, "device 9; expected 0 to 7"),
    (np.full((2, 7), 1), ValueError, r"shape \(2, 7\); expected device numbers \(2, 8\)"),
    ([[(0, 1)] * 8] * 2, ValueError, "expert 0 of block 0 has 2 holders; expected 1 to 1"),
    ([[()] * 8] * 2, ValueError, "has 0 holders"),
    (5, TypeError, "returned 5; expected device numbers"),
]


@pytest.mark.parametrize("answer, kind, message", BAD_PLACES)
def test_bad_places(answer, kind, message):
    class Places(wdmoe.Placer):
        def begin(self, experts):
            return answer

    with pytest.raises(kind, match=rf"Places(-\d+)?.begin\(\), at 0(.0)? s: .*{message}"):
        simulate(placer=Places())


def test_other_answers_are_checked():
    class Codes(wdmoe.PrecisionPolicy):
        def __init__(self, answer):
            self._answer = answer

        def decide(self, activations):
            return self._answer

    for answer, kind, message in [
        (3, TypeError, "returned 3"),
        (("int9", "fp16"), ValueError, "downlink precision 'int9'; expected fp32, fp16"),
        ((["int8"] * 7, "fp16"), ValueError, "7 downlink precisions; expected one name, or 8"),
        (
            ("fp16", "fp32"),
            ValueError,
            "uplink precision of device 0 is fp32; expected none finer than the server's fp16",
        ),
    ]:
        with pytest.raises(kind, match=message):
            simulate(precision=Codes(answer))
    simulate(precision=Codes((["int8"] * 8, "int4")))

    class Predicts(wdmoe.Predictor):
        def __init__(self, answer):
            self._answer = answer
            self._learned = [0, 0]

        def get_cost(self, device):
            return self._answer

        def learn(self, device, load, measured):
            assert load.downlink_bits > 0 and measured.compute_s > 0
            self._learned[0] += 1

        def learn_block(self, predicted_s, measured_s):
            assert predicted_s > 0 and measured_s > 0
            self._learned[1] += 1

    for answer, kind, message in [
        (None, TypeError, "returned None; expected a wdmoe.Cost"),
        (wdmoe.Cost("a"), TypeError, "expected 8 numbers"),
        (wdmoe.Cost(float("nan")), ValueError, "downlink_fixed_s is nan"),
        (wdmoe.Cost(uplink_scale=0), ValueError, "uplink_scale is 0; expected a number > 0"),
    ]:
        with pytest.raises(kind, match=message):
            simulate(predictor=Predicts(answer))
    predictor = Predicts(wdmoe.Cost(downlink_fixed_s=1e-3))
    simulate(predictor=predictor)
    assert predictor._learned[0] > predictor._learned[1] > 0


def test_gates_and_requests_in_python():
    class Gates(wdmoe.GateSource):
        def __init__(self, answer=None):
            self._answer = answer
            self.sizes = None

        def set_model(self, blocks, experts, top_k):
            self._sizes = blocks, experts, top_k

        def get_gate(self, query):
            if self._answer is not None:
                return self._answer
            draw = np.random.default_rng([query.request, query.block, query.position])
            return draw.dirichlet(np.ones(query.experts), query.tokens)

    class Requests(wdmoe.RequestSource):
        def __init__(self, *requests):
            self._requests = list(requests)

        def next(self):
            return self._requests.pop(0) if self._requests else None

    def run(gates=(), requests=None):
        requests = requests or (wdmoe.Request(0.5, 3, 2), wdmoe.Request(0.75, 2, 1))
        blocks = []
        simulate(
            gates=wdmoe.policies.as_object(Gates(*gates)),
            requests=wdmoe.policies.as_object(Requests(*requests)),
            selector=Answers(lambda block: blocks.append(block.tokens) or block.top),
        )
        return blocks

    blocks = run()
    assert sorted(set(blocks)) == [1, 2, 3]
    for gates, requests, kind, message in [
        ([np.ones((3, 8))], None, ValueError, "request 0, block 0: row 0 sums to 8; expected 1"),
        ([np.full((3, 8), -0.1)], None, ValueError, "row 0 is -0.1 at expert 0"),
        ([np.ones((2, 8)) / 8], None, ValueError, r"returned shape \(2, 8\); expected \(3, 8\)"),
        ([object()], None, TypeError, "expected 3 x 8 weights"),
        ((), [wdmoe.Request(0.5, 0, 2)], ValueError, "prompt_tokens is 0"),
        (
            (),
            [wdmoe.Request(0.5, 3, 2), wdmoe.Request(0.25, 3, 2)],
            ValueError,
            "arrival_s is 0.25; expected a time in s",
        ),
        ((), [wdmoe.Request(float("nan"), 3, 2)], ValueError, "arrival_s is nan"),
        ((), [3], TypeError, "returned 3; expected a wdmoe.Request or None"),
    ]:
        with pytest.raises(kind, match=message):
            run(gates, requests)


def test_exception_arrives_with_traceback_and_the_next_run_works():
    class Odd(Exception):
        def __init__(self, first, second):
            super().__init__(first, second)

    def fail(block):
        if block.block == 1:
            raise Odd("a", 7)
        return block.top

    part = Answers(fail)
    gone = weakref.ref(part)
    with pytest.raises(Odd) as caught:
        simulate(selector=part)
    assert caught.value.args == ("a", 7)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "fail" and "simulate" in names
    assert part._blocks[-1].block == 1
    del part, caught
    gc.collect()
    assert gone() is None
    simulate(selector=Answers())

    class Fails(wdmoe.Selector):
        def __init__(self):
            raise KeyError("cannot be made")

        def select(self, block):
            return block.top

    with pytest.raises(KeyError, match="cannot be made"):
        wdmoe.register_policy("fails", Fails)
    calls = iter((Answers(), KeyError("later")))

    def make():
        found = next(calls)
        if isinstance(found, Exception):
            raise found
        return found

    wdmoe.register_policy("later", make)
    with pytest.raises(KeyError, match="later"):
        compare("later")
    ns.Simulator.Destroy()
    compare("topk-equal")


# ---- a radio


def test_radio_runs_the_comparison():
    wdmoe.register_radio("python", python_radio.PythonRadio)
    compare("topk-equal,wdmoe,scheduled-fp16-topk", radio="python", requests=1)


def test_radio_is_the_ideal_one(tmp_path):
    """The radio in Python, the ideal one's law and powers: the same blocks, to a nanosecond's rounding."""
    latencies = []
    for air in (ns.WdmoeIdealRadioHelper(), ns.WdmoeForeignRadioHelper(wdmoe.register_part(python_radio.PythonRadio))):
        if not latencies:
            air.SetAttribute("Fading", ns.StringValue("None"))
            air.SetAttribute("DeviceTxPower", ns.DoubleValue(23))
        found = []
        simulate(
            radio=air,
            selector=Answers(lambda block, found=found: found.append(ns.Simulator.Now().GetSeconds()) or block.top),
        )
        latencies.append(np.diff(found))
    assert len(latencies[0]) == len(latencies[1]) > 3
    assert np.allclose(*latencies, rtol=1e-6)


def test_radio_passes_conformance():
    helper = ns.WdmoeForeignRadioHelper(wdmoe.register_part(python_radio.PythonRadio))
    conformance = ns.WdmoeRadioConformance("python", helper)
    for check in ("devices", "strict", "zero", "late", "repetition"):
        results = conformance.Run(check)
        assert [str(result.what) for result in results if not result.passed] == []
        assert len(results) > 3


def test_radio_answers_are_checked():
    class Lost(python_radio.PythonRadio):
        def __init__(self, method="", answer=None):
            if method:
                setattr(self, method, lambda *_: answer)

    for method, answer, kind, message in [
        ("get_server_node", None, TypeError, "get_server_node.*None; expected a node"),
        ("get_budget", (0, 1), ValueError, "0 Hz; expected a number > 0"),
        ("get_budget", "much", TypeError, "returned 'much'; expected ns.WdmoeBudget"),
        ("get_link_state", None, TypeError, "returned None; expected ns.WdmoeLinkState"),
        ("get_name", 3, TypeError, "get_name.*3; expected a name"),
    ]:
        name = wdmoe.register_part(functools.partial(Lost, method, answer))
        with pytest.raises(kind, match=message):
            air = ns.WdmoeForeignRadioHelper(name)
            simulate(radio=air)
            air.Install(ns.CreateObject[ns.Node](), ns.NodeContainer()).GetName()
    with pytest.raises(TypeError, match="'add_device'.*'get_budget'"):
        wdmoe.register_radio("half", type("HalfRadio", (wdmoe.Radio,), {}))


def test_a_method_with_other_arguments_is_told_at_once():
    class Blind(wdmoe.Selector):
        def select(self):
            return None

    with pytest.raises(TypeError, match=r"Blind.select\(self\) can't be called.*expected select\(self, block\)"):
        wdmoe.register_policy("blind", Blind)
