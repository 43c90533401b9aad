/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The internal header, by path: it is not installed.
#include "../model/moe/wdmoe-data-file.h"

#include "ns3/random-variable-stream.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/test.h"
#include "ns3/wdmoe-activation.h"
#include "ns3/wdmoe-capability.h"
#include "ns3/wdmoe-evaluator.h"
#include "ns3/wdmoe-gate-log.h"
#include "ns3/wdmoe-perturbation.h"
#include "ns3/wdmoe-sensitivity-helper.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <sstream>

using namespace ns3;
using namespace wdmoe;

/**
 * @ingroup wdmoe-moe
 * @ingroup tests
 * @defgroup wdmoe-capability-test Tests of what a model can do, and of what is done to its experts
 */

namespace
{

/// The text of what an action throws; empty if it does not
std::string
Complaint(const std::function<void()>& action)
{
    try
    {
        action();
    }
    catch (const std::exception& error)
    {
        return error.what();
    }
    return "";
}

/// @return the code of one element
uint16_t
Code(Precision precision, float value)
{
    uint8_t bytes[2];
    Encode(precision, 1, &value, bytes);
    return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

/// @return what a code stands for
float
Value(Precision precision, uint16_t code)
{
    const uint8_t bytes[2] = {static_cast<uint8_t>(code), static_cast<uint8_t>(code >> 8)};
    float value = 0;
    Decode(precision, 1, bytes, &value);
    return value;
}

/// A binary format of 16 bits, by its definition in double precision
struct Format
{
    Precision precision; ///< which
    int mantissa;        ///< bits
    int least;           ///< exponent of the smallest normal number
    double most;         ///< largest finite number
    bool saturates;      ///< whether larger ones become it

    /// @return what a code stands for
    double Decoded(uint16_t code) const
    {
        const int exponent = (code & 0x7fff) >> mantissa;
        const int fraction = code & ((1 << mantissa) - 1);
        const int top = 0x7fff >> mantissa;
        const double sign = code & 0x8000 ? -1 : 1;
        if (exponent == top)
        {
            return fraction ? std::nan("") : sign * std::numeric_limits<double>::infinity();
        }
        const double scaled = exponent ? fraction + (1 << mantissa) : fraction;
        return sign * std::ldexp(scaled, std::max(exponent, 1) - 1 + least - mantissa);
    }

    /// @return the nearest number of the format, of two the even one
    double Rounded(double value) const
    {
        if (value == 0 || !std::isfinite(value))
        {
            return value;
        }
        const double ulp = std::ldexp(1.0, std::max(std::ilogb(value), least) - mantissa);
        const double rounded = std::nearbyint(value / ulp) * ulp;
        if (std::fabs(rounded) <= most)
        {
            return rounded;
        }
        return std::copysign(saturates ? most : std::numeric_limits<double>::infinity(), value);
    }
};

const Format FORMATS[] = {{Precision::FP16, 10, -14, 65504.0, true},
                          {Precision::BF16, 7, -126, 0x1.fep127, false}};

/// @return whether two arrays hold the same bits
bool
SameBits(const std::vector<float>& a, const std::vector<float>& b)
{
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// @return a gate whose rows are these
GateMatrix
MakeGate(const std::vector<std::vector<double>>& rows)
{
    GateMatrix gate;
    gate.tokens = rows.size();
    gate.experts = rows.front().size();
    for (const auto& row : rows)
    {
        gate.weight.insert(gate.weight.end(), row.begin(), row.end());
    }
    return gate;
}

/// @return a gate of random rows that sum to 1
GateMatrix
RandomGate(std::size_t tokens, std::size_t experts, Ptr<UniformRandomVariable> uniform)
{
    GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    for (std::size_t j = 0; j < tokens; ++j)
    {
        std::vector<double> row(experts);
        std::generate(row.begin(), row.end(), [&] { return uniform->GetValue(0.01, 1); });
        const double sum = std::accumulate(row.begin(), row.end(), 0.0);
        std::transform(row.begin(), row.end(), std::back_inserter(gate.weight), [sum](double w) {
            return w / sum;
        });
    }
    return gate;
}

/// @return a uniform variable with its stream fixed
Ptr<UniformRandomVariable>
Uniform(int64_t stream)
{
    auto uniform = CreateObject<UniformRandomVariable>();
    uniform->SetStream(stream);
    return uniform;
}

/// @return sizes of a model of bytes
TransformerConfig
ByteConfig(uint32_t context = 64)
{
    TransformerConfig config;
    config.architecture = "MixtralForCausalLM";
    config.vocabulary = 256;
    config.hidden = 32;
    config.inner = 24;
    config.blocks = 3;
    config.attentionHeads = 4;
    config.keyValueHeads = 2;
    config.headSize = 8;
    config.experts = 4;
    config.topK = 2;
    config.contextLength = context;
    config.bosToken = 1;
    config.padToken = 0;
    return config;
}

} // namespace

/**
 * @ingroup wdmoe-capability-test
 * Both formats of 16 bits against their definition in double precision.
 */
class WdmoeHalfTestCase : public TestCase
{
  public:
    WdmoeHalfTestCase()
        : TestCase("fp16 and bf16: all codes, and rounding against double precision")
    {
    }

  private:
    void DoRun() override
    {
        auto uniform = Uniform(1);
        for (const auto& format : FORMATS)
        {
            const std::string name = PrecisionName(format.precision);
            uint32_t wrongValue = 0;
            uint32_t wrongCode = 0;
            uint32_t wrongRound = 0;
            for (uint32_t c = 0; c < 65536; ++c)
            {
                const auto code = static_cast<uint16_t>(c);
                const float value = Value(format.precision, code);
                const double expected = format.Decoded(code);
                wrongValue += !(static_cast<double>(value) == expected ||
                                (std::isnan(value) && std::isnan(expected))) ||
                              std::signbit(value) != (code >= 0x8000);
                wrongCode += Code(format.precision, value) != code;

                // halfway to the next number and a bit to both sides
                const double next = format.Decoded(static_cast<uint16_t>(code + 1));
                if (std::isfinite(expected) && std::isfinite(next) && code != 0x7fff)
                {
                    const auto middle = static_cast<float>((expected + next) / 2);
                    for (const float x :
                         {middle, std::nextafter(middle, 0.0F), std::nextafter(middle, 1e38F)})
                    {
                        wrongRound +=
                            Value(format.precision, Code(format.precision, x)) != format.Rounded(x);
                    }
                }
            }
            NS_TEST_EXPECT_MSG_EQ(wrongValue, 0, name << ": codes decoded otherwise");
            NS_TEST_EXPECT_MSG_EQ(wrongCode, 0, name << ": codes that do not come back");
            NS_TEST_EXPECT_MSG_EQ(wrongRound, 0, name << ": halfway points");

            uint32_t wrong = 0;
            for (uint32_t i = 0; i < 300000; ++i)
            {
                const auto high = uniform->GetInteger(0, 0xffff);
                const auto low = uniform->GetInteger(0, 0xffff);
                auto x = std::bit_cast<float>(high << 16 | low);
                if (i % 2) // near the range of fp16
                {
                    x = static_cast<float>(
                        std::ldexp(uniform->GetValue(-1, 1),
                                   static_cast<int>(uniform->GetInteger(0, 44)) - 27));
                }
                const float got = Value(format.precision, Code(format.precision, x));
                wrong += std::isnan(x) ? !std::isnan(got)
                                       : static_cast<double>(got) != format.Rounded(x) ||
                                             std::signbit(got) != std::signbit(x);
            }
            NS_TEST_EXPECT_MSG_EQ(wrong, 0, name << ": random numbers rounded otherwise");

            const float infinity = std::numeric_limits<float>::infinity();
            NS_TEST_EXPECT_MSG_EQ(Value(format.precision, Code(format.precision, -infinity)),
                                  -infinity,
                                  name << ": infinity is kept");
            for (const uint32_t bits : {0x7f800001U, 0xff800001U, 0x7fc00000U, 0x7fffffffU})
            {
                const auto nan = std::bit_cast<float>(bits);
                NS_TEST_EXPECT_MSG_EQ(
                    std::isnan(Value(format.precision, Code(format.precision, nan))),
                    true,
                    name << ": a NaN is kept");
            }
            const float largest = Value(format.precision, Code(format.precision, FLT_MAX));
            NS_TEST_EXPECT_MSG_EQ(largest,
                                  (format.saturates ? 65504.0F : infinity),
                                  name << ": the largest float");
        }
    }
};

/**
 * @ingroup wdmoe-capability-test
 * All codecs: sizes, bounds of the error, and that a second pass changes nothing.
 */
class WdmoeCodecTestCase : public TestCase
{
  public:
    WdmoeCodecTestCase()
        : TestCase("activations: sizes, error, idempotence, odd lengths, odd values")
    {
    }

  private:
    void DoRun() override
    {
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::FP32, 256), 1024, "fp32");
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::FP16, 256), 512, "fp16");
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::BF16, 257), 514, "bf16");
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::INT8, 256), 260, "int8");
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::INT4, 256), 128 + 16, "int4");
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::INT4, 33), 16 + 2 + 1 + 2, "int4, odd");
        NS_TEST_EXPECT_MSG_EQ(EncodedBytes(Precision::INT4, 0), 0, "int4, nothing");
        NS_TEST_EXPECT_MSG_EQ(PrecisionName(Precision::INT4), std::string("int4"), "name");
        NS_TEST_EXPECT_MSG_EQ(Complaint([] { EncodedBytes(static_cast<Precision>(9), 1); }).empty(),
                              false,
                              "an unknown code");

        CheckLayout();
        auto uniform = Uniform(2);
        const std::vector<uint32_t> sizes{1, 2, 3, 31, 32, 33, 63, 64, 65, 255, 256, 257};
        for (const auto precision :
             {Precision::FP32, Precision::FP16, Precision::BF16, Precision::INT8, Precision::INT4})
        {
            for (const uint32_t elements : sizes)
            {
                for (uint32_t trial = 0; trial < 60; ++trial)
                {
                    // from far below the smallest scale to far above the largest
                    const int exponent = static_cast<int>(uniform->GetInteger(0, 276)) - 149;
                    std::vector<float> values(3 * elements);
                    for (auto& value : values)
                    {
                        value = static_cast<float>(
                            std::ldexp(uniform->GetValue(-1, 1),
                                       trial % 3 ? exponent : static_cast<int>(trial % 9)));
                    }
                    Check(precision, elements, values);
                }
            }
            Check(precision, 40, std::vector<float>(120, 0.0F));
            Check(precision, 3, {FLT_MAX, -FLT_MAX, 1.0F, FLT_MIN, -FLT_TRUE_MIN, 0.0F});
        }
    }

    /// The bytes of small examples
    void CheckLayout()
    {
        const float values[3] = {127, -1, 64};
        std::vector<uint8_t> bytes(7);
        Encode(Precision::INT8, 3, values, bytes.data());
        NS_TEST_EXPECT_MSG_EQ((bytes == std::vector<uint8_t>{0, 0, 0x80, 0x3f, 127, 255, 64}),
                              true,
                              "int8: the scale 1, little endian, then the elements");
        const float small[3] = {7, -2, 3};
        bytes.resize(4);
        Encode(Precision::INT4, 3, small, bytes.data());
        NS_TEST_EXPECT_MSG_EQ((bytes == std::vector<uint8_t>{0, 0x3c, 0xe7, 0x03}),
                              true,
                              "int4: the scale 1, then the first element in the low half");
        const float one = 1;
        Encode(Precision::FP32, 1, &one, bytes.data());
        NS_TEST_EXPECT_MSG_EQ((bytes == std::vector<uint8_t>{0, 0, 0x80, 0x3f}), true, "fp32");

        for (const auto precision : {Precision::INT8, Precision::INT4})
        {
            const float infinity = std::numeric_limits<float>::infinity();
            std::vector<float> odd{std::nanf(""), 3, infinity, -infinity, -7};
            RoundTrip(precision, 5, 1, odd.data());
            NS_TEST_EXPECT_MSG_EQ((odd[0] == 0 && odd[2] == 0 && odd[3] == 0),
                                  true,
                                  "what is not finite becomes 0");
            NS_TEST_EXPECT_MSG_EQ_TOL(odd[4], -7, 1e-5, "and does not spoil the scale");
        }
    }

    /// Rows of one token each
    void Check(Precision precision, uint32_t elements, const std::vector<float>& values)
    {
        const std::string name = PrecisionName(precision);
        const std::size_t tokens = values.size() / elements;
        auto once = values;
        RoundTrip(precision, elements, tokens, once.data());
        auto twice = once;
        RoundTrip(precision, elements, tokens, twice.data());
        NS_TEST_EXPECT_MSG_EQ(SameBits(once, twice),
                              true,
                              name << ", " << elements << " elements: a second pass changes it");
        std::vector<uint8_t> bytes(EncodedBytes(precision, elements) + 1, 0xa5);
        std::vector<float> decoded(values.size());
        for (std::size_t t = 0; t < tokens; ++t)
        {
            Encode(precision, elements, &values[t * elements], bytes.data());
            NS_TEST_EXPECT_MSG_EQ(+bytes.back(), 0xa5, name << ": written beyond its bytes");
            Decode(precision, elements, bytes.data(), &decoded[t * elements]);
        }
        NS_TEST_EXPECT_MSG_EQ(SameBits(once, decoded), true, name << ": RoundTrip is not both");
        if (precision == Precision::FP32)
        {
            NS_TEST_EXPECT_MSG_EQ(SameBits(once, values), true, "fp32 changes nothing");
        }
        if (precision != Precision::INT8 && precision != Precision::INT4)
        {
            return;
        }
        const uint32_t group = precision == Precision::INT8 ? elements : 32;
        const double most = precision == Precision::INT8 ? 127 : 7;
        for (std::size_t t = 0; t < tokens; ++t)
        {
            for (uint32_t first = 0; first < elements; first += group)
            {
                const auto from = values.begin() + static_cast<long>(t * elements + first);
                const auto to = from + std::min(group, elements - first);
                double peak = 0;
                std::for_each(from, to, [&peak](float v) {
                    peak = std::max(peak, std::fabs(static_cast<double>(v)));
                });
                if (precision == Precision::INT4 && peak > 65504 * 7.0)
                {
                    continue; // the scale saturates
                }
                // the scale itself is rounded: to fp32, to fp16
                const double step = precision == Precision::INT8
                                        ? std::max(peak / most, static_cast<double>(FLT_MIN))
                                        : std::max(peak / most, 0x1p-21);
                const double slack = precision == Precision::INT8 ? 1e-5 : 0x1p-10 * most;
                double worst = 0;
                for (auto i = from; i != to; ++i)
                {
                    worst = std::max(worst,
                                     std::fabs(static_cast<double>(*i) - once[i - values.begin()]));
                }
                NS_TEST_EXPECT_MSG_EQ((worst <= step / 2 * (1 + slack)),
                                      true,
                                      name << ": error of " << worst / step << " steps, peak "
                                           << peak);
            }
        }
    }
};

