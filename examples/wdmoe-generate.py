# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-generate.cc.

A real model answers a prompt over a simulated cell: attention and gate at the base station, the
experts on eight devices, activations in the packets. Tokens appear with their simulated time.

    base station (attention, gate) ~ ~ ~ ~ device 0 (expert 0)
                                   ~ ~ ~ ~ device 1 (expert 1) ...

    python wdmoe-generate.py --prompt=17+25= --radio=lte --policy=wdmoe
"""

import math
import sys
from types import SimpleNamespace

from wdmoe import ns


def shown(text):
    """What is shown of a token, so that a line stays a line."""
    os = ""
    for c in text.encode("utf-8", "surrogateescape"):
        if c == ord("\n"):
            os += "\\n"
        elif c < 32 or c >= 127:
            os += f"\\x{c:02x}"
        else:
            os += chr(c)
    return os


def read_prompt(option):
    """The option's text, or what is in the file after an @."""
    if not option.startswith("@"):
        return option
    try:
        file = open(option[1:], "rb")
    except OSError:
        raise ValueError(f"--prompt names the file '{option[1:]}', which cannot be read") from None
    with file:
        prompt = file.read().decode("utf-8", "surrogateescape")
    return prompt[:-1] if prompt.endswith("\n") else prompt  # the editor's, not the user's


def require(good, message):
    if not good:
        raise ValueError(message)


