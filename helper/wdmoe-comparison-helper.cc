/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-comparison-helper.h"

#include "wdmoe-application-helper.h"
#include "wdmoe-flow-helper.h"
#include "wdmoe-net-anim-helper.h"
#include "wdmoe-optimizer-helper.h"
#include "wdmoe-pcap-helper.h"
#include "wdmoe-python-guard.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/pointer.h"
#include "ns3/position-allocator.h"
#include "ns3/random-variable-stream.h"
#include "ns3/rectangle.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/type-id.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-compat.h"
#include "ns3/wdmoe-data-path.h"
#include "ns3/wdmoe-item-request-source.h"
#include "ns3/wdmoe-poisson-request-source.h"
#include "ns3/wdmoe-recorded-gate-source.h"
#include "ns3/wdmoe-switching-gate-source.h"
#include "ns3/wdmoe-synthetic-gate-source.h"
#include "ns3/wdmoe-trace-request-source.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

namespace ns3
{

namespace
{

// Streams of the parts, far enough apart; the same for every policy, so that all see the same.
const int64_t POSITION_STREAM = 1000;
const int64_t GATE_STREAM = 2000;
const int64_t REQUEST_STREAM = 3000;
const int64_t RADIO_STREAM = 4000;
const int64_t ITEM_STREAM = 5000;
const int64_t MOBILITY_STREAM = 6000;
const int64_t SELECTOR_STREAM = 7000;

/// a,b,c to its parts
std::vector<std::string>
Split(const std::string& list)
{
    std::vector<std::string> parts;
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, ',');)
    {
        parts.push_back(part);
    }
    return parts;
}

/// Machine-readable progress on standard error, at most a hundred lines
class Progress
{
  public:
    Progress(const std::string& policy, uint64_t total)
        : m_policy(policy),
          m_total(total)
    {
    }

    void Step(const WdmoeBlockRecord& /* record */)
    {
        m_done++;
        const int percent = static_cast<int>(100 * m_done / m_total);
        if (percent != m_percent)
        {
            m_percent = percent;
            std::cerr << "@progress " << m_policy << " " << percent / 100.0 << std::endl;
        }
    }

  private:
    std::string m_policy; ///< name
    uint64_t m_total;     ///< blocks in all
    uint64_t m_done{0};   ///< blocks so far
    int m_percent{-1};    ///< last printed
};

} // namespace

WdmoeComparisonHelper::WdmoeComparisonHelper(const std::string& scenario)
    : m_results(scenario),
      m_scenario(scenario)
{
}

const WdmoeResultsHelper&
WdmoeComparisonHelper::GetResults() const
{
    return m_results;
}

