/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FOREIGN_RADIO_H
#define WDMOE_FOREIGN_RADIO_H

#include "wdmoe-foreign.h"
#include "wdmoe-radio-helper.h"

#include "ns3/wdmoe-radio.h"

#include <cstdint>
#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * A hint that a device will have something to send.
 */
struct WdmoeForeignExpectation
{
    uint64_t device; ///< index
    uint64_t bytes;  ///< with UDP and IP headers
    double whenS;    ///< simulated time from which on it is ready, s
};

/**
 * @ingroup wdmoe-helper
 *
 * Radio of another language: every Do...() method and all that a radio says of itself is asked
 * there. What is answered is checked where the simulation relies on it.
 */
class WdmoeForeignRadio : public WdmoeRadio, public WdmoeForeign
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * Tell the other side where the base station is; before the first device.
     *
     * @param baseStation its node
     */
    void SetServerNode(Ptr<Node> baseStation);

    /**
     * For the other side: fire the trace "Grant".
     *
     * @param device index
     * @param downlink direction
     * @param bytes of IP packets that were scheduled
     */
    void FireGrant(uint32_t device, bool downlink, uint32_t bytes);

    // inherited from WdmoeRadio
    std::string GetName() const override;
    Ptr<Node> GetServerNode() const override;
    Address GetDeviceAddress(uint32_t device) const override;
    Address GetServerAddress(uint32_t device) const override;
    bool IsReady() const override;
    WdmoeRadioCapabilities GetCapabilities() const override;
    WdmoeBudget GetBudget() const override;
    WdmoeUsage GetUsage(uint32_t device) const override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;
    void DoAddDevice(uint32_t device, Ptr<Node> node) override;
    void DoMeasure() override;
    WdmoeLinkState DoGetLinkState(uint32_t device) const override;
    void DoSetPlan(const WdmoePlan& plan) override;
    void DoExpectUplink(uint32_t device, uint64_t bytes, Time when) override;

  private:
    /**
     * @param method RADIO_ADDRESS or RADIO_SERVED
     * @param device index
     * @return the IP address
     */
    Address AskAddress(WdmoeForeignMethod method, uint32_t device) const;
};

/**
 * @ingroup wdmoe-helper
 *
 * Makes a radio of another language.
 */
class WdmoeForeignRadioHelper : public WdmoeRadioHelper
{
  public:
    /**
     * @param type TypeId of WdmoeForeign::Register(), a "ns3::WdmoeRadio"
     */
    explicit WdmoeForeignRadioHelper(const std::string& type);

    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;

    /**
     * Make the radio known to scenarios, see WdmoeScenarioRadio::Register().
     *
     * @param name for --radio
     * @param type TypeId of the radio
     */
    static void Register(const std::string& name, const std::string& type);
};

} // namespace ns3

#endif /* WDMOE_FOREIGN_RADIO_H */