/**
 * @ingroup wdmoe-capability-test
 * Evaluation files: what is read, and what is refused with its line.
 */
class WdmoeEvaluationFileTestCase : public TestCase
{
  public:
    WdmoeEvaluationFileTestCase()
        : TestCase("evaluation files: items, and bad lines refused with their place")
    {
    }

  private:
    void DoRun() override
    {
        const auto path = CreateTempDirFilename("items.jsonl");
        const auto read = [&path](const std::string& text, const TransformerConfig& config) {
            std::ofstream(path, std::ios::binary) << text;
            return ReadEvaluation(path, config);
        };
        const auto items = read("{\"domain\":\"mul\",\"prompt\":\"12*34=\",\"answer\":\"408\"}\r\n"
                                "\n"
                                "{\"domain\":\"prose\",\"text\":\"caf\\u00e9\"}\n"
                                "{\"domain\":\"x\",\"tokens\":[5,6,7,255],\"score_from\":2,"
                                "\"task\":true,\"bytes\":9}",
                                ByteConfig());
        NS_TEST_ASSERT_MSG_EQ(items.size(), 3, "items");
        const std::string task = "\x01"
                                 "12*34=408\n";
        NS_TEST_EXPECT_MSG_EQ(std::string(items[0].tokens.begin(), items[0].tokens.end()),
                              task,
                              "start, prompt, answer, newline");
        NS_TEST_EXPECT_MSG_EQ(items[0].scoreFrom, 7, "the answer begins");
        NS_TEST_EXPECT_MSG_EQ(items[0].Scored(), 4, "the answer and the newline");
        NS_TEST_EXPECT_MSG_EQ(items[0].task, true, "a task");
        NS_TEST_EXPECT_MSG_EQ(items[1].Scored(), 5, "the bytes of the text, as UTF-8");
        NS_TEST_EXPECT_MSG_EQ(items[1].tokens[4], 0xc3, "bytes, not characters");
        NS_TEST_EXPECT_MSG_EQ(items[1].task, false, "a text");
        NS_TEST_EXPECT_MSG_EQ(items[1].bytes, 5, "a byte each");
        NS_TEST_EXPECT_MSG_EQ((items[2].task && items[2].Scored() == 2 && items[2].bytes == 9),
                              true,
                              "tokens");
        NS_TEST_EXPECT_MSG_EQ(items[2].place, path + ":4", "place");

        struct Case
        {
            std::string line;
            std::string expected;
        };

        const std::string good = "{\"domain\":\"mul\",\"prompt\":\"1+1=\",\"answer\":\"2\"}";
        for (const auto& bad : std::vector<Case>{
                 {"{\"domain\":", "not JSON"},
                 {"[1]", "expected an object, found array"},
                 {"{\"prompt\":\"a\",\"answer\":\"b\"}", "\"domain\" is missing"},
                 {"{\"domain\":\"\",\"text\":\"b\"}", "\"domain\": expected a text"},
                 {"{\"domain\":\"d\"}", "\"prompt\" is missing"},
                 {"{\"domain\":\"d\",\"prompt\":\"\",\"answer\":\"b\"}", "\"prompt\": expected"},
                 {"{\"domain\":\"d\",\"prompt\":\"a\",\"answer\":\"\"}", "\"answer\": expected"},
                 {"{\"domain\":\"d\",\"prompt\":\"a\",\"answer\":3}", "not empty, found 3"},
                 {"{\"domain\":\"d\",\"prompt\":\"a\",\"answer\":\"b\\nc\"}", "no newline"},
                 {"{\"domain\":\"d\",\"prompt\":\"a\\u0001\",\"answer\":\"b\"}", "no byte 1"},
                 {"{\"domain\":\"d\",\"text\":\"a\\u0000\"}", "no byte 0"},
                 {"{\"domain\":\"d\",\"text\":\"\"}", "\"text\": expected"},
                 {"{\"domain\":\"d\",\"text\":\"a\",\"answer\":\"b\"}", "\"answer\" is not known"},
                 {"{\"domain\":\"d\",\"text\":\"a\",\"text\":\"b\"}", "\"text\" stands twice"},
                 {"{\"domain\":\"d\",\"tokens\":[1],\"score_from\":1}", "at least two"},
                 {"{\"domain\":\"d\",\"tokens\":[1,256],\"score_from\":1}", "from 0 to 255"},
                 {"{\"domain\":\"d\",\"tokens\":[1,-2],\"score_from\":1}", "found -2"},
                 {"{\"domain\":\"d\",\"tokens\":[1,2],\"score_from\":2}", "from 1 to 1"},
                 {"{\"domain\":\"d\",\"tokens\":[1,2]}", "\"score_from\" is missing"},
                 {"{\"domain\":\"d\",\"tokens\":[1,2],\"score_from\":1,\"task\":1}", "true or"},
                 {"{\"domain\":\"mul\",\"text\":\"a\"}", "both tasks and texts"},
                 {"{\"domain\":\"d\",\"text\":\"" + std::string(64, 'a') + "\"}",
                  "at most 64 tokens, the model's context, found 65"},
             })
        {
            const auto told = Complaint([&] { read(good + "\n" + bad.line + "\n", ByteConfig()); });
            NS_TEST_EXPECT_MSG_EQ(
                (told.find(path + ":2: ") == 0 && told.find(bad.expected) != std::string::npos),
                true,
                bad.line << ": expected '" << bad.expected << "', got '" << told << "'");
        }
        auto other = ByteConfig();
        other.vocabulary = 32000;
        NS_TEST_EXPECT_MSG_EQ(
            (Complaint([&] { read(good, other); }).find("32000 tokens") != std::string::npos),
            true,
            "another vocabulary");
        NS_TEST_EXPECT_MSG_EQ(
            (Complaint([&] { read("\n\n", other); }).find("no item") != std::string::npos),
            true,
            "nothing in it");
        NS_TEST_EXPECT_MSG_EQ((Complaint([&] {
                                   ReadEvaluation(path + "x", other);
                               }).find("cannot be read") != std::string::npos),
                              true,
                              "no file");
    }
};

