/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_OPTIMIZER_HELPER_H
#define WDMOE_OPTIMIZER_HELPER_H

#include "wdmoe-policy.h"

#include "ns3/object-factory.h"
#include "ns3/wdmoe-controller.h"
#include "ns3/wdmoe-model-description.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * The loop that reassigns experts and bandwidth from measured channel state, block by block:
 * names its parts by TypeId and binds them to a radio.
 */
class WdmoeOptimizerHelper
{
  public:
    WdmoeOptimizerHelper();

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoeSelector
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetSelector(const std::string& type, Args&&... args);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoeAllocator
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetAllocator(const std::string& type, Args&&... args);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoePredictor
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetPredictor(const std::string& type, Args&&... args);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoePrecisionPolicy
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetPrecision(const std::string& type, Args&&... args);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoePlacer
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetPlacer(const std::string& type, Args&&... args);

    /**
     * Selector, allocator, precision and placer of a named policy, with its settings of these and
     * of the controller; those of "server" and "radio" are for who makes these.
     *
     * @param policy see WdmoePolicy::Find()
     */
    void SetPolicy(const WdmoePolicy& policy);

    /**
     * @param name attribute of WdmoeController
     * @param value its value
     */
    void SetAttribute(const std::string& name, const AttributeValue& value);

    /**
     * @param radio with all its devices
     * @param model sizes of the model
     * @param profiles of the devices
     * @return the controller, to be given to a gating server
     */
    Ptr<WdmoeController> Install(Ptr<WdmoeRadio> radio,
                                 const WdmoeModelDescription& model,
                                 const std::vector<wdmoe::DeviceProfile>& profiles) const;

  private:
    ObjectFactory m_controller; ///< makes the controller
    ObjectFactory m_selector;   ///< makes its selector
    ObjectFactory m_allocator;  ///< makes its allocator
    ObjectFactory m_predictor;  ///< makes its predictor
    ObjectFactory m_precision;  ///< makes its precision policy
    ObjectFactory m_placer;     ///< makes its placer; without a TypeId: none
};

template <typename... Args>
void
WdmoeOptimizerHelper::SetSelector(const std::string& type, Args&&... args)
{
    m_selector = ObjectFactory(type, std::forward<Args>(args)...);
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetAllocator(const std::string& type, Args&&... args)
{
    m_allocator = ObjectFactory(type, std::forward<Args>(args)...);
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetPredictor(const std::string& type, Args&&... args)
{
    m_predictor = ObjectFactory(type, std::forward<Args>(args)...);
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetPrecision(const std::string& type, Args&&... args)
{
    m_precision = ObjectFactory(type, std::forward<Args>(args)...);
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetPlacer(const std::string& type, Args&&... args)
{
    m_placer = ObjectFactory(type, std::forward<Args>(args)...);
}

} // namespace ns3

#endif /* WDMOE_OPTIMIZER_HELPER_H */
