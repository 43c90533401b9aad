/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-gate-source.h"

#include "ns3/abort.h"
#include "ns3/log.h"

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeGateSource");

NS_OBJECT_ENSURE_REGISTERED(WdmoeGateSource);

TypeId
WdmoeGateSource::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeGateSource").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeGateSource::SetModel(uint32_t blocks, uint32_t experts, uint32_t topK)
{
    NS_LOG_FUNCTION(this << blocks << experts << topK);
    NS_ABORT_MSG_IF(blocks == 0, "WdmoeGateSource::SetModel: 0 blocks; expected at least 1");
    NS_ABORT_MSG_IF(topK == 0 || topK > experts,
                    "WdmoeGateSource::SetModel: top-" << topK << " of " << experts
                                                      << " experts; expected 1 <= k <= E");
    m_blocks = blocks;
    m_experts = experts;
    m_topK = topK;
}

int64_t
WdmoeGateSource::AssignStreams(int64_t)
{
    return 0;
}

} // namespace ns3
