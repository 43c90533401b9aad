/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-data-path.h"

#include "ns3/abort.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>

namespace ns3
{

namespace
{

/// @return the data folders there may be, best first
std::vector<std::filesystem::path>
Folders()
{
    std::vector<std::filesystem::path> folders;
    if (const char* set = std::getenv("WDMOE_DATA"); set && *set)
    {
        folders.emplace_back(set);
    }
    // Asked of the loader, so that an installed tree or a wheel may be moved.
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&WdmoeDataPath), &info) && info.dli_fname)
    {
        std::error_code error;
        const auto library = std::filesystem::weakly_canonical(info.dli_fname, error);
        if (!error)
        {
            folders.push_back(library.parent_path().parent_path() / "data");
            folders.push_back(library.parent_path().parent_path() / "share" / "wdmoe");
        }
    }
#ifdef WDMOE_SOURCE_DATA_DIR
    folders.emplace_back(WDMOE_SOURCE_DATA_DIR);
#endif
    return folders;
}

bool
Readable(const std::filesystem::path& path)
{
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && std::ifstream(path).good();
}

} // namespace

std::string
WdmoeDataPath(const std::string& name)
{
    NS_ABORT_MSG_IF(name.empty(), "WdmoeDataPath: the name of a data file is empty");
    if (Readable(name))
    {
        return name;
    }
    std::string looked = "\n  " + name;
    if (!std::filesystem::path(name).is_absolute())
    {
        for (const auto& folder : Folders())
        {
            const auto path = folder / name;
            if (Readable(path))
            {
                return path.string();
            }
            looked += "\n  " + path.string();
        }
    }
    NS_ABORT_MSG("WDMoE: no readable data file '"
                 << name << "'. Looked at:" << looked
                 << "\nSet the environment variable WDMOE_DATA to the data folder of the module.");
    return "";
}

std::vector<std::string>
WdmoeDataNames(const std::string& folder, const std::string& extension)
{
    std::vector<std::string> names;
    for (const auto& data : Folders())
    {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(data / folder, error))
        {
            if (entry.path().extension() == extension)
            {
                names.push_back(entry.path().stem().string());
            }
        }
        if (!names.empty())
        {
            break;
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace ns3