/**
 * @ingroup wdmoe-capability-test
 * Scores against cases computed by hand.
 */
class WdmoeScoreTestCase : public TestCase
{
  public:
    WdmoeScoreTestCase()
        : TestCase("scores computed by hand")
    {
    }

  private:
    void DoRun() override
    {
        const auto log = [](float p) { return std::log(p); };
        // p = 1/2, 1/4, 1/8, 1/8 and p = 1/8, 1/8, 1/4, 1/2; a constant does not matter
        const std::vector<float> logits{log(0.5F) + 7,
                                        log(0.25F) + 7,
                                        log(0.125F) + 7,
                                        log(0.125F) + 7,
                                        log(0.125F),
                                        log(0.125F),
                                        log(0.25F),
                                        log(0.5F)};
        EvaluationItem item{"t", {2, 0, 3}, 1, true, 2, ""};
        CapabilityScore score;
        score.Add(item, logits.data(), 4);
        auto domain = score.GetDomains().at("t");
        NS_TEST_EXPECT_MSG_EQ_TOL(domain.bits, 2, 1e-6, "1 + 1 bits");
        NS_TEST_EXPECT_MSG_EQ(domain.exact, 1, "both are the most likely");
        NS_TEST_EXPECT_MSG_EQ(domain.compared, 0, "nothing to compare with");
        NS_TEST_EXPECT_MSG_EQ(std::isnan(domain.Agreement()), true, "nor an agreement");

        // against q = 1/4 each: agreement by the lowest number, KL = sum 1/4 log2(1/4 / p)
        const std::vector<float> even(8, 0.0F);
        item.tokens = {2, 1, 3};
        score.Add(item, logits.data(), 4, even.data());
        domain = score.GetDomains().at("t");
        NS_TEST_EXPECT_MSG_EQ_TOL(domain.bits, 2 + 2 + 1, 1e-6, "2 + 1 bits more");
        NS_TEST_EXPECT_MSG_EQ(domain.exact, 1, "a wrong token");
        NS_TEST_EXPECT_MSG_EQ_TOL(domain.ExactMatch(), 0.5, 1e-12, "one of two");
        NS_TEST_EXPECT_MSG_EQ(domain.compared, 2, "two tokens compared");
        NS_TEST_EXPECT_MSG_EQ(domain.agreeing, 1, "0 and 0; 3 and 0");
        // 1/4 (-1 + 0 + 1 + 1) for each row
        NS_TEST_EXPECT_MSG_EQ_TOL(domain.divergence, 0.5, 1e-6, "KL");
        NS_TEST_EXPECT_MSG_EQ_TOL(domain.Divergence(), 0.25, 1e-6, "KL of a token");
        NS_TEST_EXPECT_MSG_EQ_TOL(domain.BitsPerByte(), 5.0 / 4, 1e-6, "bits per byte");

        const auto before = domain.divergence;
        score.Add(item, logits.data(), 4, logits.data());
        domain = score.GetDomains().at("t");
        NS_TEST_EXPECT_MSG_EQ(domain.divergence, before, "no KL of the same, to the bit");
        NS_TEST_EXPECT_MSG_EQ(domain.agreeing, 3, "the same agrees");

        // texts, and means in which every domain counts alike
        EvaluationItem text{"prose", {2, 0, 2}, 1, false, 4, ""};
        score.Add(text, logits.data(), 4);
        text.domain = "verse";
        text.bytes = 1;
        score.Add(text, logits.data(), 4);
        EvaluationItem other{"u", {1, 0, 3}, 1, true, 2, ""};
        score.Add(other, logits.data(), 4);
        NS_TEST_EXPECT_MSG_EQ_TOL(score.MeanBitsPerByte(),
                                  (3.0 / 4 + 3.0) / 2,
                                  1e-6,
                                  "1 + 2 bits in 4 bytes and in 1");
        NS_TEST_EXPECT_MSG_EQ_TOL(score.MeanExactMatch(), (1.0 / 3 + 1) / 2, 1e-9, "tasks");
        NS_TEST_EXPECT_MSG_EQ(score.Total().items, 6, "all");

        // a task is not a text
        other.task = false;
        NS_TEST_EXPECT_MSG_EQ(Complaint([&] { score.Add(other, logits.data(), 4); }).empty(),
                              false,
                              "another kind");
        other.task = true;

        // merging is adding
        CapabilityScore twice;
        twice.Merge(score);
        twice.Merge(score);
        NS_TEST_EXPECT_MSG_EQ(twice.GetDomains().at("t").items, 6, "items");
        NS_TEST_EXPECT_MSG_EQ_TOL(twice.MeanBitsPerByte(), score.MeanBitsPerByte(), 1e-12, "same");
        NS_TEST_EXPECT_MSG_EQ(twice.GetDomains().at("u").task, true, "kind");

        // what was said freely
        CapabilityScore said;
        said.AddGenerated(other, {0, 3});
        said.AddGenerated(other, {0, 3, 1});
        said.AddGenerated(other, {0});
        said.AddGenerated(other, {0, 2});
        NS_TEST_EXPECT_MSG_EQ(said.GetDomains().at("u").generatedExact, 2, "two are right");
        NS_TEST_EXPECT_MSG_EQ_TOL(said.MeanGeneratedExactMatch(), 0.5, 1e-12, "of four");
        NS_TEST_EXPECT_MSG_EQ(std::isnan(said.MeanExactMatch()), true, "none was given");

        // a broken model is wrong, not lucky
        const std::vector<float> broken(8, std::nanf(""));
        CapabilityScore none;
        none.Add(other, broken.data(), 4, logits.data());
        NS_TEST_EXPECT_MSG_EQ(none.GetDomains().at("u").exact, 0, "wrong");
        NS_TEST_EXPECT_MSG_EQ(std::isinf(none.GetDomains().at("u").bits), true, "infinite bits");
        NS_TEST_EXPECT_MSG_EQ(none.GetDomains().at("u").agreeing, 0, "no agreement");

        // sampling
        NS_TEST_EXPECT_MSG_EQ(Sampler().Next(even.data(), 4), 0, "of equal ones the lowest");
        NS_TEST_EXPECT_MSG_EQ(Sampler().Next(&logits[4], 4), 3, "greedy");
        NS_TEST_EXPECT_MSG_EQ(Complaint([] { Sampler(0, nullptr); }).empty(), false, "temperature");
        const Sampler sampler(1, Uniform(3));
        std::vector<double> share(4, 0);
        for (uint32_t i = 0; i < 40000; ++i)
        {
            share[sampler.Next(logits.data(), 4)] += 1.0 / 40000;
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(share[0], 0.5, 0.01, "p = 1/2, 4 sigma");
        NS_TEST_EXPECT_MSG_EQ_TOL(share[1], 0.25, 0.009, "p = 1/4");
        const Sampler cold(0.05, Uniform(3));
        const Sampler one(2, Uniform(4));
        const Sampler same(2, Uniform(4));
        for (uint32_t i = 0; i < 50; ++i)
        {
            NS_TEST_EXPECT_MSG_EQ(cold.Next(logits.data(), 4), 0, "cold is greedy");
            NS_TEST_EXPECT_MSG_EQ(one.Next(logits.data(), 4),
                                  same.Next(logits.data(), 4),
                                  "a stream repeats");
        }
    }
};

/**
 * @ingroup wdmoe-capability-test
 * Which pairs are dropped, rerouted and lost.
 */
class WdmoePerturbationTestCase : public TestCase
{
  public:
    WdmoePerturbationTestCase()
        : TestCase("pairs dropped, rerouted, lost: rules and shares")
    {
    }

