/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WIFI_COMPAT_H
#define WDMOE_WIFI_COMPAT_H

#include "ns3/he-ru.h"
#include "ns3/wdmoe-compat.h"
#include "ns3/wifi-mpdu.h"
#include "ns3/wifi-tx-vector.h"

#include <cstddef>
#include <cstdint>
#include <optional>

// One name for what ns-3.44 and later releases call differently in the Wi-Fi model. From 3.45 on
// what a TXVECTOR holds is a variant, to which an HE RU converts by itself.
#if WDMOE_WIFI_HAS_EHT_RU
#include "ns3/wifi-ru.h"
#endif

namespace ns3
{

#if WDMOE_WIFI_HAS_EHT_RU
/// Number of tones of an RU, by name
using WdmoeRuType = RuType;
#else
/// Number of tones of an RU, by name
using WdmoeRuType = HeRu::RuType;
#endif

/**
 * @param type of an RU
 * @return its approximate width, MHz
 */
inline double
WdmoeGetRuMhz(WdmoeRuType type)
{
#if WDMOE_WIFI_HAS_EHT_RU
    return WifiRu::GetBandwidth(type);
#else
    return HeRu::GetBandwidth(type);
#endif
}

/**
 * @param type of an RU
 * @param index of the RU among those of its type in its 80 MHz (or narrower) channel, from 1
 * @param primary80 whether it is in the primary 80 MHz
 * @return the RU, as a TXVECTOR takes it
 */
inline HeRu::RuSpec
WdmoeMakeRu(WdmoeRuType type, std::size_t index, bool primary80)
{
    return HeRu::RuSpec(type, index, primary80);
}

// What the radio needs

/**
 * @param txVector of a multi-user PPDU
 * @param staId who
 * @return approximate width of its RU, MHz
 */
inline double
WdmoeGetRuMhz(const WifiTxVector& txVector, uint16_t staId)
{
#if WDMOE_WIFI_HAS_EHT_RU
    return WifiRu::GetBandwidth(WifiRu::GetRuType(txVector.GetRu(staId)));
#else
    return HeRu::GetBandwidth(txVector.GetRu(staId).GetRuType());
#endif
}

/**
 * @param txVector of a multi-user PPDU
 * @param staId who
 * @return type of its RU
 */
inline WdmoeRuType
WdmoeGetRuType(const WifiTxVector& txVector, uint16_t staId)
{
#if WDMOE_WIFI_HAS_EHT_RU
    return WifiRu::GetRuType(txVector.GetRu(staId));
#else
    return txVector.GetRu(staId).GetRuType();
#endif
}

/**
 * @param queue of an access category
 * @param tid of the frames
 * @param receiver of the frames
 * @param item the frame before; null: none
 * @return the next one for that receiver, null: there is none
 */
template <typename Queue>
Ptr<WifiMpdu>
WdmoePeekNext(const Queue& queue, uint8_t tid, Mac48Address receiver, Ptr<const WifiMpdu> item)
{
    // a sender was put before the last parameter in ns-3.48
    if constexpr (requires { queue.PeekByTidAndAddress(tid, receiver, item); })
    {
        return queue.PeekByTidAndAddress(tid, receiver, item);
    }
    else
    {
        return queue.PeekByTidAndAddress(tid, receiver, std::nullopt, item);
    }
}

} // namespace ns3

#endif /* WDMOE_WIFI_COMPAT_H */
