/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-optimizer-helper.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/pointer.h"
#include "ns3/string.h"

namespace ns3
{

WdmoeOptimizerHelper::WdmoeOptimizerHelper()
    : m_controller("ns3::WdmoeController"),
      m_selector("ns3::WdmoeWlrSelector"),
      m_allocator("ns3::WdmoeMinMaxAllocator"),
      m_predictor("ns3::WdmoeLearningPredictor"),
      m_precision("ns3::WdmoeFixedPrecision")
{
}

void
WdmoeOptimizerHelper::SetPolicy(const WdmoePolicy& policy)
{
    m_selector = ObjectFactory(policy.selector);
    m_allocator = ObjectFactory(policy.allocator, "Leftover", BooleanValue(policy.leftover));
    m_precision = ObjectFactory(policy.precision);
    m_placer = policy.placer.empty() ? ObjectFactory() : ObjectFactory(policy.placer);
    for (const auto& [part, attribute, value] : policy.settings)
    {
        auto* factory = part == "selector"     ? &m_selector
                        : part == "allocator"  ? &m_allocator
                        : part == "precision"  ? &m_precision
                        : part == "controller" ? &m_controller
                                               : nullptr;
        if (part == "placer")
        {
            NS_ABORT_MSG_IF(policy.placer.empty(),
                            "policy '" << policy.name << "': placer." << attribute
                                       << " is set, but it has no placer; use placer=TYPEID too");
            factory = &m_placer;
        }
        if (factory)
        {
            factory->Set(attribute, StringValue(value));
        }
    }
}

void
WdmoeOptimizerHelper::SetAttribute(const std::string& name, const AttributeValue& value)
{
    m_controller.Set(name, value);
}

Ptr<WdmoeController>
WdmoeOptimizerHelper::Install(Ptr<WdmoeRadio> radio,
                              const WdmoeModelDescription& model,
                              const std::vector<wdmoe::DeviceProfile>& profiles) const
{
    auto controller = m_controller.Create<WdmoeController>();
    controller->SetAttribute("Selector", PointerValue(m_selector.Create<WdmoeSelector>()));
    controller->SetAttribute("Allocator", PointerValue(m_allocator.Create<WdmoeAllocator>()));
    controller->SetAttribute("Predictor", PointerValue(m_predictor.Create<WdmoePredictor>()));
    controller->SetAttribute("Precision", PointerValue(m_precision.Create<WdmoePrecisionPolicy>()));
    if (m_placer.IsTypeIdSet())
    {
        controller->SetAttribute("Placer", PointerValue(m_placer.Create<WdmoePlacer>()));
    }
    controller->SetRadio(radio);
    controller->SetWork(model.expert, model.experts, model.topK, profiles);
    return controller;
}

} // namespace ns3
