/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Micro-batches, several requests in flight, plans over time, early grants, and devices that are
// lost. Figures are printed where WDMOE_VERBOSE is set.

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/node-container.h"
#include "ns3/pointer.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-application-helper.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-compat.h"
#include "ns3/wdmoe-expert-node.h"
#include "ns3/wdmoe-flight-tracker.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"
#include "ns3/wdmoe-optimizer-helper.h"
#include "ns3/wdmoe-synthetic-gate-source.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <numeric>
#include <sstream>

using namespace ns3;

namespace
{

/// @return whether figures are wanted
bool
Verbose()
{
    return std::getenv("WDMOE_VERBOSE") != nullptr;
}

/**
 * @param action expected to stop the program with a message
 * @return the message; what was printed so far is not printed by the child too
 */
std::string
AbortMessage(const std::function<void()>& action)
{
    std::fflush(stdout);
    return WdmoeAbortMessage(action);
}

/// What a stream is given while this lives goes here; std::cerr's is printed too where figures are
class Heard : private std::stringbuf
{
  public:
    static inline bool echo{false}; ///< std::cerr's is printed anyway

    /**
     * @param stream std::cerr or std::cout
     */
    explicit Heard(std::ostream& stream = std::cerr)
        : m_stream(stream),
          m_buffer(stream.rdbuf(this))
    {
    }

    ~Heard() override
    {
        m_stream.rdbuf(m_buffer);
    }

    /// @return all of it
    std::string Get() const
    {
        return str();
    }

    /**
     * @param part text
     * @return lines with it
     */
    uint32_t CountLines(const std::string& part = "") const
    {
        uint32_t count = 0;
        std::istringstream in(str());
        for (std::string line; std::getline(in, line);)
        {
            count += line.find(part) != std::string::npos;
        }
        return count;
    }

  private:
    std::streamsize xsputn(const char* text, std::streamsize size) override
    {
        if ((Verbose() || echo) && &m_stream == &std::cerr)
        {
            std::fwrite(text, 1, size, stderr);
        }
        return std::stringbuf::xsputn(text, size);
    }

    std::ostream& m_stream;   ///< listened to
    std::streambuf* m_buffer; ///< as it was
};

/// @return payload bytes and 100 of headers
uint64_t
WireBytes(uint64_t payload)
{
    return payload + 100;
}

/**
 * @ingroup wdmoe-tests
 *
 * Grants walk the pieces of a device through, in order.
 */
class FlightTrackerTest : public TestCase
{
  public:
    FlightTrackerTest()
        : TestCase("flight tracker: grants, rests, removal, order of blocks")
    {
    }

  private:
    /**
     * @param decision number
     * @param piece index
     * @return 10000 bits down, 10 ms, 8000 bits up
     */
    static WdmoeFlight Make(uint64_t decision, uint32_t piece)
    {
        WdmoeFlight f;
        f.decision = decision;
        f.piece = piece;
        f.downlinkBits = 10000;
        f.uplinkBits = 8000;
        f.computeS = 0.010;
        return f;
    }

    /**
     * @param tracker asked
     * @param now when
     * @return what is left, in order
     */
    static std::vector<wdmoe::ShopPiece> GetRests(const WdmoeFlightTracker& tracker, Time now)
    {
        wdmoe::ShopProblem problem;
        tracker.AddTo(now, problem);
        std::vector<wdmoe::ShopPiece> rests;
        for (const auto& task : problem.tasks)
        {
            rests.insert(rests.end(), task.cuts.at(0).begin(), task.cuts.at(0).end());
        }
        return rests;
    }

    /// Where the radio says what it grants
    void Progress()
    {
        WdmoeFlightTracker tracker;
        tracker.SetUp(2, true, MilliSeconds(1));
        NS_TEST_ASSERT_MSG_EQ(tracker.IsEmpty(), true, "nothing yet");
        tracker.Add(0, Make(1, 0));
        tracker.Add(0, Make(1, 1));
        NS_TEST_ASSERT_MSG_EQ(tracker.IsEmpty(), false, "two");
        std::vector<const WdmoeFlight*> arrived;
        const auto& way = tracker.Get(0);

        tracker.GrantedDownlink(0, 4000, MilliSeconds(1), MilliSeconds(4), arrived);
        NS_TEST_EXPECT_MSG_EQ(arrived.size(), 0, "a part");
        NS_TEST_EXPECT_MSG_EQ(way[0].downlinkLeft, 6000, "of the first");
        NS_TEST_EXPECT_MSG_EQ(way[0].downlinkBegan, MilliSeconds(1), "began");
        NS_TEST_EXPECT_MSG_EQ(way[1].downlinkLeft, 10000, "not of the second");
        // an acknowledgement of what is under way is no answer
        tracker.GrantedUplink(0, 600, MilliSeconds(1));
        NS_TEST_EXPECT_MSG_EQ(way[0].uplinkLeft, 8000, "acknowledgement");
        NS_TEST_EXPECT_MSG_EQ(way[0].uplinkBegan.IsZero(), true, "acknowledgement");

        tracker.GrantedDownlink(0, 9000, MilliSeconds(2), MilliSeconds(5), arrived);
        NS_TEST_ASSERT_MSG_EQ(arrived.size(), 1, "the first");
        NS_TEST_EXPECT_MSG_EQ(arrived[0]->piece, 0, "the first");
        NS_TEST_EXPECT_MSG_EQ(arrived[0]->ready, MilliSeconds(15), "arrival and compute");
        NS_TEST_EXPECT_MSG_EQ(way[1].downlinkLeft, 7000, "the rest of the grant");
        NS_TEST_EXPECT_MSG_EQ(way[1].downlinkBegan, MilliSeconds(2), "began");
        auto rests = GetRests(tracker, MilliSeconds(10));
        NS_TEST_ASSERT_MSG_EQ(rests.size(), 2, "two pieces");
        NS_TEST_EXPECT_MSG_EQ(rests[0].downlinkBits, 0, "there");
        NS_TEST_EXPECT_MSG_EQ_TOL(rests[0].computeS, 0.005, 1e-12, "half computed");
        NS_TEST_EXPECT_MSG_EQ(rests[0].uplinkBits, 8000, "no answer yet");
        NS_TEST_EXPECT_MSG_EQ(rests[1].downlinkBits, 7000, "under way");
        NS_TEST_EXPECT_MSG_EQ(rests[1].computeS, 0.010, "not begun");
        // one of 5 % may be an acknowledgement still: it is not computed yet
        tracker.GrantedUplink(0, 300, MilliSeconds(10));
        NS_TEST_EXPECT_MSG_EQ_TOL(GetRests(tracker, MilliSeconds(10))[0].computeS,
                                  0.005,
                                  1e-12,
                                  "an acknowledgement is no answer");
        // what is granted of an answer was computed, sooner than predicted
        tracker.GrantedUplink(0, 3700, MilliSeconds(11));
        NS_TEST_EXPECT_MSG_EQ(GetRests(tracker, MilliSeconds(11))[0].computeS, 0, "answering");
        NS_TEST_EXPECT_MSG_EQ(way[0].uplinkLeft, 4000, "half");
        NS_TEST_EXPECT_MSG_EQ(way[0].uplinkActive, MilliSeconds(2), "two grants");

        // all but what headers may be
        tracker.GrantedDownlink(0, 6700, MilliSeconds(7), MilliSeconds(8), arrived);
        NS_TEST_ASSERT_MSG_EQ(arrived.size(), 1, "the second");
        NS_TEST_EXPECT_MSG_EQ(arrived[0]->ready, MilliSeconds(25), "behind the first");
        // more than the rest of the first: a fifth of the grant goes to the second
        tracker.GrantedUplink(0, 5000, MilliSeconds(12));
        NS_TEST_EXPECT_MSG_EQ(way[0].uplinkLeft, 0, "all of it");
        NS_TEST_EXPECT_MSG_EQ(way[1].uplinkLeft, 7000, "and some of the next");
        NS_TEST_EXPECT_MSG_EQ(way[0].uplinkActive, MicroSeconds(2800), "four fifths");
        NS_TEST_EXPECT_MSG_EQ(way[1].uplinkActive, MicroSeconds(200), "a fifth");
        // nothing is left to go down
        tracker.GrantedDownlink(0, 500, MilliSeconds(12), MilliSeconds(15), arrived);
        NS_TEST_EXPECT_MSG_EQ(arrived.size(), 0, "arrived once");

        WdmoeFlight was;
        NS_TEST_EXPECT_MSG_EQ(tracker.Remove(0, 1, 1, &was), true, "out of order");
        NS_TEST_EXPECT_MSG_EQ(was.ready, MilliSeconds(25), "as it was");
        NS_TEST_EXPECT_MSG_EQ(tracker.Remove(0, 1, 1), false, "once");
        NS_TEST_EXPECT_MSG_EQ(tracker.Remove(1, 1, 0), false, "of another device");
        NS_TEST_EXPECT_MSG_EQ(tracker.Remove(0, 1, 0), true, "the first");
        NS_TEST_EXPECT_MSG_EQ(tracker.IsEmpty(), true, "nothing left");
        tracker.GrantedDownlink(0, 500, MilliSeconds(12), MilliSeconds(15), arrived);
        tracker.GrantedUplink(0, 500, MilliSeconds(12));
        NS_TEST_EXPECT_MSG_EQ(arrived.size(), 0, "grants for nothing");
    }

