/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_APPLICATION_HELPER_H
#define WDMOE_APPLICATION_HELPER_H

#include "ns3/application-helper.h"
#include "ns3/wdmoe-expert-node.h"
#include "ns3/wdmoe-gating-server.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Installs a WdmoeGatingServer at the base station of a radio.
 */
class WdmoeGatingServerHelper : public ApplicationHelper
{
  public:
    /**
     * @param model sizes of the model
     */
    explicit WdmoeGatingServerHelper(const WdmoeModelDescription& model);

    /**
     * @param profile of the base station, for attention and gate
     */
    void SetBaseStation(const wdmoe::DeviceProfile& profile);

    /**
     * @param controller decides; it knows the radio
     * @param gates gate weights
     * @param requests what to serve
     * @return the application
     */
    Ptr<WdmoeGatingServer> Install(Ptr<WdmoeController> controller,
                                   Ptr<WdmoeGateSource> gates,
                                   Ptr<WdmoeRequestSource> requests);

  private:
    WdmoeModelDescription m_model;      ///< sizes of the model
    wdmoe::DeviceProfile m_baseStation; ///< for attention and gate
};

/**
 * @ingroup wdmoe-helper
 *
 * Installs a WdmoeExpertNode on each device of a radio. Aborts if a device's memory cannot hold
 * its experts of all blocks.
 */
class WdmoeExpertNodeHelper : public ApplicationHelper
{
  public:
    /**
     * @param model sizes of the model
     * @param profiles one for each device
     */
    WdmoeExpertNodeHelper(const WdmoeModelDescription& model,
                          const std::vector<wdmoe::DeviceProfile>& profiles);

    /**
     * @param model whose experts the nodes really run; null: sizes only
     */
    void SetRealModel(Ptr<WdmoeRealModel> model);

    /**
     * @param controller knows the radio, and which experts a device holds
     * @param port the gating server's
     * @return the applications, in the order of the devices
     */
    ApplicationContainer Install(Ptr<WdmoeController> controller, uint16_t port = 5500);

  private:
    WdmoeModelDescription m_model;                ///< sizes of the model
    std::vector<wdmoe::DeviceProfile> m_profiles; ///< by device
    Ptr<WdmoeRealModel> m_real;                   ///< whose experts are run
};

} // namespace ns3

#endif /* WDMOE_APPLICATION_HELPER_H */
