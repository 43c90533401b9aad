/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/test.h"
#include "ns3/wdmoe-allocation.h"
#include "ns3/wdmoe-compute.h"
#include "ns3/wdmoe-latency.h"
#include "ns3/wdmoe-rate-law.h"
#include "ns3/wdmoe-selection.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>

using namespace ns3;
using namespace wdmoe;

/**
 * @ingroup wdmoe-core
 * @defgroup wdmoe-tests Tests of the numerics
 */

namespace
{

const double INF = std::numeric_limits<double>::infinity(); ///< infinite
const double NOT_A_NUMBER = std::nan("");                   ///< NaN

/// @return whether an action throws std::invalid_argument with a message. @param action what to do
bool
IsRefused(const std::function<void()>& action)
{
    try
    {
        action();
    }
    catch (const std::invalid_argument& e)
    {
        return std::string(e.what()).size() > 10;
    }
    return false;
}

/// @return relative difference. @param a value @param b value
double
Difference(double a, double b)
{
    return a == b ? 0 : std::abs(a - b) / std::max(std::abs(a), std::abs(b));
}

/// Add a device to a problem. @param p the problem @param down bit @param up bit @param compute s
/// @param downLaw law @param upLaw law
void
AddDevice(AllocationProblem& p,
          double down,
          double up,
          double compute,
          const RateLaw& downLaw,
          const RateLaw& upLaw)
{
    p.downlinkBits.push_back(down);
    p.uplinkBits.push_back(up);
    p.computeS.push_back(compute);
    p.downlinkLaw.push_back(downLaw);
    p.uplinkLaw.push_back(upLaw);
}

/// @return a problem without devices. @param coupled one share @param down Hz @param up Hz
AllocationProblem
Budgets(bool coupled, double down, double up)
{
    AllocationProblem p;
    p.coupled = coupled;
    p.downlinkHz = down;
    p.uplinkHz = up;
    return p;
}

/// @return Ls or SG,cap,scale as the reference file writes laws. @param text the text
RateLaw
ParseLaw(const std::string& text)
{
    if (text.at(0) == 'L')
    {
        return RateLaw::Linear(std::stod(text.substr(1)));
    }
    std::istringstream in(text.substr(1));
    std::string gain;
    std::string cap;
    std::string scale;
    std::getline(in, gain, ',');
    std::getline(in, cap, ',');
    std::getline(in, scale, ',');
    return RateLaw::Shannon(std::stod(gain), std::stod(cap), std::stod(scale));
}

} // namespace

/**
 * @ingroup wdmoe-tests
 *
 * Rate laws: values, limits, the corner of the cap, and the inverse over many decades.
 */
class WdmoeRateLawTestCase : public TestCase
{
  public:
    WdmoeRateLawTestCase()
        : TestCase("rate laws and their inverse")
    {
    }

