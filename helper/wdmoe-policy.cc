/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-policy.h"

#include "ns3/abort.h"
#include "ns3/type-id.h"
#include "ns3/wdmoe-real-model.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <sstream>

namespace ns3
{

namespace
{

/// Parts that a policy has settings of
const char* const PARTS = "selector, allocator, precision, placer, controller, server or radio";

/**
 * @param text "PART.ATTRIBUTE=VALUE", "precision=TYPEID" or "placer=TYPEID"
 * @param [in,out] policy gets it
 */
void
AddSetting(const std::string& text, WdmoePolicy& policy)
{
    const auto equals = text.find('=');
    const auto dot = text.find('.');
    const std::string part = text.substr(0, std::min(dot, equals));
    const bool known = part == "selector" || part == "allocator" || part == "precision" ||
                       part == "placer" || part == "controller" || part == "server" ||
                       part == "radio";
    NS_ABORT_MSG_IF(!known || equals == std::string::npos || dot + 1 == equals ||
                        (dot > equals && part != "precision" && part != "placer"),
                    "policy '" << policy.name << "': '" << text
                               << "' is no setting; expected PART.ATTRIBUTE=VALUE with a part of "
                               << PARTS << ", or precision=TYPEID, placer=TYPEID");
    const auto value = text.substr(equals + 1);
    if (dot > equals)
    {
        (part == "placer" ? policy.placer : policy.precision) = value;
        return;
    }
    const auto attribute = text.substr(dot + 1, equals - dot - 1);
    // The policy itself says what these are; on the controller they would be overwritten.
    const bool own = part == "controller" && (attribute == "Selector" || attribute == "Allocator" ||
                                              attribute == "Precision" ||
                                              attribute == "Predictor" || attribute == "Placer");
    NS_ABORT_MSG_IF(own,
                    "policy '" << policy.name << "': '" << text
                               << "' would be overwritten; use SELECTOR+ALLOCATOR as the policy, "
                                  "precision=TYPEID, placer=TYPEID, or the option --predictor");
    NS_ABORT_MSG_IF(part == "server" && attribute == "Transport",
                    "policy '" << policy.name << "': '" << text
                               << "' would be of the server only; use the option --transport");
    policy.settings.push_back({part, attribute, value});
}

/// @return the policies of users
std::vector<WdmoePolicy>&
Registered()
{
    static std::vector<WdmoePolicy> policies;
    return policies;
}

/**
 * @param type a TypeId's name
 * @param base another's
 * @return whether the first is a class that can be made, derived from the second
 */
bool
IsA(const std::string& type, const std::string& base)
{
    TypeId tid;
    return TypeId::LookupByNameFailSafe(type, &tid) && tid.HasConstructor() &&
           tid.IsChildOf(TypeId::LookupByName(base));
}

/// Abort where one of the parts is none. @param policy any
void
CheckParts(const WdmoePolicy& policy)
{
    const auto need = [&](bool good, const std::string& type, const char* base, const char* one) {
        NS_ABORT_MSG_IF(!good,
                        "policy '" << policy.name << "': '" << type << "' is no " << base
                                   << "; for example ns3::" << one);
    };
    need(IsA(policy.selector, "ns3::WdmoeSelector"),
         policy.selector,
         "WdmoeSelector",
         "WdmoeTopKSelector");
    need(IsA(policy.allocator, "ns3::WdmoeAllocator"),
         policy.allocator,
         "WdmoeAllocator",
         "WdmoeMinMaxAllocator");
    need(IsA(policy.precision, "ns3::WdmoePrecisionPolicy"),
         policy.precision,
         "WdmoePrecisionPolicy",
         "WdmoeFixedPrecision");
    need(policy.placer.empty() || IsA(policy.placer, "ns3::WdmoePlacer"),
         policy.placer,
         "WdmoePlacer",
         "WdmoePopularityPlacer");
}

} // namespace

void
WdmoePolicy::SetPrice(const std::string& model)
{
    const bool given = std::any_of(settings.begin(), settings.end(), [](const auto& setting) {
        return setting.part == "precision" && setting.attribute == "PriceFile";
    });
    if (precision != "ns3::WdmoePricedPrecision" || given)
    {
        return;
    }
    const auto folder = WdmoeRealModel::FindCheckpoint(model);
    const auto file = std::filesystem::path(folder.value_or("")) / "sensitivity.json";
    if (folder && std::filesystem::exists(file))
    {
        settings.push_back({"precision", "PriceFile", file.string()});
        return;
    }
    std::cerr << "policy '" << name << "': what a coarser activation costs in quality is not known "
              << "for '" << model << "'; activations stay as they are configured (./wdmoe evaluate "
              << "makes a price file of a real model)\n";
    precision = "ns3::WdmoeFixedPrecision";
}

void
WdmoePolicy::SetSimilarity(const std::string& model)
{
    const bool given = std::any_of(settings.begin(), settings.end(), [](const auto& setting) {
        return setting.part == "selector" && setting.attribute == "SimilarityFile";
    });
    if (selector != "ns3::WdmoeSiftSelector" || given)
    {
        return;
    }
    const auto folder = WdmoeRealModel::FindCheckpoint(model);
    const auto file = std::filesystem::path(folder.value_or("")) / "similarity.json";
    if (folder && std::filesystem::exists(file))
    {
        settings.push_back({"selector", "SimilarityFile", file.string()});
        return;
    }
    std::cerr << "policy '" << name << "': how similar experts are to one another is not known for "
              << "'" << model << "'; experts are skipped, never replaced (./wdmoe evaluate "
              << "--similarity=FILE measures it for a real model)\n";
}

std::vector<WdmoePolicy>
WdmoePolicy::GetAll()
{
    const std::string topK = "ns3::WdmoeTopKSelector";
    const std::string wlr = "ns3::WdmoeWlrSelector";
    const std::string equal = "ns3::WdmoeEqualAllocator";
    const std::string minMax = "ns3::WdmoeMinMaxAllocator";
    const std::string scheduled = "ns3::WdmoeScheduledAllocator";
    const std::string fixed = "ns3::WdmoeFixedPrecision";
    const WdmoePolicySetting early{"controller", "EarlyGrants", "true"};
    return {
        {"topk-stock", topK, "ns3::WdmoeStockAllocator", true, true, fixed, {}},
        {"topk-equal", topK, equal, false, false, fixed, {}},
        {"topk-allocated", topK, minMax, true, false, fixed, {}},
        {"wlr-equal", wlr, equal, false, false, fixed, {}},
        {"wdmoe", wlr, minMax, true, false, fixed, {}},
        {"scheduled-fp16-topk", topK, scheduled, true, false, fixed, {early}},
        {"scheduled",
         "ns3::WdmoeQualityBoundSelector",
         scheduled,
         true,
         false,
         "ns3::WdmoePricedPrecision",
         {early}},
    };
}

std::vector<WdmoePolicy>
WdmoePolicy::GetNamed()
{
    auto policies = GetAll();
    const std::string fixed = "ns3::WdmoeFixedPrecision";
    const std::string topK = "ns3::WdmoeTopKSelector";
    // equal and work-conserving on our own MAC; the paper's optimum with nothing lent
    policies.push_back({"topk-shared", topK, "ns3::WdmoeStockAllocator", true, false, fixed, {}});
    policies.push_back(
        {"topk-allocated-strict", topK, "ns3::WdmoeMinMaxAllocator", false, false, fixed, {}});
    // other aims of a static split
    policies.push_back({"topk-proportional-fair",
                        topK,
                        "ns3::WdmoeProportionalFairAllocator",
                        true,
                        false,
                        fixed,
                        {}});
    policies.push_back(
        {"topk-total-latency", topK, "ns3::WdmoeTotalLatencyAllocator", true, false, fixed, {}});
    policies.push_back(
        {"topk-least-energy", topK, "ns3::WdmoeLeastEnergyAllocator", true, false, fixed, {}});
    // the paper's Algorithm 2, for a radio that cannot be steered
    policies.push_back({"bottleneck",
                        "ns3::WdmoeBottleneckSelector",
                        "ns3::WdmoeStockAllocator",
                        true,
                        true,
                        fixed,
                        {}});
    // other selections with the plan of scheduled-fp16-topk, so that only the selection differs
    const std::string scheduled = "ns3::WdmoeScheduledAllocator";
    const WdmoePolicySetting early{"controller", "EarlyGrants", "true"};
    for (const auto& [name, selector] : std::vector<std::pair<std::string, std::string>>{
             {"des", "ns3::WdmoeDesSelector"},
             {"sift", "ns3::WdmoeSiftSelector"},
             {"channel-aware", "ns3::WdmoeChannelAwareSelector"},
             {"random", "ns3::WdmoeRandomSelector"},
             {"exhaustive", "ns3::WdmoeExhaustiveSelector"}})
    {
        policies.push_back({name, selector, scheduled, true, false, fixed, {early}});
    }
    // where the experts are, on top of scheduled-fp16-topk
    for (const auto& [name, placer] : {std::pair{"placed", "ns3::WdmoePopularityPlacer"},
                                       std::pair{"migrating", "ns3::WdmoeMigratingPlacer"}})
    {
        policies.push_back({name, topK, scheduled, true, false, fixed, {early}, placer});
    }
    policies.insert(policies.end(), Registered().begin(), Registered().end());
    return policies;
}

void
WdmoePolicy::Register(const WdmoePolicy& policy)
{
    const auto& name = policy.name;
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '-' || c == '_' || c == '.';
    });
    NS_ABORT_MSG_IF(!plain || name == "all",
                    "WdmoePolicy::Register: '" << name
                                               << "' is no name for a policy; expected letters, "
                                                  "digits, '-', '_' and '.', and not 'all'");
    std::erase_if(Registered(), [&](const auto& other) { return other.name == name; });
    const auto others = GetNamed();
    NS_ABORT_MSG_IF(std::any_of(others.begin(),
                                others.end(),
                                [&](const auto& other) { return other.name == name; }),
                    "WdmoePolicy::Register: the module has a policy '"
                        << name << "' already; choose another name");
    CheckParts(policy);
    Registered().push_back(policy);
}