void
WdmoeComparisonHelper::AddOptions(CommandLine& cmd)
{
    cmd.AddValue("policies", "Policies, separated by commas, or all", policies);
    cmd.AddValue("out", "Folder for summary.json and the tables; empty: none", out);
    cmd.AddValue("model",
                 "Model: a name in data/models or a JSON file (sizes only), or a real one: "
                 "wdmoe-lm-base, wdmoe-lm-robust, or the folder of a checkpoint",
                 model);
    cmd.AddValue("weightBits",
                 "Bits of a stored expert weight; -1: 4, of a real model 16",
                 weightBits);
    cmd.AddValue("downlinkPrecision",
                 "Activations to the devices: fp32, fp16, bf16, int8 or int4",
                 downlinkPrecision);
    cmd.AddValue("uplinkPrecision",
                 "What they answer: fp32, fp16, bf16, int8 or int4",
                 uplinkPrecision);
    cmd.AddValue("devices", "Device profiles, separated by commas", devices);
    cmd.AddValue("baseStation", "Device profile of the base station", baseStation);
    cmd.AddValue("minDistance", "Least distance of a device, m", minDistance);
    cmd.AddValue("maxDistance", "Largest distance of a device, m", maxDistance);
    cmd.AddValue("baseHeight", "Height of the base station, m", baseHeight);
    cmd.AddValue("deviceHeight", "Height of the devices, m", deviceHeight);
    cmd.AddValue("speed",
                 "Speed of the devices, which walk at random within --maxDistance each way, m/s",
                 speed);
    cmd.AddValue("gates",
                 "recorded, recorded:DOMAIN, synthetic, synthetic:PRESET, or the file of a "
                 "recorded gate; or REQUEST=GATES,... where they change with that request",
                 gates);
    cmd.AddValue("placement",
                 "TypeId of the placer of policies that name none; empty: expert e on device e mod "
                 "the number of devices",
                 placement);
    cmd.AddValue("requestFile", "Arrivals: a CSV file in Azure's format, or poisson", requestFile);
    cmd.AddValue("thinning", "Fraction of the arrivals that are kept", thinning);
    cmd.AddValue("timeScale",
                 "Gaps between arrivals are multiplied by this; -1: 10, of a real model 2",
                 timeScale);
    cmd.AddValue("rate", "Arrivals a second (poisson)", rate);
    cmd.AddValue("requests",
                 "Number of requests; -1: " + std::to_string(sizedRequests) + ", of a real model " +
                     std::to_string(realRequests),
                 requests);
    cmd.AddValue("maxPromptTokens", "Longer prompts are cut (sizes only)", maxPromptTokens);
    cmd.AddValue("maxOutputTokens", "Longer answers are cut (sizes only)", maxOutputTokens);
    cmd.AddValue("blocks",
                 "Blocks of the model that are simulated; 0: all; -1: " +
                     (sizedBlocks > 0 ? std::to_string(sizedBlocks) : std::string("all")) +
                     ", of a real model all",
                 blocks);
    cmd.AddValue("items", "What a real model is asked: JSON Lines files", items);
    cmd.AddValue("domains", "Domains of the items that are asked; empty: all", domains);
    cmd.AddValue("freeRunning",
                 "Share of the tasks that a real model answers token by token",
                 freeRunning);
    cmd.AddValue("maxItemTokens", "Longer texts are cut, longer tasks left out", maxItemTokens);
    cmd.AddValue("strict", "Nobody gets what another one leaves unused", strict);
    cmd.AddValue("predictor", "TypeId of the predictor", predictor);
    cmd.AddValue("transport", "TypeId of the transport", transport);
    cmd.AddValue("computeMode", "Roofline or Flops", computeMode);
    cmd.AddValue("deadline", "Deadline for stragglers, ms; 0: none", deadlineMs);
    cmd.AddValue("regret",
                 "Bound, for each block, what any decision could have come to (takes time)",
                 regret);
    cmd.AddValue("pcap",
                 "Write what goes over the air: OUT/packets/POLICY-NODE-KIND.pcap (Wireshark)",
                 pcap);
    cmd.AddValue("flowMonitor",
                 "Have FlowMonitor count the flows: OUT/packets/POLICY-flows.xml, and \"flows\" in "
                 "summary.json",
                 flowMonitor);
    cmd.AddValue("netAnim",
                 "Write an animation for NetAnim: OUT/packets/POLICY-animation.xml",
                 netAnim);
    cmd.AddValue("progress", "Machine-readable progress on standard error", progress);
}

Ptr<WdmoeRequestSource>
WdmoeComparisonHelper::MakeRequests(Ptr<WdmoeRealModel> real) const
{
    Ptr<WdmoeRequestSource> source;
    if (requestFile == "poisson")
    {
        source = CreateObject<WdmoePoissonRequestSource>();
        const auto constant = [](uint32_t value) {
            return StringValue("ns3::ConstantRandomVariable[Constant=" + std::to_string(value) +
                               "]");
        };
        source->SetAttribute("Rate", DoubleValue(rate));
        source->SetAttribute("PromptTokens", constant(maxPromptTokens));
        source->SetAttribute("OutputTokens", constant(maxOutputTokens));
    }
    else
    {
        source = CreateObject<WdmoeTraceRequestSource>();
        source->SetAttribute("FileName", StringValue(requestFile));
        source->SetAttribute("Thinning", DoubleValue(thinning));
        source->SetAttribute("TimeScale", DoubleValue(timeScale));
        source->SetAttribute("MaxPromptTokens", UintegerValue(maxPromptTokens));
        source->SetAttribute("MaxOutputTokens", UintegerValue(maxOutputTokens));
    }
    source->SetAttribute("MaxRequests", UintegerValue(requests));
    source->AssignStreams(REQUEST_STREAM);
    if (!real)
    {
        return source;
    }
    auto asked = CreateObject<WdmoeItemRequestSource>();
    asked->SetAttribute("FileNames", StringValue(items));
    asked->SetAttribute("Domains", StringValue(domains));
    asked->SetAttribute("FreeRunning", DoubleValue(freeRunning));
    asked->SetAttribute("MaxTokens", UintegerValue(maxItemTokens));
    asked->SetUp(source, real->GetTransformer()->GetConfig());
    asked->AssignStreams(ITEM_STREAM);
    return asked;
}

