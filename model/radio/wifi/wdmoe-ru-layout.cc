/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ru-layout.h"

#include "ns3/abort.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <sstream>

namespace ns3
{

namespace
{

/// What there is to know of a type of RU
struct Kind
{
    WdmoeRuType type;   ///< name
    uint32_t tones;     ///< tones
    uint32_t dataTones; ///< tones that are not pilots (IEEE 802.11ax-2021, Table 27-15 ff.)
};

constexpr std::array<Kind, 7> KINDS{{
    {WdmoeRuType::RU_26_TONE, 26, 24},
    {WdmoeRuType::RU_52_TONE, 52, 48},
    {WdmoeRuType::RU_106_TONE, 106, 102},
    {WdmoeRuType::RU_242_TONE, 242, 234},
    {WdmoeRuType::RU_484_TONE, 484, 468},
    {WdmoeRuType::RU_996_TONE, 996, 980},
    {WdmoeRuType::RU_2x996_TONE, 1992, 1960},
}};

/// A cut of a part of the channel: tones of its units from left to right
using Cut = std::vector<uint32_t>;

/**
 * @param cuts to be thinned out: one of each multiset stays
 */
void
Unique(std::vector<Cut>& cuts)
{
    std::set<Cut> seen;
    std::erase_if(cuts, [&seen](Cut cut) {
        std::sort(cut.begin(), cut.end());
        return !seen.insert(cut).second;
    });
}

/**
 * @param left cuts of the left half
 * @param right cuts of the right half
 * @param mostUnits units at most
 * @return cuts of the whole
 */
std::vector<Cut>
Join(const std::vector<Cut>& left, const std::vector<Cut>& right, uint32_t mostUnits)
{
    std::vector<Cut> joined;
    for (const auto& a : left)
    {
        for (const auto& b : right)
        {
            if (a.size() + b.size() <= mostUnits)
            {
                joined.push_back(a);
                joined.back().insert(joined.back().end(), b.begin(), b.end());
            }
        }
    }
    Unique(joined);
    return joined;
}

/**
 * @param widthMhz of a part of the channel
 * @param leastTones of a unit
 * @param mostUnits units at most
 * @param downlink one type of RU in each 20 MHz
 * @return its cuts
 */
std::vector<Cut>
MakeCuts(uint32_t widthMhz, uint32_t leastTones, uint32_t mostUnits, bool downlink)
{
    if (widthMhz > 20)
    {
        const auto half = MakeCuts(widthMhz / 2, leastTones, mostUnits, downlink);
        auto cuts = Join(half, half, mostUnits);
        cuts.push_back({widthMhz == 40 ? 484U : widthMhz == 80 ? 996U : 1992U});
        return cuts;
    }
    // a half of 20 MHz has 106 tones, or two of 52, or four of 26; the 26 in the middle stay empty
    std::vector<Cut> quarter{{52}};
    if (leastTones <= 26 && !downlink)
    {
        quarter.push_back({26, 26});
    }
    std::vector<Cut> half{{106}};
    if (leastTones <= 52)
    {
        const auto quarters = Join(quarter, quarter, mostUnits);
        half.insert(half.end(), quarters.begin(), quarters.end());
    }
    std::vector<Cut> cuts{{242}};
    if (leastTones <= 106)
    {
        const auto halves = Join(half, half, mostUnits);
        cuts.insert(cuts.end(), halves.begin(), halves.end());
    }
    if (downlink)
    {
        std::erase_if(cuts, [](const Cut& cut) {
            return std::any_of(cut.begin(), cut.end(), [&](auto t) { return t != cut.front(); });
        });
    }
    return cuts;
}

/**
 * @param cut of the whole channel
 * @return the layout
 */
WdmoeRuLayout
Place(const Cut& cut)
{
    WdmoeRuLayout layout;
    // where a unit begins, in units of 26 tones as if each 20 MHz had 8 of them
    uint32_t start = 0;
    for (const auto tones : cut)
    {
        const auto kind = std::find_if(KINDS.begin(), KINDS.end(), [tones](const Kind& kind) {
            return kind.tones == tones;
        });
        const uint32_t length = 1U << (kind - KINDS.begin());
        WdmoeRu unit{kind->type, tones, 1, true};
        const uint32_t inHalf = start % 32; // 80 MHz are 32 of these
        unit.primary80 = start < 32 || length == 64;
        unit.index = inHalf / length + 1;
        if (length == 1)
        {
            // 9 RUs of 26 tones in 20 MHz: the fifth is in the middle, and one is between the
            // halves of 80 MHz
            const uint32_t place = inHalf % 8;
            unit.index = inHalf / 8 * 9 + place + (place >= 4 ? 2 : 1) + (inHalf >= 16 ? 1 : 0);
        }
        layout.units.push_back(unit);
        start += length;
    }
    std::stable_sort(layout.units.begin(),
                     layout.units.end(),
                     [](const WdmoeRu& a, const WdmoeRu& b) { return a.tones > b.tones; });
    return layout;
}

} // namespace

uint32_t
WdmoeRuLayout::GetTones() const
{
    return std::accumulate(units.begin(), units.end(), 0U, [](uint32_t sum, const WdmoeRu& unit) {
        return sum + unit.tones;
    });
}

double
WdmoeRuLayout::GetFraction(std::size_t unit) const
{
    return static_cast<double>(units.at(unit).tones) / GetTones();
}

std::vector<WdmoeRuLayout>
WdmoeRuLayout::Enumerate(uint32_t widthMhz, uint32_t leastTones, uint32_t mostUnits, bool downlink)
{
    const auto problem = Check(widthMhz, leastTones, 1);
    NS_ABORT_MSG_IF(!problem.empty(), "WdmoeRuLayout: " << problem);
    NS_ABORT_MSG_IF(mostUnits == 0, "WdmoeRuLayout: a layout of 0 units, at least 1 is needed");
    auto cuts = MakeCuts(widthMhz, leastTones, mostUnits, downlink);
    std::stable_sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) {
        return a.size() < b.size();
    });
    std::vector<WdmoeRuLayout> layouts;
    for (const auto& cut : cuts)
    {
        layouts.push_back(Place(cut));
    }
    return layouts;
}

