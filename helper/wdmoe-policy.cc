/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-policy.h"

#include "ns3/abort.h"
#include "ns3/type-id.h"

#include <sstream>

namespace ns3
{

std::vector<WdmoePolicy>
WdmoePolicy::GetAll()
{
    const std::string topK = "ns3::WdmoeTopKSelector";
    const std::string wlr = "ns3::WdmoeWlrSelector";
    const std::string equal = "ns3::WdmoeEqualAllocator";
    const std::string minMax = "ns3::WdmoeMinMaxAllocator";
    return {
        {"topk-stock", topK, "ns3::WdmoeStockAllocator", true, true},
        {"topk-equal", topK, equal, false, false},
        {"topk-allocated", topK, minMax, true, false},
        {"wlr-equal", wlr, equal, false, false},
        {"wdmoe", wlr, minMax, true, false},
    };
}

WdmoePolicy
WdmoePolicy::Find(const std::string& name)
{
    std::ostringstream known;
    for (const auto& policy : GetAll())
    {
        if (policy.name == name)
        {
            return policy;
        }
        known << policy.name << ", ";
    }
    const auto plus = name.find('+');
    TypeId tid;
    if (plus != std::string::npos && TypeId::LookupByNameFailSafe(name.substr(0, plus), &tid) &&
        tid.IsChildOf(TypeId::LookupByName("ns3::WdmoeSelector")) &&
        TypeId::LookupByNameFailSafe(name.substr(plus + 1), &tid) &&
        tid.IsChildOf(TypeId::LookupByName("ns3::WdmoeAllocator")))
    {
        return {name, name.substr(0, plus), name.substr(plus + 1), true, false};
    }
    NS_ABORT_MSG("unknown policy '" << name << "'; there are " << known.str()
                                    << "or SELECTOR+ALLOCATOR by TypeId, for example "
                                       "ns3::WdmoeTopKSelector+ns3::WdmoeMinMaxAllocator");
    return {};
}

std::vector<WdmoePolicy>
WdmoePolicy::Parse(const std::string& names)
{
    if (names == "all")
    {
        return GetAll();
    }
    std::vector<WdmoePolicy> policies;
    std::istringstream in(names);
    for (std::string name; std::getline(in, name, ',');)
    {
        policies.push_back(Find(name));
    }
    NS_ABORT_MSG_IF(policies.empty(),
                    "no policy given; expected names separated by commas, or all");
    return policies;
}

} // namespace ns3