Ptr<WdmoeGateSource>
WdmoeComparisonHelper::MakeGates(const std::string& name) const
{
    Ptr<WdmoeGateSource> source;
    const auto digits = gates.find_first_not_of("0123456789");
    if (digits != 0 && digits != std::string::npos && gates[digits] == '=')
    {
        auto switching = CreateObject<WdmoeSwitchingGateSource>();
        for (const auto& part : Split(gates))
        {
            const auto equals = part.find('=');
            const auto first = part.substr(0, equals);
            NS_ABORT_MSG_IF(equals == std::string::npos || first.empty() || first.size() > 12 ||
                                first.find_first_not_of("0123456789") != std::string::npos,
                            "--gates: '" << part << "' is no change of gates; expected "
                                         << "REQUEST=GATES, for example 0=recorded:arxiv");
            switching->Add(std::stoull(first), MakeGates(name, part.substr(equals + 1)));
        }
        source = switching;
    }
    else
    {
        source = MakeGates(name, gates);
    }
    source->AssignStreams(GATE_STREAM);
    return source;
}

Ptr<WdmoeGateSource>
WdmoeComparisonHelper::MakeGates(const std::string& name, const std::string& spec) const
{
    const std::string synthetic = "synthetic";
    const std::string recorded = "recorded";
    if (spec.compare(0, synthetic.size(), synthetic) == 0)
    {
        auto source = CreateObject<WdmoeSyntheticGateSource>();
        source->SetAttribute(
            "Preset",
            StringValue(spec == synthetic ? name : spec.substr(synthetic.size() + 1)));
        return source;
    }
    const bool shipped = spec == recorded || spec.compare(0, recorded.size() + 1, "recorded:") == 0;
    const auto counts = name + "-counts";
    const auto known = WdmoeDataNames("gates", ".json");
    NS_ABORT_MSG_IF(shipped && std::find(known.begin(), known.end(), counts) == known.end(),
                    "no recorded gates of the model '"
                        << name << "' are shipped; use --gates=synthetic, "
                        << "--gates=synthetic:PRESET (of a similar model), or --gates=FILE");
    auto source = CreateObject<WdmoeRecordedGateSource>();
    source->SetAttribute("FileName", StringValue(shipped ? "gates/" + counts + ".json" : spec));
    if (shipped && spec != recorded)
    {
        source->SetAttribute("Domain", StringValue(spec.substr(recorded.size() + 1)));
    }
    return source;
}

void
WdmoeComparisonHelper::Reserve(const std::string& attribute, const std::string& option)
{
    m_reserved.insert(attribute);
    const auto colons = attribute.rfind("::");
    const auto tid = TypeId::LookupByName(attribute.substr(0, colons));
    for (std::size_t a = 0; a < tid.GetAttributeN(); a++)
    {
        const auto info = tid.GetAttribute(a);
        NS_ABORT_MSG_IF(info.name == attribute.substr(colons + 2) &&
                            info.initialValue->SerializeToString(info.checker) !=
                                info.originalInitialValue->SerializeToString(info.checker),
                        "--" << attribute << " would be overwritten here; use the option --"
                             << option);
    }
}

