/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_POLICY_H
#define WDMOE_POLICY_H

#include "ns3/string.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * An attribute of one of the parts that a policy is made of.
 */
struct WdmoePolicySetting
{
    std::string part; ///< "selector", "allocator", "precision", "placer", "controller", "server",
                      ///< "radio"
    std::string attribute; ///< name
    std::string value;     ///< as text
};

/**
 * @ingroup wdmoe-helper
 *
 * A selector, an allocator and a precision policy under one name, with what else they need.
 */
struct WdmoePolicy
{
    std::string name;      ///< as users choose it
    std::string selector;  ///< TypeId of a WdmoeSelector
    std::string allocator; ///< TypeId of a WdmoeAllocator
    bool leftover{true};   ///< what a device leaves unused goes to those still busy
    bool stock{false};     ///< the radio's own scheduler, no optimizer
    std::string precision{"ns3::WdmoeFixedPrecision"}; ///< TypeId of a WdmoePrecisionPolicy
    std::vector<WdmoePolicySetting> settings;          ///< attributes of the parts
    std::string placer; ///< TypeId of a WdmoePlacer; empty: expert e on device e mod K

    /**
     * Give one of the parts its settings.
     *
     * @tparam T with SetAttribute(name, value): a helper
     * @param part "server" or "radio"; WdmoeOptimizerHelper::SetPolicy() does the others
     * @param target gets them
     */
    template <typename T>
    void Apply(const std::string& part, T& target) const;

    /**
     * Give a policy that decides on precision the quality prices of a model: its sensitivity.json.
     * Where there is none, say so on standard error and keep precision as it is configured. A
     * PriceFile that was set stays.
     *
     * @param model name or folder, as WdmoeRealModel::FindCheckpoint()
     */
    void SetPrice(const std::string& model);

    /**
     * Give a policy that replaces experts by similar ones the similarities of a model: its
     * similarity.json. Where there is none, say so on standard error; then it only skips. A
     * SimilarityFile that was set stays.
     *
     * @param model name or folder, as WdmoeRealModel::FindCheckpoint()
     */
    void SetSimilarity(const std::string& model);

    /// @return the policies of the comparison, in its order
    static std::vector<WdmoePolicy> GetAll();

    /// @return all that have a name: those of the comparison, then others, then registered ones
    static std::vector<WdmoePolicy> GetNamed();

    /**
     * Give a policy of one's own a name, in place of one that was registered under it before.
     * Aborts where a part is none, and for names that would not be understood or that the module
     * has for another policy.
     *
     * @param policy with a name of letters, digits, '-', '_' and '.'
     */
    static void Register(const WdmoePolicy& policy);

    /**
     * Settings may follow, ":PART.ATTRIBUTE=VALUE" each, ":precision=TYPEID" and
     * ":placer=TYPEID"; for example
     * "scheduled:controller.EarlyGrants=false:server.MaxInFlight=1".
     *
     * @param name one of GetNamed(), or "SELECTOR+ALLOCATOR" by TypeId
     * @return the policy; aborts with the list of what there is
     */
    static WdmoePolicy Find(const std::string& name);

    /**
     * @param names separated by commas, or "all"
     * @return the policies
     */
    static std::vector<WdmoePolicy> Parse(const std::string& names);
};

template <typename T>
void
WdmoePolicy::Apply(const std::string& part, T& target) const
{
    for (const auto& setting : settings)
    {
        if (setting.part == part)
        {
            target.SetAttribute(setting.attribute, StringValue(setting.value));
        }
    }
}

} // namespace ns3

#endif /* WDMOE_POLICY_H */