  private:
    void DoRun() override
    {
        const RateLaw linear = RateLaw::Linear(2.5);
        NS_TEST_EXPECT_MSG_EQ(linear.Rate(4e6), 1e7, "s B");
        NS_TEST_EXPECT_MSG_EQ(linear.Bandwidth(1e7), 4e6, "rate / s");
        NS_TEST_EXPECT_MSG_EQ(linear.MaxRate(), INF, "no limit");

        // SNR 3: two bits per second and hertz
        const RateLaw shannon = RateLaw::Shannon(3e6);
        NS_TEST_EXPECT_MSG_EQ_TOL(shannon.Rate(1e6), 2e6, 1e-9, "B log2(1 + 3)");
        NS_TEST_EXPECT_MSG_EQ_TOL(shannon.MaxRate(), 3e6 / std::log(2.0), 1e-6, "G / ln 2");
        NS_TEST_EXPECT_MSG_EQ_TOL(shannon.Rate(1e30) / shannon.MaxRate(), 1, 1e-14, "limit");
        NS_TEST_EXPECT_MSG_EQ(shannon.Rate(INF), shannon.MaxRate(), "limit");
        NS_TEST_EXPECT_MSG_EQ(shannon.Bandwidth(shannon.MaxRate() * 1.001), INF, "beyond");
        NS_TEST_EXPECT_MSG_EQ(shannon.Rate(0), 0, "nothing for nothing");
        NS_TEST_EXPECT_MSG_EQ(shannon.Bandwidth(0), 0, "nothing for nothing");

        // cap 2 bit/s/Hz binds from SNR 3 on: below 1 MHz
        const RateLaw capped = RateLaw::Shannon(3e6, 2);
        NS_TEST_EXPECT_MSG_EQ_TOL(capped.Rate(0.5e6), 1e6, 1e-9, "cap");
        NS_TEST_EXPECT_MSG_EQ_TOL(capped.Rate(3e6), 3e6, 1e-9, "no cap: log2(2) = 1");
        NS_TEST_EXPECT_MSG_EQ_TOL(capped.Bandwidth(1e6), 0.5e6, 1e-9, "cap");
        NS_TEST_EXPECT_MSG_EQ_TOL(capped.Bandwidth(3e6), 3e6, 1e-6, "no cap");
        NS_TEST_EXPECT_MSG_EQ_TOL(RateLaw::Shannon(3e6, INF, 0.5).Rate(1e6), 1e6, 1e-9, "scale");

        // round trip; the rate is what is compared, since far out the bandwidth is ill-defined
        for (double gain = 1e-3; gain < 1e15; gain *= 31)
        {
            for (double cap : {INF, 5.0, 0.1})
            {
                const RateLaw law = RateLaw::Shannon(gain, cap, 0.75);
                for (double b = gain * 1e-40; b < gain * 1e14; b *= 7)
                {
                    const double rate = law.Rate(b);
                    const double back = law.Bandwidth(rate);
                    if (std::isfinite(back))
                    {
                        NS_TEST_EXPECT_MSG_LT(Difference(law.Rate(back), rate),
                                              4e-15,
                                              "G " << gain << " cap " << cap << " B " << b);
                        if (b < gain)
                        {
                            NS_TEST_EXPECT_MSG_LT(Difference(back, b), 1e-13, "B " << b);
                        }
                    }
                    else
                    {
                        // only where the limit is reached to the last digit
                        NS_TEST_EXPECT_MSG_LT(law.MaxRate() / rate - 1, 1e-13, "B " << b);
                    }
                }
            }
        }

        NS_TEST_EXPECT_MSG_EQ(RateLaw().IsValid(), true, "a law of zero rate is valid");
        NS_TEST_EXPECT_MSG_EQ(RateLaw().MaxRate(), 0, "and carries nothing");
        NS_TEST_EXPECT_MSG_EQ(RateLaw().Bandwidth(1), INF, "and carries nothing");
        for (const RateLaw& law : {RateLaw::Linear(-1),
                                   RateLaw::Linear(NOT_A_NUMBER),
                                   RateLaw::Linear(INF),
                                   RateLaw::Shannon(-1),
                                   RateLaw::Shannon(NOT_A_NUMBER),
                                   RateLaw::Shannon(INF),
                                   RateLaw::Shannon(1, -1),
                                   RateLaw::Shannon(1, NOT_A_NUMBER),
                                   RateLaw::Shannon(1, 1, 0),
                                   RateLaw::Shannon(1, 1, 1.1),
                                   RateLaw::Shannon(1, 1, NOT_A_NUMBER)})
        {
            NS_TEST_EXPECT_MSG_EQ(law.IsValid(),
                                  false,
                                  "kind " << law.kind << " s " << law.efficiency << " G "
                                          << law.gainHz << " a " << law.scale);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Compute time by hand, both ways of counting, and latencies.
 */
class WdmoeComputeAndLatencyTestCase : public TestCase
{
  public:
    WdmoeComputeAndLatencyTestCase()
        : TestCase("compute time and latency")
    {
    }

  private:
    void DoRun() override
    {
        // Mixtral-8x7B: 4096 x 14336
        const ExpertShape mixtral;
        NS_TEST_EXPECT_MSG_EQ(mixtral.FlopsPerToken(), 352450560.0, "6 m m_h + 9 m_h");
        NS_TEST_EXPECT_MSG_EQ(mixtral.WeightBytes(), 352321536.0, "3 m m_h 2");

        ExpertShape shape;
        shape.hidden = 10;
        shape.inner = 20;
        shape.activationFlops = 9;
        NS_TEST_EXPECT_MSG_EQ(shape.FlopsPerToken(), 1400, "800 + 400 + 180 + 20");
        NS_TEST_EXPECT_MSG_EQ(shape.WeightBytes(), 1200, "3 x 10 x 20 x 2");
        DeviceProfile device;
        device.name = "toy";
        device.flops = 1e4;
        device.memoryBandwidth = 1e3;
        device.launchOverheadS = 0.25;
        const std::vector<double> tokens{0, 1, 20};
        NS_TEST_EXPECT_MSG_EQ_TOL(ComputeTime(ComputeMode::FLOPS, shape, device, tokens),
                                  21 * 0.14,
                                  1e-12,
                                  "FLOPs over speed");
        // one token waits for the weights (1.24 s), twenty for the arithmetic (2.8 s)
        NS_TEST_EXPECT_MSG_EQ_TOL(ComputeTime(ComputeMode::ROOFLINE, shape, device, tokens),
                                  1.24 + 0.25 + 2.8 + 0.25,
                                  1e-12,
                                  "the larger of both, for each expert");
        NS_TEST_EXPECT_MSG_EQ(ComputeTime(ComputeMode::ROOFLINE, shape, device, {}), 0, "no work");

        const auto refused = [&](ComputeMode mode, const DeviceProfile& d, double q) {
            return IsRefused([&] { ComputeTime(mode, shape, d, {q}); });
        };
        NS_TEST_EXPECT_MSG_EQ(refused(ComputeMode::FLOPS, DeviceProfile(), 1), true, "no speed");
        NS_TEST_EXPECT_MSG_EQ(refused(ComputeMode::FLOPS, device, -1), true, "tokens < 0");
        NS_TEST_EXPECT_MSG_EQ(refused(ComputeMode::FLOPS, device, NOT_A_NUMBER), true, "NaN");
        device.memoryBandwidth = 0;
        NS_TEST_EXPECT_MSG_EQ(refused(ComputeMode::ROOFLINE, device, 1), true, "no memory");
        NS_TEST_EXPECT_MSG_EQ(refused(ComputeMode::FLOPS, device, 1), false, "not needed here");

        const StageTimes t{1, 3, 2};
        NS_TEST_EXPECT_MSG_EQ(SequentialLatency(t), 6, "one after another");
        NS_TEST_EXPECT_MSG_EQ(PipelinedLatency(t, 1), 6, "one batch is sequential");
        NS_TEST_EXPECT_MSG_EQ_TOL(PipelinedLatency(t, 4), 1.5 + 0.75 * 3, 1e-12, "4 batches");
        NS_TEST_EXPECT_MSG_EQ_TOL(PipelinedLatency(t, 1000000), 3, 1e-5, "the slowest stage");
        NS_TEST_EXPECT_MSG_EQ(BlockLatency({{1, 1, 1}, t, {0, 0, 5}}), 6, "the slowest device");
        NS_TEST_EXPECT_MSG_EQ_TOL(BlockLatency({{1, 1, 1}, t, {0, 0, 5}}, 4), 5, 1e-12, "same");
        NS_TEST_EXPECT_MSG_EQ(BlockLatency({}), 0, "nobody works");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { PipelinedLatency(t, 0); }), true, "0 batches");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([] { SequentialLatency({-1, 0, 0}); }), true, "negative");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([] { BlockLatency({{0, NOT_A_NUMBER, 0}}); }), true, "NaN");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Allocations that can be written down.
 */
class WdmoeAllocationClosedFormTestCase : public TestCase
{
  public:
    WdmoeAllocationClosedFormTestCase()
        : TestCase("allocation: closed forms and special cases")
    {
    }