def main(argv):
    options = SimpleNamespace(
        model="wdmoe-lm-base",
        prompt="Ann has 12 apples. Ann buys 5 more. How many apples? ",
        policy="wdmoe",
        maxTokens=64,
        temperature=0.0,
        deadlineMs=0.0,
        minDistance=30.0,
        maxDistance=150.0,
        downlinkPrecision="fp16",
        uplinkPrecision="fp16",
        out="",
    )
    air = ns.WdmoeScenarioRadio("ideal")
    air.SetPathloss(3.5, 46.6777)
    cmd = ns.CommandLine(__file__)
    cmd.AddValue("model", "wdmoe-lm-base, wdmoe-lm-robust, or the folder of a checkpoint", options, "model")
    cmd.AddValue("prompt", "What to continue, or @FILE", options, "prompt")
    air.AddOptions(cmd)
    cmd.AddValue("policy", "One of the policies, or SELECTOR+ALLOCATOR by TypeId", options, "policy")
    cmd.AddValue("maxTokens", "Most tokens to generate; a newline ends earlier", options, "maxTokens")
    cmd.AddValue("temperature", "Of sampling; 0: always the most likely token", options, "temperature")
    cmd.AddValue("deadline", "Deadline for stragglers, ms; 0: none", options, "deadlineMs")
    cmd.AddValue("minDistance", "Least distance of a device, m", options, "minDistance")
    cmd.AddValue("maxDistance", "Largest distance of a device, m", options, "maxDistance")
    cmd.AddValue("downlinkPrecision", "fp32, fp16, bf16, int8 or int4", options, "downlinkPrecision")
    cmd.AddValue("uplinkPrecision", "fp32, fp16, bf16, int8 or int4", options, "uplinkPrecision")
    cmd.AddValue("out", "Folder for summary.json and the tables; empty: none", options, "out")
    cmd.Parse(argv)
    air.Check()
    require(options.maxTokens >= 1, f"--maxTokens is {options.maxTokens}; expected at least 1")
    require(0 <= options.temperature <= 100, f"--temperature is {options.temperature:g}; expected 0 to 100")
    require(options.deadlineMs >= 0, f"--deadline is {options.deadlineMs:g}; expected ms >= 0")
    require(
        0 < options.minDistance <= options.maxDistance,
        f"--minDistance and --maxDistance are {options.minDistance:g} and {options.maxDistance:g}; "
        "expected 0 < min <= max",
    )
    policy = ns.WdmoePolicy.Find(options.policy)
    policy.SetPrice(options.model)
    policy.SetSimilarity(options.model)
    model = ns.WdmoeRealModel.Load(options.model)
    model.SetAttribute("Temperature", ns.DoubleValue(options.temperature))
    model.AssignStreams(2000)

    # one request
    requests = ns.CreateObject[ns.WdmoePromptRequestSource]()
    text = read_prompt(options.prompt)
    requests.Add(text, options.maxTokens, ns.Time(0), model.GetTransformer().GetConfig())

    # a base station and a device for each expert
    description = model.Describe()
    server = ns.CreateObject[ns.Node]()
    devices = ns.NodeContainer(description.experts)
    mobility = ns.MobilityHelper()
    positions = ns.CreateObject[ns.ListPositionAllocator]()
    uniform = ns.CreateObject[ns.UniformRandomVariable]()
    uniform.SetStream(1000)
    positions.Add(ns.Vector(0, 0, 10))
    for _ in range(devices.GetN()):
        distance = uniform.GetValue(options.minDistance, options.maxDistance)
        angle = uniform.GetValue(0, 2 * math.pi)
        positions.Add(ns.Vector(distance * math.cos(angle), distance * math.sin(angle), 1.5))
    mobility.SetPositionAllocator(positions)
    mobility.Install(server)
    mobility.Install(devices)
    radio = air.Install(policy, server, devices)
    radio.AssignStreams(4000)

    # who decides, who runs what
    profiles = [ns.WdmoeLoadDeviceProfile("phone-soc")] * devices.GetN()
    optimizer = ns.WdmoeOptimizerHelper()
    optimizer.SetPolicy(policy)
    controller = optimizer.Install(radio, description, profiles)
    controller.AssignStreams(7000)
    serverHelper = ns.WdmoeGatingServerHelper(description)
    serverHelper.SetBaseStation(ns.WdmoeLoadDeviceProfile("bs-gpu"))
    serverHelper.SetAttribute("Deadline", ns.TimeValue(ns.Seconds(1e-3 * options.deadlineMs)))
    serverHelper.SetAttribute("DownlinkPrecision", ns.StringValue(options.downlinkPrecision))
    serverHelper.SetAttribute("UplinkPrecision", ns.StringValue(options.uplinkPrecision))
    policy.Apply("server", serverHelper)
    app = serverHelper.Install(controller, model, requests)
    nodeHelper = ns.WdmoeExpertNodeHelper(description, profiles)
    nodeHelper.SetRealModel(model)
    experts = nodeHelper.Install(controller)
    experts.Start(ns.MilliSeconds(100))  # attached by then

    size = len(text.encode("utf-8", "surrogateescape"))
    print(f"{options.model} over {radio.GetName()}, policy {options.policy}, prompt of {size} bytes")
    print(shown(text), flush=True)
    tokensOut = 0
    answer = ""

    def on_token(t):
        nonlocal tokensOut, answer
        print(f"{t.time.GetSeconds():10.4f} s  {shown(t.text)}", flush=True)
        answer += t.text
        tokensOut += 1

    app.TraceConnectWithoutContext("Token", on_token)
    app.TraceConnectWithoutContext("Done", lambda: ns.Simulator.Stop(ns.MilliSeconds(100)))
    results = ns.WdmoeResultsHelper("generate")
    results.Attach(options.policy, app, experts, controller)
    ns.Simulator.Run()
    results.CheckConservation(app.GetReport().tokensIn, tokensOut)
    r = results.GetRequests(options.policy)[0]
    down = 0
    up = 0
    for b in results.GetBlocks(options.policy):
        down += b.bytesDownlink
        up += b.bytesUplink
    print(f"answer: {shown(answer)}")
    print(f"{r.promptTokens} + {r.outputTokens} tokens: first after {1e3 * r.TtftS():.3f} ms", end="")
    if r.outputTokens > 1:
        print(f", then {1e3 * r.TpotS():.3f} ms each", end="")
    print(
        f"; {1e-3 * down:.3f} kB down, {1e-3 * up:.3f} kB up; gate mass kept {r.gateMassKept:.3f}, "
        f"{r.pairsTopK - r.pairsRouted} of {r.pairsTopK} (token, expert) pairs dropped, {r.pairsMissing} missing",
        flush=True,
    )
    if options.out:
        results.Write(options.out)
    ns.Simulator.Destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
