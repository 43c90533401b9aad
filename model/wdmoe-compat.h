/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_COMPAT_H
#define WDMOE_COMPAT_H

#include "ns3/rng-seed-manager.h"

// What differs between the releases of ns-3 that the module is built for, and nothing else: each
// switch once, here. The headers themselves are asked, not a version number, so that three build
// systems, programs of users and Cling get the same answer.

/// 1 where RU types are shared by HE and EHT and a TXVECTOR holds either (wifi-ru.h): from 3.45 on
#if __has_include("ns3/wifi-ru.h")
#define WDMOE_WIFI_HAS_EHT_RU 1
#else
#define WDMOE_WIFI_HAS_EHT_RU 0
#endif

/// 1 where the streams that nobody assigned can begin anew, flow control of devices can be switched
/// off, a SpectrumPropagationLossModel has streams and is told of a whole transmission, and the
/// node of an eNB may have an Internet stack: all but ns-3.35 (asked of core, which every build
/// has)
#if __has_include("ns3/warnings.h")
#define WDMOE_STREAMS_CAN_BE_RESET 1
#define WDMOE_FLOW_CONTROL_IS_OPTIONAL 1
#define WDMOE_SPECTRUM_LOSS_HAS_STREAMS 1
#define WDMOE_ENB_MAY_HAVE_INTERNET 1
#else
#define WDMOE_STREAMS_CAN_BE_RESET 0
#define WDMOE_FLOW_CONTROL_IS_OPTIONAL 0
#define WDMOE_SPECTRUM_LOSS_HAS_STREAMS 0
#define WDMOE_ENB_MAY_HAVE_INTERNET 0
#endif

/// 1 where a Wi-Fi channel is one attribute, ChannelSettings, a standard does not name its band,
/// and stations do not all probe at the same moment: all but ns-3.35
#if __has_include("ns3/wifi-mpdu.h")
#define WDMOE_WIFI_HAS_CHANNEL_SETTINGS 1
#define WDMOE_WIFI_HAS_PROBE_DELAY 1
#else
#define WDMOE_WIFI_HAS_CHANNEL_SETTINGS 0
#define WDMOE_WIFI_HAS_PROBE_DELAY 0
#endif

namespace ns3
{

/// Streams that nobody assigned begin anew, so that the next scenario of a program is what it would
/// be alone. Where ns-3 cannot, only what has a stream assigned is.
inline void
WdmoeResetStreams()
{
#if WDMOE_STREAMS_CAN_BE_RESET
    RngSeedManager::ResetNextStreamIndex();
#endif
}

} // namespace ns3

#endif /* WDMOE_COMPAT_H */
