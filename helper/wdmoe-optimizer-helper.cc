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

WdmoeOptimizerHelper::Part::Part(const ObjectFactory& makes)
    : factory(makes)
{
}

template <typename T>
Ptr<T>
WdmoeOptimizerHelper::Part::Get() const
{
    return instance ? DynamicCast<T>(instance) : factory.Create<T>();
}

WdmoeOptimizerHelper::WdmoeOptimizerHelper()
    : m_controller("ns3::WdmoeController"),
      m_selector(ObjectFactory("ns3::WdmoeWlrSelector")),
      m_allocator(ObjectFactory("ns3::WdmoeMinMaxAllocator")),
      m_predictor(ObjectFactory("ns3::WdmoeLearningPredictor")),
      m_precision(ObjectFactory("ns3::WdmoeFixedPrecision"))
{
}

void
WdmoeOptimizerHelper::SetSelector(const ObjectFactory& factory)
{
    m_selector = Part(factory);
}

void
WdmoeOptimizerHelper::SetSelector(Ptr<WdmoeSelector> selector)
{
    NS_ABORT_MSG_IF(!selector, "WdmoeOptimizerHelper::SetSelector: no selector given");
    m_selector.instance = selector;
}

void
WdmoeOptimizerHelper::SetAllocator(const ObjectFactory& factory)
{
    m_allocator = Part(factory);
}

void
WdmoeOptimizerHelper::SetAllocator(Ptr<WdmoeAllocator> allocator)
{
    NS_ABORT_MSG_IF(!allocator, "WdmoeOptimizerHelper::SetAllocator: no allocator given");
    m_allocator.instance = allocator;
}

void
WdmoeOptimizerHelper::SetPredictor(const ObjectFactory& factory)
{
    m_predictor = Part(factory);
}

void
WdmoeOptimizerHelper::SetPredictor(Ptr<WdmoePredictor> predictor)
{
    NS_ABORT_MSG_IF(!predictor, "WdmoeOptimizerHelper::SetPredictor: no predictor given");
    m_predictor.instance = predictor;
}

void
WdmoeOptimizerHelper::SetPrecision(const ObjectFactory& factory)
{
    m_precision = Part(factory);
}

void
WdmoeOptimizerHelper::SetPrecision(Ptr<WdmoePrecisionPolicy> precision)
{
    NS_ABORT_MSG_IF(!precision, "WdmoeOptimizerHelper::SetPrecision: no precision policy given");
    m_precision.instance = precision;
}

void
WdmoeOptimizerHelper::SetPlacer(const ObjectFactory& factory)
{
    m_placer = Part(factory);
}

void
WdmoeOptimizerHelper::SetPlacer(Ptr<WdmoePlacer> placer)
{
    NS_ABORT_MSG_IF(!placer, "WdmoeOptimizerHelper::SetPlacer: no placer given");
    m_placer.instance = placer;
}

void
WdmoeOptimizerHelper::SetPolicy(const WdmoePolicy& policy)
{
    m_selector = Part(ObjectFactory(policy.selector));
    m_allocator = Part(ObjectFactory(policy.allocator, "Leftover", BooleanValue(policy.leftover)));
    m_precision = Part(ObjectFactory(policy.precision));
    m_placer = Part(policy.placer.empty() ? ObjectFactory() : ObjectFactory(policy.placer));
    for (const auto& [part, attribute, value] : policy.settings)
    {
        auto* factory = part == "selector"     ? &m_selector.factory
                        : part == "allocator"  ? &m_allocator.factory
                        : part == "precision"  ? &m_precision.factory
                        : part == "controller" ? &m_controller
                                               : nullptr;
        if (part == "placer")
        {
            NS_ABORT_MSG_IF(policy.placer.empty(),
                            "policy '" << policy.name << "': placer." << attribute
                                       << " is set, but it has no placer; use placer=TYPEID too");
            factory = &m_placer.factory;
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
    controller->SetAttribute("Selector", PointerValue(m_selector.Get<WdmoeSelector>()));
    controller->SetAttribute("Allocator", PointerValue(m_allocator.Get<WdmoeAllocator>()));
    controller->SetAttribute("Predictor", PointerValue(m_predictor.Get<WdmoePredictor>()));
    controller->SetAttribute("Precision", PointerValue(m_precision.Get<WdmoePrecisionPolicy>()));
    if (m_placer.instance || m_placer.factory.IsTypeIdSet())
    {
        controller->SetAttribute("Placer", PointerValue(m_placer.Get<WdmoePlacer>()));
    }
    controller->SetRadio(radio);
    controller->SetWork(model.expert, model.experts, model.topK, profiles);
    return controller;
}

} // namespace ns3
