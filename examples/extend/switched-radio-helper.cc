/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "switched-radio-helper.h"

#include "switched-radio.h"

namespace ns3
{

SwitchedRadioHelper::SwitchedRadioHelper()
    : WdmoeRadioHelper("ns3::SwitchedRadio")
{
}

Ptr<WdmoeRadio>
SwitchedRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    auto radio = m_factory.Create<SwitchedRadio>();
    radio->SetServerNode(baseStation);
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        radio->AddDevice(*it);
    }
    return radio;
}

} // namespace ns3
