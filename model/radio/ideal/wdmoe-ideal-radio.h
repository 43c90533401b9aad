/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_IDEAL_RADIO_H
#define WDMOE_IDEAL_RADIO_H

#include "wdmoe-ideal-net-device.h"

#include "ns3/propagation-loss-model.h"
#include "ns3/random-variable-stream.h"
#include "ns3/wdmoe-radio.h"

#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * The paper's theory as a radio: each device has an FDMA channel of its own each way,
 *
 *     R_k = B_k log2(1 + P g_k / (N0 B_k)),
 *
 * P the base station's or the device's power, g_k path gain times fading. Shares may change at
 * any time. The defaults are the setting of the paper as we know it (doc/wdmoe.rst says from
 * where): 100 MHz at 3.5 GHz, 10 W and 0.2 W, 32.4 + 20 log10(f/GHz) + 20 log10(d/m) dB,
 * Rayleigh block fading, -174 dBm/Hz.
 *
 * Fading is drawn anew in Measure() once CoherenceTime has passed, the same for both directions:
 * it is constant within a block, as the paper has it.
 *
 * Nodes need a MobilityModel; the internet stack is installed where it is missing.
 */
class WdmoeIdealRadio : public WdmoeRadio
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// Kinds of block fading
    enum Fading
    {
        NONE,    ///< gain 1
        RAYLEIGH ///< exponential power gain of mean 1
    };

    WdmoeIdealRadio();

    /**
     * @param node the base station; before the first device
     */
    void SetServerNode(Ptr<Node> node);

    /**
     * @param device index
     * @param downlink direction
     * @return the rate now, bit/s (0 while the direction is idle and its share is only leftover)
     */
    double GetRate(uint32_t device, bool downlink) const;

    // inherited from WdmoeRadio
    std::string GetName() const override;
    Ptr<Node> GetServerNode() const override;
    Address GetDeviceAddress(uint32_t device) const override;
    Address GetServerAddress(uint32_t device) const override;
    bool IsReady() const override;
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

  private:
    /// One direction of one link
    struct Direction
    {
        Ptr<WdmoeIdealNetDevice> sender; ///< the end that sends
        wdmoe::RateLaw law;              ///< for now
        double hz{0};                    ///< bandwidth it has now
        double hzS{0};                   ///< granted so far, while busy
    };

    /// One device's link
    struct Link
    {
        Direction downlink;    ///< to the device
        Direction uplink;      ///< from the device
        Address serverAddress; ///< of the server's end
        Address deviceAddress; ///< of the device's end
        Time measured;         ///< when the law was made
    };

    /**
     * Divide one direction's bandwidth among those that have something to send.
     *
     * @param direction member of Link
     * @param shares the plan
     * @param budgetHz what there is
     */
    void Divide(Direction Link::* direction,
                const std::vector<WdmoeShare>& shares,
                double budgetHz);

    /// A link became busy or idle, or the plan or the channel changed
    void Update();

    /// Only the downlink changed
    void UpdateDownlink();

    /// Only the uplink changed
    void UpdateUplink();

    /// Add what was granted since the last change to the usage
    void Account();

    /**
     * Make the laws of both directions anew, as the channel is now.
     *
     * @param device index
     */
    void MakeLaws(uint32_t device);

    double m_bandwidthHz;                  ///< B, Hz
    double m_uplinkBandwidthHz;            ///< 0: coupled to the downlink's shares
    double m_serverPowerDbm;               ///< P_bs, dBm
    double m_devicePowerDbm;               ///< P_k, dBm
    double m_noiseDbmHz;                   ///< N0, dBm/Hz, noise figure included
    double m_maxEfficiency;                ///< cap, bit/s/Hz; 0: none
    Fading m_fading;                       ///< kind of fading
    Time m_coherenceTime;                  ///< not drawn again before
    Ptr<PropagationLossModel> m_loss;      ///< path loss
    Ptr<ExponentialRandomVariable> m_gain; ///< power gains
    Ptr<Node> m_server;                    ///< base station
    std::vector<Link> m_links;             ///< by device
    std::vector<double> m_fadingGain;      ///< by device, mean 1
    Time m_drawn;                          ///< when fading was drawn
    bool m_everDrawn{false};               ///< whether fading was drawn
    WdmoePlan m_shares;                    ///< in force; weight 1 for all before the first plan
    Time m_accounted;                      ///< usage is right up to here
};

} // namespace ns3

#endif /* WDMOE_IDEAL_RADIO_H */
