/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-radio-helper.h"

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

} // namespace ns3
