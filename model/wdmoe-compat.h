/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_COMPAT_H
#define WDMOE_COMPAT_H

// What differs between the releases of ns-3 that the module is built for, and nothing else: each
// switch once, here. The headers themselves are asked, not a version number, so that three build
// systems, programs of users and Cling get the same answer.

/// 1 where RU types are shared by HE and EHT and a TXVECTOR holds either (wifi-ru.h): from 3.45 on
#if __has_include("ns3/wifi-ru.h")
#define WDMOE_WIFI_HAS_EHT_RU 1
#else
#define WDMOE_WIFI_HAS_EHT_RU 0
#endif

#endif /* WDMOE_COMPAT_H */
