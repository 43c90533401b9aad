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

    /// @param factory makes the WdmoeSelector of each controller
    void SetSelector(const ObjectFactory& factory);

    /// @param selector used by all controllers that are installed from now on, as it is
    void SetSelector(Ptr<WdmoeSelector> selector);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoeAllocator
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetAllocator(const std::string& type, Args&&... args);

    /// @param factory makes the WdmoeAllocator of each controller
    void SetAllocator(const ObjectFactory& factory);

    /// @param allocator used by all controllers that are installed from now on, as it is
    void SetAllocator(Ptr<WdmoeAllocator> allocator);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoePredictor
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetPredictor(const std::string& type, Args&&... args);

    /// @param factory makes the WdmoePredictor of each controller
    void SetPredictor(const ObjectFactory& factory);

    /// @param predictor used by all controllers that are installed from now on, as it is
    void SetPredictor(Ptr<WdmoePredictor> predictor);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoePrecisionPolicy
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetPrecision(const std::string& type, Args&&... args);

    /// @param factory makes the WdmoePrecisionPolicy of each controller
    void SetPrecision(const ObjectFactory& factory);

    /// @param precision used by all controllers that are installed from now on, as it is
    void SetPrecision(Ptr<WdmoePrecisionPolicy> precision);

    /**
     * @tparam Args attribute names and values
     * @param type TypeId of a WdmoePlacer
     * @param args attribute names and values
     */
    template <typename... Args>
    void SetPlacer(const std::string& type, Args&&... args);

    /// @param factory makes the WdmoePlacer of each controller
    void SetPlacer(const ObjectFactory& factory);

    /// @param placer used by all controllers that are installed from now on, as it is
    void SetPlacer(Ptr<WdmoePlacer> placer);

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
    /// One of the controller's parts: made for each, or there already
    struct Part
    {
        /// @param makes the part; without a TypeId: none
        explicit Part(const ObjectFactory& makes = ObjectFactory());

        /// @return the part. @tparam T its class
        template <typename T>
        Ptr<T> Get() const;

        ObjectFactory factory; ///< makes it
        Ptr<Object> instance;  ///< it is this one; null: made for each controller
    };

    ObjectFactory m_controller; ///< makes the controller
    Part m_selector;            ///< its selector
    Part m_allocator;           ///< its allocator
    Part m_predictor;           ///< its predictor
    Part m_precision;           ///< its precision policy
    Part m_placer;              ///< its placer, or none
};

template <typename... Args>
void
WdmoeOptimizerHelper::SetSelector(const std::string& type, Args&&... args)
{
    SetSelector(ObjectFactory(type, std::forward<Args>(args)...));
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetAllocator(const std::string& type, Args&&... args)
{
    SetAllocator(ObjectFactory(type, std::forward<Args>(args)...));
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetPredictor(const std::string& type, Args&&... args)
{
    SetPredictor(ObjectFactory(type, std::forward<Args>(args)...));
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetPrecision(const std::string& type, Args&&... args)
{
    SetPrecision(ObjectFactory(type, std::forward<Args>(args)...));
}

template <typename... Args>
void
WdmoeOptimizerHelper::SetPlacer(const std::string& type, Args&&... args)
{
    SetPlacer(ObjectFactory(type, std::forward<Args>(args)...));
}

} // namespace ns3

#endif /* WDMOE_OPTIMIZER_HELPER_H */
