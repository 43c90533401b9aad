/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_MEDIA_H
#define WDMOE_PACED_MEDIA_H

#include "wdmoe-paced-radio-helper.h"

#include <functional>
#include <map>
#include <string>

namespace ns3
{

/// Makes the NetDevices of a named medium
typedef std::function<WdmoePacedRadioHelper::Medium(const WdmoePacedRadioHelper::Settings& settings,
                                                    Ptr<Node> baseStation,
                                                    const NodeContainer& devices)>
    WdmoePacedMediumMaker;

/// @return what WdmoePacedRadioHelper makes by name; a file adds its media, so that a build has
/// those whose files it has
std::map<std::string, WdmoePacedMediumMaker>& WdmoePacedMedia();

} // namespace ns3

#endif /* WDMOE_PACED_MEDIA_H */
