/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-radio-helper.h"
#include "wdmoe-scenario-entries.h"

#include "ns3/abort.h"
#include "ns3/nstime.h"

#include <algorithm>
#include <memory>

namespace ns3
{

namespace
{

/// @return helper of paced NetDevices. @param air the options
std::unique_ptr<WdmoeRadioHelper>
MakePaced(const WdmoeScenarioRadio& air, const WdmoePolicy& /* policy */)
{
    const auto media = WdmoePacedRadioHelper::GetMedia();
    const auto medium = air.GetText("medium", media.back()); // wifi where there is one
    NS_ABORT_MSG_IF(std::find(media.begin(), media.end(), medium) == media.end(),
                    "--medium is " << medium << "; expected " << WdmoeJoinWords(media));
    auto radio = std::make_unique<WdmoePacedRadioHelper>(medium);
    if (medium == "wifi")
    {
        const auto mhz = air.GetBandwidth(20, {20, 40, 80, 160});
        radio->SetWifi("80211ax", static_cast<uint32_t>(mhz), 20);
    }
    else
    {
        radio->SetLink(WdmoeShortNumber(air.GetBandwidth(100)) + "Mbps", MicroSeconds(1));
    }
    return radio;
}

/// --radio=paced
const WdmoeScenarioRegistration g_paced(
    4,
    {"paced",
     MakePaced,
     {{"bandwidth", {}}, // Mbit/s of csma and p2p
      {"medium", {"", "What is paced: wifi, csma or p2p (--bandwidth is then in Mbit/s)"}}}});

} // namespace

} // namespace ns3
