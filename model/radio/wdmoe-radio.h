/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RADIO_H
#define WDMOE_RADIO_H

#include "ns3/address.h"
#include "ns3/node.h"
#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/traced-callback.h"
#include "ns3/wdmoe-rate-law.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-radio Radios of WDMoE
 */

/**
 * @ingroup wdmoe-radio
 *
 * What a radio measured of one direction of one device.
 */
struct WdmoeLinkMeasurement
{
    bool valid{false};          ///< false: never measured, or out of coverage
    wdmoe::RateLaw law;         ///< what bandwidth is worth (Hz of GetBudget() to bit/s)
    Time when;                  ///< when it was measured
    double relativeVariance{0}; ///< variance of the rate over recent reports / mean^2
};

/**
 * @ingroup wdmoe-radio
 *
 * Both directions of one device.
 */
struct WdmoeLinkState
{
    WdmoeLinkMeasurement downlink; ///< base station to device
    WdmoeLinkMeasurement uplink;   ///< device to base station
};

/**
 * @ingroup wdmoe-radio
 *
 * What there is to divide. A radio may divide frequency, time, or rate: callers see shares of this
 * and rate laws over it, and need not know which. Where there is no bandwidth to speak of (a wire)
 * it is 1 Hz, and a law's bit/s/Hz are bit/s. Where the directions take from one another (not
 * fullDuplex) each budget is what there is while the other direction is silent.
 */
struct WdmoeBudget
{
    double downlinkHz{0}; ///< usable downlink bandwidth, Hz
    double uplinkHz{0};   ///< usable uplink bandwidth, Hz
    bool coupled{false};  ///< a device has one share for both directions (the paper's FDMA)
};

/**
 * @ingroup wdmoe-radio
 *
 * One device's part of a plan, in one direction.
 */
struct WdmoeShare
{
    double guaranteed{0}; ///< fraction of the budget that is its own, in [0, 1]
    double weight{0};     ///< >= 0, for what the others leave unused; all 0: strict, it is wasted
    int32_t priority{0};  ///< leftover goes to the highest priority with something to send
};

/**
 * @ingroup wdmoe-radio
 *
 * Who gets what, until the next plan. Vectors have one entry for each device, in the order of
 * AddDevice. Guaranteed shares of a direction sum to at most 1.
 */
struct WdmoePlan
{
    std::vector<WdmoeShare> downlink; ///< base station to devices
    std::vector<WdmoeShare> uplink;   ///< devices to base station
};

/**
 * @ingroup wdmoe-radio
 *
 * What a radio can honour, how exactly and how fast.
 */
struct WdmoeRadioCapabilities
{
    bool strict{false};       ///< unused guaranteed shares can be left empty
    bool leftover{false};     ///< weights for the leftover are honoured
    bool priority{false};     ///< priorities are honoured
    bool expectUplink{false}; ///< ExpectUplink() has an effect
    bool progress{false};     ///< the trace "Grant" is fired
    bool lateDevices{false};  ///< AddDevice() works while the simulation runs
    bool fullDuplex{true};    ///< the directions do not take from one another
    /**
     * Largest error of a share over timeConstant, absolute: of the budget where strict, else of
     * what was granted in that direction, since what such a radio spends on contention or headers
     * belongs to nobody. 1: plans are not enforced.
     */
    double shareAccuracy{0};
    Time timeConstant;       ///< shares hold over intervals of this length and longer
    Time downlinkDelay;      ///< what a transfer typically takes beyond bits / rate, downlink
    Time uplinkDelay;        ///< what a transfer typically takes beyond bits / rate, uplink
    Time uplinkRequestDelay; ///< part of it that ExpectUplink() saves: asking and being granted
    Time downlinkLead;       ///< from a "Grant" downlink to its bytes in the device's IP layer
    Time grantPeriod;        ///< "Grant" is fired at most once in it for a device and direction
};

/**
 * @ingroup wdmoe-radio
 *
 * What was really granted to one device since the radio started.
 */
struct WdmoeUsage
{
    double downlinkHzS{0}; ///< bandwidth x time granted, Hz s
    double uplinkHzS{0};   ///< bandwidth x time granted, Hz s
};

