/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Parts in another language, with functions of C++ in the place of that language, and policies of
// users by name and by instance.

#include "wdmoe-test-support.h"

#include "ns3/double.h"
#include "ns3/object-factory.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/wdmoe-foreign-policies.h"
#include "ns3/wdmoe-optimizer-helper.h"
#include "ns3/wdmoe-policy.h"

#include <map>
#include <stdexcept>
#include <string>

using namespace ns3;

namespace
{

/// Objects of the other side
struct Other
{
    std::map<int64_t, std::string> settings; ///< of each that is alive
    int64_t made{0};                         ///< so far
    std::string error;                       ///< to be raised
    double weight{1};                        ///< that each token's first expert gets
};

Other g_other; ///< the other side

/// See WdmoeForeignBridge::Make
int64_t
MakeOther(void*,
          const char*,
          uint64_t attributes,
          const char* const* names,
          const char* const* values,
          uint64_t* methods)
{
    if (!g_other.error.empty())
    {
        return 0;
    }
    std::string text;
    for (uint64_t i = 0; i < attributes; i++)
    {
        text += std::string(names[i]) + "=" + values[i] + ";";
    }
    g_other.settings[++g_other.made] = text;
    *methods = uint64_t(1) << static_cast<int32_t>(WdmoeForeignMethod::SELECT) |
               uint64_t(1) << static_cast<int32_t>(WdmoeForeignMethod::USES_LATENCY);
    return g_other.made;
}

/// See WdmoeForeignBridge::Call
int64_t
CallOther(int64_t object, int32_t method, const void* in, void* out)
{
    static std::vector<double> weights;
    if (!g_other.error.empty())
    {
        return 0;
    }
    if (method == static_cast<int32_t>(WdmoeForeignMethod::SET_ATTRIBUTE))
    {
        const auto attribute = static_cast<const WdmoeForeignAttribute*>(in);
        g_other.settings[object] += std::string(attribute->name) + ":" + attribute->value + ";";
        return 1;
    }
    const auto block = static_cast<const WdmoeForeignBlock*>(in);
    weights.assign(block->tokens * block->experts, 0);
    for (uint64_t j = 0; j < block->tokens; j++)
    {
        weights[j * block->experts] = g_other.weight;
        weights[j * block->experts + 2] = 3;
    }
    static_cast<WdmoeForeignSelection*>(out)->weight = weights.data();
    return 1;
}

/// See WdmoeForeignBridge::Release
void
ReleaseOther(int64_t object)
{
    g_other.settings.erase(object);
}

/// See WdmoeForeignBridge::Raise
void
RaiseOther(const char* message)
{
    throw std::runtime_error(message ? message : g_other.error);
}

/// @return a class of the other language
const TypeId&
OtherType()
{
    static const auto tid = []() {
        auto t = WdmoeForeign::Register("other::Selector", "ns3::WdmoeSelector");
        WdmoeForeign::AddAttribute(t, "gain", "double", "0.1");
        WdmoeForeign::AddAttribute(t, "count", "int", "3");
        WdmoeForeign::AddAttribute(t, "active", "bool", "true");
        WdmoeForeign::AddAttribute(t, "label", "text", "a");
        return t;
    }();
    return tid;
}

/// @return two tokens, three experts
WdmoeSelectorInput
MakeInput()
{
    WdmoeSelectorInput in;
    in.gate = {2, 3, {0.6, 0.3, 0.1, 0.1, 0.7, 0.2}};
    in.topK = 2;
    in.block = 7;
    in.expertDevice = {0, 1, 2};
    in.expertLatencyS = {1, 1, 1};
    return in;
}

/**
 * @ingroup tests
 *
 * A class of another language is a TypeId like others; its objects go when those here go.
 */
class ForeignObjectTest : public TestCase
{
  public:
    ForeignObjectTest()
        : TestCase("a class of another language is a TypeId")
    {
    }