  private:
    /**
     * @param p the problem
     * @param time expected T, s
     * @param what name of the case
     * @return the result
     */
    AllocationResult Expect(const AllocationProblem& p, double time, const std::string& what)
    {
        const AllocationResult r = AllocateMinMax(p);
        NS_TEST_EXPECT_MSG_EQ((r.status == AllocationStatus::OPTIMAL), true, what << r.message);
        NS_TEST_EXPECT_MSG_LT(Difference(r.timeS, time), 1e-12, what << ": T " << r.timeS);
        NS_TEST_EXPECT_MSG_LT(r.Gap(), 1.1e-12, what << ": gap");
        NS_TEST_EXPECT_MSG_LT(r.residual, 1e-6, what << ": KKT residual");
        return r;
    }

    void DoRun() override
    {
        const RateLaw one = RateLaw::Linear(1);
        const RateLaw two = RateLaw::Linear(2);

        // same T for all without compute: T = sum bits / (s B)
        AllocationProblem p = Budgets(true, 10, 0);
        AddDevice(p, 1, 2, 0, one, one);
        AddDevice(p, 4, 0, 0, two, one);
        AddDevice(p, 0, 0, 0, one, one);
        AllocationResult r = Expect(p, 0.5, "coupled, linear");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.downlinkHz[0], 6, 1e-9, "share");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.downlinkHz[1], 4, 1e-9, "share");
        NS_TEST_EXPECT_MSG_EQ(r.downlinkHz[2], 0, "idle device");
        NS_TEST_EXPECT_MSG_EQ(r.uplinkHz[0], r.downlinkHz[0], "coupled");
        NS_TEST_EXPECT_MSG_EQ(r.active.size(), 2, "both are the bottleneck");

        // 1 / (T - 0) + 1 / (T - 1) = 1: T = (3 + sqrt(5)) / 2
        p = Budgets(true, 1, 0);
        AddDevice(p, 1, 0, 0, one, one);
        AddDevice(p, 0, 1, 1, one, one);
        Expect(p, (3 + std::sqrt(5.0)) / 2, "coupled, compute");

        // one device: everything is its own, whatever the laws
        p = Budgets(false, 1e6, 2e6);
        AddDevice(p, 2e6, 4e6, 1, RateLaw::Shannon(3e6), RateLaw::Shannon(2e6, 0.5));
        Expect(p, 1 + 1 + 4, "split, one device");

        // two equal devices share both budgets equally
        p = Budgets(false, 2e6, 4e6);
        AddDevice(p, 2e6, 4e6, 1, RateLaw::Shannon(3e6), RateLaw::Shannon(2e6, 0.5));
        AddDevice(p, 2e6, 4e6, 1, RateLaw::Shannon(3e6), RateLaw::Shannon(2e6, 0.5));
        r = Expect(p, 1 + 1 + 4, "split, two equal devices");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.uplinkHz[0], 2e6, 1e-3, "half");

        // linear without compute: the two sides are a 2 x 2 eigenvalue problem, see the .cc file
        p = Budgets(false, 1, 1);
        AddDevice(p, 1, 4, 0, one, one);
        AddDevice(p, 4, 1, 0, one, one);
        Expect(p, 9, "split, linear: largest eigenvalue of [5 4; 4 5]");

        // downlink and uplink by different devices: the worse side decides, the other is balanced
        p = Budgets(false, 1, 1);
        AddDevice(p, 1, 0, 0, one, one);
        AddDevice(p, 2, 0, 0, one, one);
        AddDevice(p, 0, 2, 0, one, one);
        r = Expect(p, 3, "split, no device with both");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.downlinkHz[1], 2.0 / 3, 1e-12, "share");
        NS_TEST_EXPECT_MSG_EQ(r.uplinkHz[2], 1, "all of the uplink");
        NS_TEST_EXPECT_MSG_EQ(r.active.size(), 2, "the downlink devices");

        // an idle device computes longer than all others need
        AddDevice(p, 0, 0, 7, one, one);
        r = Expect(p, 7, "compute alone decides");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.downlinkHz[1], 2.0 / 3, 1e-12, "others are balanced still");
        NS_TEST_EXPECT_MSG_EQ(r.active.size(), 1, "the idle one");
        NS_TEST_EXPECT_MSG_EQ(r.active.at(0), 3, "the idle one");

        // nobody has bits: not even a budget is needed
        p = Budgets(false, 0, 0);
        AddDevice(p, 0, 0, 0.5, one, one);
        AddDevice(p, 0, 0, 0.25, RateLaw(), RateLaw());
        Expect(p, 0.5, "all idle");
        p.computeS = {0, 0};
        Expect(p, 0, "nothing at all");

        // budgets that put every device exactly on the corner of its cap: B = 1e6 each
        for (const bool coupled : {false, true})
        {
            p = Budgets(coupled, 5e6, 5e6);
            for (int k = 0; k < 5; ++k)
            {
                AddDevice(p, 2e6, 4e6, 0, RateLaw::Shannon(3e6, 2), RateLaw::Shannon(3e6, 2));
            }
            Expect(p, 3, "all at the corner");
        }

        // equal shares
        p = Budgets(false, 12, 12);
        AddDevice(p, 6, 6, 0, one, one);
        AddDevice(p, 6, 0, 0, one, one);
        AddDevice(p, 0, 0, 0, one, one);
        r = AllocateEqual(p, false);
        NS_TEST_EXPECT_MSG_EQ(r.downlinkHz[0], 6, "busy devices only");
        NS_TEST_EXPECT_MSG_EQ(r.uplinkHz[0], 12, "the only one with an uplink");
        NS_TEST_EXPECT_MSG_EQ(r.timeS, 1.5, "1 + 0.5");
        r = AllocateEqual(p, true);
        NS_TEST_EXPECT_MSG_EQ(r.downlinkHz[2], 4, "everybody");
        NS_TEST_EXPECT_MSG_EQ(r.timeS, 3, "1.5 + 1.5");
        p.coupled = true;
        r = AllocateEqual(p, false);
        NS_TEST_EXPECT_MSG_EQ(r.uplinkHz[1], 6, "busy in either direction");
        NS_TEST_EXPECT_MSG_EQ(r.timeS, 2, "1 + 1");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The checked-in reference optima (test/reference/allocation-reference.py), and what a result says
 * about itself.
 */
