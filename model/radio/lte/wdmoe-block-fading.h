/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_BLOCK_FADING_H
#define WDMOE_BLOCK_FADING_H

#include "ns3/nstime.h"
#include "ns3/random-variable-stream.h"
#include "ns3/wdmoe-lte-compat.h"

#include <map>
#include <tuple>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Rician (K = 0: Rayleigh) fading that is constant over a block of time and a block of frequency,
 * independent from block to block, from link to link and from band to band (FDD: from direction to
 * direction). Mean power gain 1. For ns3::LteHelper::SetFadingModel() and the like.
 *
 * The gain of a block is |sqrt(K / (K+1)) + sqrt(1 / (2 (K+1))) (x + j y)|^2, x and y normal.
 */
class WdmoeBlockFading : public WdmoeSpectrumLossModel
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeBlockFading();

  protected:
    void DoDispose() override;

  private:
    /// Gains of one link in the current block of time
    struct Link
    {
        int64_t block{-1};         ///< number of the block of time
        std::vector<double> gains; ///< power gain of each block of frequency, linear
    };

    /**
     * @brief Fade what is received. Documented here, since Doxygen does not see through the type
     * that differs between releases of ns-3, so finds no base that has the words.
     * @param transmission what was sent, its power density (W/Hz) after the path loss
     * @param a the sender's mobility, which has its node
     * @param b the receiver's
     * @return the power density after fading (W/Hz)
     */
    Ptr<SpectrumValue> DoCalcRxPowerSpectralDensity(WdmoeTransmission transmission,
                                                    Ptr<const MobilityModel> a,
                                                    Ptr<const MobilityModel> b) const override;
    int64_t DoAssignStreams(int64_t stream) override;

    double m_k;                         ///< attribute K, linear
    Time m_coherenceTime;               ///< attribute CoherenceTime
    uint32_t m_coherenceBands;          ///< attribute CoherenceBands
    Ptr<NormalRandomVariable> m_normal; ///< mean 0, variance 1
    /// By the two ends, the lesser node number first, and the band
    mutable std::map<std::tuple<uint32_t, uint32_t, uint32_t>, Link> m_links;
};

} // namespace ns3

#endif /* WDMOE_BLOCK_FADING_H */
