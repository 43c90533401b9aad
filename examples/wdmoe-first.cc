/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * A whole scenario: eight phones at 30 to 240 m hold one expert each of Mixtral-8x7B, a base
 * station runs the gate and reassigns experts and bandwidth block by block.
 *
 *     wdmoe-first --RngRun=1
 */

#include "ns3/core-module.h"
#include "ns3/mobility-module.h"
#include "ns3/wdmoe-module.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    CommandLine cmd(__FILE__);
    cmd.Parse(argc, argv);

    Ptr<Node> server = CreateObject<Node>();
    NodeContainer phones(8);
    MobilityHelper mobility;
    mobility.Install(server);
    mobility.SetPositionAllocator("ns3::GridPositionAllocator",
                                  "MinX",
                                  DoubleValue(30),
                                  "DeltaX",
                                  DoubleValue(30));
    mobility.Install(phones);

    WdmoeIdealRadioHelper radioHelper; // one line to change for another radio
    Ptr<WdmoeRadio> radio = radioHelper.Install(server, phones);
    radio->AssignStreams(1);

    auto model = WdmoeModelDescription::Load("mixtral-8x7b");
    model.expert.bytesPerWeight = 0.5; // 4 bits, so that 32 experts fit into a phone
    std::vector<wdmoe::DeviceProfile> profiles(8, WdmoeLoadDeviceProfile("phone-soc"));

    WdmoeOptimizerHelper optimizer;
    optimizer.SetSelector("ns3::WdmoeWlrSelector", "Gain", DoubleValue(1.05));
    optimizer.SetAllocator("ns3::WdmoeMinMaxAllocator");
    Ptr<WdmoeController> controller = optimizer.Install(radio, model, profiles);

    auto gates = CreateObject<WdmoeRecordedGateSource>();
    auto requests = CreateObject<WdmoePoissonRequestSource>();
    requests->SetAttribute("MaxRequests", UintegerValue(5));
    gates->AssignStreams(10);
    requests->AssignStreams(20);
    auto app = WdmoeGatingServerHelper(model).Install(controller, gates, requests);
    ApplicationContainer experts = WdmoeExpertNodeHelper(model, profiles).Install(controller);
    app->TraceConnectWithoutContext(
        "Request",
        Callback<void, const WdmoeRequestRecord&>([](const WdmoeRequestRecord& r) {
            std::cout << "request " << r.request << ": first token after " << r.TtftS()
                      << " s, then " << r.TpotS() << " s each\n";
        }));
    app->TraceConnectWithoutContext("Done", Callback<void>([]() { Simulator::Stop(); }));
    WdmoeResultsHelper results("first");
    results.Attach("wdmoe", app, experts, controller);
    Simulator::Run();
    results.CheckConservation(5 * 128, 5 * 32); // tokens and messages, or it stops here
    Simulator::Destroy();
    return 0;
}