  private:
    void DoRun() override
    {
        // combine weights: 0.75 0.25; 0.6 0.4; 0.9 0.1
        const auto gate =
            MakeGate({{0.6, 0.2, 0.15, 0.05}, {0.1, 0.3, 0.45, 0.15}, {0.05, 0.081, 0.14, 0.729}});
        Perturbation p;
        auto selection = RouteWith(p, gate, 2, nullptr);
        const auto vanilla = SelectTopK(gate, 2);
        NS_TEST_EXPECT_MSG_EQ((selection.expert == vanilla.expert), true, "none is top-k");
        NS_TEST_EXPECT_MSG_EQ((selection.combine == vanilla.combine), true, "none is top-k");

        p.drop = DropRule::BELOW;
        p.dropValue = 0.26;
        selection = RouteWith(p, gate, 2, nullptr);
        NS_TEST_EXPECT_MSG_EQ((selection.expert == std::vector<int32_t>{0, -1, 2, 1, 3, -1}),
                              true,
                              "second experts below the threshold");
        NS_TEST_EXPECT_MSG_EQ_TOL(selection.combine[0], 1, 1e-12, "renormalised");
        p.renormalise = false;
        selection = RouteWith(p, gate, 2, nullptr);
        NS_TEST_EXPECT_MSG_EQ_TOL(selection.combine[0], 0.75, 1e-12, "not renormalised");
        NS_TEST_EXPECT_MSG_EQ(selection.combine[1], 0, "dropped all the same");
        p.renormalise = true;
        p.dropValue = 1;
        NS_TEST_EXPECT_MSG_EQ(RouteWith(p, gate, 2, nullptr).Routed(), 3, "never a first");

        // the gone expert is masked; the next one takes its place
        p = Perturbation();
        p.gone = GoneRule::REROUTED;
        p.goneExpert = 0;
        selection = RouteWith(p, gate, 2, nullptr);
        NS_TEST_EXPECT_MSG_EQ((selection.expert == std::vector<int32_t>{1, 2, 2, 1, 3, 2}),
                              true,
                              "rerouted");
        NS_TEST_EXPECT_MSG_EQ_TOL(selection.combine[0], 0.2 / 0.35, 1e-12, "among the others");
        const auto all = MakeGate({{1, 0, 0, 0}});
        NS_TEST_EXPECT_MSG_EQ(RouteWith(p, all, 2, nullptr).Routed(),
                              2,
                              "nothing left: the others");
        p.gone = GoneRule::LOST;
        selection = RouteWith(p, gate, 2, nullptr);
        NS_TEST_EXPECT_MSG_EQ((selection.expert == vanilla.expert), true, "sent all the same");
        NS_TEST_EXPECT_MSG_EQ(
            (AnsweredWith(p, selection, nullptr) == std::vector<uint8_t>{0, 1, 1, 1, 1, 1}),
            true,
            "not answered");

        CheckShares();
        CheckLosses(vanilla);

        auto config = ByteConfig();
        const auto refused = [&config](const std::function<void(Perturbation&)>& change) {
            Perturbation bad;
            change(bad);
            return !Complaint([&] { bad.Check(config); }).empty();
        };
        NS_TEST_EXPECT_MSG_EQ(refused([](Perturbation& b) { b.dropValue = 1.5; }), true, "drop");
        NS_TEST_EXPECT_MSG_EQ(refused([](Perturbation& b) { b.lossProbability = std::nan(""); }),
                              true,
                              "loss");
        const auto gone = [](Perturbation& b) {
            b.gone = GoneRule::REROUTED;
            b.goneExpert = 4;
        };
        NS_TEST_EXPECT_MSG_EQ(refused(gone), true, "no such expert");
        config.experts = 5;
        NS_TEST_EXPECT_MSG_EQ(refused(gone), false, "the last one");
        config.topK = 5;
        NS_TEST_EXPECT_MSG_EQ(refused(gone), true, "none is left to take its place");

        PerturbationCount count{10, 2, 1, 4, 3};
        count.Merge(count);
        NS_TEST_EXPECT_MSG_EQ_TOL(count.MissingShare(), 0.3, 1e-12, "share");
        NS_TEST_EXPECT_MSG_EQ_TOL(count.KeptGateMass(), 0.75, 1e-12, "mass");
        NS_TEST_EXPECT_MSG_EQ(PerturbationCount().KeptGateMass(), 1, "nothing, nothing lost");
    }

