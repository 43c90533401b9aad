# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""ns-3 and the module in Python: functions as sinks and events, errors, and what Python code expects of the classes."""

import copy
import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
import traceback
import weakref

import numpy as np
import pytest

from wdmoe import SimulationError, callback, ns
from wdmoe.bindings import cache


@pytest.fixture(autouse=True)
def clean():
    yield
    ns.Simulator.Destroy()


class Scene:
    """Two phones with four experts each, over ideal links."""

    def __init__(self, requests=2):
        server, phones = ns.CreateObject[ns.Node](), ns.NodeContainer(2)
        mobility = ns.MobilityHelper()
        mobility.Install(server)
        mobility.SetPositionAllocator("ns3::GridPositionAllocator", "MinX", ns.DoubleValue(30))
        mobility.Install(phones)
        self.radio = ns.WdmoeIdealRadioHelper().Install(server, phones)
        self.radio.AssignStreams(1)
        model = ns.WdmoeModelDescription.Load("mixtral-8x7b")
        model.expert.bytesPerWeight = 0.1
        model.blocks = 2
        profiles = [ns.WdmoeLoadDeviceProfile("phone-soc")] * 2
        self.controller = ns.WdmoeOptimizerHelper().Install(self.radio, model, profiles)
        gates = ns.CreateObject[ns.WdmoeRecordedGateSource]()
        arrivals = ns.CreateObject[ns.WdmoePoissonRequestSource]()
        arrivals.SetAttribute("MaxRequests", ns.UintegerValue(requests))
        gates.AssignStreams(10)
        arrivals.AssignStreams(20)
        self.app = ns.WdmoeGatingServerHelper(model).Install(self.controller, gates, arrivals)
        self.experts = ns.WdmoeExpertNodeHelper(model, profiles).Install(self.controller)
        self.app.TraceConnectWithoutContext("Done", ns.Simulator.Stop)


