/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ideal-radio-helper.h"

#include "ns3/wdmoe-ideal-radio.h"

namespace ns3
{

WdmoeIdealRadioHelper::WdmoeIdealRadioHelper()
    : WdmoeRadioHelper("ns3::WdmoeIdealRadio")
{
}

Ptr<WdmoeRadio>
WdmoeIdealRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    auto radio = m_factory.Create<WdmoeIdealRadio>();
    radio->SetServerNode(baseStation);
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        radio->AddDevice(*it);
    }
    return radio;
}

} // namespace ns3
