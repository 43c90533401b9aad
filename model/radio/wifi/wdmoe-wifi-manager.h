/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef WDMOE_WIFI_MANAGER_H
#define WDMOE_WIFI_MANAGER_H

#include "ns3/ideal-wifi-manager.h"
#include "ns3/wifi-phy.h"
#include "ns3/wifi-tx-vector.h"

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * IdealWifiManager for stations whose uplink is triggered.
 *
 * A station puts all its power into the RU that a trigger frame gives it, and is told the SNR
 * there. IdealWifiManager takes it for that of the whole channel, and what the station then sends
 * by contention, up to 10 dB too fast, is lost until it is triggered again. Here the SNR belongs
 * to the width of the RU that it was measured in.
 */
class WdmoeWifiManager : public IdealWifiManager
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    void SetupPhy(const Ptr<WifiPhy> phy) override;

  protected:
    void DoDispose() override;
    void DoReportDataOk(WifiRemoteStation* station,
                        double ackSnr,
                        WifiMode ackMode,
                        double dataSnr,
                        MHz_u dataChannelWidth,
                        uint8_t dataNss) override;
    void DoReportAmpduTxStatus(WifiRemoteStation* station,
                               uint16_t nSuccessfulMpdus,
                               uint16_t nFailedMpdus,
                               double rxSnr,
                               double dataSnr,
                               MHz_u dataChannelWidth,
                               uint8_t dataNss) override;

  private:
    /**
     * A frame is sent.
     *
     * @param psdus what
     * @param txVector how
     * @param power W
     */
    void NotifyTx(WifiConstPsduMap psdus, WifiTxVector txVector, double power);

    Ptr<WifiPhy> m_phy; ///< watched
    MHz_u m_ruWidth{0}; ///< of the last frame, if it was triggered; else 0
};

} // namespace ns3

#endif /* WDMOE_WIFI_MANAGER_H */
