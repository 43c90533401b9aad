/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/*
 * Counts heap allocations of the numerics: malloc and its kin are replaced by counters in front of
 * the C library's own, since Eigen calls malloc and C++ operator new, which calls malloc.
 */

#include "ns3/abort.h"
#include "ns3/test.h"
#include "ns3/wdmoe-allocation.h"
#include "ns3/wdmoe-flow-shop.h"
#include "ns3/wdmoe-selection.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WDMOE_COUNT_ALLOCATIONS 1
#else
#define WDMOE_COUNT_ALLOCATIONS 0
#endif

#if WDMOE_COUNT_ALLOCATIONS

/// Heap allocations of this thread so far
static thread_local uint64_t g_allocations = 0;

extern "C"
{
    void* __libc_malloc(size_t size);
    void* __libc_calloc(size_t count, size_t size);
    void* __libc_realloc(void* memory, size_t size);
    void* __libc_memalign(size_t alignment, size_t size);

    void* malloc(size_t size)
    {
        ++g_allocations;
        return __libc_malloc(size);
    }

    void* calloc(size_t count, size_t size)
    {
        ++g_allocations;
        return __libc_calloc(count, size);
    }

    void* realloc(void* memory, size_t size)
    {
        ++g_allocations;
        return __libc_realloc(memory, size);
    }

    void* aligned_alloc(size_t alignment, size_t size)
    {
        ++g_allocations;
        return __libc_memalign(alignment, size);
    }

    int posix_memalign(void** memory, size_t alignment, size_t size)
    {
        ++g_allocations;
        *memory = __libc_memalign(alignment, size);
        return *memory ? 0 : 12; // ENOMEM
    }
}

#endif // WDMOE_COUNT_ALLOCATIONS

using namespace ns3;
using namespace wdmoe;

namespace
{

/// @return heap allocations so far
uint64_t
Allocations()
{
#if WDMOE_COUNT_ALLOCATIONS
    return g_allocations;
#else
    return 0;
#endif
}

/// Draws problems whose sizes and kinds differ
class Draw
{
  public:
    /// @param seed of the draws
    explicit Draw(uint64_t seed)
        : m_engine(seed)
    {
    }

    /// @return in [a, b). @param a lowest @param b highest
    double Uniform(double a, double b)
    {
        return a + (b - a) * static_cast<double>(m_engine() >> 11) * 0x1p-53;
    }

    /// @return a law of any kind
    RateLaw Law()
    {
        const double gain = std::pow(10, Uniform(6, 9));
        switch (m_engine() % 3)
        {
        case 0:
            return RateLaw::Linear(Uniform(0.2, 7));
        case 1:
            return RateLaw::Shannon(gain);
        default:
            return RateLaw::Shannon(gain, Uniform(1, 7), 0.75);
        }
    }

    /// @return devices, a tenth of them idle, some busy one way only. @param size K
    AllocationProblem Division(std::size_t size)
    {
        AllocationProblem p;
        p.coupled = m_engine() % 2;
        p.downlinkHz = 1e6 * static_cast<double>(size);
        p.uplinkHz = p.downlinkHz;
        for (std::size_t k = 0; k < size; ++k)
        {
            const double busy = Uniform(0, 1);
            p.downlinkBits.push_back(busy > 0.1 ? 65536 * std::floor(Uniform(1, 200)) : 0);
            p.uplinkBits.push_back(busy > 0.2 ? 65536 * std::floor(Uniform(1, 200)) : 0);
            p.computeS.push_back(Uniform(0, 0.5));
            p.downlinkLaw.push_back(Law());
            p.uplinkLaw.push_back(Law());
        }
        return p;
    }

    /// @return a block in flight, each batch in 1, 2 or 4 pieces. @param size K
    ShopProblem Shop(std::size_t size)
    {
        ShopProblem p;
        p.downlinkHz = 2.5e6 * static_cast<double>(size);
        p.uplinkHz = p.downlinkHz;
        p.halfDuplex = m_engine() % 4 == 0;
        p.blockWeight = {1};
        for (uint32_t k = 0; k < size; ++k)
        {
            p.devices.push_back({Law(), Law(), 0.004, 0.007, 0.005, 0});
            ShopTask task;
            task.device = k;
            const double bits = 65536 * std::floor(Uniform(1, 64));
            const double compute = Uniform(0.02, 0.3);
            for (const std::size_t pieces : {1, 2, 4})
            {
                const auto n = static_cast<double>(pieces);
                task.cuts.emplace_back(pieces, ShopPiece{bits / n, compute / n, bits / n});
            }
            p.tasks.push_back(task);
        }
        return p;
    }

    /// @return a gate's answer, as a softmax. @param tokens J @param experts E
    GateMatrix Gate(std::size_t tokens, std::size_t experts)
    {
        GateMatrix gate;
        gate.tokens = tokens;
        gate.experts = experts;
        for (std::size_t j = 0; j < tokens; ++j)
        {
            double sum = 0;
            for (std::size_t e = 0; e < experts; ++e)
            {
                gate.weight.push_back(std::exp(Uniform(0, 4)));
                sum += gate.weight.back();
            }
            for (std::size_t e = 0; e < experts; ++e)
            {
                gate.weight[j * experts + e] /= sum;
            }
        }
        return gate;
    }

  private:
    std::mt19937_64 m_engine; ///< random bits
};

/**
 * @ingroup wdmoe-tests
 * The counter counts, so that a count of 0 says something.
 */
class WdmoeCoreMemoryCounterTestCase : public TestCase
{
  public:
    WdmoeCoreMemoryCounterTestCase()
        : TestCase("Heap allocations are counted")
    {
    }

