/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_HYBRID_RADIO_H
#define WDMOE_HYBRID_RADIO_H

#include "ns3/callback.h"
#include "ns3/wdmoe-radio.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Several radios as one: some devices on LTE, some on Wi-Fi, or any others. It knows them as
 * WdmoeRadio only.
 *
 * Order of use: AddRadio() for each part, which has all its devices already; then AddDevice() for
 * each of their nodes, in the order that devices are to have here. All parts have the same server
 * node.
 *
 * Each part keeps its budget: GetCells() are theirs. GetBudget() and GetCapabilities() are for
 * information only: sums, and what all parts can. Measuring, plans, hints and grants go to and come
 * from the part of a device.
 */
class WdmoeHybridRadio : public WdmoeRadio
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    ~WdmoeHybridRadio() override;

    /**
     * Join a radio. Aborts if it has no device, if its server node is another one than that of the
     * others, if a node or an address is in another part already, and behind the first AddDevice().
     *
     * @param part with all its devices
     */
    void AddRadio(Ptr<WdmoeRadio> part);

    /// @return number of parts
    uint32_t GetNRadios() const;

    /**
     * @param part index, in the order of AddRadio()
     * @return it
     */
    Ptr<WdmoeRadio> GetRadio(uint32_t part) const;

    // inherited from WdmoeRadio
    std::string GetName() const override; ///< those of the parts, joined by '+'
    Ptr<Node> GetServerNode() const override;
    Address GetDeviceAddress(uint32_t device) const override;
    Address GetServerAddress(uint32_t device) const override;
    bool IsReady() const override;
    std::vector<WdmoeRadioCell> GetCells() override;
    WdmoeRadioCapabilities GetCapabilities() const override;
    WdmoeBudget GetBudget() const override;
    WdmoeUsage GetUsage(uint32_t device) const override;
    WdmoeRadioBacklog GetBacklog(uint32_t device) const override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;
    void DoAddDevice(uint32_t device, Ptr<Node> node) override;
    void DoMeasure() override;
    WdmoeLinkState DoGetLinkState(uint32_t device) const override;
    void DoSetPlan(const WdmoePlan& plan) override;
    void DoExpectUplink(uint32_t device, uint64_t bytes, Time when) override;

  private:
    /// One radio
    struct Part
    {
        Ptr<WdmoeRadio> radio;        ///< it
        std::vector<int64_t> devices; ///< index here of each of its devices; -1: none
        Callback<void, uint32_t, bool, uint32_t> grant; ///< sink of its grants
    };

    /// Where a device is
    struct Place
    {
        uint32_t part{0};   ///< index
        uint32_t device{0}; ///< index there
    };

    /**
     * @param device index
     * @return its part
     */
    Ptr<WdmoeRadio> PartOf(uint32_t device) const;

    /// Abort if a part has devices that are not devices of this radio
    void CheckComplete() const;

    /// Hear no more of the parts
    void Disconnect();

    /**
     * @param part index
     * @param device index there
     * @param downlink direction
     * @param bytes of IP packets
     */
    void ForwardGrant(uint32_t part, uint32_t device, bool downlink, uint32_t bytes);

    std::vector<Part> m_parts;   ///< in the order of AddRadio()
    std::vector<Place> m_places; ///< by device
};

} // namespace ns3

#endif /* WDMOE_HYBRID_RADIO_H */
