/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-model-description.h"

#include "wdmoe-data-file.h"
#include "wdmoe-data-path.h"

#include "ns3/abort.h"

#include <algorithm>

namespace ns3
{

namespace
{

std::string
Join(const std::vector<std::string>& names)
{
    std::string all;
    for (const auto& name : names)
    {
        all += (all.empty() ? "" : ", ") + name;
    }
    return all.empty() ? "(none found)" : all;
}

bool
IsPath(const std::string& name)
{
    return name.find('/') != std::string::npos || name.find(".json") != std::string::npos;
}

} // namespace

double
WdmoeModelDescription::BaseStationFlopsPerToken(double context) const
{
    const double hidden = expert.hidden;
    const double query = static_cast<double>(attentionHeads) * headSize;
    const double keyValue = static_cast<double>(keyValueHeads) * headSize;
    const double projections = 2 * hidden * (2 * query + 2 * keyValue); // q, out; k, v
    const double scores = 2 * 2 * query * context;                      // q k', then p v
    const double gate = 2 * hidden * experts;
    return projections + scores + gate + sharedExperts * expert.FlopsPerToken();
}

WdmoeModelDescription
WdmoeReadModel(const std::string& path)
{
    const auto root = WdmoeJson::Load(path);
    root.Only({"comment",
               "name",
               "blocks",
               "experts",
               "topK",
               "sharedExperts",
               "hidden",
               "inner",
               "activationFlops",
               "bytesPerWeight",
               "attentionHeads",
               "keyValueHeads",
               "headSize",
               "vocabulary",
               "contextLength"});
    const auto integer = [&root](const std::string& key, uint64_t least, uint64_t most) {
        return static_cast<uint32_t>(root.Sourced(key).Integer(least, most));
    };
    WdmoeModelDescription model;
    model.name = root.At("name").String();
    model.blocks = integer("blocks", 1, 10000);
    model.experts = integer("experts", 1, 65535);
    model.topK = integer("topK", 1, model.experts);
    model.sharedExperts = integer("sharedExperts", 0, 65535);
    model.expert.hidden = integer("hidden", 1, 1 << 20);
    model.expert.inner = integer("inner", 1, 1 << 20);
    model.expert.activationFlops = root.Sourced("activationFlops").Number(0, 1000);
    model.expert.bytesPerWeight = root.Sourced("bytesPerWeight").Number(0.01, 8);
    model.attentionHeads = integer("attentionHeads", 1, 65535);
    model.keyValueHeads = integer("keyValueHeads", 1, model.attentionHeads);
    model.headSize = integer("headSize", 1, 65535);
    model.vocabulary = integer("vocabulary", 1, 1 << 30);
    model.contextLength = integer("contextLength", 1, 1 << 30);
    return model;
}

WdmoeModelDescription
WdmoeModelDescription::Load(const std::string& nameOrPath)
{
    auto path = nameOrPath;
    if (!IsPath(nameOrPath))
    {
        const auto names = WdmoeDataNames("models", ".json");
        NS_ABORT_MSG_IF(std::find(names.begin(), names.end(), nameOrPath) == names.end(),
                        "WDMoE: no model '" << nameOrPath << "'. There are: " << Join(names)
                                            << "; or give the path of a JSON file");
        path = "models/" + nameOrPath + ".json";
    }
    path = WdmoeDataPath(path);
    std::string wrong; // aborting inside the handler would print it twice
    try
    {
        return WdmoeReadModel(path);
    }
    catch (const WdmoeDataError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: model description: " << wrong);
    return WdmoeModelDescription();
}

wdmoe::DeviceProfile
WdmoeReadDevice(const std::string& path, const std::string& name)
{
    const auto root = WdmoeJson::Load(path);
    root.Only({"comment", "devices"});
    const auto devices = root.At("devices");
    if (!devices.Has(name))
    {
        throw WdmoeDataError(path + ": no device '" + name +
                             "'. There are: " + Join(devices.Keys()));
    }
    const auto device = devices.At(name);
    device.Only({"comment",
                 "peakFlops",
                 "computeEfficiency",
                 "peakMemoryBandwidth",
                 "memoryEfficiency",
                 "memoryBytes",
                 "launchOverheadS",
                 "computePowerW",
                 "transmitPowerW",
                 "receivePowerW"});
    wdmoe::DeviceProfile profile;
    profile.name = name;
    profile.flops = device.Sourced("peakFlops").Number(1e6, 1e18) *
                    device.Sourced("computeEfficiency").Number(1e-3, 1);
    profile.memoryBandwidth = device.Sourced("peakMemoryBandwidth").Number(1e6, 1e15) *
                              device.Sourced("memoryEfficiency").Number(1e-3, 1);
    profile.memoryBytes = device.Sourced("memoryBytes").Number(1e6, 1e15);
    profile.launchOverheadS = device.Sourced("launchOverheadS").Number(0, 1);
    profile.computePowerW = device.Sourced("computePowerW").Number(0, 1e5);
    // files of others may be older than these two
    const auto power = [&device](const std::string& key) {
        return device.Has(key) ? device.Sourced(key).Number(0, 1e5) : 0;
    };
    profile.transmitPowerW = power("transmitPowerW");
    profile.receivePowerW = power("receivePowerW");
    for (const auto& key : device.Keys())
    {
        if (key != "comment")
        {
            profile.source += (profile.source.empty() ? "" : "; ") + key + ": " +
                              device.At(key).At("source").String();
        }
    }
    return profile;
}

wdmoe::DeviceProfile
WdmoeLoadDeviceProfile(const std::string& name)
{
    std::string path = "devices.json";
    auto device = name;
    if (const auto colon = name.rfind(':'); colon != std::string::npos)
    {
        path = name.substr(0, colon);
        device = name.substr(colon + 1);
    }
    path = WdmoeDataPath(path);
    std::string wrong; // aborting inside the handler would print it twice
    try
    {
        return WdmoeReadDevice(path, device);
    }
    catch (const WdmoeDataError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: device profile: " << wrong);
    return wdmoe::DeviceProfile();
}

} // namespace ns3
