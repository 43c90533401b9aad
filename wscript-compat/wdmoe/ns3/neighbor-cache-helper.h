/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef NEIGHBOR_CACHE_HELPER_H
#define NEIGHBOR_CACHE_HELPER_H

#include "ns3/arp-cache.h"
#include "ns3/callback.h"
#include "ns3/channel.h"
#include "ns3/ipv4-interface.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/net-device-container.h"
#include "ns3/node-list.h"
#include "ns3/node.h"
#include "ns3/simple-ref-count.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Fills ARP caches, so that nobody waits for an answer: what the module uses of ns-3.37's and later
 * releases' class, for a release without. There a cache forgets all it knows whenever the link of
 * its device changes, as that of a station that associates does: it is filled again then.
 */
class NeighborCacheHelper
{
  public:
    /**
     * @param devices that know each other's IPv4 addresses from now on, where their channel is the
     * same
     */
    void PopulateNeighborCache(const NetDeviceContainer& devices) const
    {
        for (auto own = devices.Begin(); own != devices.End(); ++own)
        {
            auto neighbors = Create<Neighbors>();
            neighbors->own = Place(*own);
            for (auto other = devices.Begin(); other != devices.End(); ++other)
            {
                if (*own != *other && (*own)->GetChannel() == (*other)->GetChannel())
                {
                    neighbors->others.push_back(Place(*other));
                }
            }
            neighbors->Fill();
            (*own)->AddLinkChangeCallback(MakeCallback(&Neighbors::Fill, neighbors));
        }
    }

  private:
    /// Numbers of a node and of its device: no pointers, which would keep each other alive
    typedef std::pair<uint32_t, uint32_t> Numbers;

    /**
     * @param device of a node
     * @return its numbers
     */
    static Numbers Place(Ptr<NetDevice> device)
    {
        return {device->GetNode()->GetId(), device->GetIfIndex()};
    }

    /// A device, and those on its channel
    struct Neighbors : public SimpleRefCount<Neighbors>
    {
        Numbers own;                 ///< whose cache it is
        std::vector<Numbers> others; ///< who is in it

        /**
         * @param numbers of a device
         * @return its interface
         */
        static Ptr<Ipv4Interface> GetInterface(const Numbers& numbers)
        {
            const auto node = NodeList::GetNode(numbers.first);
            const auto ipv4 = node->GetObject<Ipv4L3Protocol>();
            return ipv4->GetInterface(ipv4->GetInterfaceForDevice(node->GetDevice(numbers.second)));
        }

        /// Entries that stay, of all the others
        void Fill()
        {
            if (own.first >= NodeList::GetNNodes())
            {
                return; // the simulation has ended
            }
            const auto cache = GetInterface(own)->GetArpCache();
            for (const auto& other : others)
            {
                const auto interface = GetInterface(other);
                for (uint32_t i = 0; cache && i < interface->GetNAddresses(); i++)
                {
                    const auto address = interface->GetAddress(i).GetLocal();
                    auto* const known = cache->Lookup(address);
                    auto* const entry = known ? known : cache->Add(address);
                    entry->SetMacAddress(interface->GetDevice()->GetAddress());
                    entry->MarkPermanent();
                }
            }
        }
    };
};

} // namespace ns3

#endif /* NEIGHBOR_CACHE_HELPER_H */