    /// Where it does not
    void ByPlan()
    {
        WdmoeFlightTracker tracker;
        tracker.SetUp(1, false, MilliSeconds(1));
        auto f = Make(1, 0);
        f.sent = MilliSeconds(100);
        f.planned = {0, 0, 0.010, 0.020, 0.020, 0.030, 0.040, 0.060};
        tracker.Add(0, f);
        const auto at = [&](uint32_t ms) { return GetRests(tracker, MilliSeconds(ms)).at(0); };
        NS_TEST_EXPECT_MSG_EQ(at(90).downlinkBits, 10000, "not sent yet");
        NS_TEST_EXPECT_MSG_EQ(at(105).downlinkBits, 10000, "not begun");
        NS_TEST_EXPECT_MSG_EQ_TOL(at(115).downlinkBits, 5000, 1e-6, "half");
        NS_TEST_EXPECT_MSG_EQ_TOL(at(125).computeS, 0.005, 1e-9, "half computed");
        NS_TEST_EXPECT_MSG_EQ(at(125).downlinkBits, 0, "there");
        NS_TEST_EXPECT_MSG_EQ_TOL(at(145).uplinkBits, 6000, 1e-6, "a quarter answered");
        NS_TEST_EXPECT_MSG_EQ(at(200).uplinkBits, 0, "overdue");
    }

    /// Two blocks on two devices
    void Blocks()
    {
        WdmoeFlightTracker tracker;
        tracker.SetUp(2, true, MilliSeconds(1));
        tracker.Add(1, Make(5, 0));
        tracker.Add(0, Make(3, 0));
        tracker.Add(0, Make(3, 1));
        tracker.Add(0, Make(5, 0));
        for (const uint32_t before : {0, 2})
        {
            wdmoe::ShopProblem problem;
            problem.blockWeight.assign(before, 7);
            const auto decisions = tracker.AddTo(Time(0), problem);
            NS_TEST_ASSERT_MSG_EQ((decisions == std::vector<uint64_t>{3, 5}), true, "oldest first");
            NS_TEST_ASSERT_MSG_EQ(problem.blockWeight.size(), before + 2, "blocks");
            NS_TEST_EXPECT_MSG_EQ(problem.blockWeight.back(), 1, "weight");
            NS_TEST_ASSERT_MSG_EQ(problem.tasks.size(), 3, "by device and decision");
            const uint32_t expected[3][3] = {{0, 0, 2}, {0, 1, 1}, {1, 1, 1}};
            for (std::size_t t = 0; t < 3; t++)
            {
                const auto& task = problem.tasks[t];
                NS_TEST_EXPECT_MSG_EQ(task.device, expected[t][0], "device of " << t);
                NS_TEST_EXPECT_MSG_EQ(task.block, before + expected[t][1], "block of " << t);
                NS_TEST_ASSERT_MSG_EQ(task.cuts.size(), 1, "cut already");
                NS_TEST_EXPECT_MSG_EQ(task.cuts[0].size(), expected[t][2], "pieces of " << t);
            }
        }
    }