    /// Shares are exact, by weight and at random
    void CheckShares()
    {
        auto uniform = Uniform(5);
        const auto gate = RandomGate(501, 8, uniform);
        const auto topK = SelectTopK(gate, 3);
        for (const double share : {0.0, 0.05, 0.1, 0.25, 0.4, 2.0 / 3, 1.0})
        {
            const auto wanted =
                std::min<std::size_t>(std::llround(share * 1503.0), std::size_t{1002});
            Perturbation p;
            p.dropValue = share;
            p.drop = DropRule::SHARE_BY_WEIGHT;
            const auto byWeight = RouteWith(p, gate, 3, nullptr);
            NS_TEST_EXPECT_MSG_EQ(byWeight.Routed(), 1503 - wanted, "by weight, " << share);
            double mostDropped = 0;
            double leastKept = 1;
            for (std::size_t i = 0; i < topK.expert.size(); ++i)
            {
                const bool kept = byWeight.expert[i] >= 0;
                if (i % 3 == 0)
                {
                    NS_TEST_ASSERT_MSG_EQ(kept, true, "a first is never dropped");
                }
                else if (kept)
                {
                    leastKept = std::min(leastKept, topK.combine[i]);
                }
                else
                {
                    mostDropped = std::max(mostDropped, topK.combine[i]);
                }
            }
            NS_TEST_EXPECT_MSG_EQ((mostDropped <= leastKept), true, "the lowest weights go");

            p.drop = DropRule::SHARE_AT_RANDOM;
            const auto random = RouteWith(p, gate, 3, Uniform(6));
            NS_TEST_EXPECT_MSG_EQ(random.Routed(), 1503 - wanted, "at random, " << share);
            const auto again = RouteWith(p, gate, 3, Uniform(6));
            NS_TEST_EXPECT_MSG_EQ((random.expert == again.expert), true, "a stream repeats");
            NS_TEST_EXPECT_MSG_EQ(p.IsRandom(), (share > 0), "known to be random");
            if (share > 0 && share < 0.6)
            {
                const auto other = RouteWith(p, gate, 3, Uniform(7));
                NS_TEST_EXPECT_MSG_EQ((random.expert == other.expert), false, "another does not");
                NS_TEST_EXPECT_MSG_EQ(
                    (KeptGateMass(gate, random, 3) < KeptGateMass(gate, byWeight, 3)),
                    true,
                    "weights tell what matters");
            }
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                const double* w = &random.combine[3 * j];
                NS_TEST_ASSERT_MSG_EQ_TOL(w[0] + w[1] + w[2], 1, 1e-12, "renormalised");
                NS_TEST_ASSERT_MSG_EQ((random.expert[3 * j] >= 0), true, "the first stays");
            }
        }
        // of equal weights the later pair goes first
        const auto even = MakeGate({{0.25, 0.25, 0.25, 0.25}, {0.25, 0.25, 0.25, 0.25}});
        Perturbation p;
        p.drop = DropRule::SHARE_BY_WEIGHT;
        p.dropValue = 0.25;
        NS_TEST_EXPECT_MSG_EQ(
            (RouteWith(p, even, 2, nullptr).expert == std::vector<int32_t>{0, 1, 0, -1}),
            true,
            "ties");
    }

    /// Losses by rank and probability
    void CheckLosses(const Selection& small)
    {
        Perturbation p;
        p.lossProbability = 1;
        p.loss = LossRule::FIRST;
        NS_TEST_EXPECT_MSG_EQ(
            (AnsweredWith(p, small, nullptr) == std::vector<uint8_t>{0, 1, 0, 1, 0, 1}),
            true,
            "firsts");
        p.loss = LossRule::SECOND;
        NS_TEST_EXPECT_MSG_EQ(
            (AnsweredWith(p, small, nullptr) == std::vector<uint8_t>{1, 0, 1, 0, 1, 0}),
            true,
            "seconds");
        p.loss = LossRule::ANY;
        NS_TEST_EXPECT_MSG_EQ((AnsweredWith(p, small, nullptr) == std::vector<uint8_t>(6, 0)),
                              true,
                              "all");
        NS_TEST_EXPECT_MSG_EQ(p.IsRandom(), false, "certain");

        const auto selection = SelectTopK(RandomGate(20000, 4, Uniform(8)), 2);
        p.lossProbability = 0.1;
        NS_TEST_EXPECT_MSG_EQ(p.IsRandom(), true, "random");
        const auto answered = AnsweredWith(p, selection, Uniform(9));
        const double share = std::count(answered.begin(), answered.end(), 0) / 40000.0;
        NS_TEST_EXPECT_MSG_EQ_TOL(share, 0.1, 4 * std::sqrt(0.09 / 40000), "4 sigma");
        NS_TEST_EXPECT_MSG_EQ((answered == AnsweredWith(p, selection, Uniform(9))),
                              true,
                              "a stream repeats");
        NS_TEST_EXPECT_MSG_EQ((answered == AnsweredWith(p, selection, Uniform(10))),
                              false,
                              "another does not");
        p.loss = LossRule::FIRST;
        const auto first = AnsweredWith(p, selection, Uniform(9));
        uint32_t seconds = 0;
        for (std::size_t i = 1; i < first.size(); i += 2)
        {
            seconds += !first[i];
        }
        NS_TEST_EXPECT_MSG_EQ(seconds, 0, "only firsts");
    }
};

/**
 * @ingroup wdmoe-capability-test
 * Tests with a small model of random weights.
 */
class WdmoeEvaluatorTestCase : public TestCase
{
  public:
    WdmoeEvaluatorTestCase()
        : TestCase("a small model under perturbations")
    {
    }

  private:
    /// Adds a matrix of random weights to a checkpoint
    void AddTensor(const std::string& name, const std::vector<uint32_t>& shape, double spread)
    {
        std::ostringstream entry;
        entry << (m_header.empty() ? '{' : ',') << '"' << name
              << "\":{\"dtype\":\"F32\",\"shape\":";
        std::size_t count = 1;
        for (std::size_t i = 0; i < shape.size(); ++i)
        {
            entry << (i == 0 ? '[' : ',') << shape[i];
            count *= shape[i];
        }
        entry << "],\"data_offsets\":[" << m_weights.size() * sizeof(float) << ',';
        for (std::size_t i = 0; i < count; ++i)
        {
            // norms are about 1, all else about 0
            const double middle = shape.size() == 1 ? 1 : 0;
            m_weights.push_back(static_cast<float>(middle + m_uniform->GetValue(-spread, spread)));
        }
        entry << m_weights.size() * sizeof(float) << "]}";
        m_header += entry.str();
    }