  private:
    void DoRun() override
    {
        wdmoe_foreign_bridge(MakeOther, CallOther, ReleaseOther, RaiseOther);
        g_other = Other();
        ObjectFactory factory(OtherType().GetName());
        factory.Set("gain", StringValue("0.1"));
        factory.Set("count", StringValue("5"));
        factory.Set("label", StringValue("b c"));
        auto selector = factory.Create<WdmoeSelector>();
        NS_TEST_EXPECT_MSG_EQ(g_other.settings[1], "count=5;label=b c;", "what differs is told");
        NS_TEST_EXPECT_MSG_EQ(selector->UsesLatency(), true, "a trait");
        NS_TEST_EXPECT_MSG_EQ(selector->UsesProblem(), false, "another");
        selector->SetAttribute("gain", DoubleValue(0.3));
        NS_TEST_EXPECT_MSG_EQ(g_other.settings[1].substr(18),
                              "gain:0.29999999999999999;",
                              "set later, to the last bit");
        DoubleValue gain;
        selector->GetAttribute("gain", gain);
        NS_TEST_EXPECT_MSG_EQ(gain.Get(), 0.3, "and known");

        const auto s = selector->Select(MakeInput());
        const std::vector<int32_t> expected{2, 0, 2, 0};
        NS_TEST_EXPECT_MSG_EQ((s.expert == expected), true, "by falling weight");
        NS_TEST_EXPECT_MSG_EQ(s.combine[0], 0.75, "which sum to 1");

        auto second = factory.Create<WdmoeSelector>();
        NS_TEST_EXPECT_MSG_EQ(g_other.settings.size(), 2, "an object each");
        second->Dispose();
        NS_TEST_EXPECT_MSG_EQ(g_other.settings.size(), 1, "disposed of");
        second = nullptr;
        NS_TEST_EXPECT_MSG_EQ(g_other.settings.count(1), 1, "the other one is not");
        selector = nullptr;
        NS_TEST_EXPECT_MSG_EQ(g_other.settings.size(), 0, "gone");
    }
};

/**
 * @ingroup tests
 *
 * Errors there are errors here; answers that are no good are refused; what goes while an error is
 * on its way is told of later.
 */
class ForeignErrorTest : public TestCase
{
  public:
    ForeignErrorTest()
        : TestCase("errors of another language, and its bad answers")
    {
    }

  private:
    /// @return the message of an exception; empty: none. @param action throws it
    static std::string Message(const std::function<void()>& action)
    {
        try
        {
            action();
        }
        catch (const std::exception& e)
        {
            return e.what();
        }
        return "";
    }

    void DoRun() override
    {
        wdmoe_foreign_bridge(MakeOther, CallOther, ReleaseOther, RaiseOther);
        g_other = Other();
        ObjectFactory factory(OtherType().GetName());
        auto selector = factory.Create<WdmoeSelector>();
        g_other.error = "odd";
        NS_TEST_EXPECT_MSG_EQ(Message([&]() { selector->Select(MakeInput()); }), "odd", "a call");
        NS_TEST_EXPECT_MSG_EQ(Message([&]() { factory.Create<WdmoeSelector>(); }), "odd", "making");
        g_other.error.clear();
        g_other.weight = std::numeric_limits<double>::quiet_NaN();
        NS_TEST_EXPECT_MSG_EQ(Message([&]() { selector->Select(MakeInput()); }),
                              "other::Selector.select(), block 7: token 0 has the weight nan at "
                              "expert 0; expected a number >= 0",
                              "an answer");
        std::size_t during = 0;
        Message([&]() {
            // goes out of scope by the exception
            struct Watch
            {
                ~Watch()
                {
                    selector = nullptr;
                    *during = g_other.settings.size();
                }

                Ptr<WdmoeSelector> selector; ///< goes first
                std::size_t* during;         ///< gets how many are left
            };

            Watch watch{factory.Create<WdmoeSelector>(), &during};
            watch.selector->Select(MakeInput());
        });
        NS_TEST_EXPECT_MSG_EQ(during, 2, "nobody is told while an exception is on its way");
        wdmoe_foreign_settle();
        NS_TEST_EXPECT_MSG_EQ(g_other.settings.size(), 1, "but afterwards");

        wdmoe_foreign_bridge(nullptr, nullptr, nullptr, nullptr);
        selector = nullptr; // the other language has ended: it is not called
        NS_TEST_EXPECT_MSG_NE(
            WdmoeAbortMessage([&]() { factory.Create<WdmoeSelector>(); }).find("is not there"),
            std::string::npos,
            "no language, no object");
        NS_TEST_EXPECT_MSG_NE(WdmoeAbortMessage([]() {
                                  WdmoeForeign::Register("other::Odd", "ns3::Node");
                              }).find("is a 'ns3::Node'; expected ns3::WdmoeAllocator, "),
                              std::string::npos,
                              "no part");
        NS_TEST_EXPECT_MSG_NE(WdmoeAbortMessage([]() {
                                  WdmoeForeign::Register("ns3::Node", "ns3::WdmoeSelector");
                              }).find("there is a TypeId 'ns3::Node' already"),
                              std::string::npos,
                              "taken");
    }
};

/**
 * @ingroup tests
 *
 * Policies of one's own by name, and parts of a controller by instance.
 */
class RegisteredPolicyTest : public TestCase
{
  public:
    RegisteredPolicyTest()
        : TestCase("policies of one's own")
    {
    }