WdmoeRuLayout
WdmoeRuLayout::MakeEqual(uint32_t widthMhz, uint32_t units)
{
    auto kind = KINDS.begin();
    uint32_t most = widthMhz / 20 * 8;
    for (auto next = kind + 1; next != KINDS.end() && most / 2 >= units; ++next)
    {
        kind = next;
        most /= 2;
    }
    auto layout = Place(Cut(most, kind->tones));
    layout.units.resize(std::min(most, units));
    return layout;
}

std::string
WdmoeRuLayout::Check(uint32_t widthMhz, uint32_t leastTones, uint32_t stations)
{
    std::ostringstream problem;
    if (widthMhz != 20 && widthMhz != 40 && widthMhz != 80 && widthMhz != 160)
    {
        problem << "a channel of " << widthMhz
                << " MHz cannot be divided by OFDMA; 20, 40, 80 and 160 MHz can";
    }
    else if (leastTones != 26 && leastTones != 52 && leastTones != 106 && leastTones != 242)
    {
        problem << "there is no smallest resource unit of " << leastTones
                << " tones; 26, 52, 106 and 242 can be chosen";
    }
    else if ((leastTones == 26 && widthMhz > 40) || (leastTones == 52 && widthMhz > 80))
    {
        problem << "resource units of " << leastTones << " tones in " << widthMhz
                << " MHz make too many layouts to choose from for each PPDU; take 106";
    }
    else if (stations == 0)
    {
        problem << "0 stations; OFDMA needs at least one";
    }
    return problem.str();
}

uint32_t
WdmoeRuLayout::GetDataTones(uint32_t tones)
{
    for (const auto& kind : KINDS)
    {
        if (kind.tones == tones)
        {
            return kind.dataTones;
        }
    }
    NS_ABORT_MSG("WdmoeRuLayout: no resource unit has " << tones << " tones");
    return 0;
}

} // namespace ns3