void
WdmoeComparisonHelper::CheckOptions() const
{
    auto need = [](bool good, const char* option, const auto& value, const char* expected) {
        NS_ABORT_MSG_IF(!good, "--" << option << " is " << value << "; expected " << expected);
    };
    need(minDistance > 0, "minDistance", minDistance, "a distance > 0 m");
    need(maxDistance >= minDistance, "maxDistance", maxDistance, "at least --minDistance");
    need(std::isfinite(baseHeight), "baseHeight", baseHeight, "a height in m");
    need(std::isfinite(deviceHeight), "deviceHeight", deviceHeight, "a height in m");
    need(speed >= 0 && speed <= 100, "speed", speed, "0 to 100 m/s");
    need(requests >= 1 || requests == -1, "requests", requests, "a whole number >= 1, or -1");
    need(maxPromptTokens >= 1, "maxPromptTokens", maxPromptTokens, "a whole number >= 1");
    need(maxOutputTokens >= 1, "maxOutputTokens", maxOutputTokens, "a whole number >= 1");
    need(blocks >= -1, "blocks", blocks, "a whole number, 0 for all blocks of the model, or -1");
    need((weightBits > 0 && weightBits <= 64) || weightBits == -1,
         "weightBits",
         weightBits,
         "a number in (0, 64], or -1");
    const std::set<std::string> precisions{"fp32", "fp16", "bf16", "int8", "int4"};
    need(precisions.count(downlinkPrecision) > 0,
         "downlinkPrecision",
         downlinkPrecision,
         "fp32, fp16, bf16, int8 or int4");
    need(precisions.count(uplinkPrecision) > 0,
         "uplinkPrecision",
         uplinkPrecision,
         "fp32, fp16, bf16, int8 or int4");
    need(freeRunning >= 0 && freeRunning <= 1, "freeRunning", freeRunning, "a share in [0, 1]");
    need(maxItemTokens >= 0, "maxItemTokens", maxItemTokens, "a whole number, 0 for the context");
    need(thinning > 0 && thinning <= 1, "thinning", thinning, "a fraction in (0, 1]");
    need((timeScale > 0 && timeScale < 1e9) || timeScale == -1,
         "timeScale",
         timeScale,
         "a number > 0, or -1");
    need(rate > 0 && rate < 1e9, "rate", rate, "a number > 0, requests a second");
    need(deadlineMs >= 0 && deadlineMs < 1e9, "deadline", deadlineMs, "a number of ms, 0 for none");
    need(!out.empty() || !(pcap || flowMonitor || netAnim),
         "out",
         "empty",
         "a folder, into which --pcap, --flowMonitor and --netAnim write");
    need(computeMode == "Roofline" || computeMode == "Flops",
         "computeMode",
         computeMode,
         "Roofline or Flops");
    auto isA = [](const std::string& type, const std::string& base) {
        TypeId tid;
        return TypeId::LookupByNameFailSafe(type, &tid) && tid.HasConstructor() &&
               tid.IsChildOf(TypeId::LookupByName(base));
    };
    need(isA(predictor, "ns3::WdmoePredictor"),
         "predictor",
         predictor,
         "ns3::WdmoeLearningPredictor, ns3::WdmoeClosedFormPredictor, or an own WdmoePredictor");
    need(placement.empty() || isA(placement, "ns3::WdmoePlacer"),
         "placement",
         placement,
         "ns3::WdmoeStaticPlacer, ns3::WdmoePopularityPlacer, ns3::WdmoeMigratingPlacer, or an own "
         "WdmoePlacer");
    need(isA(transport, "ns3::WdmoeTransport"),
         "transport",
         transport,
         "ns3::WdmoeUdpTransport, ns3::WdmoeTcpTransport, or an own WdmoeTransport");
}

void
WdmoeComparisonHelper::Resolve()
{
    const bool real = WdmoeRealModel::FindCheckpoint(model).has_value();
    requests = requests > 0 ? requests : real ? realRequests : sizedRequests;
    blocks = blocks >= 0 ? blocks : real ? 0 : sizedBlocks;
    weightBits = weightBits > 0 ? weightBits : real ? 16 : 4;
    timeScale = timeScale > 0 ? timeScale : real ? 2 : 10;
    NS_ABORT_MSG_IF(real && blocks > 0 &&
                        static_cast<uint32_t>(blocks) <
                            WdmoeRealModel::Load(model)->Describe().blocks,
                    "--blocks is " << blocks << ", but a real model needs all of its blocks; "
                                   << "leave the option out");
}

