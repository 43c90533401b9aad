/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RU_LAYOUT_H
#define WDMOE_RU_LAYOUT_H

#include "wdmoe-wifi-compat.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * A resource unit of 802.11ax.
 */
struct WdmoeRu
{
    WdmoeRuType type{};   ///< number of tones, by name
    uint32_t tones{0};    ///< number of tones
    uint32_t index{1};    ///< among those of its type in its 80 MHz (or narrower) channel, from 1
    bool primary80{true}; ///< it is in the primary 80 MHz
};

/**
 * @ingroup wdmoe-radio
 *
 * One way of cutting a channel into resource units. A layout is only useful with a station in each
 * of its units: a band that is left empty is time lost, and downlink ns-3 (3.44 to 3.48) cannot
 * receive it.
 *
 * In a downlink MU PPDU ns-3 knows one type of RU in each 20 MHz subchannel, and those of 26 tones
 * only if all nine have a station, so they are left out; a trigger frame takes any mix. The RUs of
 * 26 tones in the middle of 20 and 80 MHz that others leave over are not used: shares are of the
 * tones that are handed out, so that they sum to 1 in any layout.
 */
class WdmoeRuLayout
{
  public:
    /// The units, the widest first
    std::vector<WdmoeRu> units;

    /// @return tones of all units
    uint32_t GetTones() const;

    /**
     * @param unit index in units
     * @return its part of the tones of this layout
     */
    double GetFraction(std::size_t unit) const;

    /**
     * All layouts, no two with the same numbers of units of each type.
     *
     * @param widthMhz of the channel: 20, 40, 80, 160
     * @param leastTones of a unit: 26, 52, 106, 242
     * @param mostUnits units in a layout
     * @param downlink for a downlink MU PPDU, not for a trigger frame
     * @return them, those with few units first
     */
    static std::vector<WdmoeRuLayout> Enumerate(uint32_t widthMhz,
                                                uint32_t leastTones,
                                                uint32_t mostUnits,
                                                bool downlink);

    /**
     * Units of one size for short answers to a trigger frame.
     *
     * @param widthMhz of the channel
     * @param units that are wanted
     * @return so many, or as many as there can be, and as wide as possible
     */
    static WdmoeRuLayout MakeEqual(uint32_t widthMhz, uint32_t units);

    /**
     * @param widthMhz of the channel
     * @param leastTones of a unit
     * @param stations to serve
     * @return what is wrong with that, and what would be right; empty if nothing is
     */
    static std::string Check(uint32_t widthMhz, uint32_t leastTones, uint32_t stations);

    /**
     * @param tones of a unit: 26, 52, 106, 242, 484, 996, 1992
     * @return the tones that carry data, not pilots
     */
    static uint32_t GetDataTones(uint32_t tones);
};

} // namespace ns3

#endif /* WDMOE_RU_LAYOUT_H */
