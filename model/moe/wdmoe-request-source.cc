/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-request-source.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeRequestSource);

TypeId
WdmoeRequestSource::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeRequestSource").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

int64_t
WdmoeRequestSource::AssignStreams(int64_t)
{
    return 0;
}

} // namespace ns3