  private:
    void DoRun() override
    {
        auto policy = WdmoePolicy::Find("wdmoe");
        policy.name = "mine";
        policy.selector = "ns3::WdmoeTopKSelector";
        const auto before = WdmoePolicy::GetNamed().size();
        WdmoePolicy::Register(policy);
        NS_TEST_EXPECT_MSG_EQ(WdmoePolicy::GetNamed().size(), before + 1, "one more");
        policy.leftover = false;
        WdmoePolicy::Register(policy);
        NS_TEST_EXPECT_MSG_EQ(WdmoePolicy::GetNamed().size(), before + 1, "in place of it");
        const auto found = WdmoePolicy::Find("mine:selector.K=1");
        NS_TEST_EXPECT_MSG_EQ(found.selector, "ns3::WdmoeTopKSelector", "its selector");
        NS_TEST_EXPECT_MSG_EQ(found.leftover, false, "the last one");
        NS_TEST_EXPECT_MSG_EQ(found.settings.size(), 1, "with a setting");
        const auto refused = [&](const std::string& name, const std::string& selector) {
            return WdmoeAbortMessage([&]() {
                auto bad = policy;
                bad.name = name;
                bad.selector = selector;
                WdmoePolicy::Register(bad);
            });
        };
        const auto& good = policy.selector;
        for (const auto* name : {"", "a:b", "a,b", "a+b", "a=b", "all"})
        {
            NS_TEST_EXPECT_MSG_NE(refused(name, good).find("is no name for a policy"),
                                  std::string::npos,
                                  "'" << name << "'");
        }
        NS_TEST_EXPECT_MSG_NE(refused("topk-equal", good).find("has a policy 'topk-equal' already"),
                              std::string::npos,
                              "a name of the module");
        NS_TEST_EXPECT_MSG_NE(refused("bad", "ns3::Node").find("is no WdmoeSelector"),
                              std::string::npos,
                              "no selector");

        WdmoeOptimizerHelper optimizer;
        auto selector = CreateObject<WdmoeTopKSelector>();
        optimizer.SetSelector(Ptr<WdmoeSelector>(selector));
        NS_TEST_EXPECT_MSG_EQ(selector->GetReferenceCount(), 2, "kept");
        optimizer.SetSelector("ns3::WdmoeTopKSelector");
        NS_TEST_EXPECT_MSG_EQ(selector->GetReferenceCount(), 1, "and let go");
        NS_TEST_EXPECT_MSG_NE(
            WdmoeAbortMessage([&]() { optimizer.SetPlacer(Ptr<WdmoePlacer>()); }).find("no placer"),
            std::string::npos,
            "none");
    }
};

/**
 * @ingroup tests
 *
 * Test suite of parts in another language.
 */
class WdmoeForeignTestSuite : public TestSuite
{
  public:
    WdmoeForeignTestSuite()
        : TestSuite("wdmoe-foreign", Type::UNIT)
    {
        AddTestCase(new ForeignObjectTest, Duration::QUICK);
        AddTestCase(new ForeignErrorTest, Duration::QUICK);
        AddTestCase(new RegisteredPolicyTest, Duration::QUICK);
    }
};

WdmoeForeignTestSuite g_wdmoeForeignTestSuite; ///< registers itself

} // namespace
