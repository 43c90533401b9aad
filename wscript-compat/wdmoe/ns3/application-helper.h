/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef APPLICATION_HELPER_H
#define APPLICATION_HELPER_H

#include "ns3/application-container.h"
#include "ns3/names.h"
#include "ns3/node-container.h"
#include "ns3/object-factory.h"

#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Installs applications of a type: ns-3.42's and later releases' class, for a release without.
 */
class ApplicationHelper
{
  public:
    /**
     * @param type of the applications
     */
    explicit ApplicationHelper(TypeId type)
    {
        m_factory.SetTypeId(type);
    }

    /**
     * @param type name of the applications' type
     */
    explicit ApplicationHelper(const std::string& type)
    {
        m_factory.SetTypeId(type);
    }

    virtual ~ApplicationHelper() = default;

    /**
     * @param name attribute of the applications
     * @param value its value
     */
    void SetAttribute(const std::string& name, const AttributeValue& value)
    {
        m_factory.Set(name, value);
    }

    /**
     * @param nodes that get one application each
     * @return the applications
     */
    ApplicationContainer Install(const NodeContainer& nodes)
    {
        ApplicationContainer applications;
        for (auto node = nodes.Begin(); node != nodes.End(); ++node)
        {
            applications.Add(DoInstall(*node));
        }
        return applications;
    }

    /**
     * @param node that gets an application
     * @return the application
     */
    ApplicationContainer Install(Ptr<Node> node)
    {
        return ApplicationContainer(DoInstall(node));
    }

    /**
     * @param name of the node that gets an application
     * @return the application
     */
    ApplicationContainer Install(const std::string& name)
    {
        return Install(Names::Find<Node>(name));
    }

  protected:
    /**
     * @param node that gets an application
     * @return the application
     */
    virtual Ptr<Application> DoInstall(Ptr<Node> node)
    {
        auto application = m_factory.Create<Application>();
        node->AddApplication(application);
        return application;
    }

    ObjectFactory m_factory; ///< makes the applications
};

} // namespace ns3

#endif /* APPLICATION_HELPER_H */
