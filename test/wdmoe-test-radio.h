/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TEST_RADIO_H
#define WDMOE_TEST_RADIO_H

#include "ns3/ipv4-address.h"
#include "ns3/wdmoe-radio.h"

#include <string>
#include <vector>

/**
 * @ingroup wdmoe-tests
 *
 * A radio that carries nothing: it says what it is told to say, and keeps what it is told.
 */
class WdmoeTestRadio : public ns3::WdmoeRadio
{
  public:
    /// What ExpectUplink() was told
    struct Expectation
    {
        uint32_t device; ///< index
        uint64_t bytes;  ///< how much
        ns3::Time when;  ///< from when on
    };

    /**
     * @param name of the technology
     * @param server its server node
     * @param devices number of them, on nodes that are made
     * @param network its addresses are NETWORK.0.0.1 (server), NETWORK.0.1.K
     */
    WdmoeTestRadio(const std::string& name,
                   ns3::Ptr<ns3::Node> server,
                   uint32_t devices,
                   uint32_t network)
        : m_name(name),
          m_server(server),
          m_network(network << 24)
    {
        capabilities.leftover = capabilities.priority = true;
        budget = {5e6, 5e6, false};
        for (uint32_t k = 0; k < devices; k++)
        {
            AddDevice(ns3::CreateObject<ns3::Node>());
        }
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
        return m_name;
    }

    ns3::Ptr<ns3::Node> GetServerNode() const override
    {
        return m_server;
    }

    ns3::Address GetDeviceAddress(uint32_t device) const override
    {
        return ns3::Ipv4Address(m_network + 256 + device);
    }

    ns3::Address GetServerAddress(uint32_t /* device */) const override
    {
        return ns3::Ipv4Address(m_network + 1);
    }

    bool IsReady() const override
    {
        return ready;
    }

    ns3::WdmoeRadioCapabilities GetCapabilities() const override
    {
        return capabilities;
    }

    ns3::WdmoeBudget GetBudget() const override
    {
        return budget;
    }

    ns3::WdmoeUsage GetUsage(uint32_t device) const override
    {
        return usage.at(device);
    }

    int64_t AssignStreams(int64_t stream) override
    {
        streams.push_back(stream);
        return 3;
    }

    ns3::WdmoeRadioCapabilities capabilities; ///< what it says it can
    ns3::WdmoeBudget budget;                  ///< what it says there is
    bool ready{true};                         ///< what it says
    std::vector<ns3::WdmoeLinkState> links;   ///< by device; linear, 2 bit/s/Hz
    std::vector<ns3::WdmoeUsage> usage;       ///< by device
    std::vector<ns3::WdmoePlan> plans;        ///< that were set
    std::vector<Expectation> expectations;    ///< that were told
    std::vector<int64_t> streams;             ///< that were assigned
    uint32_t measured{0};                     ///< times

  protected:
    void DoAddDevice(uint32_t /* device */, ns3::Ptr<ns3::Node> /* node */) override
    {
        ns3::WdmoeLinkState state;
        for (auto* link : {&state.downlink, &state.uplink})
        {
            link->valid = true;
            link->law = wdmoe::RateLaw::Linear(2);
        }
        links.push_back(state);
        usage.emplace_back();
    }

    void DoMeasure() override
    {
        measured++;
    }

    ns3::WdmoeLinkState DoGetLinkState(uint32_t device) const override
    {
        return links.at(device);
    }

    void DoSetPlan(const ns3::WdmoePlan& plan) override
    {
        plans.push_back(plan);
    }

    void DoExpectUplink(uint32_t device, uint64_t bytes, ns3::Time when) override
    {
        expectations.push_back({device, bytes, when});
    }

  private:
    std::string m_name;           ///< of the technology
    ns3::Ptr<ns3::Node> m_server; ///< node
    uint32_t m_network;           ///< first address
};

#endif /* WDMOE_TEST_RADIO_H */