WdmoePolicy
WdmoePolicy::Find(const std::string& text)
{
    // "::" belongs to a TypeId, a single colon begins a setting
    std::vector<std::string> parts{""};
    for (std::size_t i = 0; i < text.size(); i++)
    {
        if (text.compare(i, 2, "::") == 0)
        {
            parts.back() += "::";
            i++;
        }
        else if (text[i] == ':')
        {
            parts.emplace_back();
        }
        else
        {
            parts.back() += text[i];
        }
    }
    const auto& name = parts[0];
    WdmoePolicy found;
    std::ostringstream known;
    for (const auto& policy : GetNamed())
    {
        found = policy.name == name ? policy : found;
        known << policy.name << ", ";
    }
    const auto plus = name.find('+');
    if (found.name.empty() && plus != std::string::npos &&
        IsA(name.substr(0, plus), "ns3::WdmoeSelector") &&
        IsA(name.substr(plus + 1), "ns3::WdmoeAllocator"))
    {
        found.selector = name.substr(0, plus);
        found.allocator = name.substr(plus + 1);
        found.name = name;
    }
    NS_ABORT_MSG_IF(found.name.empty(),
                    "unknown policy '" << name << "'; there are " << known.str()
                                       << "or SELECTOR+ALLOCATOR by TypeId, for example "
                                          "ns3::WdmoeTopKSelector+ns3::WdmoeMinMaxAllocator");
    found.name = text;
    for (std::size_t i = 1; i < parts.size(); i++)
    {
        AddSetting(parts[i], found);
    }
    CheckParts(found);
    return found;
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