class WdmoeAllocationReferenceTestCase : public TestCase
{
  public:
    WdmoeAllocationReferenceTestCase()
        : TestCase("allocation: 1,000 instances against independent optima")
    {
    }

  private:
    /// @return the file with the reference values, open if it was found
    std::ifstream Open()
    {
        std::ifstream file;
#ifdef NS_TEST_SOURCEDIR
        const std::string name = "reference/allocation-reference.csv";
        SetDataDir(NS_TEST_SOURCEDIR);
        file.open(std::string(NS_TEST_SOURCEDIR) + "/" + name);
        if (!file.is_open() && std::string(NS_TEST_SOURCEDIR).at(0) != '/')
        {
            // in an ns-3 tree the folder is relative to its top
            file.open(CreateDataDirFilename(name));
        }
#endif
        return file;
    }

    void DoRun() override
    {
        std::ifstream file = Open();
        if (!file.is_open())
        {
            std::cout << "SKIPPED: test/reference/allocation-reference.csv was not found"
                      << std::endl;
            return;
        }
        std::string line;
        int count = 0;
        double worst = 0;
        double worstResidual = 0;
        while (std::getline(file, line))
        {
            if (line.empty() || line[0] == '#')
            {
                continue;
            }
            ++count;
            const std::string name = "instance " + std::to_string(count);
            AllocationProblem p;
            std::istringstream in(line);
            std::string mode;
            std::string list;
            double time = 0;
            in >> mode >> p.downlinkHz >> p.uplinkHz >> time >> list;
            p.coupled = mode == "c";
            std::istringstream devices(list);
            for (std::string device; std::getline(devices, device, ';');)
            {
                std::vector<std::string> part;
                std::istringstream fields(device);
                for (std::string field; std::getline(fields, field, '/');)
                {
                    part.push_back(field);
                }
                NS_TEST_ASSERT_MSG_EQ(part.size(), 5, name << ": fields of a device");
                AddDevice(p,
                          std::stod(part[0]),
                          std::stod(part[1]),
                          std::stod(part[2]),
                          ParseLaw(part[3]),
                          ParseLaw(part[4]));
            }

            const AllocationResult r = AllocateMinMax(p);
            NS_TEST_EXPECT_MSG_EQ((r.status == AllocationStatus::OPTIMAL), true, name);
            NS_TEST_EXPECT_MSG_LT(Difference(r.timeS, time), 1e-9, name << ": T " << r.timeS);
            NS_TEST_EXPECT_MSG_LT(r.Gap(), 1.1e-12, name << ": gap");
            // a bound is a bound, up to rounding
            NS_TEST_EXPECT_MSG_EQ((r.lowerBoundS <= time * (1 + 1e-13)), true, name << ": bound");
            NS_TEST_EXPECT_MSG_EQ((r.timeS >= time * (1 - 1e-13)), true, name << ": T too good");
            worst = std::max(worst, Difference(r.timeS, time));
            worstResidual = std::max(worstResidual, r.residual);
            CheckBandwidths(p, r, name);

            const AllocationResult equal = AllocateEqual(p, false);
            NS_TEST_EXPECT_MSG_EQ((equal.timeS >= time * (1 - 1e-13)), true, name << ": equal");
        }
        std::cout << count << " instances, worst relative difference " << worst
                  << ", worst KKT residual " << worstResidual << std::endl;
        NS_TEST_EXPECT_MSG_EQ(count, 1000, "instances in the file");
        NS_TEST_EXPECT_MSG_LT(worstResidual, 1e-6, "KKT residual");
    }