def run_python(text, **environment):
    """A process of its own: (status, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


# Sinks


def test_records_that_are_kept_stay_as_they_were():
    scene, blocks, requests = Scene(), [], []
    scene.app.TraceConnectWithoutContext("Block", blocks.append)
    scene.app.TraceConnectWithoutContext("Request", lambda record: requests.append(record))
    ns.Simulator.Run()
    assert [record.request for record in requests] == [0, 1]
    assert len(blocks) == sum(2 * record.outputTokens for record in requests)
    assert [block.block for block in blocks] == [0, 1] * (len(blocks) // 2)
    first = blocks[0]
    assert sum(first.expertTokens) == first.pairsRouted == sum(device.tokens for device in first.devices) > 0
    assert all(block.latency.GetSeconds() > 0 for block in blocks)


def test_every_trace_source_of_the_module_takes_a_function():
    scene, calls = Scene(1), {}

    def connect(thing, names):
        for name in names:
            assert thing.TraceConnectWithoutContext(name, lambda *values, name=name: calls.setdefault(name, values))

    connect(scene.app, ["Block", "Request", "Token", "Report", "Done"])
    connect(scene.controller, ["Decision"])
    connect(scene.radio, ["LinkState", "Plan", "Grant"])
    connect(scene.experts.Get(0).GetObject[ns.WdmoeExpertNode](), ["Compute", "Report"])
    ns.Simulator.Run()
    ns.Simulator.Destroy()
    missing = {"Block", "Request", "Token", "Done", "Decision", "LinkState", "Plan", "Compute"} - set(calls)
    assert not missing
    device, state = calls["LinkState"]
    assert device in (0, 1) and isinstance(state, ns.WdmoeLinkState)
    request, decision = calls["Decision"]
    assert request.gate.numpy().shape == (request.gate.tokens, 8) and decision.selection.Routed() > 0


def test_a_context_comes_first():
    scene, calls = Scene(1), []
    scene.app.TraceConnect("Request", "of the server", lambda context, record: calls.append((context, record.request)))
    ns.Simulator.Run()
    assert calls == [("of the server", 0)]


def test_config_connects_by_path():
    scene, calls = Scene(1), []
    path = "/NodeList/*/ApplicationList/*/$ns3::WdmoeGatingServer/Request"
    ns.Config.Connect(path, lambda where, record: calls.append(where))
    ns.Config.ConnectWithoutContext(path, lambda record: calls.append(record.request))
    ns.Simulator.Run()
    assert calls == ["/NodeList/0/ApplicationList/0/$ns3::WdmoeGatingServer/Request", 0]


def test_what_is_disconnected_is_not_called_and_let_go():
    class Sink:
        calls = 0

        def on_block(self, record):
            Sink.calls += 1

    scene, sink = Scene(1), Sink()
    alive = weakref.ref(sink)
    scene.app.TraceConnectWithoutContext("Block", sink.on_block)  # another bound method each time, equal to the first
    assert scene.app.TraceDisconnectWithoutContext("Block", sink.on_block)
    scene.app.TraceConnect("Block", "context", sink.on_block)
    scene.app.TraceDisconnect("Block", "context", sink.on_block)
    del sink
    gc.collect()
    assert alive() is None
    ns.Simulator.Run()
    assert Sink.calls == 0


def test_a_sink_lives_as_long_as_what_it_is_connected_to():
    scene = Scene(1)

    def connect():
        class Sink(list):
            pass

        sink = Sink()
        scene.app.TraceConnectWithoutContext("Block", lambda record: sink.append(record.block))
        return weakref.ref(sink)

    alive = connect()
    gc.collect()
    ns.Simulator.Run()
    assert alive()
    ns.Simulator.Destroy()
    del scene
    gc.collect()
    assert alive() is None


def test_traced_values_and_packets():
    ns.cppyy.cppdef("""
        namespace testing { struct Source : ns3::Object {
          static ns3::TypeId GetTypeId() {
            static ns3::TypeId tid = ns3::TypeId("testing::Source").SetParent<ns3::Object>()
              .AddTraceSource("Value", "a number", ns3::MakeTraceSourceAccessor(&Source::value),
                              "ns3::TracedValueCallback::Double")
              .AddTraceSource("Packet", "a packet", ns3::MakeTraceSourceAccessor(&Source::packet),
                              "ns3::Packet::TracedCallback")
              .AddTraceSource("Bad", "what nobody declared", ns3::MakeTraceSourceAccessor(&Source::bad),
                              "testing::NoSuchTracedCallback");
            return tid; }
          ns3::TracedValue<double> value{1};
          ns3::TracedCallback<ns3::Ptr<const ns3::Packet>> packet;
          ns3::TracedCallback<int> bad;
          void Change(double v) { value = v; }
          void Send(uint32_t n) { packet(ns3::Create<ns3::Packet>(n)); } }; }""")
    source, values, packets = ns.CreateObject["testing::Source"](), [], []
    source.TraceConnectWithoutContext("Value", lambda old, new: values.append((old, new)))
    source.TraceConnectWithoutContext("Packet", packets.append)
    source.Change(2.5)
    for size in range(1, 100):
        source.Send(size)
    assert values == [(1, 2.5)]
    assert [packet.GetSize() for packet in packets] == list(range(1, 100))
    with pytest.raises(TypeError, match="testing::NoSuchTracedCallback"):
        source.TraceConnectWithoutContext("Bad", print)


def test_a_callback_of_any_signature():
    ns.cppyy.cppdef("""
        namespace testing {
          double Twice(ns3::Callback<double, double, ns3::Time> f) { return 2 * f(1.5, ns3::Seconds(2)); }
          bool Ask(ns3::Callback<bool, uint32_t, std::string> f) { return f(4000000000u, "text"); }
        }""")
    testing, said = ns.cppyy.gbl.testing, []
    double = callback(lambda number, when: number * float(when), "double (*)(double, ns3::Time)")
    assert testing.Twice(double) == 6
    ask = callback(lambda *values: said.append(values), "bool (*)(uint32_t, std::string)")
    assert testing.Ask(ask) is False
    assert said == [(4000000000, "text")]
    with pytest.raises(TypeError, match="no callback of signature nonsense"):
        callback(print, "nonsense")


# Events


def test_events_with_arguments_in_order():
    said = []
    say = lambda *values: said.append((ns.Simulator.Now().GetSeconds(), *values))  # noqa: E731
    ns.Simulator.Schedule(ns.Seconds(2), say, "second", 2)
    ns.Simulator.Schedule(ns.Seconds(1), say, "first")
    ns.Simulator.ScheduleNow(say, "now")
    ns.Simulator.ScheduleWithContext(7, ns.Seconds(1), lambda: say("context", ns.Simulator.GetContext()))
    ns.Simulator.ScheduleDestroy(say, "destroy")
    cancelled = ns.Simulator.Schedule(ns.Seconds(1.5), say, "never")
    ns.Simulator.Cancel(cancelled)
    ns.Simulator.Run()
    assert said == [(0, "now"), (1, "first"), (1, "context", 7), (2, "second", 2)]
    ns.Simulator.Destroy()
    assert said[-1] == (2, "destroy")


def test_an_event_lets_go_of_its_function_and_arguments():
    class Thing:
        pass

    things = [Thing(), Thing()]
    alive = [weakref.ref(thing) for thing in things]
    ns.Simulator.Schedule(ns.Seconds(1), lambda thing: None, things[0])
    ns.Simulator.Cancel(ns.Simulator.Schedule(ns.Seconds(1), lambda thing: None, things[1]))
    ns.Simulator.Run()
    ns.Simulator.Destroy()
    del things
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


# Exceptions


class Custom(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)
        self.two = two


@pytest.mark.parametrize("way", ["event", "sink"])
def test_an_exception_arrives_as_itself_and_the_next_simulation_runs(way):
    raised, later = Custom("one", [2]), []

    def fail(*_):
        raise raised

    if way == "event":
        ns.Simulator.Schedule(ns.Seconds(1), fail)
    else:
        scene = Scene(1)
        scene.app.TraceConnectWithoutContext("Block", fail)
    ns.Simulator.Schedule(ns.Seconds(1000), later.append, "no")
    with pytest.raises(Custom) as caught:
        ns.Simulator.Run()
    assert caught.value is raised and raised.two == [2]
    assert "fail" in "".join(traceback.format_tb(caught.value.__traceback__))
    ns.Simulator.Destroy()
    assert later == []
    scene, blocks = Scene(1), []
    scene.app.TraceConnectWithoutContext("Block", blocks.append)
    ns.Simulator.Run()
    assert blocks


def test_a_fatal_error_is_an_exception_with_message_and_place(capfd):
    ns.cppyy.cppdef("""namespace testing {
        void Abort(int x) { NS_ABORT_MSG_IF(x > 0, "x is \\"" << x << "\\", expected 0,\\nas file=always"); }
        void Bare(int x) { NS_ABORT_IF(x > 0); } void Assert(int x) { NS_ASSERT(x == 0); }
        void Fatal() { NS_FATAL_ERROR("fatal"); } }""")
    testing = ns.cppyy.gbl.testing
    with pytest.raises(SimulationError) as caught:
        testing.Abort(1)
    assert caught.value.message == 'x is "1", expected 0,\nas file=always'
    assert caught.value.file and caught.value.line
    for function, text in ((testing.Bare, "x > 0"), (testing.Assert, "x == 0")):
        with pytest.raises(SimulationError, match=text):
            function(1)
    ns.Simulator.Schedule(ns.Seconds(1.5), lambda: testing.Fatal())
    with pytest.raises(SimulationError, match=r"fatal.*1\.5"):
        ns.Simulator.Run()
    assert capfd.readouterr().err == ""  # said once, by the exception


def test_in_a_destructor_the_process_ends_with_the_message_only():
    status, out, err = run_python("""
        from wdmoe import ns
        ns.cppyy.cppdef('namespace testing { struct D { ~D() { NS_ABORT_MSG("no way out"); } }; void f() { D d; } }')
        ns.cppyy.gbl.testing.f()
        print("not reached")""")
    assert status == -signal.SIGABRT and out == "", err
    assert "no way out" in err and len(err.splitlines()) < 12 and "gdb" not in err


@pytest.mark.parametrize(
    "name, kind",
    [
        ("invalid_argument", ValueError),
        ("domain_error", ValueError),
        ("out_of_range", IndexError),
        ("runtime_error", RuntimeError),
    ],
)
def test_exceptions_of_c_plus_plus_are_pythons(name, kind):
    ns.cppyy.cppdef(f'namespace testing {{ void throw_{name}() {{ throw std::{name}("what it says"); }} }}')
    with pytest.raises(kind, match="what it says"):
        getattr(ns.cppyy.gbl.testing, f"throw_{name}")()
    with pytest.raises(ValueError, match="thetaStep|theta"):
        wlr = ns.wdmoe.WlrParam()
        wlr.thetaStep = -1
        wlr.Check()


def test_too_little_memory_is_a_memory_error():
    ns.cppyy.cppdef("namespace testing { void full() { throw std::bad_alloc(); } }")
    with pytest.raises(MemoryError):
        ns.cppyy.gbl.testing.full()


# Names and values


WLR = "ns3::WdmoeWlrSelector"


def set_selector(*arguments):
    ns.WdmoeOptimizerHelper().SetSelector(*arguments)


def comparison():
    return ns.WdmoeComparisonHelper("test")


@pytest.mark.parametrize(
    "kind, text, call",
    [
        (
            AttributeError,
            "HeloTimeout.*HelloTimeout",
            lambda app: app.SetAttribute("HeloTimeout", ns.StringValue("3s")),
        ),
        (AttributeError, "HeloTimeout.*HelloTimeout", lambda app: app.GetAttribute("HeloTimeout", ns.TimeValue())),
        (
            AttributeError,
            "HeloTimeout.*HelloTimeout",
            lambda app: ns.Config.SetDefault("ns3::WdmoeGatingServer::HeloTimeout", ns.StringValue("3s")),
        ),
        (
            ValueError,
            "WdmoeGatingSrver.*WdmoeGatingServer",
            lambda app: ns.TypeId.LookupByName("ns3::WdmoeGatingSrver"),
        ),
        (
            ValueError,
            "WdmoeWlrSelectr.*WdmoeWlrSelector",
            lambda app: ns.WdmoeOptimizerHelper().SetSelector("ns3::WdmoeWlrSelectr"),
        ),
        (
            AttributeError,
            "has no attribute 'Gian'; did you mean Gain",
            lambda app: set_selector(WLR, "Gian", ns.DoubleValue(1)),
        ),
        (ValueError, "WdmoeEqualAllocator is no ns3::WdmoeSelector", lambda app: set_selector("ns3::WdmoeEqualAllocator")),
        (ValueError, "MaxInFlight.*-3.*uint32_t", lambda app: app.SetAttribute("MaxInFlight", -3)),
        (AttributeError, "'polices'; did you mean policies", lambda app: setattr(comparison(), "polices", "wdmoe")),
        (AttributeError, "it is an attribute: SetAttribute", lambda app: setattr(app, "MaxInFlight", 3)),
        (ValueError, "Gain.*'much'.*", lambda app: set_selector(WLR, "Gain", "much")),
        (TypeError, "1 arguments.*names and values", lambda app: set_selector(WLR, "Gain")),
        (AttributeError, "Blok.*Block", lambda app: app.TraceConnectWithoutContext("Blok", print)),
        (ValueError, "MaxInFlight.*expected", lambda app: app.SetAttribute("MaxInFlight", ns.StringValue("many"))),
        (ValueError, "3 apples", lambda app: app.SetAttribute("HelloTimeout", ns.StringValue("3 apples"))),
        (TypeError, "list.*expected", lambda app: app.SetAttribute("MaxInFlight", [3])),
        (TypeError, "Block: expected a function, got int 3", lambda app: app.TraceConnectWithoutContext("Block", 3)),
        (TypeError, "expected a function", lambda app: ns.Simulator.Schedule(ns.Seconds(1), 3)),
        (ValueError, "nothing in it matches 'NoList'", lambda app: ns.Config.Connect("/NoList/0/Block", print)),
        (AttributeError, "WdmoeGatingServr.*WdmoeGatingServer", lambda app: ns.WdmoeGatingServr),
        (IndexError, "index 2; expected less than its size, 2", lambda app: ns.NodeContainer(2)[2]),
    ],
)
def test_what_is_wrong_and_what_was_meant(kind, text, call):
    app = ns.CreateObject[ns.WdmoeGatingServer]()
    with pytest.raises(kind, match=f"(?s){text}"):
        call(app)


def test_attributes_take_plain_values():
    app = ns.CreateObject[ns.WdmoeGatingServer]()
    app.SetAttribute("MaxInFlight", 3)
    app.SetAttribute("HelloTimeout", ns.Seconds(7))
    number, when = ns.UintegerValue(), ns.TimeValue()
    app.GetAttribute("MaxInFlight", number)
    app.GetAttribute("HelloTimeout", when)
    assert number.Get() == 3 and when.Get() == ns.Seconds(7)
    app.SetAttribute("HelloTimeout", "8s")
    app.GetAttribute("HelloTimeout", when)
    assert when.Get() == ns.Seconds(8)


# What Python code expects


def test_containers_are_sequences():
    nodes = ns.NodeContainer(3)
    assert len(nodes) == 3 and [node.GetId() for node in nodes] == [0, 1, 2]
    assert nodes[-1].GetId() == 2 and [node.GetId() for node in nodes[1:]] == [1, 2]
    assert bool(ns.Ptr[ns.Node]()) is False and bool(nodes[0]) is True


def test_time_is_a_quantity():
    second = ns.Seconds(1)
    assert str(ns.Seconds(1.5)) == "1.5s" and float(ns.MilliSeconds(250)) == 0.25
    assert second < ns.Seconds(2) and second == ns.MilliSeconds(1000) and second != ns.Seconds(2)
    assert 2 * second == second * 2 == second + second == sum([second, second]) == -(-ns.Seconds(2))
    assert hash(second) == hash(ns.MilliSeconds(1000))


def test_gates_are_arrays_without_a_copy():
    gate = ns.wdmoe.GateMatrix()
    gate.tokens, gate.experts = 2, 3
    gate.weight = [0.5, 0.3, 0.2, 0.1, 0.2, 0.7]
    view = gate.numpy()
    assert view.shape == (2, 3) and view[1, 2] == 0.7
    view[0, 0] = 0.25
    assert gate.weight[0] == 0.25
    selection = ns.wdmoe.SelectTopK(gate, 2)
    assert selection.numpy().tolist() == [[1, 0], [2, 1]]
    np.testing.assert_allclose(selection.combine_numpy().sum(axis=1), 1)
    del gate
    gc.collect()
    assert view[1, 0] == 0.1  # the array keeps its owner
    broken = ns.wdmoe.GateMatrix()
    broken.tokens, broken.experts = 2, 3
    with pytest.raises(ValueError, match="0 values; expected 2 x 3"):
        broken.numpy()


def test_records_are_copied_and_vectors_print():
    record = ns.WdmoeBlockRecord()
    record.block = 7
    record.expertTokens = [1, 2]
    other, third = record.copy(), copy.deepcopy(record)
    record.block = 8
    assert other.block == third.block == 7 and str(other.expertTokens) == "[1, 2]"


# The process


def test_ctrl_c_ends_a_run_at_once():
    # Who starts the tests in the background of a script has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ns.cppyy.cppdef(
        """namespace testing { void Forever() { ns3::Simulator::Schedule(ns3::NanoSeconds(1), &Forever); } }"""
    )
    ns.cppyy.gbl.testing.Forever()
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -INT {os.getpid()}"])
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ns.Simulator.Run()
    assert time.monotonic() - started < 20
    assert ns.Simulator.Now().GetNanoSeconds() > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("first", ["wdmoe", "ns"])
def test_with_the_loader_of_ns_3(first, tmp_path):
    lines = ["from wdmoe import ns as ours", "from ns import ns as theirs"]
    status, out, err = run_python("\n".join(lines if first == "wdmoe" else lines[::-1]) + textwrap.dedent("""
            assert ours is theirs
            nodes = theirs.NodeContainer(2)
            calls = []
            app = ours.CreateObject[ours.WdmoeGatingServer]()
            assert app.TraceConnectWithoutContext("Block", calls.append)
            ours.Simulator.Schedule(ours.Seconds(1), calls.append, 1)
            ours.Simulator.Run()
            try:
                app.SetAttribute("Foo", 3)
            except AttributeError:
                calls.append(2)
            print(calls, len(nodes), [node.GetId() for node in nodes])"""))
    assert status == 0, err
    assert out.splitlines()[-1] == "[1, 2] 2 [0, 1]"


def test_a_changed_header_is_another_precompiled_header(tmp_path, monkeypatch):
    include, library = tmp_path / "include" / "ns3", tmp_path / "libwdmoe.so"
    include.mkdir(parents=True)
    library.touch()
    for name in ("wdmoe-module.h", "wdmoe-gating-server.h"):
        (include / name).write_text("// one\n")
    monkeypatch.setenv("WDMOE_BIN", str(tmp_path / "bin"))
    before = cache.key()
    assert cache.key() == before
    (include / "wdmoe-gating-server.h").write_text("// two\n")
    changed = cache.key()
    assert changed != before
    # in a build folder headers lead to the sources
    (tmp_path / "source.h").write_text("// one\n")
    (include / "wdmoe-gating-server.h").write_text('#include "../../source.h"\n')
    leading = cache.key()
    (tmp_path / "source.h").write_text("// two\n")
    assert len({before, changed, leading, cache.key()}) == 4


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache.ensure() is None
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not cache.writable()


def test_a_module_that_is_not_there(monkeypatch, tmp_path):
    from wdmoe.bindings import paths, status

    monkeypatch.setenv("WDMOE_BIN", str(tmp_path / "bin"))
    with pytest.raises(ImportError, match="WDMOE_BIN.*cmake --build"):
        paths.module()
    assert any("WDMOE_BIN" in problem for problem in status()["problems"])


def test_an_interrupted_comparison_can_write_what_it_has(tmp_path):
    script = f"""
import os, subprocess, time
import wdmoe
from wdmoe import ns
comparison = ns.WdmoeComparisonHelper("long")
comparison.policies, comparison.requests, comparison.blocks = "topk-equal,wdmoe", 290, 0
killer = subprocess.Popen(["sh", "-c", f"sleep 2; kill -INT {{os.getpid()}}"])
began = time.monotonic()
try:
    comparison.Run(ns.WdmoeScenarioRadio("ideal"))
except KeyboardInterrupt:
    took = time.monotonic() - began
comparison.GetResults().Write({str(tmp_path / "out")!r})
assert took < 20 and len(wdmoe.load({str(tmp_path / "out")!r}).blocks) > 10
ns.Simulator.Destroy()
print("written")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stdout.endswith("written\n"), done.stdout + done.stderr


def test_policies_may_be_a_list():
    some = comparison()
    some.policies = ["topk-equal", "wdmoe"]
    assert str(some.policies) == "topk-equal,wdmoe"