    /// @return a folder with a checkpoint of random weights; @param c its sizes
    std::string WriteCheckpoint(const TransformerConfig& c)
    {
        m_uniform = Uniform(20);
        const auto join = [](const std::string& a, uint32_t n, const std::string& b) {
            return a + std::to_string(n) + b;
        };
        AddTensor("model.embed_tokens.weight", {c.vocabulary, c.hidden}, 1);
        for (uint32_t i = 0; i < c.blocks; ++i)
        {
            const auto block = join("model.layers.", i, ".");
            const uint32_t q = c.attentionHeads * c.headSize;
            const uint32_t kv = c.keyValueHeads * c.headSize;
            AddTensor(block + "input_layernorm.weight", {c.hidden}, 0.1);
            AddTensor(block + "post_attention_layernorm.weight", {c.hidden}, 0.1);
            AddTensor(block + "self_attn.q_proj.weight", {q, c.hidden}, 0.4);
            AddTensor(block + "self_attn.k_proj.weight", {kv, c.hidden}, 0.4);
            AddTensor(block + "self_attn.v_proj.weight", {kv, c.hidden}, 0.4);
            AddTensor(block + "self_attn.o_proj.weight", {c.hidden, q}, 0.4);
            AddTensor(block + "block_sparse_moe.gate.weight", {c.experts, c.hidden}, 0.4);
            for (uint32_t e = 0; e < c.experts; ++e)
            {
                const auto expert = join(block + "block_sparse_moe.experts.", e, ".");
                AddTensor(expert + "w1.weight", {c.inner, c.hidden}, 0.5);
                AddTensor(expert + "w3.weight", {c.inner, c.hidden}, 0.5);
                AddTensor(expert + "w2.weight", {c.hidden, c.inner}, 0.5);
            }
        }
        AddTensor("model.norm.weight", {c.hidden}, 0.1);
        AddTensor("lm_head.weight", {c.vocabulary, c.hidden}, 0.3);
        m_header += "}";
        m_header.resize((m_header.size() + 7) / 8 * 8, ' ');

        std::ofstream config(CreateTempDirFilename("config.json"));
        const auto field = [&config](const std::string& name, uint32_t value) {
            config << "\"" << name << "\": " << value << ",\n";
        };
        config << "{\"architectures\": [\"MixtralForCausalLM\"], \"model_type\": \"mixtral\",\n"
               << "\"hidden_act\": \"silu\", \"tie_word_embeddings\": false,\n"
               << "\"rms_norm_eps\": 1e-5, \"rope_theta\": 10000.0,\n";
        field("vocab_size", c.vocabulary);
        field("hidden_size", c.hidden);
        field("intermediate_size", c.inner);
        field("num_hidden_layers", c.blocks);
        field("num_attention_heads", c.attentionHeads);
        field("num_key_value_heads", c.keyValueHeads);
        field("head_dim", c.headSize);
        field("num_local_experts", c.experts);
        field("num_experts_per_tok", c.topK);
        field("max_position_embeddings", c.contextLength);
        field("pad_token_id", 0);
        config << "\"bos_token_id\": 1, \"eos_token_id\": null}\n";
        config.close();

        const auto path = CreateTempDirFilename("model.safetensors");
        std::ofstream out(path, std::ios::binary);
        const uint64_t size = m_header.size();
        for (uint32_t byte = 0; byte < 8; ++byte)
        {
            out.put(static_cast<char>(size >> (8 * byte)));
        }
        out << m_header;
        out.write(reinterpret_cast<const char*>(m_weights.data()),
                  static_cast<std::streamsize>(m_weights.size() * sizeof(float)));
        out.close();
        return path.substr(0, path.rfind('/'));
    }

    /// @return items of several lengths: two tasks and a text
    static std::vector<EvaluationItem> MakeItems()
    {
        std::vector<EvaluationItem> items;
        const auto add = [&items](const std::string& domain,
                                  const std::string& prompt,
                                  const std::string& answer,
                                  bool task) {
            EvaluationItem item;
            item.domain = domain;
            item.tokens = {1};
            for (const char c : prompt + answer)
            {
                item.tokens.push_back(static_cast<uint8_t>(c));
            }
            item.scoreFrom = static_cast<uint32_t>(prompt.size()) + 1;
            item.task = task;
            item.bytes = item.Scored();
            items.push_back(item);
        };
        for (uint32_t i = 0; i < 12; ++i)
        {
            const auto a = std::to_string(i * 37 + 5);
            add("copy", a + "=", a + "\n", true);
            add("twice", a + "*2=", std::to_string(2 * (i * 37 + 5)) + "\n", true);
            add("prose", "", std::string(20 + i, static_cast<char>('a' + i)) + " is a word", false);
        }
        return items;
    }

    void DoRun() override
    {
        const auto folder = WriteCheckpoint(ByteConfig());
        m_model = Transformer::Load(folder);
        // what the unperturbed model says itself is what is expected of half of the tasks
        auto items = MakeItems();
        {
            Evaluator asked(m_model, items);
            for (std::size_t i = 0; i < items.size(); i += 6)
            {
                LetItAnswer(items[i]);
            }
        }
        CheckUnperturbed(items);
        CheckPerturbed(items);
        CheckStudy(items);
        CheckGates(items);
    }

    /// Replaces an answer by what the model says
    void LetItAnswer(EvaluationItem& item) const
    {
        const auto& config = m_model->GetConfig();
        KeyValueCache cache(config);
        std::vector<uint32_t> next(item.tokens.begin(), item.tokens.begin() + item.scoreFrom);
        for (std::size_t t = item.scoreFrom; t < item.tokens.size(); ++t)
        {
            const auto logits =
                Forward(*m_model, {{&cache, static_cast<uint32_t>(next.size())}}, next);
            item.tokens[t] =
                Sampler().Next(&logits[logits.size() - config.vocabulary], config.vocabulary);
            next = {item.tokens[t]};
        }
    }

    /// @return sums of a whole evaluation, comparable to the bit
    static std::vector<double> Sums(const EvaluationResult& result)
    {
        std::vector<double> sums{result.count.MissingShare(), result.count.KeptGateMass()};
        for (const auto& [name, d] : result.score.GetDomains())
        {
            for (const double value : {static_cast<double>(d.items),
                                       static_cast<double>(d.exact),
                                       static_cast<double>(d.agreeing),
                                       static_cast<double>(d.generatedExact),
                                       d.bits,
                                       d.divergence})
            {
                sums.push_back(value);
            }
        }
        return sums;
    }