    void DoRun() override
    {
        Progress();
        ByPlan();
        Blocks();
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A radio that does what a test tells it.
 */
class ScriptedRadio : public WdmoeRadio
{
  public:
    /// What ExpectUplink() was told
    struct Expectation
    {
        uint32_t device; ///< index
        uint64_t bytes;  ///< how much
        Time when;       ///< from when on
    };

    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::WdmoeScriptedRadio").SetParent<WdmoeRadio>();
        return tid;
    }

    ScriptedRadio()
    {
        capabilities.leftover = capabilities.priority = true;
        capabilities.expectUplink = capabilities.progress = true;
        capabilities.downlinkDelay = MilliSeconds(4);
        capabilities.uplinkDelay = MilliSeconds(12);
        capabilities.uplinkRequestDelay = MilliSeconds(7);
        capabilities.downlinkLead = MilliSeconds(3);
        capabilities.grantPeriod = MilliSeconds(1);
    }

    /**
     * @param device index
     * @param downlink direction
     * @param bytes of IP packets
     */
    void Grant(uint32_t device, bool downlink, uint32_t bytes)
    {
        NotifyGrant(device, downlink, bytes);
    }

    std::string GetName() const override
    {
        return "scripted";
    }

    Ptr<Node> GetServerNode() const override
    {
        return nullptr;
    }

    Address GetDeviceAddress(uint32_t /* device */) const override
    {
        return Address();
    }

    Address GetServerAddress(uint32_t /* device */) const override
    {
        return Address();
    }

    bool IsReady() const override
    {
        return true;
    }

    WdmoeRadioCapabilities GetCapabilities() const override
    {
        return capabilities;
    }

    WdmoeBudget GetBudget() const override
    {
        return {5e6, 5e6, false};
    }

    WdmoeUsage GetUsage(uint32_t device) const override
    {
        return usage[device];
    }

    WdmoeRadioCapabilities capabilities;   ///< what it says it can
    std::vector<bool> heard;               ///< by device
    std::vector<WdmoeUsage> usage;         ///< by device
    std::vector<WdmoePlan> plans;          ///< that were set
    std::vector<Expectation> expectations; ///< that were told
    double efficiency{2};                  ///< bit/s/Hz

  protected:
    void DoAddDevice(uint32_t /* device */, Ptr<Node> /* node */) override
    {
        heard.push_back(true);
        usage.emplace_back();
    }

    WdmoeLinkState DoGetLinkState(uint32_t device) const override
    {
        WdmoeLinkState state;
        for (auto* link : {&state.downlink, &state.uplink})
        {
            link->valid = heard[device];
            link->law = wdmoe::RateLaw::Linear(heard[device] ? efficiency : 0);
        }
        return state;
    }

    void DoSetPlan(const WdmoePlan& plan) override
    {
        plans.push_back(plan);
    }

    void DoExpectUplink(uint32_t device, uint64_t bytes, Time when) override
    {
        expectations.push_back({device, bytes, when});
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A controller over a ScriptedRadio, without applications: 8 experts, 4 devices.
 */
class Loop
{
  public:
    /**
     * @param policy name and settings
     * @param capabilities changes what the radio can
     */
    explicit Loop(const std::string& policy,
                  const std::function<void(WdmoeRadioCapabilities&)>& capabilities = {})
        : radio(CreateObject<ScriptedRadio>())
    {
        NodeContainer nodes(4);
        for (auto it = nodes.Begin(); it != nodes.End(); ++it)
        {
            radio->AddDevice(*it);
        }
        if (capabilities)
        {
            capabilities(radio->capabilities);
        }
        WdmoeModelDescription model;
        model.experts = 8;
        model.topK = 2;
        model.blocks = 4;
        model.expert.hidden = 1024;
        model.expert.inner = 4096;
        wdmoe::DeviceProfile profile;
        profile.flops = 1e12;
        profile.memoryBandwidth = 5e10;
        WdmoeOptimizerHelper optimizer;
        optimizer.SetPolicy(WdmoePolicy::Find(policy));
        controller = optimizer.Install(radio, model, {4, profile});
    }

    ~Loop()
    {
        Simulator::Destroy();
    }

    /**
     * @param tokens J
     * @return a block: token j on experts j and j + 1 mod 8, 0.6 and 0.3, and a little on all
     */
    static WdmoeBlockInput Block(uint32_t tokens)
    {
        std::vector<std::vector<double>> rows;
        for (uint32_t j = 0; j < tokens; j++)
        {
            std::vector<double> row(8, 0.01);
            row[j % 8] = 0.6;
            row[(j + 1) % 8] = 0.3;
            rows.push_back(row);
        }
        return Block(rows);
    }

    /**
     * @param load tokens of each expert
     * @return a block in which each token has one expert
     */
    static WdmoeBlockInput BlockOf(const std::vector<uint32_t>& load)
    {
        std::vector<std::vector<double>> rows;
        for (std::size_t e = 0; e < load.size(); e++)
        {
            std::vector<double> row(load.size(), 0);
            row[e] = 1;
            rows.insert(rows.end(), load[e], row);
        }
        return Block(rows);
    }

    /**
     * @param rows of the gate
     * @return the input of a block
     */
    static WdmoeBlockInput Block(const std::vector<std::vector<double>>& rows)
    {
        WdmoeBlockInput input;
        input.gate.tokens = rows.size();
        input.gate.experts = 8;
        for (const auto& row : rows)
        {
            input.gate.weight.insert(input.gate.weight.end(), row.begin(), row.end());
        }
        input.hidden = 1024;
        input.batchBytes = 4;
        input.batchExpertBytes = 6;
        input.wireBytes = MakeCallback(&WireBytes);
        return input;
    }

    /// @return the predictor
    Ptr<WdmoePredictor> GetPredictor() const
    {
        PointerValue value;
        controller->GetAttribute("Predictor", value);
        return value.Get<WdmoePredictor>();
    }

    Ptr<ScriptedRadio> radio;        ///< does what it is told
    Ptr<WdmoeController> controller; ///< under test
};

/**
 * @ingroup wdmoe-tests
 *
 * Cuts conserve tokens and bits, and are planned stage after stage.
 */
class CutTest : public TestCase
{
  public:
    CutTest()
        : TestCase("cuts conserve tokens and bits, planned stage after stage")
    {
    }

  private:
    /**
     * @param input the block
     * @param d decision on it
     * @param placement of the experts
     * @param most pieces
     * @param exactly whether there are as many, where there are as many tokens
     */
    void Check(const WdmoeBlockInput& input,
               const WdmoeDecision& d,
               const std::vector<uint32_t>& placement,
               uint32_t most,
               bool exactly)
    {
        uint32_t pairs = 0;
        for (uint32_t k = 0; k < d.devices.size(); k++)
        {
            const auto& part = d.devices[k];
            pairs += part.tokens;
            std::vector<uint32_t> next(8, 0);
            uint32_t tokens = 0;
            double extraDown = 0;
            double extraUp = 0;
            double downBits = 0;
            double upBits = 0;
            wdmoe::ShopTimes before;
            NS_TEST_EXPECT_MSG_LT_OR_EQ(part.pieces.size(), most, "at most");
            if (exactly && part.tokens >= most)
            {
                NS_TEST_EXPECT_MSG_EQ(part.pieces.size(), most, "as many as was asked for");
            }
            for (const auto& piece : part.pieces)
            {
                NS_TEST_ASSERT_MSG_GT(piece.tokens, 0, "no empty piece");
                uint32_t sum = 0;
                for (const auto& entry : piece.entries)
                {
                    NS_TEST_EXPECT_MSG_EQ(placement[entry.expert], k, "its own experts");
                    NS_TEST_EXPECT_MSG_EQ(entry.first, next[entry.expert], "each token once");
                    NS_TEST_EXPECT_MSG_GT(entry.tokens, 0, "no empty entry");
                    next[entry.expert] += entry.tokens;
                    sum += entry.tokens;
                }
                NS_TEST_EXPECT_MSG_EQ(sum, piece.tokens, "sum of the entries");
                tokens += piece.tokens;
                downBits += piece.downlinkBits;
                upBits += piece.uplinkBits;
                extraDown +=
                    8.0 * (100 + input.batchBytes + piece.entries.size() * input.batchExpertBytes);
                extraUp += 8.0 * 100;
                NS_TEST_EXPECT_MSG_GT(piece.computeS, 0, "computes");
                const auto& t = piece.planned;
                NS_TEST_EXPECT_MSG_LT_OR_EQ(t.downlinkStartS, t.downlinkEndS, "stages");
                NS_TEST_EXPECT_MSG_LT_OR_EQ(t.downlinkEndS, t.computeStartS + 1e-12, "stages");
                NS_TEST_EXPECT_MSG_LT(t.computeStartS, t.computeEndS, "stages");
                NS_TEST_EXPECT_MSG_LT_OR_EQ(t.computeEndS, t.uplinkStartS + 1e-12, "stages");
                NS_TEST_EXPECT_MSG_LT(t.uplinkStartS, t.uplinkEndS, "stages");
                NS_TEST_EXPECT_MSG_LT_OR_EQ(before.downlinkEndS, t.downlinkEndS, "in order");
                NS_TEST_EXPECT_MSG_LT_OR_EQ(before.computeEndS, t.computeStartS + 1e-12, "order");
                NS_TEST_EXPECT_MSG_LT_OR_EQ(before.uplinkEndS, t.uplinkEndS, "in order");
                before = t;
            }
            NS_TEST_EXPECT_MSG_EQ(tokens, part.tokens, "tokens");
            for (uint32_t e = 0; e < 8; e++)
            {
                NS_TEST_EXPECT_MSG_EQ(next[e],
                                      (placement[e] == k ? d.expertTokens[e] : 0),
                                      "tokens of expert " << e);
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(downBits - extraDown, 16.0 * 1024 * tokens, 1e-6, "bits");
            NS_TEST_EXPECT_MSG_EQ_TOL(upBits - extraUp, 16.0 * 1024 * tokens, 1e-6, "bits");
            if (!part.pieces.empty())
            {
                NS_TEST_EXPECT_MSG_LT_OR_EQ(before.uplinkEndS, d.predictedS + 1e-9, "the block");
            }
        }
        NS_TEST_EXPECT_MSG_EQ(pairs, d.selection.Routed(), "pairs");
    }

    void DoRun() override
    {
        const std::vector<std::vector<uint32_t>> placements = {{0, 1, 2, 3, 0, 1, 2, 3},
                                                               {0, 0, 0, 0, 0, 0, 0, 0},
                                                               {0, 0, 0, 1, 1, 2, 2, 2},
                                                               {3, 3, 2, 2, 1, 1, 0, 0}};
        uint32_t cuts = 0;
        for (const std::string policy : {"topk-stock", "topk-equal", "wdmoe", "scheduled"})
        {
            for (const uint32_t most : {1, 2, 4, 8})
            {
                const bool scheduled = policy == "scheduled";
                const auto attribute =
                    (scheduled ? ":allocator.MaxPieces=" : ":allocator.MicroBatches=") +
                    std::to_string(most);
                Loop loop((scheduled ? "scheduled-fp16-topk" : policy) + attribute);
                for (const auto& placement : placements)
                {
                    loop.controller->SetPlacement(placement);
                    for (const uint32_t tokens : {1, 2, 3, 7, 16, 45})
                    {
                        const auto input = Loop::Block(tokens);
                        const auto d = loop.controller->Decide(input);
                        WdmoeGiveUpAll(loop.controller, d);
                        Check(input, d, placement, most, !scheduled);
                        for (const auto& part : d.devices)
                        {
                            cuts += part.pieces.size() > 1;
                        }
                    }
                }
            }
        }
        NS_TEST_EXPECT_MSG_GT(cuts, 100, "something was cut");

        // Between experts where that is near
        Loop loop("topk-stock:allocator.MicroBatches=2");
        loop.controller->SetPlacement({0, 0, 1, 1, 2, 2, 3, 3});
        const auto d = loop.controller->Decide(Loop::BlockOf({30, 34, 10, 54, 24, 40, 64, 0}));
        const std::vector<std::vector<std::vector<uint32_t>>> expected = {
            {{30}, {34}},     // 2 from the middle
            {{10, 22}, {32}}, // too far: the middle
            {{24}, {40}},     // just near enough
            {{32}, {32}}};    // one expert only
        for (uint32_t k = 0; k < 4; k++)
        {
            std::vector<std::vector<uint32_t>> is;
            for (const auto& piece : d.devices[k].pieces)
            {
                is.emplace_back();
                for (const auto& entry : piece.entries)
                {
                    is.back().push_back(entry.tokens);
                }
            }
            NS_TEST_EXPECT_MSG_EQ((is == expected[k]), true, "boundaries of device " << k);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What goes as planned teaches nothing.
 */
class AsPlannedTest : public TestCase
{
  public:
    AsPlannedTest()
        : TestCase("answers as planned leave what was learned as it is")
    {
    }

  private:
    /**
     * @param policy name and settings
     * @param progress whether the radio says what it grants
     * @param efficiency of the radio, bit/s/Hz
     */
    void Check(const std::string& policy, bool progress, double efficiency)
    {
        std::ostringstream name;
        name << policy << (progress ? " progress " : " ") << efficiency;
        const auto text = name.str();
        Loop loop(policy, [&](auto& c) { c.progress = progress; });
        loop.radio->efficiency = efficiency;
        const auto predictor = loop.GetPredictor();
        const auto prior = predictor->GetCost(0);
        for (const uint32_t tokens : {96, 8, 24, 4, 96, 24, 8, 4, 1, 24})
        {
            const auto d = loop.controller->Decide(Loop::Block(tokens));
            for (uint32_t k = 0; k < 4; k++)
            {
                const auto& part = d.devices[k];
                if (part.pieces.empty())
                {
                    continue;
                }
                WdmoeDeviceOutcome outcome;
                outcome.device = k;
                outcome.answered = true;
                for (uint32_t p = 0; p < part.pieces.size(); p++)
                {
                    const auto& piece = part.pieces[p];
                    const auto& t = piece.planned;
                    WdmoePieceOutcome o;
                    o.device = k;
                    o.piece = p;
                    o.received = Seconds(t.downlinkEndS);
                    o.started = Seconds(t.computeStartS);
                    o.computed = Seconds(t.computeEndS);
                    o.answered = Seconds(t.uplinkEndS);
                    outcome.computedS += piece.computeS;
                    loop.radio->usage[k].downlinkHzS += piece.downlinkBits / efficiency;
                    loop.radio->usage[k].uplinkHzS += piece.uplinkBits / efficiency;
                    loop.controller->ReportPiece(d, o);
                }
                const auto& last = part.pieces.back().planned;
                outcome.measured = {last.downlinkEndS,
                                    last.computeEndS - last.downlinkEndS,
                                    last.uplinkEndS - last.computeEndS};
                outcome.uplinkActiveS = outcome.measured.uplinkS;
                loop.controller->Report(d, outcome);
            }
        }
        for (uint32_t k = 0; k < 4; k++)
        {
            const auto cost = predictor->GetCost(k);
            NS_TEST_EXPECT_MSG_EQ_TOL(cost.downlinkFixedS, prior.downlinkFixedS, 1e-9, text);
            NS_TEST_EXPECT_MSG_EQ_TOL(cost.uplinkFixedS, prior.uplinkFixedS, 1e-9, text);
            NS_TEST_EXPECT_MSG_EQ_TOL(cost.computeFixedS, 0, 1e-9, text);
            NS_TEST_EXPECT_MSG_EQ_TOL(cost.downlinkScale, 1, 1e-6, text);
            NS_TEST_EXPECT_MSG_EQ_TOL(cost.uplinkScale, 1, 1e-6, text);
            NS_TEST_EXPECT_MSG_EQ_TOL(cost.computeScale, 1, 1e-6, text);
        }
    }

    void DoRun() override
    {
        for (const std::string policy : {"scheduled-fp16-topk",
                                         "scheduled-fp16-topk:controller.EarlyGrants=false",
                                         "topk-stock:allocator.MicroBatches=8",
                                         "wdmoe"})
        {
            for (const double efficiency : {2., 20.})
            {
                Check(policy, true, efficiency);
                Check(policy, false, efficiency);
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The controller follows grants: it tells the radio of answers, and plans anew when late.
 */
class FollowTest : public TestCase
{
  public:
    FollowTest()
        : TestCase("grants are followed: answers expected, plans made anew")
    {
    }

  private:
    /**
     * @param policy with settings
     * @param late the grants are, more than planned
     * @return plans after the first
     */
    std::size_t Replans(const std::string& policy, Time late)
    {
        Loop loop(policy);
        std::size_t plans = 0;
        Simulator::Schedule(MilliSeconds(10), [&]() {
            const auto d = loop.controller->Decide(Loop::Block(32));
            for (uint32_t k = 0; k < 4; k++)
            {
                for (const auto& piece : d.devices[k].pieces)
                {
                    const Time arrival = Seconds(piece.planned.downlinkEndS) + late;
                    Simulator::Schedule(arrival - loop.radio->capabilities.downlinkLead,
                                        &ScriptedRadio::Grant,
                                        loop.radio,
                                        k,
                                        true,
                                        static_cast<uint32_t>(piece.downlinkBits / 8));
                }
            }
        });
        Simulator::Run();
        plans = loop.radio->plans.size() - 1;
        for (const auto& plan : loop.radio->plans)
        {
            NS_TEST_EXPECT_MSG_EQ(WdmoeRadio::CheckPlan(plan, 4), "", "a plan");
        }
        return plans;
    }

    void DoRun() override
    {
        const std::string scheduled = "scheduled-fp16-topk";
        NS_TEST_EXPECT_MSG_EQ(Replans(scheduled, Time(0)), 0, "on time");
        NS_TEST_EXPECT_MSG_EQ(Replans(scheduled, MilliSeconds(9)), 0, "not late enough");
        NS_TEST_EXPECT_MSG_GT(Replans(scheduled, MilliSeconds(15)), 0, "late");
        NS_TEST_EXPECT_MSG_EQ(Replans(scheduled + ":controller.ReplanAfter=0ms", MilliSeconds(50)),
                              0,
                              "never");
        NS_TEST_EXPECT_MSG_EQ(
            Replans(scheduled + ":controller.ReplanAfter=100ms", MilliSeconds(50)),
            0,
            "later than that");
        NS_TEST_EXPECT_MSG_EQ(Replans("topk-allocated", MilliSeconds(50)), 0, "no plan over time");
        Expect();
        LateAnswer();
    }

    /// ExpectUplink() once for each piece, when it is ready, and a little later
    void Expect()
    {
        for (const std::string setting : {"", ":controller.EarlyGrants=false"})
        {
            Loop loop("scheduled-fp16-topk:controller.EarlyBytes=20000" + setting);
            for (uint32_t k = 0; k < 4; k++)
            {
                for (uint32_t i = 0; i < 50; i++)
                {
                    loop.GetPredictor()->LearnReady(k, i % 2 == 0 ? 0.0005 : 0.0015);
                }
            }
            const auto cost = loop.GetPredictor()->GetCost(0);
            const Time bias = Seconds(cost.readyBiasS + cost.readySpreadS);
            NS_TEST_EXPECT_MSG_EQ_TOL(bias.GetSeconds(), 0.0015, 1e-4, "mean and spread");
            WdmoeDecision d;
            std::vector<ScriptedRadio::Expectation> expected;
            std::vector<Time> free(4);
            Simulator::Schedule(MilliSeconds(10), [&]() {
                d = loop.controller->Decide(Loop::Block(64));
                Time at = MilliSeconds(2);
                for (uint32_t i = 0; i < 8; i++)
                {
                    for (uint32_t k = 0; k < 4; k++)
                    {
                        if (i >= d.devices[k].pieces.size())
                        {
                            continue;
                        }
                        // in two grants
                        const auto& piece = d.devices[k].pieces[i];
                        const auto bytes = static_cast<uint32_t>(piece.downlinkBits / 8);
                        for (const uint32_t part : {bytes / 3, bytes - bytes / 3})
                        {
                            at += MicroSeconds(1500);
                            Simulator::Schedule(at,
                                                &ScriptedRadio::Grant,
                                                loop.radio,
                                                k,
                                                true,
                                                part);
                        }
                        const Time arrival =
                            MilliSeconds(10) + at + loop.radio->capabilities.downlinkLead;
                        free[k] = Max(free[k], arrival) + Seconds(piece.computeS);
                        expected.push_back(
                            {k, std::min<uint64_t>(piece.uplinkBits / 8, 20000), free[k] + bias});
                    }
                }
            });
            Simulator::Run();
            const auto& told = loop.radio->expectations;
            if (!setting.empty())
            {
                NS_TEST_EXPECT_MSG_EQ(told.size(), 0, "not wanted");
                continue;
            }
            NS_TEST_ASSERT_MSG_EQ(told.size(), expected.size(), "once for each piece");
            NS_TEST_EXPECT_MSG_GT(told.size(), 4, "pieces");
            for (std::size_t i = 0; i < told.size(); i++)
            {
                NS_TEST_EXPECT_MSG_EQ(told[i].device, expected[i].device, "device");
                NS_TEST_EXPECT_MSG_EQ(told[i].bytes, expected[i].bytes, "bytes");
                NS_TEST_EXPECT_MSG_EQ_TOL((told[i].when - expected[i].when).GetSeconds(),
                                          0,
                                          1e-8,
                                          "when");
            }
        }
    }

    /// An answer that comes late, or not at all, is not planned with any more
    void LateAnswer()
    {
        Loop loop("scheduled-fp16-topk:allocator.MaxPieces=1");
        Simulator::Schedule(MilliSeconds(10), [&]() {
            const auto d = loop.controller->Decide(Loop::Block(32));
            WdmoePieceOutcome o;
            o.answered = MilliSeconds(10) + Seconds(d.devices[0].pieces[0].planned.uplinkEndS) +
                         MilliSeconds(20);
            Simulator::Schedule(o.answered - Simulator::Now(), [=, &loop]() {
                loop.controller->ReportPiece(d, o);
                loop.controller->ReportPiece(d, o); // twice is once
            });
        });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(loop.radio->plans.size(), 2, "a late answer");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A radio without priorities gets none, and that is said once.
 */
class NoPriorityTest : public TestCase
{
  public:
    NoPriorityTest()
        : TestCase("a radio without priorities is given weights, said once")
    {
    }

  private:
    void DoRun() override
    {
        Heard heard;
        Loop loop("scheduled-fp16-topk", [](auto& c) { c.priority = false; });
        for (uint32_t i = 0; i < 3; i++)
        {
            const auto d = loop.controller->Decide(Loop::Block(20));
            WdmoeGiveUpAll(loop.controller, d);
            for (const auto& shares : {d.plan.downlink, d.plan.uplink})
            {
                for (const auto& share : shares)
                {
                    NS_TEST_EXPECT_MSG_EQ(share.priority, shares[0].priority, "all alike");
                    NS_TEST_EXPECT_MSG_GT(share.weight, 0, "a part in the leftover");
                }
            }
        }
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines(), 1, heard.Get());
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines("weights instead"), 1, heard.Get());
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A device that the radio does not hear is left out, and comes back.
 */
class UnreachableTest : public TestCase
{
  public:
    UnreachableTest()
        : TestCase("a device out of coverage is left out until it is heard again")
    {
    }

  private:
    /**
     * @param policy name
     */
    void Check(const std::string& policy)
    {
        Heard heard;
        Loop loop(policy);
        const auto input = Loop::Block(40);
        // in flight when it goes away
        const auto first = loop.controller->Decide(input);
        NS_TEST_EXPECT_MSG_EQ(first.pairsUnreachable, 0, policy);
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines(), 0, heard.Get());
        loop.radio->heard[2] = false;
        std::vector<WdmoeDecision> decisions;
        for (uint32_t i = 0; i < 3; i++)
        {
            const auto d = loop.controller->Decide(input);
            decisions.push_back(d);
            NS_TEST_EXPECT_MSG_EQ(d.devices[2].tokens, 0, policy);
            NS_TEST_EXPECT_MSG_EQ(d.devices[2].pieces.size(), 0, policy);
            NS_TEST_EXPECT_MSG_EQ(std::isfinite(d.predictedS), true, policy);
            NS_TEST_EXPECT_MSG_GT(d.pairsUnreachable, 0, policy);
            NS_TEST_EXPECT_MSG_LT(d.gateMassKept, 1, policy);
            const auto& s = d.selection;
            for (std::size_t j = 0; j < s.tokens; j++)
            {
                double sum = 0;
                bool any = false;
                for (std::size_t slot = j * s.slots; slot < (j + 1) * s.slots; slot++)
                {
                    any = any || s.expert[slot] >= 0;
                    sum += s.combine[slot];
                    NS_TEST_EXPECT_MSG_EQ((s.expert[slot] == 2 || s.expert[slot] == 6),
                                          false,
                                          policy << ": an expert of device 2");
                    NS_TEST_EXPECT_MSG_EQ((s.expert[slot] < 0), (s.combine[slot] == 0), policy);
                }
                NS_TEST_EXPECT_MSG_EQ_TOL(sum, (any ? 1 : 0), 1e-12, policy << ": renormalised");
            }
            // a plan made anew while it is away
            Simulator::Run();
        }
        // top-k: token j on experts j, j + 1 mod 8; experts 2 and 6: half of the tokens, twice
        if (policy.find("topk") != std::string::npos)
        {
            NS_TEST_EXPECT_MSG_EQ(decisions[0].pairsUnreachable, 20, policy);
            NS_TEST_EXPECT_MSG_EQ(decisions[0].selection.Routed(), 60, policy);
        }
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines(), 1, heard.Get());
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines("device 2"), 1, heard.Get());

        loop.radio->heard[2] = true;
        const auto back = loop.controller->Decide(input);
        NS_TEST_EXPECT_MSG_EQ(back.pairsUnreachable, 0, policy);
        NS_TEST_EXPECT_MSG_GT(back.devices[2].tokens, 0, policy << ": it is back");
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines(), 1, heard.Get());
        loop.radio->heard[2] = false;
        loop.controller->Decide(input);
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines("device 2"), 2, "lost again, said again");

        // nobody is heard
        for (uint32_t k = 0; k < 4; k++)
        {
            loop.radio->heard[k] = false;
        }
        const auto none = loop.controller->Decide(input);
        NS_TEST_EXPECT_MSG_EQ(none.selection.Routed(), 0, policy);
        NS_TEST_EXPECT_MSG_EQ(none.gateMassKept, 0, policy);
    }

    void DoRun() override
    {
        const std::string prices = "precision.PriceFile=models/wdmoe-lm-base/sensitivity.json";
        for (const auto& policy : {std::string("topk-stock"),
                                   std::string("topk-equal"),
                                   std::string("topk-allocated"),
                                   std::string("topk-allocated-strict"),
                                   std::string("wdmoe"),
                                   std::string("scheduled-fp16-topk"),
                                   "scheduled:" + prices})
        {
            Check(policy);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Requests from a list.
 */
class ListRequestSource : public WdmoeRequestSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::WdmoeListRequestSource").SetParent<WdmoeRequestSource>();
        return tid;
    }

    bool Next(WdmoeRequest& request) override
    {
        if (m_next == requests.size())
        {
            return false;
        }
        request = requests[m_next++];
        return true;
    }

    std::vector<WdmoeRequest> requests; ///< in order of arrival

  private:
    std::size_t m_next{0}; ///< index
};

/**
 * @ingroup wdmoe-tests
 *
 * Half the bits for the device with index 1.
 */
class OneCoarsePrecision : public WdmoePrecisionPolicy
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::WdmoeOneCoarsePrecision")
                                .SetParent<WdmoePrecisionPolicy>()
                                .AddConstructor<OneCoarsePrecision>();
        return tid;
    }

    std::vector<WdmoePrecisionChoice> Decide(const WdmoePrecisionInput& input) override
    {
        std::vector<WdmoePrecisionChoice> choices(input.pairs.size(), input.configured);
        choices[1] = {wdmoe::Precision::INT8, wdmoe::Precision::INT8};
        return choices;
    }
};

NS_OBJECT_ENSURE_REGISTERED(OneCoarsePrecision);

/**
 * @ingroup wdmoe-tests
 *
 * Everything from the gate to the experts, small.
 */
class Deployment
{
  public:
    /// How to make it
    struct Settings
    {
        std::string policy{"scheduled-fp16-topk"};         ///< name and settings
        bool lte{true};                                    ///< false: ideal links
        std::vector<double> distances{50, 55, 60, 65};     ///< of the devices, m
        std::string scheduler{"ns3::WdmoeFfMacScheduler"}; ///< TypeId
        bool idealRrc{true};                               ///< RRC
        double coreLoss{0};                                ///< of IP packets
        uint32_t blocks{4};                                ///< of the model
        Time most{Seconds(100)};                           ///< it is stopped then
        /// arrival (s), prompt and output tokens of each request
        std::vector<std::tuple<double, uint32_t, uint32_t>> requests{{0, 16, 2}};
    };

    /**
     * @param settings how to make it
     */
    explicit Deployment(const Settings& settings)
        : devices(settings.distances.size()),
          m_settings(settings)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        WdmoeResetStreams();
        auto station = CreateObject<Node>();
        auto at = CreateObject<ConstantPositionMobilityModel>();
        at->SetPosition(Vector(0, 0, 10));
        station->AggregateObject(at);
        for (uint32_t k = 0; k < devices.GetN(); k++)
        {
            devices.Get(k)->AggregateObject(CreateObject<ConstantPositionMobilityModel>());
            Move(k, settings.distances[k]);
        }
        const auto policy = WdmoePolicy::Find(settings.policy);
        if (settings.lte)
        {
            WdmoeLteRadioHelper helper;
            helper.SetAttribute("Bandwidth", UintegerValue(25));
            helper.SetAttribute("Scheduler", StringValue(settings.scheduler));
            helper.SetAttribute("IdealRrc", BooleanValue(settings.idealRrc));
            helper.SetAttribute("CoreLoss", DoubleValue(settings.coreLoss));
            helper.SetPathlossModel("ns3::LogDistancePropagationLossModel");
            helper.SetPathlossModelAttribute("Exponent", DoubleValue(3.5));
            radio = helper.Install(station, devices);
        }
        else
        {
            WdmoeIdealRadioHelper helper;
            helper.SetAttribute("Bandwidth", DoubleValue(2e6));
            radio = helper.Install(station, devices);
        }
        radio->AssignStreams(100);
        auto model = WdmoeModelDescription::Load("mixtral-8x7b");
        model.blocks = settings.blocks;
        model.expert.hidden = 512;
        model.expert.inner = 2048;
        const std::vector<wdmoe::DeviceProfile> profiles(
            devices.GetN(),
            WdmoeLoadDeviceProfile("jetson-orin-nano"));
        WdmoeOptimizerHelper optimizer;
        optimizer.SetPolicy(policy);
        controller = optimizer.Install(radio, model, profiles);
        auto gates = CreateObject<WdmoeSyntheticGateSource>();
        gates->AssignStreams(1000);
        auto source = CreateObject<ListRequestSource>();
        for (const auto& [arrival, prompt, output] : settings.requests)
        {
            WdmoeRequest request;
            request.id = source->requests.size();
            request.arrival = Seconds(arrival);
            request.promptTokens = prompt;
            request.outputTokens = output;
            source->requests.push_back(request);
            m_tokensIn += prompt;
            m_tokensOut += output;
        }
        WdmoeGatingServerHelper serverHelper(model);
        for (const auto& [part, attribute, value] : policy.settings)
        {
            if (part == "server")
            {
                serverHelper.SetAttribute(attribute, StringValue(value));
            }
        }
        server = serverHelper.Install(controller, gates, source);
        WdmoeExpertNodeHelper nodeHelper(model, profiles);
        nodes = nodeHelper.Install(controller);
        nodes.Start(MilliSeconds(100));
        server->TraceConnectWithoutContext(
            "Block",
            Callback<void, const WdmoeBlockRecord&>(
                [this](const auto& block) { blocks.push_back(block); }));
        server->TraceConnectWithoutContext(
            "Request",
            Callback<void, const WdmoeRequestRecord&>(
                [this](const auto& request) { requests.push_back(request); }));
        server->TraceConnectWithoutContext("Done", Callback<void>([]() {
                                               Simulator::Stop(MilliSeconds(100));
                                           }));
        radio->TraceConnectWithoutContext(
            "Grant",
            Callback<void, uint32_t, bool, uint32_t>(
                [this](uint32_t device, bool downlink, uint32_t bytes) {
                    granted[{device, downlink}] += bytes;
                }));
    }

    ~Deployment()
    {
        Simulator::Destroy();
    }

    /**
     * @param device index
     * @param distance of the base station, m
     */
    void Move(uint32_t device, double distance)
    {
        devices.Get(device)->GetObject<MobilityModel>()->SetPosition(Vector(distance, 0, 1.5));
    }

    /**
     * @return what is wrong with what came out; empty if nothing is
     */
    std::string Run()
    {
        Simulator::Stop(m_settings.most);
        Simulator::Run();
        report = server->GetReport();
        std::ostringstream wrong;
        if (report.unfinished > 0 || requests.size() != m_settings.requests.size())
        {
            wrong << report.unfinished << " unfinished, " << requests.size() << " finished; ";
        }
        if (report.tokensIn != m_tokensIn || report.tokensOut != m_tokensOut)
        {
            wrong << "tokens " << report.tokensIn << " of " << m_tokensIn << " in, "
                  << report.tokensOut << " of " << m_tokensOut << " out; ";
        }
        if (report.batchesSent != report.answers + report.answersMissing ||
            report.answersRefused > 0)
        {
            wrong << "batches " << report.batchesSent << ", answers " << report.answers
                  << ", missing " << report.answersMissing << ", refused " << report.answersRefused
                  << "; ";
        }
        // blocks of a request follow one another
        std::map<uint64_t, std::tuple<uint32_t, uint32_t, Time>> last;
        for (const auto& b : blocks)
        {
            const auto found = last.find(b.request);
            if (found == last.end() ? b.pass != 0 || b.block != 0
                                    : !next(found->second, b, m_settings.blocks))
            {
                wrong << "request " << b.request << " pass " << b.pass << " block " << b.block
                      << " is out of order; ";
            }
            last[b.request] = {b.pass, b.block, b.start + b.latency};
            uint32_t tokens = 0;
            uint32_t missing = 0;
            for (const auto& piece : b.pieces)
            {
                tokens += piece.tokens;
                missing += piece.answered ? 0 : piece.tokens;
            }
            // what was left out was not sent
            if (b.pairsRouted - tokens != b.pairsMissing - missing ||
                (b.pairsMissing > 0) != (b.gateMassKept < 1))
            {
                wrong << "request " << b.request << " block " << b.block << ": " << b.pairsRouted
                      << " pairs, " << tokens << " sent, " << b.pairsMissing << " missing, "
                      << missing << " not answered, mass " << b.gateMassKept << "; ";
            }
        }
        return wrong.str();
    }

    NodeContainer devices;                                 ///< with mobility
    Ptr<WdmoeRadio> radio;                                 ///< LTE or ideal
    Ptr<WdmoeController> controller;                       ///< decides
    Ptr<WdmoeGatingServer> server;                         ///< serves
    ApplicationContainer nodes;                            ///< experts
    std::vector<WdmoeBlockRecord> blocks;                  ///< in order of their ends
    std::vector<WdmoeRequestRecord> requests;              ///< in order of their ends
    WdmoeServerReport report;                              ///< after Run()
    std::map<std::pair<uint32_t, bool>, uint64_t> granted; ///< bytes, by device and direction

  private:
    /**
     * @param before pass, block and end of a block
     * @param b the next of that request
     * @param blocks of the model
     * @return whether it is the next
     */
    static bool next(const std::tuple<uint32_t, uint32_t, Time>& before,
                     const WdmoeBlockRecord& b,
                     uint32_t blocks)
    {
        const auto& [pass, block, end] = before;
        const bool wraps = block + 1 == blocks;
        return b.pass == pass + wraps && b.block == (wraps ? 0 : block + 1) && b.start >= end;
    }

    Settings m_settings;     ///< how it was made
    uint64_t m_tokensIn{0};  ///< asked
    uint64_t m_tokensOut{0}; ///< asked
};

/**
 * @ingroup wdmoe-tests
 *
 * Several requests at a time, over either radio.
 */
class InFlightTest : public TestCase
{
  public:
    InFlightTest()
        : TestCase("1, 2 and 4 requests in flight: all end, in order, nothing lost")
    {
    }

  private:
    void DoRun() override
    {
        for (const bool lte : {false, true})
        {
            for (const std::string policy : {"scheduled-fp16-topk", "topk-allocated"})
            {
                Time first;
                for (const uint32_t most : {1, 2, 4})
                {
                    Deployment d({.policy = policy + ":server.MaxInFlight=" + std::to_string(most) +
                                            (policy[0] == 't' ? ":allocator.MicroBatches=4" : ""),
                                  .lte = lte,
                                  .blocks = 3,
                                  .requests = {{0, 24, 2},
                                               {0, 8, 3},
                                               {0.001, 16, 1},
                                               {0.002, 24, 2},
                                               {0.02, 8, 2}}});
                    const auto wrong = d.Run();
                    NS_TEST_EXPECT_MSG_EQ(wrong, "", policy << " in flight " << most);
                    NS_TEST_EXPECT_MSG_EQ(d.report.answersMissing, 0, "nothing is missing");
                    uint32_t together = 0;
                    Time end;
                    for (const auto& b : d.blocks)
                    {
                        together = std::max(together, b.inFlight);
                        end = Max(end, b.start + b.latency);
                    }
                    NS_TEST_EXPECT_MSG_LT_OR_EQ(together, most, "in flight");
                    NS_TEST_EXPECT_MSG_GT_OR_EQ(together, std::min(most, 2U), "really");
                    const Time span = end - d.requests.front().arrival;
                    first = most == 1 ? span : first;
                    // not slower, but for what planning without knowing the future may cost
                    NS_TEST_EXPECT_MSG_LT(span, 1.1 * first, policy << " in flight " << most);
                    if (Verbose())
                    {
                        std::printf("%s %-20s in flight %u: %.1f ms, %lu batches\n",
                                    lte ? "lte  " : "ideal",
                                    policy.c_str(),
                                    most,
                                    1e3 * span.GetSeconds(),
                                    static_cast<unsigned long>(d.report.batchesSent));
                    }
                }
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A real model says the same however its batches are cut and its requests interleaved.
 */
class RealInFlightTest : public TestCase
{
  public:
    RealInFlightTest()
        : TestCase("a real model: the same bits in flight and in micro-batches")
    {
    }

  private:
    void DoRun() override
    {
        WdmoeComparisonHelper comparison("same");
        comparison.model = "wdmoe-lm-base";
        comparison.requests = 5;
        comparison.maxItemTokens = 48;
        comparison.timeScale = 0.001;
        comparison.downlinkPrecision = comparison.uplinkPrecision = "fp32";
        comparison.policies = "topk-allocated,topk-allocated:server.MaxInFlight=3,"
                              "topk-allocated:allocator.MicroBatches=8:server.MaxInFlight=3,"
                              "scheduled-fp16-topk:server.MaxInFlight=3";
        {
            Heard table(std::cout);
            comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
                return WdmoeIdealRadioHelper().Install(server, devices);
            });
        }
        std::map<uint64_t, WdmoeRequestScore> alone;
        for (const auto& policy : WdmoePolicy::Parse(comparison.policies))
        {
            const auto& results = comparison.GetResults();
            uint32_t together = 0;
            std::size_t pieces = 0;
            for (const auto& b : results.GetBlocks(policy.name))
            {
                together = std::max(together, b.inFlight);
                pieces = std::max(pieces, b.pieces.size() - b.devices.size());
            }
            const bool first = alone.empty();
            NS_TEST_EXPECT_MSG_EQ((together > 1), !first, policy.name << " in flight");
            NS_TEST_EXPECT_MSG_EQ((pieces > 0 || policy.name.find("Micro") == std::string::npos),
                                  true,
                                  policy.name << " cut");
            NS_TEST_ASSERT_MSG_EQ(results.GetRequests(policy.name).size(), 5, policy.name);
            for (const auto& r : results.GetRequests(policy.name))
            {
                const auto& s = first ? alone[r.request] = r.score : alone.at(r.request);
                NS_TEST_EXPECT_MSG_EQ(r.score.bits, s.bits, policy.name);
                NS_TEST_EXPECT_MSG_EQ(r.score.generated, s.generated, policy.name);
                NS_TEST_EXPECT_MSG_EQ(r.score.exact, s.exact, policy.name);
                NS_TEST_EXPECT_MSG_EQ(r.score.divergence, 0, policy.name);
                NS_TEST_EXPECT_MSG_EQ(r.score.agreeing, r.score.compared, policy.name);
                NS_TEST_EXPECT_MSG_EQ(r.pairsMissing, 0, policy.name);
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A device goes out of coverage while it answers, and comes back.
 */
class LostDeviceTest : public TestCase
{
  public:
    /**
     * @param idealRrc RRC beside the air, or over it
     * @param policy name and settings
     */
    LostDeviceTest(bool idealRrc, const std::string& policy)
        : TestCase("a device lost while it answers, " + policy + (idealRrc ? ", ideal" : ", real") +
                   " RRC"),
          m_idealRrc(idealRrc),
          m_policy(policy)
    {
    }

  private:
    void DoRun() override
    {
        const uint32_t lost = 2;
        Heard heard;
        Deployment d({.policy = m_policy + ":server.LostTimeout=400ms",
                      .idealRrc = m_idealRrc,
                      .requests = {{0, 96, 2}, {0, 64, 2}, {4, 16, 2}, {9, 16, 2}}});
        Time gone;
        Time invalid;
        d.radio->TraceConnectWithoutContext(
            "Grant",
            Callback<void, uint32_t, bool, uint32_t>(
                [&](uint32_t device, bool downlink, uint32_t bytes) {
                    if (device == lost && !downlink && bytes > 200 && !d.blocks.empty() &&
                        gone.IsZero())
                    {
                        gone = Simulator::Now();
                        Simulator::ScheduleNow(&Deployment::Move, &d, lost, 1e5);
                    }
                }));
        d.radio->TraceConnectWithoutContext(
            "LinkState",
            Callback<void, uint32_t, const WdmoeLinkState&>([&](uint32_t device,
                                                                const WdmoeLinkState& state) {
                const bool valid = state.downlink.valid && state.uplink.valid;
                invalid = device == lost && !valid && invalid.IsZero() ? Simulator::Now() : invalid;
            }));
        Simulator::Schedule(Seconds(6.5), &Deployment::Move, &d, lost, 60);
        NS_TEST_EXPECT_MSG_EQ(d.Run(), "", m_policy);
        NS_TEST_ASSERT_MSG_EQ(gone.IsStrictlyPositive(), true, "it answered");
        uint32_t hit = 0;
        uint32_t without = 0;
        uint32_t with = 0;
        Time longest;
        for (const auto& b : d.blocks)
        {
            const bool has = std::any_of(b.devices.begin(), b.devices.end(), [&](const auto& r) {
                return r.device == lost;
            });
            uint32_t others = 0;
            for (const auto& r : b.devices)
            {
                others += !r.answered && r.device != lost;
            }
            NS_TEST_EXPECT_MSG_EQ(others, 0, "all others answer");
            hit += has && b.pairsMissing > 0;
            longest = b.pairsMissing > 0 && has ? Max(longest, b.latency) : longest;
            if (b.request == 2)
            {
                NS_TEST_EXPECT_MSG_EQ(has, false, "left out");
                without++;
            }
            if (b.request == 3)
            {
                NS_TEST_EXPECT_MSG_EQ(b.pairsMissing, 0, "all is there again");
                with += has;
            }
        }
        NS_TEST_EXPECT_MSG_GT(hit, 0, "the block that it was lost in");
        NS_TEST_EXPECT_MSG_LT(longest, Seconds(3), "given up by LostTimeout");
        NS_TEST_EXPECT_MSG_EQ(without, 8, "blocks without it");
        NS_TEST_EXPECT_MSG_GT(with, 0, "it has joined again");
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines("WdmoeController: device 2"), 1, heard.Get());
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines("WdmoeController"), 1, heard.Get());
        if (Verbose())
        {
            std::printf("%s, %s RRC: lost at %.3f s; %u block(s) hit, the longest %.0f ms; left "
                        "out %.0f ms after; %lu batches, %lu answers, %lu missing, %lu late\n",
                        m_policy.c_str(),
                        m_idealRrc ? "ideal" : "real",
                        gone.GetSeconds(),
                        hit,
                        1e3 * longest.GetSeconds(),
                        1e3 * (invalid - gone).GetSeconds(),
                        static_cast<unsigned long>(d.report.batchesSent),
                        static_cast<unsigned long>(d.report.answers),
                        static_cast<unsigned long>(d.report.answersMissing),
                        static_cast<unsigned long>(d.report.answersLate));
        }
    }

    bool m_idealRrc;      ///< RRC beside the air
    std::string m_policy; ///< name and settings
};

/**
 * @ingroup wdmoe-tests
 *
 * Datagrams are lost in the core network.
 */
class LostDatagramTest : public TestCase
{
  public:
    LostDatagramTest()
        : TestCase("lost datagrams: sent again, or given up and missing, and never waited for")
    {
    }

  private:
    void DoRun() override
    {
        for (const bool retry : {true, false})
        {
            Config::SetDefault("ns3::WdmoeUdpTransport::MaxRetries", UintegerValue(retry ? 15 : 0));
            Deployment d({.policy = "scheduled-fp16-topk:server.MaxInFlight=2:"
                                    "server.HelloTimeout=60s",
                          .coreLoss = 0.05,
                          .most = Seconds(400),
                          .requests = {{0, 32, 3}, {0, 24, 3}, {1, 16, 3}, {1, 16, 3}}});
            const auto wrong = d.Run();
            Config::Reset();
            NS_TEST_EXPECT_MSG_EQ(wrong, "", "retry " << retry);
            Time longest;
            for (const auto& b : d.blocks)
            {
                longest = Max(longest, b.latency);
            }
            uint64_t lostAnswers = 0;
            uint64_t again = d.server->GetCounters().retransmissions;
            for (uint32_t k = 0; k < d.nodes.GetN(); k++)
            {
                const auto& c = DynamicCast<WdmoeExpertNode>(d.nodes.Get(k))->GetCounters();
                lostAnswers += c.messagesLost;
                again += c.retransmissions;
            }
            NS_TEST_EXPECT_MSG_EQ((d.report.answersMissing == 0), retry, "missing");
            NS_TEST_EXPECT_MSG_GT(again, 0, "retransmissions");
            NS_TEST_EXPECT_MSG_EQ((lostAnswers == 0), retry, "answers were given up too");
            NS_TEST_EXPECT_MSG_LT(longest, Seconds(10), "no block waits for long");
            if (Verbose())
            {
                std::printf("core loss 5 %%, %s: %lu batches, %lu answers, %lu missing, %lu late; "
                            "%lu retransmissions, given up by server %lu, by devices %lu; longest "
                            "block %.2f s, end %.1f s\n",
                            retry ? "15 retries" : "no retries",
                            static_cast<unsigned long>(d.report.batchesSent),
                            static_cast<unsigned long>(d.report.answers),
                            static_cast<unsigned long>(d.report.answersMissing),
                            static_cast<unsigned long>(d.report.answersLate),
                            static_cast<unsigned long>(again),
                            static_cast<unsigned long>(d.server->GetCounters().messagesLost),
                            static_cast<unsigned long>(lostAnswers),
                            longest.GetSeconds(),
                            Simulator::Now().GetSeconds());
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A device that has gone to the edge of the cell: slow, but its blocks end.
 */
class EdgeTest : public TestCase
{
  public:
    EdgeTest()
        : TestCase("a device at the edge of the cell: its blocks end, or it is named")
    {
    }

  private:
    /**
     * @param policy name
     * @param distance to which device 3 goes, m
     * @return latency of the longest block
     */
    Time Run(const std::string& policy, double distance)
    {
        const bool stock = policy == "topk-stock";
        Heard heard;
        Deployment d({.policy = policy,
                      .scheduler = stock ? "ns3::RrFfMacScheduler" : "ns3::WdmoeFfMacScheduler",
                      .blocks = 2,
                      .requests = {{0.5, 12, 2}}});
        Simulator::Schedule(Seconds(0.3), &Deployment::Move, &d, 3, distance);
        WdmoeLinkState state;
        Simulator::Schedule(Seconds(0.6), [&]() { state = d.radio->GetLinkState(3); });
        NS_TEST_EXPECT_MSG_EQ(d.Run(), "", policy << " " << distance);
        Time longest;
        uint64_t tokens = 0;
        for (const auto& b : d.blocks)
        {
            longest = Max(longest, b.latency);
            for (const auto& r : b.devices)
            {
                tokens += r.device == 3 && r.answered ? r.tokens : 0;
                NS_TEST_EXPECT_MSG_EQ((r.answered || r.device == 3), true, "the others answer");
            }
        }
        const bool left = heard.CountLines("WdmoeController: device 3 ") > 0;
        NS_TEST_EXPECT_MSG_EQ((tokens > 0 || left || d.report.answersMissing > 0),
                              true,
                              "served, or left out and said, or given up");
        NS_TEST_EXPECT_MSG_EQ(heard.CountLines(), left, heard.Get());
        if (Verbose())
        {
            std::printf("%s, device 3 at %.0f m (%s, %.3f bit/s/Hz down; %s, %.0f kbit/s up): "
                        "%lu tokens answered, %lu batches missing, %s; longest block %.2f s\n",
                        policy.c_str(),
                        distance,
                        state.downlink.valid ? "heard" : "not heard",
                        state.downlink.law.Rate(1e6) / 1e6,
                        state.uplink.valid ? "heard" : "not heard",
                        1e-3 * state.uplink.law.Rate(4.5e6),
                        static_cast<unsigned long>(tokens),
                        static_cast<unsigned long>(d.report.answersMissing),
                        left ? "then left out" : "never left out",
                        longest.GetSeconds());
        }
        return longest;
    }

    /**
     * A block that does not end says whose answer it waits for.
     *
     * @param policy name
     * @param distance to which device 3 goes, m
     */
    void Stuck(const std::string& policy, double distance)
    {
        const auto message = AbortMessage([&]() {
            Heard::echo = true;
            Config::SetDefault("ns3::WdmoeWatchdog::Timeout", TimeValue(Seconds(15)));
            Run(policy, distance);
        });
        NS_TEST_EXPECT_MSG_NE(message.find("WdmoeWatchdog: no progress for +1"),
                              std::string::npos,
                              message);
        NS_TEST_EXPECT_MSG_NE(message.find("    device 3: batch "), std::string::npos, message);
        if (Verbose())
        {
            std::printf("%s, device 3 at %.0f m: no progress for 15 s\n", policy.c_str(), distance);
        }
    }

    void DoRun() override
    {
        const std::string scheduled = "scheduled-fp16-topk";
        // the lowest CQI begins at 285 m, and ends at 320 m
        NS_TEST_EXPECT_MSG_GT(Run(scheduled, 270), MilliSeconds(100), "slow");
        NS_TEST_EXPECT_MSG_GT(Run(scheduled, 290), MilliSeconds(300), "slower");
        Stuck(scheduled, 310);
        NS_TEST_EXPECT_MSG_LT(Run(scheduled, 340), MilliSeconds(100), "left out");
        // RR sends an uplink over the whole band: its edge is nearer
        NS_TEST_EXPECT_MSG_GT(Run("topk-stock", 200), MilliSeconds(100), "slow");
        NS_TEST_EXPECT_MSG_LT(Run("topk-stock", 260), MilliSeconds(100), "left out");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * All policies that have a name, over a fading cell whose devices walk.
 */
class NamedPoliciesTest : public TestCase
{
  public:
    NamedPoliciesTest()
        : TestCase("every named policy on a drop with fading, speed and an edge")
    {
    }

  private:
    void DoRun() override
    {
        WdmoeComparisonHelper comparison("named");
        comparison.requests = 2;
        comparison.maxPromptTokens = 4;
        comparison.maxOutputTokens = 1;
        comparison.blocks = 2;
        comparison.timeScale = 0.01;
        comparison.minDistance = 30;
        comparison.maxDistance = 180;
        comparison.speed = 30;
        comparison.policies = "";
        for (const auto& policy : WdmoePolicy::GetNamed())
        {
            comparison.policies += (comparison.policies.empty() ? "" : ",") + policy.name;
        }
        {
            Heard table(std::cout);
            Heard messages;
            comparison.Run([](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
                WdmoeLteRadioHelper radio;
                radio.SetAttribute("Bandwidth", UintegerValue(25));
                radio.SetAttribute("Scheduler",
                                   StringValue(policy.stock ? "ns3::PfFfMacScheduler"
                                                            : "ns3::WdmoeFfMacScheduler"));
                radio.SetPathlossModel("ns3::LogDistancePropagationLossModel");
                radio.SetPathlossModelAttribute("Exponent", DoubleValue(3.5));
                radio.SetFadingModel("ns3::WdmoeBlockFading");
                return radio.Install(server, devices);
            });
        }
        // tokens and messages: checked by the run itself
        for (const auto& policy : WdmoePolicy::GetNamed())
        {
            Time sum;
            uint64_t missing = 0;
            uint64_t routed = 0;
            for (const auto& b : comparison.GetResults().GetBlocks(policy.name))
            {
                sum += b.latency;
                missing += b.pairsMissing;
                routed += b.pairsRouted;
            }
            NS_TEST_EXPECT_MSG_EQ(comparison.GetResults().GetBlocks(policy.name).size(),
                                  4,
                                  policy.name);
            if (Verbose())
            {
                std::printf("%-22s %5.0f ms a block, %lu of %lu pairs missing\n",
                            policy.name.c_str(),
                            1e3 * sum.GetSeconds() / 4,
                            static_cast<unsigned long>(missing),
                            static_cast<unsigned long>(routed));
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Names with settings.
 */
class PolicySettingsTest : public TestCase
{
  public:
    PolicySettingsTest()
        : TestCase("policy names with settings: parsed, refused by name, on the wire")
    {
    }

  private:
    /// What is parsed
    void Parse()
    {
        const auto p = WdmoePolicy::Find("scheduled:controller.EarlyGrants=false:"
                                         "precision=ns3::WdmoeFixedPrecision:"
                                         "selector.MaxLoss=a=b:radio.Scheduler=ns3::X");
        NS_TEST_EXPECT_MSG_EQ(p.precision, "ns3::WdmoeFixedPrecision", "precision");
        NS_TEST_ASSERT_MSG_EQ(p.settings.size(), 4, "one of its own");
        NS_TEST_EXPECT_MSG_EQ(p.settings[1].part, "controller", "part");
        NS_TEST_EXPECT_MSG_EQ(p.settings[1].attribute, "EarlyGrants", "attribute");
        NS_TEST_EXPECT_MSG_EQ(p.settings[1].value, "false", "value");
        NS_TEST_EXPECT_MSG_EQ(p.settings[2].value, "a=b", "the first = counts");
        NS_TEST_EXPECT_MSG_EQ(p.settings[3].value, "ns3::X", "two colons are none");
        NS_TEST_EXPECT_MSG_EQ(
            WdmoePolicy::Parse("wdmoe:allocator.MicroBatches=2,topk-equal:server.MaxInFlight=3")
                .size(),
            2,
            "a list");
        // the last one counts
        Loop loop("scheduled-fp16-topk:allocator.MaxPieces=8:allocator.MaxPieces=1");
        for (const auto& part : loop.controller->Decide(Loop::Block(64)).devices)
        {
            NS_TEST_EXPECT_MSG_EQ(part.pieces.size(), 1, "not cut");
        }
    }

    /// What is refused
    void Refuse()
    {
        const auto find = [](const std::string& name) {
            return AbortMessage([&]() { WdmoePolicy::Find(name); });
        };
        const auto use = [](const std::string& name) {
            return AbortMessage([&]() { Loop loop(name); });
        };
        const auto serve = [](const std::string& name) {
            return AbortMessage([&]() { Deployment d({.policy = name, .lte = false}); });
        };
        const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
            {find("wdmoe:engine.Power=11"), {"'engine.Power=11' is no setting", "allocator"}},
            {find("wdmoe:allocator.MinShare"), {"'allocator.MinShare' is no setting"}},
            {find("wdmoe:allocator=ns3::X"), {"'allocator=ns3::X' is no setting"}},
            {find("wdmoe:"), {"'' is no setting"}},
            {find("wdmoe:allocator.=1"), {"'allocator.=1' is no setting"}},
            {find("wdmoe:precision=ns3::Node"), {"'ns3::Node' is no WdmoePrecisionPolicy"}},
            {find("wdmoe:precision=nothing"), {"'nothing' is no WdmoePrecisionPolicy"}},
            {find("nobody:server.MaxInFlight=2"), {"unknown policy 'nobody'"}},
            {find("wdmoe:server.Transport=ns3::X"), {"use the option --transport"}},
            {find("wdmoe:controller.Selector=ns3::X"), {"would be overwritten", "--predictor"}},
            {use("wdmoe:allocator.NoSuch=1"), {"NoSuch", "WdmoeMinMaxAllocator"}},
            {use("wdmoe:controller.NoSuch=1"), {"NoSuch", "WdmoeController"}},
            {use("wdmoe:allocator.MinShare=7"), {"MinShare"}},
            {use("wdmoe:allocator.MicroBatches=0"), {"MicroBatches"}},
            {use("wdmoe:controller.EarlyGrants=perhaps"), {"EarlyGrants"}},
            {use("wdmoe:controller.MaxPieces=-1"), {"MaxPieces"}},
            {serve("wdmoe:server.NoSuch=1"), {"NoSuch", "WdmoeGatingServer"}},
            {serve("wdmoe:server.MaxInFlight=0"), {"MaxInFlight"}},
        };
        for (const auto& [message, parts] : cases)
        {
            for (const auto& part : parts)
            {
                NS_TEST_EXPECT_MSG_NE(message.find(part),
                                      std::string::npos,
                                      part << " in: " << message);
            }
        }
    }

    void DoRun() override
    {
        Parse();
        Refuse();
        // bytes on the air, by device
        std::map<std::string, std::map<std::pair<uint32_t, bool>, uint64_t>> granted;
        const std::string coarse = "topk-equal:precision=ns3::WdmoeOneCoarsePrecision";
        const std::string all = "topk-equal:precision=ns3::WdmoePricedPrecision:"
                                "precision.PriceFile=models/wdmoe-lm-base/sensitivity.json:"
                                "precision.Levels=int8:precision.MaxLoss=1";
        const std::string set =
            "topk-equal:server.DownlinkPrecision=int8:server.UplinkPrecision=int8";
        for (const auto& policy : {std::string("topk-equal"), coarse, all, set})
        {
            Deployment d({.policy = policy, .blocks = 2, .requests = {{0, 48, 1}}});
            NS_TEST_EXPECT_MSG_EQ(d.Run(), "", policy);
            granted[policy] = d.granted;
            for (uint32_t k = 0; k < 4; k++)
            {
                for (const bool down : {true, false})
                {
                    const double ratio = static_cast<double>(d.granted.at({k, down})) /
                                         granted["topk-equal"].at({k, down});
                    const bool half = policy != "topk-equal" && (policy != coarse || k == 1);
                    NS_TEST_EXPECT_MSG_EQ_TOL(ratio, (half ? 0.5 : 1), 0.06, policy << " " << k);
                    if (Verbose())
                    {
                        std::printf("device %u %s: %.3f of the bytes of fp16, %s\n",
                                    k,
                                    down ? "down" : "up  ",
                                    ratio,
                                    policy.c_str());
                    }
                }
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Schedules.
 */
class ScheduleTestSuite : public TestSuite
{
  public:
    ScheduleTestSuite()
        : TestSuite("wdmoe-schedule", Type::SYSTEM)
    {
        AddTestCase(new FlightTrackerTest, Duration::QUICK);
        AddTestCase(new CutTest, Duration::QUICK);
        AddTestCase(new AsPlannedTest, Duration::QUICK);
        AddTestCase(new FollowTest, Duration::QUICK);
        AddTestCase(new NoPriorityTest, Duration::QUICK);
        AddTestCase(new UnreachableTest, Duration::QUICK);
        AddTestCase(new InFlightTest, Duration::QUICK);
        AddTestCase(new RealInFlightTest, Duration::QUICK);
        AddTestCase(new LostDeviceTest(true, "scheduled-fp16-topk:server.MaxInFlight=2"),
                    Duration::QUICK);
        AddTestCase(new LostDeviceTest(false, "topk-allocated:server.MaxInFlight=2"),
                    Duration::QUICK);
        AddTestCase(new LostDatagramTest, Duration::QUICK);
        AddTestCase(new EdgeTest, Duration::QUICK);
        AddTestCase(new NamedPoliciesTest, Duration::QUICK);
        AddTestCase(new PolicySettingsTest, Duration::QUICK);
    }
};

ScheduleTestSuite g_scheduleTestSuite; ///< registers itself

} // namespace
