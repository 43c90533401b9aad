/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * The loop of python-cycles.py, which runs it, in C++: a scenario made, simulated and destroyed
 * again and again in one process, and the memory after some cycles.
 *
 *     cycles --radio=ideal --cycles=1000
 */

#include "ns3/core-module.h"
#include "ns3/mobility-module.h"
#include "ns3/wdmoe-module.h"

#include <cstdio>
#include <fstream>
#include <malloc.h>
#include <memory>
#include <set>
#include <unistd.h>

using namespace ns3;

namespace
{

/// @return resident memory, MB
double
RssMb()
{
    std::ifstream file("/proc/self/statm");
    double all = 0;
    double resident = 0;
    file >> all >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// @return in use on the heap, MB
double
HeapMb()
{
    const auto info = mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd) / 1e6;
}

/// One scenario, from the first node to Simulator::Destroy(). @param name of the radio
/// @return requests that were answered
int
Cycle(const std::string& name)
{
    Ptr<Node> server = CreateObject<Node>();
    NodeContainer phones(8);
    MobilityHelper mobility;
    mobility.Install(server);
    mobility.SetPositionAllocator("ns3::GridPositionAllocator",
                                  "MinX",
                                  DoubleValue(5),
                                  "DeltaX",
                                  DoubleValue(2));
    mobility.Install(phones);
    Ptr<WdmoeRadio> radio = name == "lte"    ? WdmoeLteRadioHelper().Install(server, phones)
                            : name == "wifi" ? WdmoeWifiRadioHelper().Install(server, phones)
                                             : WdmoeIdealRadioHelper().Install(server, phones);
    radio->AssignStreams(1);
    auto model = WdmoeModelDescription::Load("mixtral-8x7b");
    model.expert.bytesPerWeight = 0.5;
    std::vector<wdmoe::DeviceProfile> profiles(8, WdmoeLoadDeviceProfile("phone-soc"));
    auto controller = WdmoeOptimizerHelper().Install(radio, model, profiles);
    auto gates = CreateObject<WdmoeRecordedGateSource>();
    auto requests = CreateObject<WdmoePoissonRequestSource>();
    requests->SetAttribute("MaxRequests", UintegerValue(1));
    requests->SetAttribute("PromptTokens", StringValue("ns3::ConstantRandomVariable[Constant=8]"));
    requests->SetAttribute("OutputTokens", StringValue("ns3::ConstantRandomVariable[Constant=1]"));
    requests->SetAttribute("Rate", DoubleValue(10));
    gates->AssignStreams(10);
    requests->AssignStreams(20);
    WdmoeGatingServerHelper helper(model);
    helper.SetAttribute("MaxBlocks", UintegerValue(2));
    auto app = helper.Install(controller, gates, requests);
    auto experts = WdmoeExpertNodeHelper(model, profiles).Install(controller);
    experts.Start(MilliSeconds(100));
    int answered = 0;
    app->TraceConnectWithoutContext("Request",
                                    Callback<void, const WdmoeRequestRecord&>(
                                        [&answered](const WdmoeRequestRecord&) { answered++; }));
    app->TraceConnectWithoutContext("Done",
                                    Callback<void>([]() { Simulator::Stop(MilliSeconds(100)); }));
    WdmoeResultsHelper results("cycle");
    results.Attach("wdmoe", app, experts, controller);
    Simulator::Run();
    results.CheckConservation(8, 1);
    Simulator::Destroy();
    return answered;
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string radio = "ideal";
    int32_t cycles = 1000;
    CommandLine cmd(__FILE__);
    cmd.AddValue("radio", "ideal, lte or wifi", radio);
    cmd.AddValue("cycles", "How many", cycles);
    cmd.Parse(argc, argv);
    std::set<int32_t> told{1, 10, 30, 100, cycles};
    for (int32_t number = 200; number < cycles; number += 200)
    {
        told.insert(number);
    }
    for (int32_t number = 1; number <= cycles; number++)
    {
        NS_ABORT_MSG_IF(Cycle(radio) != 1, "cycle " << number << ": the request was not answered");
        if (told.count(number))
        {
            std::printf("c++ %s %d %.1f %.2f -\n", radio.c_str(), number, RssMb(), HeapMb());
            std::fflush(stdout);
        }
    }
    return 0;
}