    /// The unperturbed model agrees with itself; batches do not matter
    void CheckUnperturbed(const std::vector<EvaluationItem>& items)
    {
        Evaluator evaluator(m_model, items, 100);
        double last = 0;
        evaluator.SetProgress([&last](double fraction) { last = fraction; });
        const auto result = evaluator.Evaluate(Perturbation());
        NS_TEST_EXPECT_MSG_EQ(last, 1, "progress");
        const auto total = result.score.Total();
        NS_TEST_EXPECT_MSG_EQ(total.items, items.size(), "items");
        NS_TEST_EXPECT_MSG_EQ(total.compared, total.scored, "all compared");
        NS_TEST_EXPECT_MSG_EQ(total.Agreement(), 1, "agrees with itself");
        NS_TEST_EXPECT_MSG_EQ(total.divergence, 0, "no KL, to the bit");
        NS_TEST_EXPECT_MSG_EQ(result.count.MissingShare(), 0, "nothing is missing");
        NS_TEST_EXPECT_MSG_EQ(result.count.KeptGateMass(), 1, "all gate mass");
        NS_TEST_EXPECT_MSG_EQ(result.count.pairs,
                              evaluator.GetTokens() * m_model->GetConfig().blocks * 2,
                              "pairs: tokens, blocks, top 2");
        const auto& copy = result.score.GetDomains().at("copy");
        NS_TEST_EXPECT_MSG_EQ((copy.exact >= 6), true, "its own answers are right");

        // one sequence at a time, by the model's own forward pass
        CapabilityScore expected;
        for (const auto& item : items)
        {
            KeyValueCache cache(m_model->GetConfig());
            const auto logits = Forward(*m_model,
                                        {{&cache, static_cast<uint32_t>(item.tokens.size())}},
                                        item.tokens);
            expected.Add(item, &logits[256 * (item.scoreFrom - 1)], 256);
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(result.score.MeanBitsPerByte(),
                                  expected.MeanBitsPerByte(),
                                  1e-4,
                                  "bits of one sequence at a time");
        NS_TEST_EXPECT_MSG_EQ(result.score.MeanExactMatch(),
                              expected.MeanExactMatch(),
                              "exact matches of one sequence at a time");

        // teacher forcing says what greedy decoding would
        const auto freely = evaluator.Generate(Perturbation());
        for (const auto* domain : {"copy", "twice"})
        {
            NS_TEST_EXPECT_MSG_EQ(freely.score.GetDomains().at(domain).generatedExact,
                                  result.score.GetDomains().at(domain).exact,
                                  "free running");
            NS_TEST_EXPECT_MSG_EQ(freely.score.GetDomains().at(domain).generated, 12, "all");
        }
        NS_TEST_EXPECT_MSG_EQ(freely.score.GetDomains().count("prose"), 0, "no texts");
        NS_TEST_EXPECT_MSG_EQ(evaluator.Generate(Perturbation(), 3).score.Total().generated,
                              6,
                              "three of each task");
        const Sampler hot(3, Uniform(30));
        const auto sampled = evaluator.Generate(Perturbation(), 0, hot);
        NS_TEST_EXPECT_MSG_EQ(
            (sampled.score.MeanGeneratedExactMatch() < freely.score.MeanGeneratedExactMatch()),
            true,
            "a high temperature misses");

        NS_TEST_EXPECT_MSG_EQ(Complaint([&] { Evaluator(m_model, {}); }).empty(), false, "none");
        auto longer = items;
        longer[3].tokens.resize(65, 'a');
        NS_TEST_EXPECT_MSG_EQ(Complaint([&] { Evaluator(m_model, longer); }).empty(),
                              false,
                              "longer than the context");

        // equal parts, and what a small domain leaves
        const auto few = LimitTokens(items, 300);
        NS_TEST_EXPECT_MSG_EQ((Evaluator(m_model, few).GetTokens() <= 300), true, "limit");
        NS_TEST_EXPECT_MSG_EQ((Evaluator(m_model, few).GetTokens() > 250), true, "used up");
        NS_TEST_EXPECT_MSG_EQ(LimitTokens(items, 0).size(), items.size(), "no limit");
        NS_TEST_EXPECT_MSG_EQ(LimitTokens(items, 1).size(), 3, "one of each domain at least");
    }

    /// What perturbations do, and that a stream repeats them
    void CheckPerturbed(const std::vector<EvaluationItem>& items)
    {
        Evaluator evaluator(m_model, items, 500);
        const auto none = evaluator.Evaluate(Perturbation());
        const auto with = [&evaluator](int64_t stream, const auto& change) {
            Perturbation p;
            change(p);
            evaluator.AssignStreams(stream);
            return evaluator.Evaluate(p);
        };
        // a code of four bytes leaves every bit as it is, also in a new evaluator
        Evaluator other(m_model, items, 500);
        const auto again = other.Evaluate(Perturbation());
        NS_TEST_EXPECT_MSG_EQ((Sums(none) == Sums(again)), true, "fp32 is unperturbed");
        // the loss rule and the own combination of what is there, with nothing lost
        const auto idle = with(1, [](Perturbation& p) {
            p.loss = LossRule::ANY;
            p.drop = DropRule::BELOW;
        });
        NS_TEST_EXPECT_MSG_EQ((Sums(none) == Sums(idle)), true, "nothing lost, nothing dropped");
        const auto plain = with(1, [](Perturbation& p) { p.renormalise = false; });
        NS_TEST_EXPECT_MSG_EQ_TOL(plain.score.Total().Divergence(), 0, 1e-9, "own combination");

        // all lost: the experts add nothing
        const auto lost = with(1, [](Perturbation& p) {
            p.loss = LossRule::ANY;
            p.lossProbability = 1;
        });
        NS_TEST_EXPECT_MSG_EQ(lost.count.MissingShare(), 1, "all missing");
        NS_TEST_EXPECT_MSG_EQ(lost.count.KeptGateMass(), 0, "no gate mass");
        CapabilityScore silent;
        for (const auto& item : items)
        {
            KeyValueCache cache(m_model->GetConfig());
            auto hidden = m_model->Embed(item.tokens);
            for (uint32_t i = 0; i < m_model->GetConfig().blocks; ++i)
            {
                m_model->Attend(i, {{&cache, static_cast<uint32_t>(item.tokens.size())}}, hidden);
            }
            const auto logits = m_model->Logits(hidden);
            silent.Add(item, &logits[256 * (item.scoreFrom - 1)], 256);
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(lost.score.MeanBitsPerByte(),
                                  silent.MeanBitsPerByte(),
                                  1e-4,
                                  "as a model without experts");

        // the direct calculation of one layer, not renormalised
        CheckLayer();

        const auto change = [](Perturbation& p) {
            p.loss = LossRule::ANY;
            p.lossProbability = 0.2;
            p.drop = DropRule::SHARE_AT_RANDOM;
            p.dropValue = 0.1;
        };
        const auto first = with(7, change);
        NS_TEST_EXPECT_MSG_EQ((Sums(first) == Sums(with(7, change))), true, "a stream repeats");
        NS_TEST_EXPECT_MSG_EQ((Sums(first) == Sums(with(8, change))), false, "another does not");
        NS_TEST_EXPECT_MSG_EQ_TOL(first.count.MissingShare(),
                                  0.1 + 0.9 * 0.2,
                                  0.02,
                                  "dropped, and of the others lost");
        NS_TEST_EXPECT_MSG_EQ((first.score.Total().divergence > 0), true, "KL");
        NS_TEST_EXPECT_MSG_EQ((first.score.Total().Agreement() < 1), true, "agreement");

        const auto rerouted = with(1, [](Perturbation& p) {
            p.gone = GoneRule::REROUTED;
            p.goneExpert = 2;
        });
        const auto gone = with(1, [](Perturbation& p) {
            p.gone = GoneRule::LOST;
            p.goneExpert = 2;
        });
        NS_TEST_EXPECT_MSG_EQ(rerouted.count.MissingShare(), 0, "all pairs run");
        NS_TEST_EXPECT_MSG_EQ((rerouted.count.KeptGateMass() < 1), true, "elsewhere");
        NS_TEST_EXPECT_MSG_EQ((gone.count.MissingShare() > 0), true, "those of the expert");
        NS_TEST_EXPECT_MSG_EQ((gone.count.KeptGateMass() < rerouted.count.KeptGateMass()),
                              true,
                              "lost is worse than rerouted");

        // coarser is further away
        double before = 0;
        for (const auto precision : {Precision::FP16, Precision::INT8, Precision::INT4})
        {
            const auto coarse = with(1, [precision](Perturbation& p) {
                p.uplink = precision;
                p.downlink = precision;
            });
            NS_TEST_EXPECT_MSG_EQ((coarse.score.Total().divergence > before),
                                  true,
                                  PrecisionName(precision));
            before = coarse.score.Total().divergence;
        }
    }

    /// One expert layer against its definition
    void CheckLayer()
    {
        const auto& config = m_model->GetConfig();
        auto uniform = Uniform(40);
        const uint32_t tokens = 9;
        std::vector<float> hidden(tokens * config.hidden);
        for (auto& value : hidden)
        {
            value = static_cast<float>(uniform->GetValue(-1, 1));
        }
        const auto input = m_model->ExpertInput(1, hidden);
        const auto selection = SelectTopK(m_model->Gate(1, input), config.topK);
        for (const bool renormalise : {true, false})
        {
            Perturbation p;
            p.renormalise = renormalise;
            p.loss = LossRule::ANY;
            p.lossProbability = 0.4;
            p.downlink = Precision::INT8;
            p.uplink = Precision::INT4;
            PerturbationCount count;
            auto got = hidden;
            ExpertLayerWith(p, *m_model, 1, input, got, Uniform(41), count);
            const auto answered = AnsweredWith(p, selection, Uniform(41));
            double worst = 0;
            uint64_t lost = 0;
            for (uint32_t j = 0; j < tokens; ++j)
            {
                std::vector<float> row(input.begin() + j * config.hidden,
                                       input.begin() + (j + 1) * config.hidden);
                RoundTrip(Precision::INT8, config.hidden, 1, row.data());
                std::vector<double> sum(config.hidden, 0);
                double weights = 0;
                for (uint32_t s = 0; s < config.topK; ++s)
                {
                    const std::size_t pair = j * config.topK + s;
                    lost += !answered[pair];
                    if (answered[pair])
                    {
                        auto output =
                            m_model->Expert(1, static_cast<uint32_t>(selection.expert[pair]), row);
                        RoundTrip(Precision::INT4, config.hidden, 1, output.data());
                        weights += selection.combine[pair];
                        for (uint32_t i = 0; i < config.hidden; ++i)
                        {
                            sum[i] += selection.combine[pair] * output[i];
                        }
                    }
                }
                const double scale = renormalise && weights > 0 ? weights : 1;
                for (uint32_t i = 0; i < config.hidden; ++i)
                {
                    const std::size_t at = j * config.hidden + i;
                    worst = std::max(worst, std::fabs(hidden[at] + sum[i] / scale - got[at]));
                }
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(worst, 0, 1e-4, "renormalise " << renormalise);
            NS_TEST_EXPECT_MSG_EQ(count.lost, lost, "lost");
            NS_TEST_EXPECT_MSG_EQ((lost > 0 && lost < 2 * tokens), true, "some");
        }
    }

    /// The table over levers
    void CheckStudy(const std::vector<EvaluationItem>& items)
    {
        NS_TEST_EXPECT_MSG_EQ_TOL(WdmoeRankCorrelation({1, 2, 3, 4}, {10, 30, 20, 40}),
                                  0.8,
                                  1e-12,
                                  "1 - 6 * 2 / (4 * 15)");
        NS_TEST_EXPECT_MSG_EQ_TOL(WdmoeRankCorrelation({1, 1, 2}, {3, 3, 1}), -1, 1e-12, "ties");
        NS_TEST_EXPECT_MSG_EQ(std::isnan(WdmoeRankCorrelation({1, 1}, {1, 2})), true, "all equal");
        const auto estimate = WdmoeEstimateMean({1, 2, 3});
        NS_TEST_EXPECT_MSG_EQ_TOL(estimate.mean, 2, 1e-12, "mean");
        NS_TEST_EXPECT_MSG_EQ_TOL(estimate.halfWidth, 4.302653 / std::sqrt(3.0), 1e-5, "t(2)");
        NS_TEST_EXPECT_MSG_EQ(std::isnan(WdmoeEstimateMean({1}).halfWidth), true, "one value");

        WdmoeSensitivityHelper study(m_model, "tiny", LimitTokens(items, 500));
        study.seeds = 2;
        study.freeRunning = 2;
        study.Run({"share", "share-random", "gone-rerouted"});
        const auto& measured = study.GetMeasured();
        NS_TEST_ASSERT_MSG_EQ(measured.size(), 1 + 5 + 5 + 4, "settings");
        NS_TEST_EXPECT_MSG_EQ(measured[1].runs.size(), 1, "by weight: once");
        NS_TEST_EXPECT_MSG_EQ(measured[6].runs.size(), 2, "at random: by seed");
        const auto path = CreateTempDirFilename("table.json");
        study.Write(path);
        std::ifstream in(path);
        const std::string text((std::istreambuf_iterator<char>(in)), {});
        for (const std::string part : {"\"format\": \"wdmoe-sensitivity-1\"",
                                       "\"name\": \"share-random 0.4\"",
                                       "\"exact_match_per_share\"",
                                       "\"exact_match_free_running\"",
                                       "\"without_precision\""})
        {
            NS_TEST_EXPECT_MSG_EQ((text.find(part) != std::string::npos), true, part);
        }
        const auto told = Complaint([&] { study.Run({"luck"}); });
        NS_TEST_EXPECT_MSG_EQ((told.find("unknown lever 'luck'; there are: all, tau") == 0),
                              true,
                              told);
    }

    /// A log of the full softmax is what the reader takes
    void CheckGates(const std::vector<EvaluationItem>& items)
    {
        const std::vector<EvaluationItem> some(items.begin(), items.begin() + 5);
        std::vector<uint32_t> lengths;
        const auto gates = Evaluator(m_model, some).RecordGates(lengths);
        const auto path = CreateTempDirFilename("gates.csv");
        WriteGateLog(path, "a test", gates, lengths);
        const auto log = WdmoeReadGateLog(path);
        NS_TEST_EXPECT_MSG_EQ(log.experts, 4, "experts");
        NS_TEST_EXPECT_MSG_EQ(log.topK, 4, "all of them");
        NS_TEST_EXPECT_MSG_EQ(log.blocks, 3, "blocks");
        NS_TEST_ASSERT_MSG_EQ(log.start.size(), 6, "sequences");
        NS_TEST_EXPECT_MSG_EQ(log.start.back(), gates[0].tokens, "tokens");
        double worst = 0;
        for (std::size_t i = 0; i < log.weight.size(); ++i)
        {
            const std::size_t token = i / 4;
            const auto& gate = gates[token / gates[0].tokens];
            worst = std::max(
                worst,
                std::fabs(gate.Row(token % gates[0].tokens)[log.expert[i]] - log.weight[i]));
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(worst, 0, 1e-6, "weights");
        NS_TEST_EXPECT_MSG_EQ(Complaint([&] { WriteGateLog(path, "", gates, {1}); }).empty(),
                              false,
                              "lengths of something else");
        NS_TEST_EXPECT_MSG_EQ(
            Complaint([&] { WriteGateLog(path + "/x", "", gates, lengths); }).empty(),
            false,
            "no such folder");
    }

    Ptr<UniformRandomVariable> m_uniform;       ///< weights
    std::string m_header;                       ///< of the checkpoint
    std::vector<float> m_weights;               ///< of the checkpoint
    std::shared_ptr<const Transformer> m_model; ///< asked
};

/**
 * @ingroup wdmoe-capability-test
 * The suite "wdmoe-capability".
 */
class WdmoeCapabilityTestSuite : public TestSuite
{
  public:
    WdmoeCapabilityTestSuite()
        : TestSuite("wdmoe-capability", Type::UNIT)
    {
        AddTestCase(new WdmoeHalfTestCase, Duration::QUICK);
        AddTestCase(new WdmoeCodecTestCase, Duration::QUICK);
        AddTestCase(new WdmoeEvaluationFileTestCase, Duration::QUICK);
        AddTestCase(new WdmoeScoreTestCase, Duration::QUICK);
        AddTestCase(new WdmoePerturbationTestCase, Duration::QUICK);
        AddTestCase(new WdmoeEvaluatorTestCase, Duration::QUICK);
    }
};

static WdmoeCapabilityTestSuite g_wdmoeCapabilityTestSuite; ///< registers the suite
