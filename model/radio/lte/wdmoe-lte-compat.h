/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LTE_COMPAT_H
#define WDMOE_LTE_COMPAT_H

#include "ns3/abort.h"
#include "ns3/ipv4.h"
#include "ns3/node.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/spectrum-propagation-loss-model.h"
#include "ns3/spectrum-signal-parameters.h"
#include "ns3/wdmoe-compat.h"

namespace ns3
{

#if WDMOE_SPECTRUM_LOSS_HAS_STREAMS
/// What fading is a model of
using WdmoeSpectrumLossModel = SpectrumPropagationLossModel;
/// What such a model is told of
using WdmoeTransmission = Ptr<const SpectrumSignalParameters>;
#else
/// What fading is a model of: as newer releases have it, with streams
class WdmoeSpectrumLossModel : public SpectrumPropagationLossModel
{
  public:
    /**
     * @param stream first stream
     * @return number of streams assigned
     */
    int64_t AssignStreams(int64_t stream)
    {
        return DoAssignStreams(stream);
    }

  private:
    /// @copydoc AssignStreams
    virtual int64_t DoAssignStreams(int64_t stream) = 0;
};

/// What such a model is told of
using WdmoeTransmission = Ptr<const SpectrumValue>;
#endif

/**
 * @param transmission that a model is told of
 * @return its power spectral density
 */
inline Ptr<const SpectrumValue>
WdmoeGetPsd(const WdmoeTransmission& transmission)
{
#if WDMOE_SPECTRUM_LOSS_HAS_STREAMS
    return transmission->psd;
#else
    return transmission;
#endif
}

/**
 * @param model of a channel
 * @param stream first stream
 * @return number of streams assigned: ns-3.35 knows of none but this module's
 */
inline int64_t
WdmoeAssignStreams(Ptr<SpectrumPropagationLossModel> model, int64_t stream)
{
#if WDMOE_SPECTRUM_LOSS_HAS_STREAMS
    return model->AssignStreams(stream);
#else
    auto own = DynamicCast<WdmoeSpectrumLossModel>(model);
    return own ? own->AssignStreams(stream) : 0;
#endif
}

/// Where that can be had. @param link to be made without flow control
inline void
WdmoeDisableFlowControl(PointToPointHelper& link)
{
#if WDMOE_FLOW_CONTROL_IS_OPTIONAL
    link.DisableFlowControl();
#else
    static_cast<void>(link);
#endif
}

/// Aborts where this release cannot make an eNB of a node. @param node of a base station
inline void
WdmoeCheckBaseStation(Ptr<Node> node)
{
#if WDMOE_ENB_MAY_HAVE_INTERNET
    static_cast<void>(node);
#else
    NS_ABORT_MSG_IF(node->GetObject<Ipv4>(),
                    "WdmoeLteRadio: node "
                        << node->GetId()
                        << " has an Internet stack, which ns-3.35 cannot make an eNB of. An LTE "
                           "radio has a host of its own unless its attribute ServerNode says so; "
                           "with SetServerAtBaseStation(true) of its helper the eNB is a node of "
                           "its own at the same place");
#endif
}

} // namespace ns3

#endif /* WDMOE_LTE_COMPAT_H */
