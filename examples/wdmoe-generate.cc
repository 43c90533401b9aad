/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * A real model answers a prompt over a simulated cell: attention and gate at the base station, the
 * experts on eight devices, activations in the packets. Tokens appear with their simulated time.
 *
 *     base station (attention, gate) ~ ~ ~ ~ device 0 (expert 0)
 *                                    ~ ~ ~ ~ device 1 (expert 1) ...
 *
 *     wdmoe-generate --prompt=17+25= --radio=lte --policy=wdmoe
 */

#include "ns3/abort.h"
#include "ns3/command-line.h"
#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-module.h"

#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>

using namespace ns3;

namespace
{

/// What is shown of a token, so that a line stays a line
std::string
Shown(const std::string& text)
{
    std::ostringstream os;
    for (const unsigned char c : text)
    {
        if (c == '\n')
        {
            os << "\\n";
        }
        else if (c < 32 || c >= 127)
        {
            os << "\\x" << std::hex << std::setw(2) << std::setfill('0') << +c << std::dec;
        }
        else
        {
            os << c;
        }
    }
    return os.str();
}

/// The option's text, or what is in the file after an @
std::string
ReadPrompt(const std::string& option)
{
    if (option.empty() || option[0] != '@')
    {
        return option;
    }
    std::ifstream file(option.substr(1), std::ios::binary);
    NS_ABORT_MSG_IF(!file,
                    "--prompt names the file '" << option.substr(1) << "', which cannot be read");
    std::ostringstream text;
    text << file.rdbuf();
    auto prompt = text.str();
    if (!prompt.empty() && prompt.back() == '\n')
    {
        prompt.pop_back(); // the editor's, not the user's
    }
    return prompt;
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string modelName = "wdmoe-lm-base";
    std::string prompt = "Ann has 12 apples. Ann buys 5 more. How many apples? ";
    WdmoeScenarioRadio air("ideal");
    air.SetPathloss(3.5, 46.6777);
    std::string policyName = "wdmoe";
    int32_t maxTokens = 64;
    double temperature = 0;
    double deadlineMs = 0;
    double minDistance = 30;
    double maxDistance = 150;
    std::string downlinkPrecision = "fp16";
    std::string uplinkPrecision = "fp16";
    std::string out;
    CommandLine cmd(__FILE__);
    cmd.AddValue("model",
                 "wdmoe-lm-base, wdmoe-lm-robust, or the folder of a checkpoint",
                 modelName);
    // a callback, since a std::string would end at the first blank
    cmd.AddValue("prompt",
                 "What to continue, or @FILE",
                 Callback<bool, const std::string&>([&prompt](const std::string& text) {
                     prompt = text;
                     return true;
                 }),
                 prompt);
    air.AddOptions(cmd);
    cmd.AddValue("policy", "One of the policies, or SELECTOR+ALLOCATOR by TypeId", policyName);
    cmd.AddValue("maxTokens", "Most tokens to generate; a newline ends earlier", maxTokens);
    cmd.AddValue("temperature", "Of sampling; 0: always the most likely token", temperature);
    cmd.AddValue("deadline", "Deadline for stragglers, ms; 0: none", deadlineMs);
    cmd.AddValue("minDistance", "Least distance of a device, m", minDistance);
    cmd.AddValue("maxDistance", "Largest distance of a device, m", maxDistance);
    cmd.AddValue("downlinkPrecision", "fp32, fp16, bf16, int8 or int4", downlinkPrecision);
    cmd.AddValue("uplinkPrecision", "fp32, fp16, bf16, int8 or int4", uplinkPrecision);
    cmd.AddValue("out", "Folder for summary.json and the tables; empty: none", out);
    cmd.Parse(argc, argv);
    air.Check();
    NS_ABORT_MSG_IF(maxTokens < 1, "--maxTokens is " << maxTokens << "; expected at least 1");
    NS_ABORT_MSG_IF(!(temperature >= 0 && temperature <= 100),
                    "--temperature is " << temperature << "; expected 0 to 100");
    NS_ABORT_MSG_IF(!(deadlineMs >= 0), "--deadline is " << deadlineMs << "; expected ms >= 0");
    NS_ABORT_MSG_IF(!(minDistance > 0 && maxDistance >= minDistance),
                    "--minDistance and --maxDistance are " << minDistance << " and " << maxDistance
                                                           << "; expected 0 < min <= max");
    auto policy = WdmoePolicy::Find(policyName);
    policy.SetPrice(modelName);
    policy.SetSimilarity(modelName);
    auto model = WdmoeRealModel::Load(modelName);
    model->SetAttribute("Temperature", DoubleValue(temperature));
    model->AssignStreams(2000);

    // one request
    auto requests = CreateObject<WdmoePromptRequestSource>();
    const auto text = ReadPrompt(prompt);
    requests->Add(text, maxTokens, Time(0), model->GetTransformer()->GetConfig());

    // a base station and a device for each expert
    const auto description = model->Describe();
    Ptr<Node> server = CreateObject<Node>();
    NodeContainer devices(description.experts);
    MobilityHelper mobility;
    auto positions = CreateObject<ListPositionAllocator>();
    auto uniform = CreateObject<UniformRandomVariable>();
    uniform->SetStream(1000);
    positions->Add(Vector(0, 0, 10));
    for (uint32_t k = 0; k < devices.GetN(); k++)
    {
        const double distance = uniform->GetValue(minDistance, maxDistance);
        const double angle = uniform->GetValue(0, 2 * M_PI);
        positions->Add(Vector(distance * std::cos(angle), distance * std::sin(angle), 1.5));
    }
    mobility.SetPositionAllocator(positions);
    mobility.Install(server);
    mobility.Install(devices);
    auto radio = air.Install(policy, server, devices);
    radio->AssignStreams(4000);

    // who decides, who runs what
    const std::vector<wdmoe::DeviceProfile> profiles(devices.GetN(),
                                                     WdmoeLoadDeviceProfile("phone-soc"));
    WdmoeOptimizerHelper optimizer;
    optimizer.SetPolicy(policy);
    auto controller = optimizer.Install(radio, description, profiles);
    controller->AssignStreams(7000);
    WdmoeGatingServerHelper serverHelper(description);
    serverHelper.SetBaseStation(WdmoeLoadDeviceProfile("bs-gpu"));
    serverHelper.SetAttribute("Deadline", TimeValue(Seconds(1e-3 * deadlineMs)));
    serverHelper.SetAttribute("DownlinkPrecision", StringValue(downlinkPrecision));
    serverHelper.SetAttribute("UplinkPrecision", StringValue(uplinkPrecision));
    policy.Apply("server", serverHelper);
    auto app = serverHelper.Install(controller, model, requests);
    WdmoeExpertNodeHelper nodeHelper(description, profiles);
    nodeHelper.SetRealModel(model);
    auto experts = nodeHelper.Install(controller);
    experts.Start(MilliSeconds(100)); // attached by then

    std::cout << modelName << " over " << radio->GetName() << ", policy " << policyName
              << ", prompt of " << text.size() << " bytes\n"
              << Shown(text) << std::endl;
    uint64_t tokensOut = 0;
    std::string answer;
    app->TraceConnectWithoutContext(
        "Token",
        Callback<void, const WdmoeTokenRecord&>([&](const WdmoeTokenRecord& t) {
            std::cout << std::fixed << std::setprecision(4) << std::setw(10) << t.time.GetSeconds()
                      << " s  " << Shown(t.text) << std::endl;
            answer += t.text;
            tokensOut++;
        }));
    app->TraceConnectWithoutContext("Done",
                                    Callback<void>([]() { Simulator::Stop(MilliSeconds(100)); }));
    WdmoeResultsHelper results("generate");
    results.Attach(policyName, app, experts, controller);
    Simulator::Run();
    results.CheckConservation(app->GetReport().tokensIn, tokensOut);
    const auto r = results.GetRequests(policyName).front();
    uint64_t down = 0;
    uint64_t up = 0;
    for (const auto& b : results.GetBlocks(policyName))
    {
        down += b.bytesDownlink;
        up += b.bytesUplink;
    }
    std::cout << "answer: " << Shown(answer) << "\n"
              << std::setprecision(3) << r.promptTokens << " + " << r.outputTokens
              << " tokens: first after " << 1e3 * r.TtftS() << " ms";
    if (r.outputTokens > 1)
    {
        std::cout << ", then " << 1e3 * r.TpotS() << " ms each";
    }
    std::cout << "; " << 1e-3 * static_cast<double>(down) << " kB down, "
              << 1e-3 * static_cast<double>(up) << " kB up; gate mass kept " << r.gateMassKept
              << ", " << r.pairsTopK - r.pairsRouted << " of " << r.pairsTopK
              << " (token, expert) pairs dropped, " << r.pairsMissing << " missing" << std::endl;
    if (!out.empty())
    {
        results.Write(out);
    }
    Simulator::Destroy();
    return 0;
}