  private:
    void DoRun() override
    {
        if (!WDMOE_COUNT_ALLOCATIONS)
        {
            return;
        }
        const uint64_t before = Allocations();
        std::vector<double> memory(1000);
        memory.push_back(1);
        NS_TEST_ASSERT_MSG_EQ(Allocations() - before, 2, "two vectors' memory");
        // a first call must take memory, or the counts below would say nothing of it
        const auto problem = Draw(1).Division(8);
        const uint64_t first = Allocations();
        MinMaxAllocator allocator;
        allocator.Solve(problem);
        NS_TEST_ASSERT_MSG_GT(Allocations() - first, 4, "the allocator's own, result included");
    }
};

/**
 * @ingroup wdmoe-tests
 * Allocations of many problems, once each was met before.
 */
class WdmoeCoreMemoryTestCase : public TestCase
{
  public:
    /// Solves problem number i
    using Solve = std::function<void(std::size_t i)>;

    /**
     * @param name of the test
     * @param prepare draws the problems and gives what solves them
     * @param count of problems
     */
    WdmoeCoreMemoryTestCase(const std::string& name,
                            std::function<Solve()> prepare,
                            std::size_t count)
        : TestCase(name),
          m_prepare(std::move(prepare)),
          m_count(count)
    {
    }

  private:
    void DoRun() override
    {
        const Solve solve = m_prepare();
        for (std::size_t i = 0; i < m_count; ++i)
        {
            solve(i);
        }
        for (std::size_t i = 0; i < m_count; ++i)
        {
            const uint64_t before = Allocations();
            solve(i);
            const uint64_t count = Allocations() - before;
            NS_TEST_ASSERT_MSG_EQ(count, 0, "heap allocations of problem " << i << " met again");
        }
    }

    std::function<Solve()> m_prepare; ///< draws the problems
    std::size_t m_count;              ///< how many
};

/// @return what divides bandwidth. @param sizes K of each problem
WdmoeCoreMemoryTestCase::Solve
Divide(const std::vector<std::size_t>& sizes)
{
    Draw draw(7);
    std::vector<AllocationProblem> problems;
    for (const std::size_t size : sizes)
    {
        problems.push_back(draw.Division(size));
    }
    const auto allocator = std::make_shared<MinMaxAllocator>();
    return [allocator, problems](std::size_t i) {
        const auto& result = allocator->Solve(problems[i]);
        NS_ABORT_MSG_IF(result.status != AllocationStatus::OPTIMAL, result.message);
    };
}

/// @return what plans. @param sizes K of each problem
WdmoeCoreMemoryTestCase::Solve
Plan(const std::vector<std::size_t>& sizes)
{
    Draw draw(8);
    std::vector<ShopProblem> problems;
    for (const std::size_t size : sizes)
    {
        problems.push_back(draw.Shop(size));
    }
    const auto planner = std::make_shared<ShopPlanner>();
    return [planner, problems](std::size_t i) {
        const auto& result = planner->Plan(problems[i]);
        NS_ABORT_MSG_IF(result.status != ShopStatus::PLANNED, result.message);
    };
}

/// @return what selects: top-k and Algorithm 1. @param sizes J of each gate
WdmoeCoreMemoryTestCase::Solve
Select(const std::vector<std::size_t>& sizes)
{
    Draw draw(9);
    std::vector<GateMatrix> gates;
    std::vector<std::vector<double>> latencies;
    for (const std::size_t size : sizes)
    {
        gates.push_back(draw.Gate(size, 2 + size % 63));
        latencies.emplace_back();
        while (latencies.back().size() < gates.back().experts)
        {
            latencies.back().push_back(draw.Uniform(1e-3, 1e-2));
        }
    }
    const auto selection = std::make_shared<Selection>();
    const auto wlr = std::make_shared<WlrSelector>();
    return [=](std::size_t i) {
        WlrParam param;
        param.gain = 1e3;                       // through all thresholds
        param.thetaStep = i % 2 ? 0.1 : 0.0009; // few of them, many of them
        SelectTopK(gates[i], 2, *selection);
        NS_ABORT_MSG_IF(wlr->Solve(gates[i], 2, latencies[i], param).reached, "no such gain");
    };
}

/**
 * @ingroup wdmoe-tests
 * Memory of the numerics.
 */
class WdmoeCoreMemoryTestSuite : public TestSuite
{
  public:
    WdmoeCoreMemoryTestSuite()
        : TestSuite("wdmoe-core-memory", Type::UNIT)
    {
        const auto add = [this](const std::string& name, auto solver, std::vector<std::size_t> k) {
            const auto count = k.size();
            AddTestCase(new WdmoeCoreMemoryTestCase(
                            name,
                            [solver, k] { return solver(k); },
                            count),
                        TestCase::Duration::QUICK);
        };
        std::vector<std::size_t> sizes;
        for (std::size_t i = 0; i < 500; ++i)
        {
            sizes.push_back(1 + i % 40);
        }
        AddTestCase(new WdmoeCoreMemoryCounterTestCase, TestCase::Duration::QUICK);
        add("MinMaxAllocator, small blocks of all sizes", Divide, sizes);
        add("MinMaxAllocator, large ones", Divide, {1000, 20000, 3000});
        add("Top-k and Wlr, small blocks of all sizes", Select, sizes);
        add("Top-k and Wlr, large ones", Select, {4096, 5000, 4096});
        sizes.resize(64);
        add("ShopPlanner, small blocks of all sizes", Plan, sizes);
        add("ShopPlanner, large ones", Plan, {64, 256});
    }
};

WdmoeCoreMemoryTestSuite g_wdmoeCoreMemoryTestSuite; ///< registers it

} // namespace
