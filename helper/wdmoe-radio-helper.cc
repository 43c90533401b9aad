/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-radio-helper.h"

#include "wdmoe-pcap-helper.h"

namespace ns3
{

WdmoeRadioHelper::WdmoeRadioHelper(const std::string& type)
    : m_factory(type)
{
}

WdmoeRadioHelper::~WdmoeRadioHelper() = default;

void
WdmoeRadioHelper::SetAttribute(const std::string& name, const AttributeValue& value)
{
    m_factory.Set(name, value);
}

std::vector<std::string>
WdmoeRadioHelper::EnablePcap(const std::string& prefix, Ptr<WdmoeRadio> radio) const
{
    return WdmoePcapHelper::EnablePcap(prefix, radio);
}

} // namespace ns3
