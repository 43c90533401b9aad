/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/data-rate.h"
#include "ns3/double.h"
#include "ns3/inet-socket-address.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/mobility-helper.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-application-helper.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-data-path.h"
#include "ns3/wdmoe-evaluator.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"
#include "ns3/wdmoe-optimizer-helper.h"
#include "ns3/wdmoe-prompt-request-source.h"
#include "ns3/wdmoe-real-model.h"
#include "ns3/wdmoe-routing-table.h"
#include "ns3/wdmoe-udp-transport.h"

#include <cmath>
#include <iostream>
#include <sstream>

using namespace ns3;

namespace
{

/// A comparison that serves the base model
void
SetUp(WdmoeComparisonHelper& comparison)
{
    comparison.model = "wdmoe-lm-base";
    comparison.requests = 6;
    comparison.maxItemTokens = 64;
    comparison.timeScale = 0.01;
    comparison.policies = "topk-allocated";
    comparison.downlinkPrecision = "fp32";
    comparison.uplinkPrecision = "fp32";
}

/// Runs it over a radio, without its table
void
RunOver(const std::string& name, WdmoeComparisonHelper& comparison)
{
    std::ostringstream sink;
    auto* buffer = std::cout.rdbuf(sink.rdbuf());
    comparison.minDistance = 30;
    comparison.maxDistance = 120;
    comparison.Run([&](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
        if (name == "ideal")
        {
            return WdmoeIdealRadioHelper().Install(server, devices);
        }
        WdmoeLteRadioHelper radio;
        radio.SetAttribute("Bandwidth", UintegerValue(25));
        radio.SetAttribute("Scheduler", StringValue("ns3::WdmoeFfMacScheduler"));
        radio.SetPathlossModel("ns3::LogDistancePropagationLossModel");
        radio.SetPathlossModelAttribute("Exponent", DoubleValue(3.5));
        return radio.Install(server, devices);
    });
    std::cout.rdbuf(buffer);
}

/// The items that a comparison asks, in its order, and whether each is forced
std::vector<WdmoeRequestRecord>
Requests(const WdmoeComparisonHelper& comparison)
{
    return comparison.GetResults().GetRequests(comparison.policies);
}

} // namespace

/**
 * @ingroup wdmoe-tests
 *
 * fp32 on the air and nothing missing: the network changes nothing at all, not a bit.
 */
class SameAnswerTest : public TestCase
{
  public:
    /**
     * @param radio ideal or lte
     * @param transport TypeId
     */
    SameAnswerTest(const std::string& radio, const std::string& transport)
        : TestCase("fp32, no loss: the model's own answer, over " + radio + ", " + transport),
          m_radio(radio),
          m_transport(transport)
    {
    }

  private:
    void DoRun() override
    {
        WdmoeComparisonHelper comparison("same");
        SetUp(comparison);
        comparison.transport = m_transport;
        RunOver(m_radio, comparison);
        uint32_t compared = 0;
        for (const auto& r : Requests(comparison))
        {
            compared += r.score.compared;
            NS_TEST_EXPECT_MSG_EQ(r.score.agreeing, r.score.compared, r.score.domain);
            NS_TEST_EXPECT_MSG_EQ(r.score.divergence, 0, "not even the last bit");
            NS_TEST_EXPECT_MSG_EQ(r.pairsMissing, 0, "missing");
            NS_TEST_EXPECT_MSG_EQ(r.pairsRouted, r.pairsTopK, "dropped");
        }
        NS_TEST_EXPECT_MSG_GT(compared, 20, "something was compared");
    }

    std::string m_radio;     ///< over which
    std::string m_transport; ///< TypeId
};

/**
 * @ingroup wdmoe-tests
 *
 * A prompt is continued token by token as one process continues it, and ends with the end token.
 */
class GenerateTest : public TestCase
{
  public:
    GenerateTest()
        : TestCase("a prompt is continued as in one process")
    {
    }

