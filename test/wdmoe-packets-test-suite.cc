/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/node-list.h"
#include "ns3/pcap-file.h"
#include "ns3/simulator.h"
#include "ns3/test.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-flow-helper.h"
#include "ns3/wdmoe-net-anim-helper.h"
#include "ns3/wdmoe-pcap-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <vector>

using namespace ns3;

namespace
{

/// Whole scenarios print a table: not here
class Silence
{
  public:
    Silence()
        : m_cout(std::cout.rdbuf(m_text.rdbuf()))
    {
    }

    ~Silence()
    {
        std::cout.rdbuf(m_cout);
    }

  private:
    std::ostringstream m_text; ///< takes the table
    std::streambuf* m_cout;    ///< as it was
};

/// A small job
void
Shrink(WdmoeComparisonHelper& comparison)
{
    comparison.requests = 2;
    comparison.maxPromptTokens = 8;
    comparison.maxOutputTokens = 2;
    comparison.blocks = 2;
    comparison.timeScale = 1;
    comparison.minDistance = 5;
    comparison.maxDistance = 25;
}

/// @return all of a file. @param name of it
std::string
ReadAll(const std::string& name)
{
    std::ifstream file(name);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

/**
 * @ingroup wdmoe-tests
 *
 * What FlowMonitor counts is what the transports count, packet by packet and byte by byte.
 */
class FlowTest : public TestCase
{
  public:
    /**
     * @param radio of the scenario
     * @param transport "Udp" or "Tcp"
     * @param policy to simulate
     * @param lossy whether packets must have been lost
     */
    FlowTest(const std::string& radio,
             const std::string& transport,
             const std::string& policy,
             bool lossy)
        : TestCase("FlowMonitor counts what the applications do: " + radio + ", " + transport +
                   ", " + policy),
          m_radio(radio),
          m_transport(transport),
          m_policy(policy),
          m_lossy(lossy)
    {
    }

  private:
    void DoRun() override
    {
        WdmoeComparisonHelper comparison("flows");
        Shrink(comparison);
        comparison.transport = "ns3::Wdmoe" + m_transport + "Transport";
        const auto policy = WdmoePolicy::Parse(m_policy).front();
        const auto simulation = comparison.Install(policy, WdmoeScenarioRadio(m_radio));
        WdmoeFlowHelper helper;
        helper.Install(simulation.controller->GetRadio());
        Simulator::Run();
        auto flows = helper.GetFlows();
        const auto all = flows.size();
        // A paced radio probes its links, over flows of its own
        std::erase_if(flows, [](const auto& f) {
            return (f.downlink ? f.sourcePort : f.destinationPort) != 5500;
        });
        const auto report = simulation.server->GetReport();
        const auto server = simulation.server->GetCounters();
        std::vector<WdmoeTransportCounters> devices;
        for (uint32_t k = 0; k < simulation.experts.GetN(); k++)
        {
            devices.push_back(
                DynamicCast<WdmoeExpertNode>(simulation.experts.Get(k))->GetCounters());
        }
        const auto file = CreateTempDirFilename("flows.xml");
        helper.Write(file);
        Simulator::Destroy();

        NS_TEST_ASSERT_MSG_EQ(report.unfinished, 0U, "all requests end");
        NS_TEST_ASSERT_MSG_EQ(flows.size(), 2 * devices.size(), "one flow each way");
        uint64_t lost = 0;
        std::vector<WdmoeFlowRecord> down(devices.size());
        std::vector<WdmoeFlowRecord> up(devices.size());
        for (const auto& f : flows)
        {
            lost += f.lostPackets;
            (f.downlink ? down : up).at(f.device) = f;
            NS_TEST_EXPECT_MSG_EQ(f.txPackets, f.rxPackets + f.lostPackets, "none is forgotten");
            NS_TEST_EXPECT_MSG_EQ(f.protocol, (m_transport == "Udp" ? "udp" : "tcp"), "protocol");
            NS_TEST_EXPECT_MSG_GT(f.delayS, 0, "it takes time");
        }
        NS_TEST_EXPECT_MSG_EQ((lost > 0), m_lossy, lost << " packets lost");
        WdmoeFlowRecord allDown;
        WdmoeFlowRecord allUp;
        for (uint32_t k = 0; k < devices.size(); k++)
        {
            const auto& c = devices[k];
            NS_TEST_EXPECT_MSG_EQ(down[k].rxPackets, c.ipPacketsReceived, "device " << k);
            NS_TEST_EXPECT_MSG_EQ(down[k].rxBytes, c.ipBytesReceived, "device " << k);
            NS_TEST_EXPECT_MSG_EQ(up[k].txPackets, c.ipPacketsSent, "device " << k);
            NS_TEST_EXPECT_MSG_EQ(up[k].txBytes, c.ipBytesSent, "device " << k);
            for (auto [sum, one] : {std::pair(&allDown, &down[k]), std::pair(&allUp, &up[k])})
            {
                sum->txPackets += one->txPackets;
                sum->txBytes += one->txBytes;
                sum->rxPackets += one->rxPackets;
                sum->rxBytes += one->rxBytes;
            }
        }
        NS_TEST_EXPECT_MSG_EQ(allDown.txPackets, server.ipPacketsSent, "server");
        NS_TEST_EXPECT_MSG_EQ(allDown.txBytes, server.ipBytesSent, "server");
        NS_TEST_EXPECT_MSG_EQ(allUp.rxPackets, server.ipPacketsReceived, "server");
        NS_TEST_EXPECT_MSG_EQ(allUp.rxBytes, server.ipBytesReceived, "server");
        for (const auto& c : devices)
        {
            CheckBytes(c, 1);
        }
        CheckBytes(server, devices.size());
        const auto xml = ReadAll(file);
        std::size_t inFile = 0;
        for (auto at = xml.find("<Flow flowId=\"", 0); at != std::string::npos;
             at = xml.find("<Flow flowId=\"", at + 1))
        {
            inFile += xml.find("txBytes", at) < xml.find('>', at); // statistics, not 5-tuples
        }
        NS_TEST_EXPECT_MSG_EQ(inFile, all, "the file has them all");
    }

    /**
     * How bytes on the way and bytes of messages go together (doc/packets.rst).
     *
     * @param c counted
     * @param connections of this end
     */
    void CheckBytes(const WdmoeTransportCounters& c, std::size_t connections)
    {
        if (m_transport == "Udp")
        {
            NS_TEST_EXPECT_MSG_EQ(c.ipPacketsSent,
                                  c.packetsSent + c.acknowledgements,
                                  "chunks and acknowledgements");
            if (!m_lossy)
            {
                NS_TEST_EXPECT_MSG_EQ(c.retransmissions, 0U, "nothing was lost");
                NS_TEST_EXPECT_MSG_EQ(c.ipBytesSent,
                                      c.bytesSent + 56 * (c.packetsSent + c.acknowledgements),
                                      "chunk, UDP and IP headers");
            }
        }
        else
        {
            NS_TEST_EXPECT_MSG_GT_OR_EQ(c.ipBytesSent,
                                        c.bytesSent + 52 * c.packetsSent,
                                        "TCP's with timestamps, and IP's headers");
            if (!m_lossy)
            {
                NS_TEST_EXPECT_MSG_EQ(c.ipBytesSent,
                                      c.bytesSent + 52 * c.ipPacketsSent + 4 * connections,
                                      "each segment's headers, and the options of a SYN");
            }
        }
    }

    std::string m_radio;     ///< of the scenario
    std::string m_transport; ///< Udp or Tcp
    std::string m_policy;    ///< to simulate
    bool m_lossy;            ///< whether packets must have been lost
};

/**
 * @ingroup wdmoe-tests
 *
 * Which files are written, and that each has every packet.
 */
class PcapTest : public TestCase
{
  public:
    PcapTest()
        : TestCase("a pcap file for each node and kind of device, with every packet")
    {
    }

  private:
    /**
     * @param radio of the scenario
     * @param expected files and their link types
     * @param exact whether the first file has the server's IP packets and nothing else
     */
    void Check(const std::string& radio,
               const std::map<std::string, uint32_t>& expected,
               bool exact)
    {
        WdmoeComparisonHelper comparison("pcap");
        Shrink(comparison);
        const auto prefix = CreateTempDirFilename(radio);
        std::vector<std::string> files;
        WdmoeTransportCounters server;
        {
            const auto policy = WdmoePolicy::Parse("topk-equal").front();
            const auto simulation = comparison.Install(policy, WdmoeScenarioRadio(radio));
            files = WdmoePcapHelper::EnablePcap(prefix, simulation.controller->GetRadio());
            Simulator::Run();
            server = simulation.server->GetCounters();
            Simulator::Destroy();
        } // nobody holds the devices any more: the files are closed
        uint32_t found = 0;
        for (const auto& [name, type] : expected)
        {
            const auto path = prefix + "-" + name + ".pcap";
            found += std::count(files.begin(), files.end(), path);
            PcapFile file;
            file.Open(path, std::ios::in);
            NS_TEST_ASSERT_MSG_EQ(file.Fail(), false, path);
            NS_TEST_EXPECT_MSG_EQ(file.GetDataLinkType(), type, path);
            uint64_t records = 0;
            for (;;)
            {
                uint8_t data[64];
                uint32_t skip;
                uint32_t read;
                file.Read(data, sizeof(data), skip, skip, skip, skip, read);
                if (file.Fail())
                {
                    break;
                }
                records++;
            }
            NS_TEST_EXPECT_MSG_GT(records, 10U, path);
            if (exact && name.compare(0, 6, "server") == 0)
            {
                NS_TEST_EXPECT_MSG_EQ(records,
                                      server.ipPacketsSent + server.ipPacketsReceived,
                                      path << ": each packet, once");
            }
        }
        NS_TEST_EXPECT_MSG_EQ(found, expected.size(), "files as they should be named");
    }

    void DoRun() override
    {
        // DLT_RAW 101, PPP 9, EN10MB 1, IEEE802_11_RADIO 127
        Check("ideal", {{"server-ideal", 101}, {"device-0-ideal", 101}}, true);
        Check("lte", {{"server-p2p", 9}, {"enb-p2p", 9}, {"device-7-ip", 101}}, true);
        Check("wifi", {{"server-wifi", 127}, {"device-3-wifi", 127}}, false);
        const auto message = WdmoeAbortMessage([]() {
            WdmoeComparisonHelper comparison("pcap");
            Shrink(comparison);
            const auto simulation = comparison.Install(WdmoePolicy::Parse("topk-equal").front(),
                                                       WdmoeScenarioRadio("ideal"));
            WdmoePcapHelper::EnablePcap("no-such-folder/x", simulation.controller->GetRadio());
        });
        NS_TEST_EXPECT_MSG_NE(message.find("cannot write 'no-such-folder/x-server-ideal.pcap'"),
                              std::string::npos,
                              message);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The animation says what the devices did.
 */
class NetAnimTest : public TestCase
{
  public:
    /**
     * @param radio of the scenario
     * @param packets element that a packet over it is written as; empty: ns-3 writes none
     */
    NetAnimTest(const std::string& radio, const std::string& packets)
        : TestCase("NetAnim: places, names, load and expert of each device: " + radio),
          m_radio(radio),
          m_packets(packets)
    {
    }

  private:
    /// A counter of a node, in the order of time
    typedef std::vector<std::pair<double, double>> Values;

    /// @return an attribute of an element. @param element text of it @param name of the attribute
    static std::string Attribute(const std::string& element, const std::string& name)
    {
        const auto at = element.find(" " + name + "=\"");
        if (at == std::string::npos)
        {
            return "";
        }
        const auto from = at + name.size() + 3;
        return element.substr(from, element.find('"', from) - from);
    }

    void DoRun() override
    {
        WdmoeComparisonHelper comparison("animation");
        Shrink(comparison);
        const auto policy = WdmoePolicy::Parse("topk-equal").front();
        const auto simulation = comparison.Install(policy, WdmoeScenarioRadio(m_radio));
        const auto path = CreateTempDirFilename(m_radio + ".xml");
        std::map<uint32_t, uint64_t> answers; // by node
        uint64_t blocks = 0;
        uint32_t nodes = 0;
        {
            WdmoeNetAnimHelper animation;
            animation.Install(path,
                              simulation.controller->GetRadio(),
                              simulation.server,
                              simulation.experts);
            Simulator::Run();
            for (uint32_t k = 0; k < simulation.experts.GetN(); k++)
            {
                auto node = DynamicCast<WdmoeExpertNode>(simulation.experts.Get(k));
                answers[node->GetNode()->GetId()] = node->GetReport().answers;
            }
            blocks = simulation.server->GetReport().blocks;
            nodes = NodeList::GetNNodes();
            Simulator::Destroy();
        }
        const auto xml = ReadAll(path);
        NS_TEST_ASSERT_MSG_EQ(xml.find("<anim ver=\"netanim-3.1"), 0U, "what NetAnim looks for");
        const auto end = xml.find_last_not_of('\n');
        NS_TEST_ASSERT_MSG_EQ(xml.substr(end - 6, 7), "</anim>", "it is complete");
        std::map<std::string, uint32_t> ids;
        std::map<std::pair<uint32_t, uint32_t>, Values> counters; // by counter and node
        uint32_t places = 0;
        uint32_t packets = 0;
        std::map<std::string, uint32_t> names;
        std::istringstream lines(xml);
        for (std::string line; std::getline(lines, line);)
        {
            const auto is = [&](const std::string& tag) {
                return line.compare(0, tag.size() + 2, "<" + tag + " ") == 0;
            };
            if (is("ncs"))
            {
                ids[Attribute(line, "n")] = std::stoul(Attribute(line, "ncId"));
            }
            else if (is("nc"))
            {
                counters[{std::stoul(Attribute(line, "c")), std::stoul(Attribute(line, "i"))}]
                    .emplace_back(std::stod(Attribute(line, "t")), std::stod(Attribute(line, "v")));
            }
            else if (is("nu") && Attribute(line, "p") == "d")
            {
                const auto name = Attribute(line, "descr");
                names[name.substr(0, name.find_first_of(" :"))]++;
            }
            places += is("node");
            packets += !m_packets.empty() && is(m_packets);
        }
        NS_TEST_EXPECT_MSG_EQ(places, nodes, "a place for every node");
        NS_TEST_EXPECT_MSG_EQ(names["device"], answers.size(), "every device has a name");
        NS_TEST_EXPECT_MSG_EQ(names["server"], 1U, "so has the server");
        NS_TEST_EXPECT_MSG_EQ((packets > 0), !m_packets.empty(), "packets");
        for (const auto& [node, computed] : answers)
        {
            const auto& load = counters.at({ids.at("load"), node});
            const auto& expert = counters.at({ids.at("expert"), node});
            const auto atWork = std::count_if(expert.begin(), expert.end(), [](const auto& v) {
                return v.second >= 0;
            });
            // a device has one expert, so each batch shows it once
            NS_TEST_EXPECT_MSG_EQ(atWork, static_cast<int64_t>(computed), "node " << node);
            NS_TEST_EXPECT_MSG_EQ(load.front().second, 0, "nothing at first");
            NS_TEST_EXPECT_MSG_EQ(load.back().second, 0, "nothing at last");
            NS_TEST_EXPECT_MSG_EQ(expert.back().second, -1, "idle at last");
            const bool worked =
                std::any_of(load.begin(), load.end(), [](const auto& v) { return v.second >= 1; });
            NS_TEST_EXPECT_MSG_EQ(worked, (computed > 0), "load");
            NS_TEST_EXPECT_MSG_EQ(
                std::is_sorted(load.begin(),
                               load.end(),
                               [](const auto& a, const auto& b) { return a.first < b.first; }),
                true,
                "in the order of time");
        }
        bool found = false;
        for (const auto& [which, values] : counters)
        {
            if (which.first == ids.at("blocks"))
            {
                found = true;
                NS_TEST_EXPECT_MSG_EQ(values.back().second, static_cast<double>(blocks), "blocks");
            }
        }
        NS_TEST_EXPECT_MSG_EQ(found, true, "blocks are counted");
    }

    std::string m_radio;   ///< of the scenario
    std::string m_packets; ///< element that a packet is written as
};

/**
 * @ingroup wdmoe-tests
 *
 * Whoever looks on changes nothing; and the options of a scenario.
 */
class OnlookersTest : public TestCase
{
  public:
    OnlookersTest()
        : TestCase("the same results with pcap, FlowMonitor and NetAnim as without")
    {
    }

  private:
    /**
     * @param radio of the scenario
     * @param look whether all is written
     * @param [out] summary of the results
     * @return tables of the results
     */
    std::string Run(const std::string& radio, bool look, std::string& summary)
    {
        WdmoeComparisonHelper comparison("onlookers");
        Shrink(comparison);
        comparison.requests = 1;
        comparison.policies = "topk-stock,wdmoe";
        comparison.out = CreateTempDirFilename(radio + (look ? "-on" : "-off"));
        comparison.pcap = comparison.flowMonitor = comparison.netAnim = look;
        Silence silence;
        comparison.Run(WdmoeScenarioRadio(radio));
        for (const std::string policy : {"topk-stock", "wdmoe"})
        {
            const auto prefix = comparison.out + "/packets/" + policy;
            for (const auto* name : {"-flows.xml", "-animation.xml"})
            {
                NS_TEST_EXPECT_MSG_EQ(std::filesystem::exists(prefix + name), look, prefix << name);
            }
            NS_TEST_EXPECT_MSG_EQ(comparison.GetResults().GetFlows(policy).empty(), !look, policy);
        }
        summary = ReadAll(comparison.out + "/summary.json");
        std::string all;
        for (const auto* name : {"blocks.csv", "requests.csv", "shares.csv", "schedule.csv"})
        {
            all += ReadAll(comparison.out + "/" + name);
        }
        return all;
    }

    void DoRun() override
    {
        for (const std::string radio : {"ideal", "lte", "wifi"})
        {
            std::string with;
            std::string without;
            const auto tables = Run(radio, false, without);
            NS_TEST_ASSERT_MSG_GT(tables.size(), 1000U, "something was written");
            NS_TEST_EXPECT_MSG_EQ((Run(radio, true, with) == tables), true, radio);
            NS_TEST_EXPECT_MSG_NE(with.find("\"flows\": ["), std::string::npos, radio);
            NS_TEST_EXPECT_MSG_EQ(without.find("\"flows\""), std::string::npos, radio);
        }
        const auto noFolder = WdmoeAbortMessage([]() {
            WdmoeComparisonHelper comparison("onlookers");
            comparison.pcap = true;
            comparison.Run(WdmoeScenarioRadio("ideal"));
        });
        NS_TEST_EXPECT_MSG_NE(noFolder.find("--out is empty; expected a folder"),
                              std::string::npos,
                              noFolder);
        const auto noPlace = WdmoeAbortMessage([]() {
            WdmoeComparisonHelper comparison("onlookers");
            comparison.netAnim = true;
            comparison.out = "/proc/nowhere";
            comparison.Run(WdmoeScenarioRadio("ideal"));
        });
        NS_TEST_EXPECT_MSG_NE(noPlace.find("cannot make the folder '/proc/nowhere/packets'"),
                              std::string::npos,
                              noPlace);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Packets that people can see.
 */
class PacketsTestSuite : public TestSuite
{
  public:
    PacketsTestSuite()
        : TestSuite("wdmoe-packets", Type::SYSTEM)
    {
        AddTestCase(new FlowTest("ideal", "Udp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new FlowTest("ideal", "Tcp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new FlowTest("lte", "Udp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new FlowTest("lte", "Tcp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new FlowTest("lte", "Udp", "topk-equal:radio.CoreLoss=0.02", true),
                    Duration::QUICK);
        AddTestCase(new FlowTest("lte", "Tcp", "topk-equal:radio.CoreLoss=0.02", true),
                    Duration::QUICK);
        AddTestCase(new FlowTest("wifi", "Udp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new FlowTest("wifi", "Tcp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new FlowTest("paced", "Udp", "topk-equal", false), Duration::QUICK);
        AddTestCase(new PcapTest, Duration::QUICK);
        AddTestCase(new NetAnimTest("ideal", ""), Duration::QUICK);
        AddTestCase(new NetAnimTest("lte", "p"), Duration::QUICK);
        AddTestCase(new NetAnimTest("wifi", "wpr"), Duration::QUICK);
        AddTestCase(new OnlookersTest, Duration::QUICK);
    }
};

PacketsTestSuite g_packetsTestSuite; ///< registers itself

} // namespace