    /**
     * Budgets are kept, idle directions get nothing, T is what the bandwidths give.
     *
     * @param p the problem
     * @param r its solution
     * @param name of the instance
     */
    void CheckBandwidths(const AllocationProblem& p,
                         const AllocationResult& r,
                         const std::string& name)
    {
        double down = 0;
        double up = 0;
        double slowest = 0;
        for (std::size_t k = 0; k < p.computeS.size(); ++k)
        {
            const bool d = p.downlinkBits[k] > 0;
            const bool u = p.uplinkBits[k] > 0;
            down += r.downlinkHz[k];
            up += r.uplinkHz[k];
            if (p.coupled)
            {
                NS_TEST_EXPECT_MSG_EQ(r.downlinkHz[k], r.uplinkHz[k], name << ": coupled " << k);
                NS_TEST_EXPECT_MSG_EQ((r.downlinkHz[k] > 0), (d || u), name << ": idle " << k);
            }
            else
            {
                NS_TEST_EXPECT_MSG_EQ((r.downlinkHz[k] > 0), d, name << ": idle downlink " << k);
                NS_TEST_EXPECT_MSG_EQ((r.uplinkHz[k] > 0), u, name << ": idle uplink " << k);
            }
            const double t = p.computeS[k] +
                             (d ? p.downlinkBits[k] / p.downlinkLaw[k].Rate(r.downlinkHz[k]) : 0) +
                             (u ? p.uplinkBits[k] / p.uplinkLaw[k].Rate(r.uplinkHz[k]) : 0);
            slowest = std::max(slowest, t);
        }
        NS_TEST_EXPECT_MSG_LT(down, p.downlinkHz * (1 + 1e-13), name << ": downlink budget");
        NS_TEST_EXPECT_MSG_LT((p.coupled ? 0 : up),
                              p.uplinkHz * (1 + 1e-13),
                              name << ": uplink budget");
        NS_TEST_EXPECT_MSG_LT(Difference(r.timeS, slowest), 1e-15, name << ": T");
        NS_TEST_EXPECT_MSG_EQ(r.active.empty(), false, name << ": active set");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Meaningless and impossible problems are named, not looped on.
 */
class WdmoeAllocationBadInputTestCase : public TestCase
{
  public:
    WdmoeAllocationBadInputTestCase()
        : TestCase("allocation: bad input")
    {
    }

  private:
    void DoRun() override
    {
        using Problem = AllocationProblem;
        using Status = AllocationStatus;

        /// One way to get it wrong
        struct Case
        {
            std::string what;                    ///< name
            Status status;                       ///< expected
            std::string message;                 ///< must be part of the message
            std::function<void(Problem&)> spoil; ///< what to do to a good problem
        };

        const std::vector<Case> cases{
            {"no device", Status::INVALID, "no device", [](Problem& p) { p = Problem(); }},
            {"short uplinkBits",
             Status::INVALID,
             "uplinkBits has 2",
             [](Problem& p) { p.uplinkBits.pop_back(); }},
            {"long computeS",
             Status::INVALID,
             "computeS has 4",
             [](Problem& p) { p.computeS.push_back(0); }},
            {"short downlinkLaw",
             Status::INVALID,
             "downlinkLaw has 2",
             [](Problem& p) { p.downlinkLaw.pop_back(); }},
            {"no uplinkLaw",
             Status::INVALID,
             "uplinkLaw has 0",
             [](Problem& p) { p.uplinkLaw.clear(); }},
            {"NaN bits",
             Status::INVALID,
             "downlinkBits[1] is nan",
             [](Problem& p) { p.downlinkBits[1] = NOT_A_NUMBER; }},
            {"negative bits",
             Status::INVALID,
             "uplinkBits[2] is -1",
             [](Problem& p) { p.uplinkBits[2] = -1; }},
            {"infinite bits",
             Status::INVALID,
             "uplinkBits[0] is inf",
             [](Problem& p) { p.uplinkBits[0] = INF; }},
            {"negative compute",
             Status::INVALID,
             "computeS[0] is -0.5",
             [](Problem& p) { p.computeS[0] = -0.5; }},
            {"NaN compute",
             Status::INVALID,
             "computeS[2] is nan",
             [](Problem& p) { p.computeS[2] = NOT_A_NUMBER; }},
            {"infinite compute",
             Status::INVALID,
             "computeS[2] is inf",
             [](Problem& p) { p.computeS[2] = INF; }},
            {"negative gain",
             Status::INVALID,
             "downlinkLaw[1] is not valid",
             [](Problem& p) { p.downlinkLaw[1] = RateLaw::Shannon(-3); }},
            {"NaN slope",
             Status::INVALID,
             "uplinkLaw[0] is not valid",
             [](Problem& p) { p.uplinkLaw[0] = RateLaw::Linear(NOT_A_NUMBER); }},
            {"law without rate",
             Status::INFEASIBLE,
             "downlinkLaw[0] carries no bit",
             [](Problem& p) { p.downlinkLaw[0] = RateLaw::Linear(0); }},
            {"law without gain",
             Status::INFEASIBLE,
             "uplinkLaw[1] carries no bit",
             [](Problem& p) { p.uplinkLaw[1] = RateLaw::Shannon(0); }},
            {"law capped to nothing",
             Status::INFEASIBLE,
             "uplinkLaw[1] carries no bit",
             [](Problem& p) { p.uplinkLaw[1] = RateLaw::Shannon(1e6, 0); }},
            {"zero downlink budget",
             Status::INFEASIBLE,
             "downlinkHz is 0",
             [](Problem& p) { p.downlinkHz = 0; }},
            {"negative downlink budget",
             Status::INVALID,
             "downlinkHz is -1",
             [](Problem& p) { p.downlinkHz = -1; }},
            {"NaN downlink budget",
             Status::INVALID,
             "downlinkHz is nan",
             [](Problem& p) { p.downlinkHz = NOT_A_NUMBER; }},
            {"infinite downlink budget",
             Status::INVALID,
             "downlinkHz is inf",
             [](Problem& p) { p.downlinkHz = INF; }},
            {"out of range", Status::INVALID, "out of the range", [](Problem& p) {
                 p.downlinkBits[0] = 1e308;
                 p.downlinkHz = 1e-300;
             }}};
        const RateLaw law = RateLaw::Shannon(1e7);
        for (const Case& c : cases)
        {
            for (const bool coupled : {false, true})
            {
                Problem p = Budgets(coupled, 1e6, 1e6);
                AddDevice(p, 1e5, 1e5, 0, law, law);
                AddDevice(p, 1e5, 1e5, 0.1, law, law);
                AddDevice(p, 0, 1e5, 0, law, law);
                c.spoil(p);
                for (const AllocationResult& r :
                     {AllocateMinMax(p), AllocateEqual(p, true), AllocateEqual(p, false)})
                {
                    NS_TEST_EXPECT_MSG_EQ((r.status == c.status), true, c.what << ": status");
                    NS_TEST_EXPECT_MSG_NE(r.message.find(c.message),
                                          std::string::npos,
                                          c.what << ": '" << r.message << "'");
                }
            }
        }
        // what only a split problem has
        Problem p = Budgets(false, 1e6, 0);
        AddDevice(p, 1e5, 1e5, 0, law, law);
        NS_TEST_EXPECT_MSG_EQ((AllocateMinMax(p).status == Status::INFEASIBLE), true, "uplink");
        p.coupled = true;
        NS_TEST_EXPECT_MSG_EQ((AllocateMinMax(p).status == Status::OPTIMAL), true, "not used");

        for (const auto& [gap, iterations] : std::vector<std::pair<double, int>>{{0, 10},
                                                                                 {-1, 10},
                                                                                 {1, 10},
                                                                                 {NOT_A_NUMBER, 10},
                                                                                 {1e-9, 0},
                                                                                 {1e-9, -3}})
        {
            AllocationParam param;
            param.relativeGap = gap;
            param.maxIterations = iterations;
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { param.Check(); }), true, gap << iterations);
            NS_TEST_EXPECT_MSG_EQ((AllocateMinMax(p, param).status == Status::INVALID),
                                  true,
                                  "the allocator does not throw");
        }

        // stopped early: feasible, and honest about it
        p = Budgets(false, 1e6, 1e6);
        AddDevice(p, 1e5, 3e5, 0, law, law);
        AddDevice(p, 1e5, 1e3, 0.1, law, law);
        AllocationParam hasty;
        hasty.maxIterations = 1;
        const AllocationResult early = AllocateMinMax(p, hasty);
        const AllocationResult best = AllocateMinMax(p);
        NS_TEST_EXPECT_MSG_EQ((early.status == Status::MAX_ITERATIONS), true, "status");
        NS_TEST_EXPECT_MSG_GT(early.timeS, best.timeS, "not optimal");
        NS_TEST_EXPECT_MSG_LT(early.lowerBoundS, best.timeS, "but bounded");
        NS_TEST_EXPECT_MSG_GT(early.Gap(), 1e-6, "and says so");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Instances far from anything physical: seventeen orders of magnitude side by side.
 */
class WdmoeAllocationStressTestCase : public TestCase
{
  public:
    WdmoeAllocationStressTestCase()
        : TestCase("allocation: certificate on badly scaled instances")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 engine(42); // not a simulation: no ns-3 stream needed
        const auto uniform = [&engine](double a, double b) {
            return a + (b - a) * static_cast<double>(engine() >> 11) * 0x1p-53;
        };
        for (int i = 0; i < 2000; ++i)
        {
            AllocationProblem p =
                Budgets(i % 2 == 0, std::pow(10, uniform(0, 9)), std::pow(10, uniform(0, 9)));
            const int count = 1 + static_cast<int>(uniform(0, i % 10 == 0 ? 200 : 12));
            const auto law = [&] {
                const double gain = std::pow(10, uniform(0, 14));
                const double s = uniform(0.01, 8);
                const int kind = static_cast<int>(uniform(0, 3));
                return kind == 0   ? RateLaw::Linear(s)
                       : kind == 1 ? RateLaw::Shannon(gain)
                                   : RateLaw::Shannon(gain, s, uniform(0.1, 1));
            };
            for (int k = 0; k < count; ++k)
            {
                const double kind = uniform(0, 1);
                AddDevice(p,
                          kind < 0.2 ? 0 : std::pow(10, uniform(0, 9)),
                          kind > 0.8 ? 0 : std::pow(10, uniform(0, 9)),
                          uniform(0, 1) < 0.5 ? 0 : std::pow(10, uniform(-6, 2)),
                          law(),
                          law());
            }
            const AllocationResult r = AllocateMinMax(p);
            NS_TEST_EXPECT_MSG_EQ((r.status == AllocationStatus::OPTIMAL),
                                  true,
                                  "instance " << i << ": gap " << r.Gap());
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Top-k, WLR and kept mass by hand; Algorithm 1 against a naive one.
 */
class WdmoeSelectionTestCase : public TestCase
{
  public:
    WdmoeSelectionTestCase()
        : TestCase("selection: top-k, WLR, kept gate mass")
    {
    }

  private:
    /**
     * Algorithm 1 word for word: everything anew for each theta.
     *
     * @param gate the gate
     * @param k top-k
     * @param latency of each expert
     * @param param settings
     * @return theta, and the experts of each token (the rest of WlrResult is not set)
     */
    static WlrResult Naive(const GateMatrix& gate,
                           std::size_t k,
                           const std::vector<double>& latency,
                           const WlrParam& param)
    {
        WlrResult result;
        const Selection top = SelectTopK(gate, k);
        const double before = WeightToLatencyRatio(gate, top, latency);
        for (int i = 0;; ++i)
        {
            const double theta = param.thetaStart + i * param.thetaStep;
            if (theta > param.thetaEnd + 1e-9)
            {
                return result;
            }
            result.theta = std::min(theta, param.thetaEnd);
            result.selection = top;
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                double dot = 0;
                double g = 0;
                double l = 0;
                for (std::size_t e = 0; e < gate.experts; ++e)
                {
                    dot += gate.Row(j)[e] * latency[e];
                    g += gate.Row(j)[e] * gate.Row(j)[e];
                    l += latency[e] * latency[e];
                }
                int32_t* expert = &result.selection.expert[j * k];
                const auto routed =
                    std::count_if(expert, expert + k, [](int32_t e) { return e >= 0; });
                if (dot / std::sqrt(g * l) <= theta + 1e-15 &&
                    static_cast<std::size_t>(routed) > param.minExperts)
                {
                    expert[routed - 1] = -1;
                }
            }
            result.wlr = WeightToLatencyRatio(gate, result.selection, latency);
            result.reached = result.wlr / before > param.gain;
            if (result.reached)
            {
                return result;
            }
        }
    }

    void DoRun() override
    {
        GateMatrix gate;
        gate.tokens = 3;
        gate.experts = 4;
        gate.weight = {0.5, 0.25, 0.125, 0.125, 0.1, 0.2, 0.3, 0.4, 0, 0, 1, 0};
        const Selection top = SelectTopK(gate, 2);
        const std::vector<int32_t> expected{0, 1, 3, 2, 2, -1};
        NS_TEST_EXPECT_MSG_EQ((top.expert == expected), true, "k largest; no weight, no expert");
        NS_TEST_EXPECT_MSG_EQ_TOL(top.combine[0], 2.0 / 3, 1e-15, "renormalised");
        NS_TEST_EXPECT_MSG_EQ_TOL(top.combine[3], 3.0 / 7, 1e-15, "renormalised");
        NS_TEST_EXPECT_MSG_EQ(top.combine[4], 1, "alone");
        NS_TEST_EXPECT_MSG_EQ(top.combine[5], 0, "nothing here");
        NS_TEST_EXPECT_MSG_EQ(top.Routed(), 5, "pairs");
        NS_TEST_EXPECT_MSG_EQ((top.Load(4) == std::vector<uint32_t>{1, 1, 2, 1}), true, "load");
        NS_TEST_EXPECT_MSG_EQ(SelectTopK(gate, 3).expert[2], 2, "ties: the lower index");

        const std::vector<double> latency{1, 2, 4, 8};
        const double wlr = (0.5 / 1 + 0.25 / 2 + 0.4 / 8 + 0.3 / 4 + 1.0 / 4) / 5;
        NS_TEST_EXPECT_MSG_EQ_TOL(WeightToLatencyRatio(gate, top, latency), wlr, 1e-15, "WLR");
        NS_TEST_EXPECT_MSG_EQ(KeptGateMass(gate, top, 2), 1, "all of it");
        NS_TEST_EXPECT_MSG_EQ_TOL(KeptGateMass(gate, SelectTopK(gate, 1), 2),
                                  1.9 / 2.45,
                                  1e-15,
                                  "top-1 of top-2");

        // cosines with (1, 2, 4, 8) / sqrt(85): 0.462, 0.927, 0.434. At 0.5 the first token loses
        // expert 1, the last one has none to lose; the second goes at 1.0
        WlrParam param;
        param.gain = 1.01;
        WlrResult r = SelectWlr(gate, 2, latency, param);
        NS_TEST_EXPECT_MSG_EQ(r.reached, true, "gain");
        NS_TEST_EXPECT_MSG_EQ(r.theta, 0.5, "first threshold");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.wlrTopK, wlr, 1e-15, "top-k");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.wlr, (5 * wlr - 0.125) / 4, 1e-15, "one dropped");
        NS_TEST_EXPECT_MSG_EQ((r.selection.expert == std::vector<int32_t>{0, -1, 3, 2, 2, -1}),
                              true,
                              "one dropped");
        NS_TEST_EXPECT_MSG_EQ(r.selection.combine[0], 1, "renormalised");
        param.gain = 10;
        r = SelectWlr(gate, 2, latency, param);
        NS_TEST_EXPECT_MSG_EQ(r.reached, false, "too much to ask");
        NS_TEST_EXPECT_MSG_EQ(r.theta, 1, "last threshold");
        NS_TEST_EXPECT_MSG_EQ(r.selection.Routed(), 3, "one each");
        param.minExperts = 2;
        NS_TEST_EXPECT_MSG_EQ(SelectWlr(gate, 2, latency, param).selection.Routed(), 5, "kept");

        // many against the naive one
        std::mt19937_64 engine(7);
        const auto uniform = [&engine] { return static_cast<double>(engine() >> 11) * 0x1p-53; };
        for (int i = 0; i < 300; ++i)
        {
            gate.tokens = 1 + engine() % 40;
            gate.experts = 2 + engine() % 15;
            gate.weight.clear();
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                std::vector<double> row(gate.experts);
                for (double& w : row)
                {
                    w = uniform() < 0.2 ? 1e-9 : std::exp(4 * uniform());
                }
                const double sum = std::accumulate(row.begin(), row.end(), 0.0);
                for (const double w : row)
                {
                    gate.weight.push_back(w / sum);
                }
            }
            std::vector<double> seconds(gate.experts);
            for (double& s : seconds)
            {
                s = std::exp(3 * uniform());
            }
            const std::size_t k = 1 + engine() % gate.experts;
            WlrParam some;
            some.thetaStart = 0.3 * uniform() + 0.3;
            some.thetaStep = 0.02 + 0.1 * uniform();
            some.gain = 0.9 + 0.4 * uniform();
            some.minExperts = 1 + engine() % 2;
            const WlrResult fast = SelectWlr(gate, k, seconds, some);
            const WlrResult slow = Naive(gate, k, seconds, some);
            NS_TEST_EXPECT_MSG_EQ(fast.reached, slow.reached, "instance " << i);
            NS_TEST_EXPECT_MSG_EQ_TOL(fast.theta, slow.theta, 1e-8, "instance " << i);
            NS_TEST_EXPECT_MSG_LT(Difference(fast.wlr, slow.wlr), 1e-12, "instance " << i);
            NS_TEST_EXPECT_MSG_EQ((fast.selection.expert == slow.selection.expert),
                                  true,
                                  "instance " << i);
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                const auto first = fast.selection.combine.begin() + static_cast<long>(j * k);
                NS_TEST_EXPECT_MSG_EQ_TOL(std::accumulate(first, first + static_cast<long>(k), 0.0),
                                          1,
                                          1e-14,
                                          "combine weights of a token");
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 * Top-k is a stable sort by falling weight, also where weights differ in their last bits only, are
 * equal, 0, -0 or too small to be normal numbers, for all k and numbers of tokens and experts.
 */
class WdmoeTopKTestCase : public TestCase
{
  public:
    WdmoeTopKTestCase()
        : TestCase("Top-k of all kinds of rows")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 engine(11);
        const auto uniform = [&engine] { return static_cast<double>(engine() >> 11) * 0x1p-53; };
        Selection selection;
        std::size_t ties = 0;
        for (int i = 0; i < 3000; ++i)
        {
            GateMatrix gate;
            gate.tokens = 1 + engine() % 70;
            gate.experts = i % 50 == 0 ? 1000 + engine() % 100 : 1 + engine() % 100;
            const auto k = 1 + engine() % std::min<std::size_t>(gate.experts, 12);
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                const auto kind = engine() % 5;
                const auto first = gate.weight.size();
                for (std::size_t e = 0; e < gate.experts; ++e)
                {
                    const double any = (1 + uniform()) / (2.0 * static_cast<double>(gate.experts));
                    const double steps = static_cast<double>(engine() % 4);
                    const double near = (1 + steps * 0x1p-52) / 1024;
                    const double tiny = steps * std::numeric_limits<double>::denorm_min();
                    const double some = engine() % 3 ? (engine() % 2 ? -0.0 : 0.0) : any;
                    const double values[] = {any,
                                             near / 2,
                                             tiny,
                                             some,
                                             std::floor(any * 200) / 200};
                    gate.weight.push_back(values[kind]);
                }
                gate.weight[first + engine() % gate.experts] = 0.1; // not without any weight
            }
            SelectTopK(gate, k, selection);
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                const double* row = gate.Row(j);
                std::vector<int32_t> order(gate.experts);
                std::iota(order.begin(), order.end(), 0);
                std::stable_sort(order.begin(), order.end(), [row](int32_t a, int32_t b) {
                    return row[a] > row[b];
                });
                double sum = 0;
                for (std::size_t s = 0; s < k; ++s)
                {
                    ties += s > 0 && row[order[s]] == row[order[s - 1]];
                    sum += row[order[s]];
                    order[s] = row[order[s]] > 0 ? order[s] : -1;
                }
                for (std::size_t s = 0; s < k; ++s)
                {
                    const double share = order[s] < 0 ? 0 : row[order[s]] / sum;
                    const auto where = std::to_string(i) + ", token " + std::to_string(j);
                    NS_TEST_ASSERT_MSG_EQ(selection.expert[j * k + s], order[s], "gate " << where);
                    NS_TEST_ASSERT_MSG_EQ(selection.combine[j * k + s], share, "gate " << where);
                }
            }
            // each bad weight is found, wherever it is
            const auto where = engine() % gate.weight.size();
            const double bad[] = {std::nan(""),
                                  -1e-300,
                                  2,
                                  std::numeric_limits<double>::infinity()};
            gate.weight[where] = bad[i % 4];
            std::string message;
            try
            {
                SelectTopK(gate, k, selection);
            }
            catch (const std::invalid_argument& e)
            {
                message = e.what();
            }
            const auto token = "of token " + std::to_string(where / gate.experts) + " ";
            NS_TEST_ASSERT_MSG_EQ((message.find(token) != std::string::npos), true, message);
        }
        NS_TEST_EXPECT_MSG_GT(ties, 1000, "ties were met");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Gates, latencies and settings that make no sense.
 */
class WdmoeSelectionBadInputTestCase : public TestCase
{
  public:
    WdmoeSelectionBadInputTestCase()
        : TestCase("selection: bad input")
    {
    }

  private:
    void DoRun() override
    {
        GateMatrix good;
        good.tokens = 2;
        good.experts = 2;
        good.weight = {0.5, 0.5, 1, 0};
        const auto gate = [&good](const std::function<void(GateMatrix&)>& spoil) {
            GateMatrix g = good;
            spoil(g);
            return IsRefused([&g] { SelectTopK(g, 1); }) &&
                   IsRefused([&g] { SelectWlr(g, 1, {1, 1}); });
        };
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix&) {}), false, "good");
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix& g) { g = GateMatrix(); }), true, "empty");
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix& g) { g.weight.pop_back(); }), true, "short");
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix& g) { g.weight[1] = -0.1; }), true, "negative");
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix& g) { g.weight[1] = NOT_A_NUMBER; }), true, "NaN");
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix& g) { g.weight[1] = 3; }), true, "sum over 1");
        NS_TEST_EXPECT_MSG_EQ(gate([](GateMatrix& g) { g.weight[2] = 0; }), true, "no weight");

        const Selection top = SelectTopK(good, 2);
        for (const std::size_t k : {0, 3})
        {
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { SelectTopK(good, k); }), true, "k " << k);
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { SelectWlr(good, k, {1, 1}); }), true, "k " << k);
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { KeptGateMass(good, top, k); }), true, "k " << k);
        }
        for (const std::vector<double>& latency :
             std::vector<std::vector<double>>{{},
                                              {1},
                                              {1, 1, 1},
                                              {1, 0},
                                              {-1, 1},
                                              {NOT_A_NUMBER, 1},
                                              {1, INF}})
        {
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { SelectWlr(good, 1, latency); }), true, "latency");
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { WeightToLatencyRatio(good, top, latency); }),
                                  true,
                                  "latency");
        }
        Selection other = top;
        other.expert[0] = 2;
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { KeptGateMass(good, other, 1); }), true, "expert 2");
        other.tokens = 1;
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { WeightToLatencyRatio(good, other, {1, 1}); }),
                              true,
                              "another gate's selection");

        for (const auto& spoil : std::vector<std::function<void(WlrParam&)>>{
                 [](WlrParam& p) { p.thetaStart = -0.1; },
                 [](WlrParam& p) { p.thetaStart = NOT_A_NUMBER; },
                 [](WlrParam& p) { p.thetaEnd = 0.4; },
                 [](WlrParam& p) { p.thetaEnd = 1.1; },
                 [](WlrParam& p) { p.thetaStep = 0; },
                 [](WlrParam& p) { p.thetaStep = -0.1; },
                 [](WlrParam& p) { p.gain = 0; },
                 [](WlrParam& p) { p.gain = INF; },
                 [](WlrParam& p) { p.minExperts = 0; }})
        {
            WlrParam param;
            spoil(param);
            NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { SelectWlr(good, 1, {1, 1}, param); }),
                                  true,
                                  "settings");
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The numerics of model/core.
 */
class WdmoeCoreTestSuite : public TestSuite
{
  public:
    WdmoeCoreTestSuite()
        : TestSuite("wdmoe-core", Type::UNIT)
    {
        AddTestCase(new WdmoeRateLawTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeComputeAndLatencyTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeAllocationClosedFormTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeAllocationReferenceTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeAllocationBadInputTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeAllocationStressTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeSelectionTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeTopKTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeSelectionBadInputTestCase, TestCase::Duration::QUICK);
    }
};

/// Registers the suite
static WdmoeCoreTestSuite g_wdmoeCoreTestSuite;
