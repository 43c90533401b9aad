/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "wdmoe-wifi-manager.h"

#include "wdmoe-wifi-compat.h"

#include "ns3/wifi-psdu.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeWifiManager);

TypeId
WdmoeWifiManager::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeWifiManager")
                            .SetParent<IdealWifiManager>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeWifiManager>();
    return tid;
}

void
WdmoeWifiManager::SetupPhy(const Ptr<WifiPhy> phy)
{
    IdealWifiManager::SetupPhy(phy);
    m_phy = phy;
    m_phy->TraceConnectWithoutContext("PhyTxPsduBegin",
                                      MakeCallback(&WdmoeWifiManager::NotifyTx, this));
}

void
WdmoeWifiManager::DoDispose()
{
    if (m_phy)
    {
        m_phy->TraceDisconnectWithoutContext("PhyTxPsduBegin",
                                             MakeCallback(&WdmoeWifiManager::NotifyTx, this));
        m_phy = nullptr;
    }
    IdealWifiManager::DoDispose();
}

void
WdmoeWifiManager::NotifyTx(WifiConstPsduMap psdus, WifiTxVector txVector, double /* power */)
{
    // Control frames in between do not change what was sent last.
    const auto& psdu = psdus.begin()->second;
    if (psdu->GetHeader(0).IsQosData())
    {
        m_ruWidth = txVector.IsUlMu() ? WdmoeGetRuMhz(txVector, psdus.begin()->first) : 0;
    }
}

void
WdmoeWifiManager::DoReportDataOk(WifiRemoteStation* station,
                                 double ackSnr,
                                 WifiMode ackMode,
                                 double dataSnr,
                                 MHz_u dataChannelWidth,
                                 uint8_t dataNss)
{
    IdealWifiManager::DoReportDataOk(station,
                                     ackSnr,
                                     ackMode,
                                     dataSnr,
                                     m_ruWidth > 0 ? m_ruWidth : dataChannelWidth,
                                     dataNss);
}

void
WdmoeWifiManager::DoReportAmpduTxStatus(WifiRemoteStation* station,
                                        uint16_t nSuccessfulMpdus,
                                        uint16_t nFailedMpdus,
                                        double rxSnr,
                                        double dataSnr,
                                        MHz_u dataChannelWidth,
                                        uint8_t dataNss)
{
    IdealWifiManager::DoReportAmpduTxStatus(station,
                                            nSuccessfulMpdus,
                                            nFailedMpdus,
                                            rxSnr,
                                            dataSnr,
                                            m_ruWidth > 0 ? m_ruWidth : dataChannelWidth,
                                            dataNss);
}

} // namespace ns3
