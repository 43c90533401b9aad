/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TONE_CREDITS_H
#define WDMOE_TONE_CREDITS_H

#include "wdmoe-ru-layout.h"

#include "ns3/wdmoe-radio.h"

#include <cstdint>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * What one station may claim in one direction. Times are of the whole channel: half of the tones
 * for 2 ms are 1 ms.
 */
struct WdmoeToneClaim
{
    // kept from PPDU to PPDU
    WdmoeShare share;  ///< what the plan gives it
    double credit{0};  ///< s it is owed; below 0: it had more than its due
    double usedS{0};   ///< s it was granted since the start
    bool first{false}; ///< has to be in the next PPDU, with as little as there is
    double need{0};    ///< s that would empty its queue at its rate; 0: idle

    // for this PPDU
    double entitled{0}; ///< its part of the direction's time, of 1
};

/**
 * @ingroup wdmoe-radio
 *
 * How the next PPDU of a direction is divided.
 */
struct WdmoeToneChoice
{
    const WdmoeRuLayout* layout{nullptr}; ///< nullptr: nobody has anything to send
    std::vector<std::size_t> claims;      ///< which claim has each unit of the layout
    double duration{0};                   ///< s, of the data
};

/**
 * @ingroup wdmoe-radio
 *
 * Divides the time of one direction among claims, one PPDU after another. Pure arithmetic, nothing
 * of Wi-Fi in here but that a PPDU is cut into the units of a layout, one for each station in it.
 *
 * While a claim has something to send it is entitled to its guaranteed share, and to a part of what
 * the guaranteed shares of the idle ones, and those that nobody has, leave over: by weight, the
 * highest priority only; where all weights are 0, in proportion to the guaranteed shares, since a
 * band that is left empty is of no use to anybody here. What a PPDU gives a claim more or less than
 * that is its credit, and the layout and the stations of the next one are those that leave the
 * least sum of squared credits. So what a claim was given differs from what it was entitled to by a
 * bounded time, and the error of its share falls as 1/time.
 */
class WdmoeToneCredits
{
  public:
    /// Claims of a direction; their order is that of the indices in WdmoeToneChoice
    using Claims = std::vector<WdmoeToneClaim*>;

    /// How PPDUs are cut
    struct Settings
    {
        double target{2e-3};    ///< s of a PPDU whose stations have enough to send
        double alone{4e-3};     ///< s of a PPDU with one station
        double shortest{3e-4};  ///< s under which a PPDU is not cut to avoid padding
        double overhead{2e-4};  ///< s that a PPDU costs beside its data
        double bound{1e-2};     ///< s of credit or debt at most; also how long they are remembered
        double wasteWeight{.5}; ///< squared credits that wasting a whole PPDU is worth, target^2
    };

    /**
     * @param settings how PPDUs are cut
     */
    void SetSettings(const Settings& settings);

    /**
     * Set what each claim is entitled to.
     *
     * @param claims everyone's, idle ones too
     */
    static void Entitle(const Claims& claims);

    /**
     * @param claims with what they are entitled to
     * @return greatest priority of a claim that has something to send and is entitled to it
     */
    static int32_t GetPriority(const Claims& claims);

    /**
     * @param claims with what they are entitled to
     * @param layouts to choose from
     * @return how to divide the next PPDU
     */
    WdmoeToneChoice Choose(const Claims& claims, const std::vector<WdmoeRuLayout>& layouts) const;

    /**
     * Account for a PPDU.
     *
     * @param claims as given to Entitle()
     * @param choice who had what
     * @param duration how long it really is, s
     */
    void Charge(const Claims& claims, const WdmoeToneChoice& choice, double duration) const;

  private:
    /**
     * @param claims all
     * @param layout how it is cut
     * @param order candidates
     * @param[out] choice the best duration with these
     * @return its cost
     */
    double Evaluate(const Claims& claims,
                    const WdmoeRuLayout& layout,
                    const std::vector<std::size_t>& order,
                    WdmoeToneChoice& choice) const;

    Settings m_settings; ///< how PPDUs are cut
};

} // namespace ns3

#endif /* WDMOE_TONE_CREDITS_H */
