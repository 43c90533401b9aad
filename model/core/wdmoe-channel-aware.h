/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CHANNEL_AWARE_H
#define WDMOE_CHANNEL_AWARE_H

#include "wdmoe-selection.h"

#include <cstddef>
#include <vector>

namespace wdmoe
{

/// Settings of SelectChannelAware()
struct ChannelAwareParam
{
    double strength{1};           ///< a >= 0: how much of the channel enters the logits; 0: top-k
    bool combineCorrected{false}; ///< combine with the corrected weights; false: with the gate's

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Top-k of gate logits that know the channel: channel-aware gating ("Mixture-of-Experts for
 * Distributed Edge Computing with Channel-Aware Gating Function", arXiv 2504.00819). There, as we
 * read its abstract, a gate is trained on features and SNRs. A model that is given cannot be
 * trained anew, so its logits are corrected: with w the gate's softmax weights,
 *
 *     logit'_e = log w_e + a f_e,   f_e = log2(1 + SNR_e) / max over e' of log2(1 + SNR_e')
 *     w'_e     proportional to w_e exp(a f_e)
 *
 * f is in [0, 1], the spectral efficiency relative to the best link's: from the best channel to
 * none, an expert loses a nats. Routed are the k largest w'; combined with the gate's own weights
 * (renormalised, since the outputs are worth no less for a bad channel), or with w'. Strength 0 is
 * SelectTopK() exactly. If no expert has any SNR, f is 0.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param snr linear SNR of the link to each expert, length E, finite and >= 0
 * @param param settings
 * @return which experts run, by falling combine weight
 * @throws std::invalid_argument as SelectTopK, and for SNRs or settings out of range
 */
Selection SelectChannelAware(const GateMatrix& gate,
                             std::size_t k,
                             const std::vector<double>& snr,
                             const ChannelAwareParam& param = ChannelAwareParam());

} // namespace wdmoe

#endif /* WDMOE_CHANNEL_AWARE_H */
