/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_POLICY_H
#define WDMOE_POLICY_H

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * A selector and an allocator under one name.
 */
struct WdmoePolicy
{
    std::string name;      ///< as users choose it
    std::string selector;  ///< TypeId of a WdmoeSelector
    std::string allocator; ///< TypeId of a WdmoeAllocator
    bool leftover{true};   ///< what a device leaves unused goes to those still busy
    bool stock{false};     ///< the radio's own scheduler, no optimizer

    /// @return the policies of the comparison, in its order
    static std::vector<WdmoePolicy> GetAll();

    /**
     * @param name one of GetAll(), or "SELECTOR+ALLOCATOR" by TypeId
     * @return the policy; aborts with the list of what there is
     */
    static WdmoePolicy Find(const std::string& name);

    /**
     * @param names separated by commas, or "all"
     * @return the policies
     */
    static std::vector<WdmoePolicy> Parse(const std::string& names);
};

} // namespace ns3

#endif /* WDMOE_POLICY_H */