  private:
    void DoRun() override
    {
        auto model = WdmoeRealModel::Load("wdmoe-lm-base");
        const auto& transformer = *model->GetTransformer();
        const auto& config = transformer.GetConfig();
        for (const std::string prompt : {"17+25=", "sort 5,3,99,12,45,6,77,31:", "The "})
        {
            // here
            std::vector<uint32_t> next{1};
            next.insert(next.end(), prompt.begin(), prompt.end());
            wdmoe::KeyValueCache cache(config);
            std::string expected;
            const uint32_t most = 20;
            while (expected.size() < most && (expected.empty() || expected.back() != '\n'))
            {
                const auto logits = wdmoe::Forward(transformer,
                                                   {{&cache, static_cast<uint32_t>(next.size())}},
                                                   next);
                next = {wdmoe::Sampler().Next(logits.data() + logits.size() - config.vocabulary,
                                              config.vocabulary)};
                expected += static_cast<char>(next[0]);
            }
            // over the air
            const auto description = model->Describe();
            Ptr<Node> server = CreateObject<Node>();
            NodeContainer devices(4);
            MobilityHelper mobility;
            mobility.Install(server);
            mobility.SetPositionAllocator("ns3::GridPositionAllocator",
                                          "MinX",
                                          DoubleValue(30),
                                          "DeltaX",
                                          DoubleValue(20));
            mobility.Install(devices);
            auto radio = WdmoeIdealRadioHelper().Install(server, devices);
            radio->AssignStreams(1);
            const std::vector<wdmoe::DeviceProfile> profiles(4,
                                                             WdmoeLoadDeviceProfile("phone-soc"));
            WdmoeOptimizerHelper optimizer;
            optimizer.SetSelector("ns3::WdmoeTopKSelector");
            auto controller = optimizer.Install(radio, description, profiles);
            auto requests = CreateObject<WdmoePromptRequestSource>();
            requests->Add(prompt, most, Time(0), config);
            WdmoeGatingServerHelper helper(description);
            helper.SetAttribute("DownlinkPrecision", StringValue("fp32"));
            helper.SetAttribute("UplinkPrecision", StringValue("fp32"));
            auto app = helper.Install(controller, model, requests);
            WdmoeExpertNodeHelper nodes(description, profiles);
            nodes.SetRealModel(model);
            nodes.Install(controller);
            std::string answer;
            Time last;
            app->TraceConnectWithoutContext(
                "Token",
                Callback<void, const WdmoeTokenRecord&>([&](const WdmoeTokenRecord& token) {
                    NS_TEST_EXPECT_MSG_EQ(token.index, answer.size(), "in order");
                    NS_TEST_EXPECT_MSG_GT(token.time, last, "later than the one before");
                    last = token.time;
                    answer += token.text;
                }));
            app->TraceConnectWithoutContext("Done", Callback<void>([]() { Simulator::Stop(); }));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_EQ(answer, expected, prompt);
            NS_TEST_EXPECT_MSG_EQ(app->GetReport().tokensOut, expected.size(), "counted");
            Simulator::Destroy();
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The bytes on the air are those of the precision, and coarser ones change the output more.
 */
class PrecisionTest : public TestCase
{
  public:
    PrecisionTest()
        : TestCase("precision each way: bytes on the air and quality")
    {
    }

  private:
    void DoRun() override
    {
        const std::vector<std::pair<std::string, wdmoe::Precision>> all{
            {"fp32", wdmoe::Precision::FP32},
            {"fp16", wdmoe::Precision::FP16},
            {"bf16", wdmoe::Precision::BF16},
            {"int8", wdmoe::Precision::INT8},
            {"int4", wdmoe::Precision::INT4}};
        std::map<std::string, double> divergence;
        for (const auto& [name, precision] : all)
        {
            for (const bool down : {true, false})
            {
                WdmoeComparisonHelper comparison("precision");
                SetUp(comparison);
                (down ? comparison.downlinkPrecision : comparison.uplinkPrecision) = name;
                RunOver("ideal", comparison);
                for (const auto& b : comparison.GetResults().GetBlocks(comparison.policies))
                {
                    const uint64_t fp32 = wdmoe::EncodedBytes(wdmoe::Precision::FP32, 256);
                    const uint64_t coded = wdmoe::EncodedBytes(precision, 256);
                    uint64_t experts = 0;
                    for (const auto tokens : b.expertTokens)
                    {
                        experts += tokens > 0;
                    }
                    const auto headers = b.devices.size() * WdmoeHeader::SIZE;
                    NS_TEST_EXPECT_MSG_EQ(b.bytesDownlink,
                                          headers + b.devices.size() * WdmoeRoutingTable::SIZE +
                                              experts * WdmoeRoutingTable::ENTRY_SIZE +
                                              b.pairsRouted * (down ? coded : fp32),
                                          name << " down");
                    NS_TEST_EXPECT_MSG_EQ(b.bytesUplink,
                                          headers + b.pairsRouted * (down ? fp32 : coded),
                                          name << " up");
                }
                for (const auto& r : Requests(comparison))
                {
                    divergence[name] += r.score.divergence;
                }
            }
        }
        NS_TEST_EXPECT_MSG_EQ(divergence["fp32"], 0, "fp32 is what the model computes with");
        NS_TEST_EXPECT_MSG_GT(divergence["fp16"], 0, "fp16 rounds");
        NS_TEST_EXPECT_MSG_GT(divergence["bf16"], divergence["fp16"], "bf16 rounds more");
        NS_TEST_EXPECT_MSG_GT(divergence["int4"], divergence["int8"], "int4 rounds more");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Answers that do not arrive are really missing: with all of them late, what is left of the model
 * is what the evaluator says of one whose experts never answer.
 */
class MissingTest : public TestCase
{
  public:
    MissingTest()
        : TestCase("answers after the deadline are missing in the output")
    {
    }

  private:
    void DoRun() override
    {
        auto run = [](double deadlineMs) {
            WdmoeComparisonHelper comparison("missing");
            SetUp(comparison);
            comparison.freeRunning = 0;
            comparison.deadlineMs = deadlineMs;
            comparison.domains = "mul";
            comparison.requests = 10;
            RunOver("ideal", comparison); // checks that every token is accounted for
            return comparison;
        };
        const auto none = run(1e-3);
        const auto all = run(1e4);
        const auto some = run(0.3);
        const std::string policy = "topk-allocated";
        uint64_t missing[3] = {};
        uint64_t routed[3] = {};
        for (const auto* c : {&none, &some, &all})
        {
            const auto i = c == &none ? 0 : c == &some ? 1 : 2;
            for (const auto& r : c->GetResults().GetRequests(policy))
            {
                missing[i] += r.pairsMissing;
                routed[i] += r.pairsRouted;
            }
        }
        NS_TEST_EXPECT_MSG_EQ(missing[0], routed[0], "nothing is there in a microsecond");
        NS_TEST_EXPECT_MSG_EQ(missing[2], 0, "all is there in ten seconds");
        NS_TEST_EXPECT_MSG_GT(missing[1], 0, "some is late");
        NS_TEST_EXPECT_MSG_LT(missing[1], routed[1], "some is not");

        // the same items, in one process, with every answer lost
        auto model = WdmoeRealModel::Load("wdmoe-lm-base");
        const auto bits = [&](const WdmoeComparisonHelper& c) {
            return c.GetResults().GetCapability(policy).Total().bits;
        };
        auto items = wdmoe::ReadEvaluation(WdmoeDataPath("evaluation/tasks.jsonl"),
                                           model->GetTransformer()->GetConfig());
        std::vector<double> lost;
        std::erase_if(items, [](const auto& item) { return item.domain != "mul"; });
        wdmoe::Perturbation perturbation;
        perturbation.loss = wdmoe::LossRule::ANY;
        perturbation.lossProbability = 1;
        for (const auto& r : none.GetResults().GetRequests(policy))
        {
            // which item it was: the one that scores so
            double nearest = 1e300;
            for (const auto& item : items)
            {
                if (item.tokens.size() != r.promptTokens + 1)
                {
                    continue;
                }
                wdmoe::Evaluator evaluator(model->GetTransformer(), {item});
                evaluator.AssignStreams(1);
                const auto score = evaluator.Evaluate(perturbation).score.Total();
                nearest = std::min(nearest, std::abs(score.bits - r.score.bits));
                if (nearest < 1e-6)
                {
                    break;
                }
            }
            NS_TEST_EXPECT_MSG_LT(nearest, 1e-6, "as without any expert");
        }
        NS_TEST_EXPECT_MSG_LT(bits(all), bits(some), "worse with some missing");
        // some can be worse than none: the model was never trained with either
        NS_TEST_EXPECT_MSG_LT(bits(all), bits(none), "worse without any");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Batches that lie about what they hold are refused and counted; the node goes on.
 */
class HostileBatchTest : public TestCase
{
  public:
    HostileBatchTest()
        : TestCase("batches that lie are refused")
    {
    }

  private:
    void DoRun() override
    {
        auto model = WdmoeRealModel::Load("wdmoe-lm-base");
        NodeContainer nodes(2);
        PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", DataRateValue(DataRate("100Mb/s")));
        const auto devices = link.Install(nodes);
        InternetStackHelper().Install(nodes);
        Ipv4AddressHelper addresses("10.0.0.0", "255.255.255.0");
        const auto interfaces = addresses.Assign(devices);
        auto node = CreateObject<WdmoeExpertNode>();
        node->SetUp(0,
                    InetSocketAddress(interfaces.GetAddress(0), 5500),
                    WdmoeLoadDeviceProfile("phone-soc"),
                    model->Describe().expert);
        node->SetExperts(model->GetTransformer());
        nodes.Get(1)->AddApplication(node);
        auto server = CreateObject<WdmoeUdpTransport>();
        server->SetNode(nodes.Get(0));
        nodes.Get(0)->Initialize();
        server->Listen(5500);

        struct Case
        {
            const char* what;          ///< the lie
            WdmoeHeader::Dtype dtype;  ///< of the header
            WdmoeHeader::Dtype answer; ///< wanted
            uint32_t tokens;           ///< of the header
            uint32_t bytes;            ///< of activations
            uint16_t expert;           ///< of the table
            uint32_t block;            ///< of the header
            uint32_t inTable;          ///< tokens of the table
        };

        const auto fp16 = WdmoeHeader::FP16;
        const std::vector<Case> cases{
            {"a byte short", fp16, fp16, 2, 1023, 0, 0, 2},
            {"a token more in the header", fp16, fp16, 3, 1024, 0, 0, 2},
            {"a token more in the table", fp16, fp16, 2, 1024, 0, 0, 3},
            {"no token", fp16, fp16, 0, 0, 0, 0, 0},
            {"another coding", WdmoeHeader::INT8, fp16, 2, 1024, 0, 0, 2},
            {"an answer of sizes", fp16, WdmoeHeader::SIZED, 2, 1024, 0, 0, 2},
            {"no such expert", fp16, fp16, 2, 1024, 8, 0, 2},
            {"no such block", fp16, fp16, 2, 1024, 0, 6, 2},
            {"sizes, fewer bytes than tokens", WdmoeHeader::SIZED, fp16, 2, 0, 0, 0, 2},
            {"sizes, a huge answer",
             WdmoeHeader::SIZED,
             WdmoeHeader::FP32,
             1U << 24,
             1U << 24,
             0,
             0,
             1U << 24},
        };
        uint32_t answers = 0;
        uint32_t batch = 1;
        server->SetReceiveCallback(Callback<void, const WdmoeMessage&>([&](const WdmoeMessage& m) {
            if (m.header.type == WdmoeHeader::ANSWER)
            {
                NS_TEST_EXPECT_MSG_EQ(m.header.length, 1024, "of the good one");
                answers++;
                return;
            }
            auto send = [&](const Case& c) {
                WdmoeHeader header;
                header.type = WdmoeHeader::BATCH;
                header.dtype = c.dtype;
                header.answerDtype = c.answer;
                header.batch = batch++;
                header.tokens = c.tokens;
                header.block = c.block;
                auto payload = Create<Packet>(c.bytes);
                WdmoeRoutingTable table;
                table.entries.push_back({c.expert, c.inTable});
                payload->AddHeader(table);
                server->Send(m.from, header, payload);
            };
            for (const auto& c : cases)
            {
                send(c);
            }
            send({"a good one", fp16, fp16, 2, 1024, 7, 5, 2});
        }));
        Simulator::Stop(Seconds(30));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(node->GetReport().refused, cases.size(), "refused");
        NS_TEST_EXPECT_MSG_EQ(answers, 1, "the good one is answered");
        server->Dispose();
        Simulator::Destroy();
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What a user does wrong with a real model is said in words.
 */
class RealModelBadInputTest : public TestCase
{
  public:
    RealModelBadInputTest()
        : TestCase("bad prompts and models are refused")
    {
    }

  private:
    void DoRun() override
    {
        const auto model = WdmoeRealModel::Load("wdmoe-lm-base");
        const auto config = model->GetTransformer()->GetConfig();
        const auto add = [&](const std::string& prompt, uint32_t tokens) {
            return WdmoeAbortMessage([&]() {
                CreateObject<WdmoePromptRequestSource>()->Add(prompt, tokens, Time(0), config);
            });
        };
        const auto expect = [this](const std::string& message, const std::string& part) {
            NS_TEST_EXPECT_MSG_NE(message.find(part), std::string::npos, message);
        };
        expect(add(std::string(600, 'x'), 4), "context is 512");
        expect(add("", 4), "the prompt is empty");
        expect(add("a\x01z", 4), "the byte 1");
        expect(add("a", 0), "at least 1");
        NS_TEST_EXPECT_MSG_EQ(add("caf\xc3\xa9", 4), "", "any other byte is fine");
        auto words = config;
        words.vocabulary = 1000;
        words.bosToken = -1;
        expect(WdmoeAbortMessage([&]() {
                   CreateObject<WdmoePromptRequestSource>()->Add("1 2 1000", 4, Time(0), words);
               }),
               "'1000'");
        expect(WdmoeAbortMessage([]() { WdmoeRealModel::Load("no-such-model"); }),
               "no checkpoint 'no-such-model'");
        expect(WdmoeAbortMessage([]() { WdmoeRealModel::Load("/tmp"); }), "config.json");
        expect(WdmoeAbortMessage([&]() { model->SetModel(6, 8, 3); }), "Describe()");
        expect(WdmoeAbortMessage([&]() {
                   WdmoeRequest request;
                   model->StartRequest(request);
               }),
               "sizes only");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A real model in the simulation.
 */
class RealModelTestSuite : public TestSuite
{
  public:
    RealModelTestSuite()
        : TestSuite("wdmoe-real-model", Type::SYSTEM)
    {
        AddTestCase(new SameAnswerTest("ideal", "ns3::WdmoeUdpTransport"), Duration::QUICK);
        AddTestCase(new SameAnswerTest("ideal", "ns3::WdmoeTcpTransport"), Duration::QUICK);
        AddTestCase(new SameAnswerTest("lte", "ns3::WdmoeUdpTransport"), Duration::QUICK);
        AddTestCase(new GenerateTest, Duration::QUICK);
        AddTestCase(new PrecisionTest, Duration::QUICK);
        AddTestCase(new MissingTest, Duration::QUICK);
        AddTestCase(new HostileBatchTest, Duration::QUICK);
        AddTestCase(new RealModelBadInputTest, Duration::QUICK);
    }
};

static RealModelTestSuite g_realModelTestSuite; ///< the suite