/**
 * @ingroup wdmoe-radio
 *
 * What waits in the radio for one device; NaN where that is not known.
 */
struct WdmoeRadioBacklog
{
    double downlinkBytes{std::numeric_limits<double>::quiet_NaN()}; ///< at the base station, byte
    double uplinkBytes{std::numeric_limits<double>::quiet_NaN()};   ///< at the device, byte
};

class WdmoeRadio;

/**
 * @ingroup wdmoe-radio
 *
 * Devices of a radio that divide one budget.
 */
struct WdmoeRadioCell
{
    Ptr<WdmoeRadio> radio;         ///< that carries them: its budget, its capabilities, its indices
    std::vector<uint32_t> devices; ///< index in the whole radio of each of its devices, in order
};

/**
 * @ingroup wdmoe-radio
 *
 * The seam between the controller and whatever carries the bits. A radio knows no application,
 * no controller and no other radio. One technology is one folder and one subclass, which implements
 * the protected Do...() methods; arguments are checked here. Before the first plan every radio
 * serves all of its devices, in proportions of its own choice, so that they can be measured.
 */
class WdmoeRadio : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// @return name of the technology for results, for example "lte"
    virtual std::string GetName() const = 0;

    /// @return the node that stands for the base station: the gating server is installed there
    virtual Ptr<Node> GetServerNode() const = 0;

    /**
     * Take one more device into the cell, or one back that was removed. While the simulation
     * runs, a new one only where the capabilities have lateDevices; other radios abort.
     *
     * @param node the device
     * @return its index: 0, 1, ...; the old one of a device that was removed
     */
    uint32_t AddDevice(Ptr<Node> node);

    /**
     * A device leaves for good, or until AddDevice() takes it back: its link state is invalid, and
     * in each plan it has neither share nor weight, whatever is asked for; the plan in force is
     * mended at once. Controllers see a device that was lost. Indices stay, so plans keep an entry
     * for it. What is on its way is not called back, and before the first plan it has what all
     * have. Aborts for an unknown device and for one that was removed already.
     *
     * @param device index
     */
    void RemoveDevice(uint32_t device);

    /**
     * @param device index
     * @return true if it was removed, and not taken back
     */
    bool IsRemoved(uint32_t device) const;

    /// @return number of devices, with those that were removed
    uint32_t GetNDevices() const;

    /**
     * @param device index
     * @return the node
     */
    Ptr<Node> GetDevice(uint32_t device) const;

    /**
     * @param device index
     * @return its IP address as seen from the server node (an Ipv4Address)
     */
    virtual Address GetDeviceAddress(uint32_t device) const = 0;

    /**
     * @param device index
     * @return the server node's IP address as seen from that device (an Ipv4Address)
     */
    virtual Address GetServerAddress(uint32_t device) const = 0;

    /// @return true when every device that was not removed can send and receive
    virtual bool IsReady() const = 0;

    /**
     * Who divides a budget with whom. A radio of one technology has one cell, itself; one that
     * joins others (WdmoeHybridRadio) has theirs. Shares are of the cell's budget.
     *
     * @return the cells, each device in one of them
     */
    virtual std::vector<WdmoeRadioCell> GetCells();

    /// @return what this radio can honour (of several cells: what all of them can)
    virtual WdmoeRadioCapabilities GetCapabilities() const = 0;

    /// @return what there is to divide (of several cells: the sum, for information)
    virtual WdmoeBudget GetBudget() const = 0;

    /**
     * Take a fresh look at the channel, as a controller does before it decides. Radios that
     * measure all the time have nothing to do here.
     */
    void Measure();

    /**
     * @param device index
     * @return what was last measured; invalid for one that was removed
     */
    WdmoeLinkState GetLinkState(uint32_t device) const;

    /**
     * Enforce a plan from now on. Aborts for a share that is negative, not a number, or if the
     * guaranteed shares of a direction sum to more than 1 (+1e-9) in a cell, for a negative weight,
     * and for a wrong number of devices.
     *
     * A radio that divides the leftover by weights but knows no priorities drops those of a plan
     * (GetPlan() has none then), and says so on standard error the first time that they matter. A
     * radio that can do neither takes the guaranteed shares or ignores plans altogether; that is
     * said once as well.
     *
     * @param plan who gets what
     */
    void SetPlan(const WdmoePlan& plan);

    /**
     * What SetPlan() checks.
     *
     * @param plan who gets what
     * @param devices K
     * @return what is wrong with it: the value, what was expected; empty if nothing is
     */
    static std::string CheckPlan(const WdmoePlan& plan, uint32_t devices);

    /// @return the plan in force (empty before the first)
    const WdmoePlan& GetPlan() const;

    /**
     * A hint that a device will have something to send, so that a scheduler may grant before it
     * is asked. Ignored by radios that cannot, and for a device that is not connected. Several
     * hints for one device add up. Aborts for an unknown device, for 0 bytes and for a time that
     * has passed.
     *
     * @param device index
     * @param bytes how much, with UDP and IP headers
     * @param when from when on it will be ready to be sent; late is safe, early wastes grants
     */
    void ExpectUplink(uint32_t device, uint64_t bytes, Time when);

    /**
     * @param device index
     * @return what was granted so far
     */
    virtual WdmoeUsage GetUsage(uint32_t device) const = 0;

    /**
     * For people who look for what a simulation waits for. By the radio's own queues, with whatever
     * headers packets have there; uplink it may be what the device last reported.
     *
     * @param device index
     * @return what waits; not known, unless the radio says
     */
    virtual WdmoeRadioBacklog GetBacklog(uint32_t device) const;

    /**
     * @param stream first stream index to use
     * @return number of streams used
     */
    virtual int64_t AssignStreams(int64_t stream);

    /**
     * TracedCallback signature for measured link states.
     *
     * @param [in] device index
     * @param [in] state what was measured
     */
    typedef void (*LinkStateTracedCallback)(uint32_t device, const WdmoeLinkState& state);

    /**
     * TracedCallback signature for plans.
     *
     * @param [in] plan what was requested
     */
    typedef void (*PlanTracedCallback)(const WdmoePlan& plan);

    /**
     * TracedCallback signature for the progress of transfers.
     *
     * @param [in] device index
     * @param [in] downlink direction
     * @param [in] bytes of IP packets that were scheduled
     */
    typedef void (*GrantTracedCallback)(uint32_t device, bool downlink, uint32_t bytes);

  protected:
    void DoDispose() override;

    /**
     * Fire the trace "Grant": the MAC has just scheduled user data of a device, to be sent for the
     * first time. For radios whose capabilities have progress. Uplink it may be more than there is,
     * where what a device has to send is known by its reports only.
     *
     * @param device index
     * @param downlink direction
     * @param bytes of IP packets, without the headers of the radio
     */
    void NotifyGrant(uint32_t device, bool downlink, uint32_t bytes);

    /**
     * @param device index of the new device
     * @param node the device
     */
    virtual void DoAddDevice(uint32_t device, Ptr<Node> node) = 0;

    /// See Measure()
    virtual void DoMeasure();

    /**
     * @param device index, checked
     * @return what was last measured
     */
    virtual WdmoeLinkState DoGetLinkState(uint32_t device) const = 0;

    /**
     * @param plan checked
     */
    virtual void DoSetPlan(const WdmoePlan& plan) = 0;

    /**
     * @param device index, checked
     * @param bytes how much
     * @param when from when on
     */
    virtual void DoExpectUplink(uint32_t device, uint64_t bytes, Time when);

  private:
    /**
     * @param plan what removed devices have in it is taken out
     */
    void StripRemoved(WdmoePlan& plan) const;

    std::vector<Ptr<Node>> m_devices;                                 ///< in the order of AddDevice
    std::vector<bool> m_removed;                                      ///< by device
    WdmoePlan m_plan;                                                 ///< the plan in force
    TracedCallback<uint32_t, const WdmoeLinkState&> m_linkStateTrace; ///< "LinkState"
    TracedCallback<const WdmoePlan&> m_planTrace;                     ///< "Plan"
    TracedCallback<uint32_t, bool, uint32_t> m_grantTrace;            ///< "Grant"
    bool m_plansIgnored{false};                                       ///< and that was said
    bool m_prioritiesDropped{false};                                  ///< and that was said
};

} // namespace ns3

#endif /* WDMOE_RADIO_H */