void
WdmoeComparisonHelper::FillManifest()
{
    std::ostringstream seed;
    seed << RngSeedManager::GetSeed();
    m_results.AddToManifest("rng_seed", seed.str());
    std::ostringstream run;
    run << RngSeedManager::GetRun();
    m_results.AddToManifest("rng_run", run.str());
    AddSetting("model", model);
    AddSetting("weightBits", weightBits);
    AddSetting("downlinkPrecision", downlinkPrecision, "ns3::WdmoeGatingServer::DownlinkPrecision");
    AddSetting("uplinkPrecision", uplinkPrecision, "ns3::WdmoeGatingServer::UplinkPrecision");
    AddSetting("items", items, "ns3::WdmoeItemRequestSource::FileNames");
    AddSetting("domains", domains, "ns3::WdmoeItemRequestSource::Domains");
    AddSetting("freeRunning", freeRunning, "ns3::WdmoeItemRequestSource::FreeRunning");
    AddSetting("maxItemTokens", maxItemTokens, "ns3::WdmoeItemRequestSource::MaxTokens");
    AddSetting("devices", devices);
    AddSetting("baseStation", baseStation);
    AddSetting("minDistance", minDistance);
    AddSetting("maxDistance", maxDistance);
    AddSetting("baseHeight", baseHeight);
    AddSetting("deviceHeight", deviceHeight);
    AddSetting("speed", speed);
    AddSetting("gates", gates);
    AddSetting("placement", placement, "ns3::WdmoeController::Placer");
    AddSetting("requestFile", requestFile, "ns3::WdmoeTraceRequestSource::FileName");
    AddSetting("thinning", thinning, "ns3::WdmoeTraceRequestSource::Thinning");
    AddSetting("timeScale", timeScale, "ns3::WdmoeTraceRequestSource::TimeScale");
    AddSetting("rate", rate, "ns3::WdmoePoissonRequestSource::Rate");
    AddSetting("requests", requests, "ns3::WdmoeTraceRequestSource::MaxRequests");
    AddSetting("maxPromptTokens", maxPromptTokens, "ns3::WdmoeTraceRequestSource::MaxPromptTokens");
    AddSetting("maxOutputTokens", maxOutputTokens, "ns3::WdmoeTraceRequestSource::MaxOutputTokens");
    AddSetting("blocks", blocks, "ns3::WdmoeGatingServer::MaxBlocks");
    AddSetting("strict", strict, "ns3::WdmoeAllocator::Leftover");
    AddSetting("predictor", predictor, "ns3::WdmoeController::Predictor");
    AddSetting("transport", transport, "ns3::WdmoeGatingServer::Transport");
    AddSetting("computeMode", computeMode, "ns3::WdmoeController::ComputeMode");
    AddSetting("deadline", deadlineMs, "ns3::WdmoeGatingServer::Deadline");
    AddSetting("regret", regret, "ns3::WdmoeController::Regret");
    for (const auto& [attribute, option] : std::vector<std::pair<std::string, std::string>>{
             {"ns3::WdmoeController::Selector", "policies"},
             {"ns3::WdmoeController::Allocator", "policies"},
             {"ns3::WdmoeController::Precision", "policies"},
             {"ns3::WdmoeExpertNode::ComputeMode", "computeMode"},
             {"ns3::WdmoeExpertNode::Transport", "transport"},
             {"ns3::WdmoePoissonRequestSource::MaxRequests", "requests"},
             {"ns3::WdmoePoissonRequestSource::PromptTokens", "maxPromptTokens"},
             {"ns3::WdmoePoissonRequestSource::OutputTokens", "maxOutputTokens"},
             {"ns3::WdmoeRecordedGateSource::FileName", "gates"},
             {"ns3::WdmoeSyntheticGateSource::Preset", "gates"}})
    {
        Reserve(attribute, option);
    }
    // initial values, --ns3::Class::Attribute options included
    for (uint16_t i = 0; i < TypeId::GetRegisteredN(); i++)
    {
        const auto tid = TypeId::GetRegistered(i);
        if (tid.GetGroupName() != "Wdmoe")
        {
            continue;
        }
        for (std::size_t a = 0; a < tid.GetAttributeN(); a++)
        {
            const auto info = tid.GetAttribute(a);
            if (info.initialValue && !DynamicCast<const PointerValue>(info.initialValue) &&
                m_reserved.count(tid.GetName() + "::" + info.name) == 0)
            {
                m_results.AddToManifest(tid.GetName() + "::" + info.name,
                                        info.initialValue->SerializeToString(info.checker));
            }
        }
    }
}

