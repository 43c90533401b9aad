/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RADIO_CONFORMANCE_H
#define WDMOE_RADIO_CONFORMANCE_H

#include "ns3/node-container.h"
#include "ns3/nstime.h"
#include "ns3/wdmoe-radio.h"

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace ns3
{

class WdmoeRadioHelper;
class WdmoeRadioConformanceCell;
struct WdmoeRadioConformanceCheck;

/**
 * @ingroup wdmoe-helper
 *
 * What a conformance check has to know of a radio beyond what the radio itself declares.
 */
struct WdmoeRadioConformanceSettings
{
    /// Distances from the base station at which devices are in range, m; 2 or more
    std::vector<double> distances{10, 12, 14, 16};
    double lostDistance{0};             ///< where a device is out of range, m; 0: nowhere (a wire)
    Time readyTime{Seconds(1)};         ///< in which devices become ready, at first and when back
    Time warmUp{};                      ///< of traffic, before a radio knows its links
    Time stateAge{MilliSeconds(200)};   ///< a link state is not older while there is traffic
    double rateTolerance{0.1};          ///< of a measured rate law, relative to what is delivered
    double progressTolerance{0.03};     ///< of the bytes in "Grant", downlink
    double reportTolerance{0.2};        ///< and uplink, where schedulers know them by reports only
    double delayTolerance{0.25};        ///< of the declared delays, and a packet's time
    Time leastWindow{MilliSeconds(20)}; ///< of measurement, where the time constant is shorter
    uint32_t windows{5};                ///< of one time constant each, for each plan
    Time lostTime{Seconds(2)};          ///< in which a lost device is noticed
    uint32_t packetBytes{1400};         ///< of UDP payload, 8 or more
    double height{1.5};                 ///< of all nodes, m
};

/**
 * @ingroup wdmoe-helper
 *
 * One thing that was checked.
 */
struct WdmoeRadioConformanceResult
{
    std::string check{};   ///< which check
    std::string what{};    ///< was checked, with device and direction
    double expected{1};    ///< the value, or 1 for "yes"
    double measured{0};    ///< the value, or 1 for "yes" and 0 for "no"
    double limit{0};       ///< allowed difference, or share of it that counts (see kind)
    char kind{'='};        ///< '=': within limit; '<': at most expected + limit; '>': at least
    bool passed{false};    ///< or skipped
    std::string skipped{}; ///< why this was not checked; empty: it was
    bool isShare{false};   ///< measured is a share, of the budget or of what was granted
};

/**
 * @ingroup wdmoe-helper
 *
 * What every radio must do, whatever it is made of, as checks that hold it to what it declares in
 * GetCapabilities(). A controller can be run over a radio that passes, without knowing it.
 *
 * @code
 *   WdmoeLteRadioHelper helper;
 *   WdmoeRadioConformance conformance("lte", helper, {.distances = {60, 65, 70, 75}});
 *   const auto results = conformance.Run();
 *   WdmoeRadioConformance::Print(std::cout, results);
 * @endcode
 *
 * Each check is a simulation of its own, with nodes at the given distances on a line, which ends in
 * Simulator::Destroy(): call it where no other simulation is under way. What a radio declares not
 * to be able to do is skipped, and the result says so; what it has to do in any case (carry data
 * both ways, know its links, keep to its budget) is not. Of a radio that joins several cells the
 * shares are not checked, since each cell has a budget of its own: check the radios it joins.
 */
class WdmoeRadioConformance
{
  public:
    /// Makes the radio under test: base station and devices, with a mobility model each
    using Factory = std::function<Ptr<WdmoeRadio>(Ptr<Node>, const NodeContainer&)>;

    /// What was checked
    using Results = std::vector<WdmoeRadioConformanceResult>;

    /**
     * @param name of the radio, for tables
     * @param factory makes one
     * @param settings what there is to know of it
     */
    WdmoeRadioConformance(const std::string& name,
                          const Factory& factory,
                          const WdmoeRadioConformanceSettings& settings = {});

    /**
     * @param name of the radio, for tables
     * @param helper makes one; not copied
     * @param settings what there is to know of it
     */
    WdmoeRadioConformance(const std::string& name,
                          const WdmoeRadioHelper& helper,
                          const WdmoeRadioConformanceSettings& settings = {});

    /// @return the names of all checks
    static std::vector<std::string> GetChecks();

    /**
     * Aborts if there is no such check.
     *
     * @param check its name; empty: all of them
     * @return what was checked
     */
    Results Run(const std::string& check = "");

    /**
     * @param results of Run()
     * @return true if there are some, and none failed
     */
    static bool IsPassed(const Results& results);

    /**
     * A table, a line for each result, and the largest error of a share.
     *
     * @param os where to
     * @param results of Run()
     */
    static void Print(std::ostream& os, const Results& results);

    /**
     * What the radio says of itself, in two lines.
     *
     * @param os where to
     */
    void PrintDeclared(std::ostream& os) const;

    /**
     * All of a program that checks one radio: `--check=NAME` for one check, `--RngRun` as ever.
     *
     * @param argc of main()
     * @param argv of main()
     * @return what main() returns: 0 if all passed
     */
    int Main(int argc, char** argv);

  private:
    /// Which directions have traffic
    enum Ways
    {
        DOWN, ///< downlink
        UP,   ///< uplink
        BOTH  ///< both at once
    };

    /// A plan to be tried, and who has something to send
    struct Request
    {
        std::string what{};               ///< in results
        std::vector<WdmoeShare> shares{}; ///< the plan
        Ways ways{BOTH};                  ///< directions that have traffic
        std::vector<uint32_t> busy{};     ///< devices that have something to send; empty: all
        std::vector<double> expected{};   ///< shares; empty: as guaranteed; NaN: whatever it has
        std::vector<WdmoeShare> uplink{}; ///< the plan uplink; empty: the same
    };

    /// What had been granted and delivered at one moment
    struct Sample
    {
        Time when{};                             ///< the moment
        std::vector<WdmoeUsage> usage{};         ///< by device
        std::vector<std::vector<double>> bits{}; ///< [downlink ? 0 : 1][device], of IP packets
    };

    /// @return the checks and their names
    static const std::vector<WdmoeRadioConformanceCheck>& GetTable();

    /// A cell under test, made anew for each check
    using Cell = WdmoeRadioConformanceCell;
    friend class WdmoeRadioConformanceCell;

    // The checks, in their order
    void CheckDevices();    ///< indices, nodes, addresses, packets both ways, cells
    void CheckState();      ///< link states are fresh and right
    void CheckShares();     ///< guaranteed shares hold, each way and both ways at once
    void CheckStrict();     ///< nobody gets more than its own
    void CheckLeftover();   ///< what others leave goes by weight
    void CheckPriority();   ///< and to the highest priority first
    void CheckChange();     ///< new shares at run time
    void CheckZero();       ///< no share, no traffic; nothing is lost
    void CheckLost();       ///< a device out of range, and back
    void CheckRemoved();    ///< a device removed, and taken back
    void CheckLate();       ///< a device added at run time
    void CheckProgress();   ///< "Grant" says what is on its way
    void CheckExpect();     ///< ExpectUplink() and the declared delays
    void CheckRepetition(); ///< the same streams, the same run

    /**
     * @param cell made a moment ago
     * @return true if it became ready in time, which is a result as well
     */
    bool Start(Cell& cell);

    /**
     * @param cell made a moment ago
     * @return whether shares are enforced, of one budget; if not, that is a result
     */
    bool Enforces(const Cell& cell);

    /**
     * Enforce a plan under load; check what was granted and what was delivered.
     *
     * @param cell ready and warm
     * @param request what
     */
    void Measure(Cell& cell, const Request& request);

    /**
     * What was granted, in each window.
     *
     * @param what in results
     * @param samples a window apart
     * @param expected shares; NaN: whatever it has
     * @param downlink direction
     * @param hz budget
     * @param capabilities what it declares: where it is not strict, shares are of what was granted
     * @param both the other direction takes from the same budget, and shares are of what was
     * granted in this one
     */
    void CheckUsage(const std::string& what,
                    const std::vector<Sample>& samples,
                    const std::vector<double>& expected,
                    bool downlink,
                    double hz,
                    const WdmoeRadioCapabilities& capabilities,
                    bool both);

    /**
     * What was delivered, in all windows together.
     *
     * @param what in results
     * @param samples a window apart
     * @param rates by the laws, bit/s; 0: not checked
     * @param expected shares
     * @param accuracy of a share in a window, as declared
     * @param downlink direction
     * @param normalised up to a factor that is the same for all devices
     */
    void CheckDelivered(const std::string& what,
                        const std::vector<Sample>& samples,
                        const std::vector<double>& rates,
                        const std::vector<double>& expected,
                        double accuracy,
                        bool downlink,
                        bool normalised);

    /// @return a full packet with its IP and UDP headers, bits
    double GetPacketBits() const;

    /**
     * @param devices K
     * @return shares in the ratio K : K-1 : ... : 1
     */
    static std::vector<WdmoeShare> Descending(std::size_t devices);

    /**
     * @param devices K
     * @param weight of each
     * @return 1/K for each
     */
    static std::vector<WdmoeShare> Equal(std::size_t devices, double weight);

    /**
     * @param capabilities of the radio
     * @return shares are measured over intervals of this length
     */
    Time GetWindow(const WdmoeRadioCapabilities& capabilities) const;

    /**
     * Add a result.
     *
     * @param what was checked
     * @param measured value
     * @param kind of comparison
     * @param expected value
     * @param limit allowed difference
     */
    void Add(const std::string& what, double measured, char kind, double expected, double limit);

    /**
     * Add a result that is yes or no.
     *
     * @param what must be true
     * @param is whether it is
     */
    void Add(const std::string& what, bool is);

    /**
     * Add what was not checked.
     *
     * @param why not
     */
    void Skip(const std::string& why);

    static constexpr double ROUNDING = 1e-6; ///< of sums of shares, and of Time
    static constexpr uint32_t BURST = 20;    ///< packets, where each has to arrive
    static constexpr uint32_t HEADERS = 28;  ///< UDP and IPv4, byte

    std::string m_name;                       ///< of the radio
    Factory m_factory;                        ///< makes it
    WdmoeRadioConformanceSettings m_settings; ///< of the checks
    std::string m_check;                      ///< under way
    Results m_results;                        ///< so far
};

} // namespace ns3

#endif /* WDMOE_RADIO_CONFORMANCE_H */
