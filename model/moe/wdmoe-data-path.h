/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_DATA_PATH_H
#define WDMOE_DATA_PATH_H

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-moe Models, gates, devices and requests of WDMoE
 */

/**
 * @ingroup wdmoe-moe
 *
 * Finds a data file of the module: an existing path as given; else below the folder in the
 * environment variable WDMOE_DATA; else below the folder installed with the library; else below
 * the source folder.
 *
 * @param name path, absolute or relative to the data folder, for example "models/olmoe-1b-7b.json"
 * @return the path of a readable file; aborts with a message that lists the places looked at
 */
std::string WdmoeDataPath(const std::string& name);

/**
 * @ingroup wdmoe-moe
 *
 * @param folder a folder of the data folder, for example "models"
 * @param extension for example ".json"
 * @return names (without folder and extension) of what is there, sorted
 */
std::vector<std::string> WdmoeDataNames(const std::string& folder, const std::string& extension);

} // namespace ns3

#endif /* WDMOE_DATA_PATH_H */