WdmoeSimulation
WdmoeComparisonHelper::SetUp(const WdmoePolicy& policy, const RadioFactory& makeRadio) const
{
    WdmoeResetStreams();
    WdmoeSimulation simulation;

    // what is served
    Ptr<WdmoeRealModel> real;
    auto& description = simulation.model;
    if (WdmoeRealModel::FindCheckpoint(model))
    {
        real = WdmoeRealModel::Load(model);
        real->AssignStreams(GATE_STREAM);
        description = real->Describe();
    }
    else
    {
        description = WdmoeModelDescription::Load(model);
    }
    description.expert.bytesPerWeight = weightBits / 8;
    std::vector<wdmoe::DeviceProfile> profiles;
    for (const auto& name : Split(devices))
    {
        profiles.push_back(WdmoeLoadDeviceProfile(name));
    }
    int32_t found = 0;
    {
        auto count = MakeRequests(real);
        for (WdmoeRequest request; count->Next(request);)
        {
            simulation.tokensIn += request.promptTokens;
            simulation.tokensOut += request.outputTokens;
            found++;
        }
    }
    NS_ABORT_MSG_IF(found < requests,
                    "only " << found << " of " << requests << " requests: '" << requestFile
                            << "' with --thinning=" << thinning
                            << " has no more from where this run starts");

    // where it is
    Ptr<Node> server = CreateObject<Node>();
    NodeContainer nodes;
    nodes.Create(static_cast<uint32_t>(profiles.size()));
    MobilityHelper mobility;
    mobility.SetMobilityModel("ns3::ConstantPositionMobilityModel");
    auto positions = CreateObject<ListPositionAllocator>();
    positions->Add(Vector(0, 0, baseHeight));
    auto uniform = CreateObject<UniformRandomVariable>();
    uniform->SetStream(POSITION_STREAM);
    for (std::size_t k = 0; k < profiles.size(); k++)
    {
        const double d = uniform->GetValue(minDistance, maxDistance);
        const double angle = uniform->GetValue(0, 2 * M_PI);
        positions->Add(Vector(d * std::cos(angle), d * std::sin(angle), deviceHeight));
    }
    mobility.SetPositionAllocator(positions);
    mobility.Install(server);
    if (speed > 0)
    {
        mobility.SetMobilityModel(
            "ns3::RandomWalk2dMobilityModel",
            "Bounds",
            RectangleValue(Rectangle(-maxDistance, maxDistance, -maxDistance, maxDistance)),
            "Speed",
            StringValue("ns3::ConstantRandomVariable[Constant=" + std::to_string(speed) + "]"));
    }
    mobility.Install(nodes);
    mobility.AssignStreams(nodes, MOBILITY_STREAM);

    // what carries it, what decides, what runs
    auto radio = makeRadio(policy, server, nodes);
    radio->AssignStreams(RADIO_STREAM);
    WdmoeOptimizerHelper optimizer;
    auto p = policy;
    p.leftover = p.leftover && (p.stock || !strict);
    p.SetPrice(model);
    p.SetSimilarity(model);
    p.placer = p.placer.empty() ? placement : p.placer;
    optimizer.SetPolicy(p);
    optimizer.SetPredictor(predictor);
    optimizer.SetAttribute("ComputeMode", StringValue(computeMode));
    optimizer.SetAttribute("Regret", BooleanValue(regret));
    auto controller = optimizer.Install(radio, description, profiles);
    controller->AssignStreams(SELECTOR_STREAM);

    WdmoeGatingServerHelper serverHelper(description);
    serverHelper.SetAttribute("Transport", StringValue(transport));
    serverHelper.SetAttribute("DownlinkPrecision", StringValue(downlinkPrecision));
    serverHelper.SetAttribute("UplinkPrecision", StringValue(uplinkPrecision));
    serverHelper.SetAttribute("MaxBlocks", UintegerValue(blocks));
    serverHelper.SetAttribute("Deadline", TimeValue(Seconds(1e-3 * deadlineMs)));
    policy.Apply("server", serverHelper);
    serverHelper.SetBaseStation(WdmoeLoadDeviceProfile(baseStation));
    Ptr<WdmoeGateSource> gate = real;
    simulation.controller = controller;
    simulation.server = serverHelper.Install(controller,
                                             real ? gate : MakeGates(description.name),
                                             MakeRequests(real));

    WdmoeExpertNodeHelper nodeHelper(description, profiles);
    nodeHelper.SetRealModel(real);
    nodeHelper.SetAttribute("Transport", StringValue(transport));
    nodeHelper.SetAttribute("ComputeMode", StringValue(computeMode));
    simulation.experts = nodeHelper.Install(controller);
    simulation.experts.Start(MilliSeconds(100)); // attached by then

    // a little longer than the last answer, so that acknowledgements arrive
    simulation.server->TraceConnectWithoutContext("Done", Callback<void>([]() {
                                                      Simulator::Stop(MilliSeconds(100));
                                                  }));
    return simulation;
}

WdmoeSimulation
WdmoeComparisonHelper::Install(const WdmoePolicy& policy, const WdmoeScenarioRadio& air)
{
    air.Check();
    CheckOptions();
    Resolve();
    return SetUp(policy, [&air](const auto& p, Ptr<Node> server, const NodeContainer& devices) {
        return air.Install(p, server, devices);
    });
}

std::string
WdmoeComparisonHelper::MakePrefix(const WdmoePolicy& policy) const
{
    if (!pcap && !flowMonitor && !netAnim)
    {
        return "";
    }
    const auto folder = std::filesystem::path(out) / "packets";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    NS_ABORT_MSG_IF(error,
                    "cannot make the folder '" << folder.string() << "': " << error.message());
    // a policy may carry settings, whose signs file names had better not have
    auto name = policy.name;
    for (auto& c : name)
    {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
        c = plain ? c : '_';
    }
    return (folder / name).string();
}

void
WdmoeComparisonHelper::RunOne(const WdmoePolicy& policy, const RadioFactory& makeRadio)
{
    const auto simulation = SetUp(policy, makeRadio);
    m_results.Attach(policy.name, simulation.server, simulation.experts, simulation.controller);
    Progress bar(policy.name,
                 simulation.tokensOut * (blocks > 0 ? blocks : simulation.model.blocks));
    if (progress)
    {
        simulation.server->TraceConnectWithoutContext("Block", MakeCallback(&Progress::Step, &bar));
    }
    if (!out.empty())
    {
        simulation.server->GetWatchdog()->TraceConnectWithoutContext(
            "Stuck",
            Callback<void, const WdmoeStuckReport&>(
                [this](const WdmoeStuckReport& report) { m_results.WriteStuck(out, report); }));
    }
    auto radio = simulation.controller->GetRadio();
    const auto prefix = MakePrefix(policy);
    WdmoeFlowHelper flows;
    WdmoeNetAnimHelper animation; // which outlives the simulation
    if (pcap)
    {
        WdmoePcapHelper::EnablePcap(prefix, radio);
    }
    if (flowMonitor)
    {
        flows.Install(radio);
    }
    if (netAnim)
    {
        animation.Install(prefix + "-animation.xml", radio, simulation.server, simulation.experts);
    }
    WdmoePython::Run();
    m_results.CheckConservation(simulation.tokensIn, simulation.tokensOut);
    if (flowMonitor)
    {
        m_results.SetFlows(flows.GetFlows());
        flows.Write(prefix + "-flows.xml");
    }
    Simulator::Destroy();
}

int
WdmoeComparisonHelper::Run(const WdmoeScenarioRadio& air)
{
    air.Check();
    for (const auto& [option, value] : air.GetSettings())
    {
        const auto known = air.GetOptions().find(option);
        AddSetting(option, value, known == air.GetOptions().end() ? "" : known->second.attribute);
    }
    return Run([&air](const WdmoePolicy& policy, Ptr<Node> server, const NodeContainer& devices) {
        return air.Install(policy, server, devices);
    });
}

int
WdmoeComparisonHelper::Run(RadioFactory makeRadio)
{
    CheckOptions();
    Resolve();
    FillManifest();
    for (const auto& policy : WdmoePolicy::Parse(policies))
    {
        RunOne(policy, makeRadio);
    }
    m_results.PrintTable(std::cout);
    if (!out.empty())
    {
        m_results.Write(out);
    }
    return 0;
}

} // namespace ns3
