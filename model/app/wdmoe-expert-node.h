/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_EXPERT_NODE_H
#define WDMOE_EXPERT_NODE_H

#include "wdmoe-routing-table.h"
#include "wdmoe-transport.h"

#include "ns3/application.h"
#include "ns3/event-id.h"
#include "ns3/traced-callback.h"
#include "ns3/wdmoe-compute.h"
#include "ns3/wdmoe-transformer.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-app
 *
 * What an expert node did, reported once when it stops.
 */
struct WdmoeNodeReport
{
    uint32_t device{0};      ///< index
    uint64_t batches{0};     ///< BATCH messages received
    uint64_t tokens{0};      ///< (token, expert) pairs computed
    uint64_t answers{0};     ///< ANSWER messages sent
    uint64_t cancelled{0};   ///< batches given up because the base station went on without
    uint64_t refused{0};     ///< BATCH messages whose table, size and coding disagree, or without
                             ///< weights to run them with; WEIGHTS messages that make no sense
    uint64_t experts{0};     ///< whose weights have arrived over the radio, whole
    uint64_t weightBytes{0}; ///< of weights that have arrived
    double busyS{0};         ///< s of compute
};

/**
 * @ingroup wdmoe-app
 *
 * On a device: receives batches, queues them on its compute unit, runs the experts, answers. A
 * batch of activations is really computed, for which the node needs the experts' weights
 * (SetExperts); one of sizes only is answered with as many bytes. Either way the time it takes is
 * the profile's.
 *
 * Weights of further experts come in chunks (WEIGHTS), each of which is answered (PLACED), so that
 * the base station knows what is here. Only their size is real: which expert a device may be asked
 * for is the controller's to know, and one copy of the weights serves all nodes of a simulation.
 *
 * When the transport gives an answer up, the base station is told by a CANCEL, again and again
 * until that is through: nobody else knows that there is nothing to wait for.
 */
class WdmoeExpertNode : public Application
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param device its index at the base station
     * @param server InetSocketAddress of the gating server
     * @param profile what it can compute
     * @param shape size of its experts
     */
    void SetUp(uint32_t device,
               const Address& server,
               const wdmoe::DeviceProfile& profile,
               const wdmoe::ExpertShape& shape);

    /**
     * @param model whose experts it runs; one copy serves all nodes of a simulation
     */
    void SetExperts(std::shared_ptr<const wdmoe::Transformer> model);

    /// @return what was done so far
    WdmoeNodeReport GetReport() const;

    /// @return index of the device
    uint32_t GetDevice() const;

    /// @return what the device can compute
    const wdmoe::DeviceProfile& GetProfile() const;

    /// @return the transport's counters
    const WdmoeTransportCounters& GetCounters() const;

    /**
     * What it is doing, for a watchdog.
     *
     * @param os where to
     */
    void Describe(std::ostream& os) const;

    /**
     * TracedCallback signature for computed batches.
     *
     * @param [in] device index
     * @param [in] tokens (token, expert) pairs
     * @param [in] start of the computation
     * @param [in] duration of the computation
     */
    typedef void (*ComputeTracedCallback)(uint32_t device,
                                          uint32_t tokens,
                                          Time start,
                                          Time duration);

    /**
     * TracedCallback signature for messages.
     *
     * @param [in] header of a message
     */
    typedef void (*MessageTracedCallback)(const WdmoeHeader& header);

    /**
     * TracedCallback signature for what waits and what is computed.
     *
     * @param [in] device index
     * @param [in] tokens (token, expert) pairs that wait or are computed
     * @param [in] running experts of the batch that is computed, in their order; without entries:
     * none is
     * @param [in] end of its computation
     */
    typedef void (*QueueTracedCallback)(uint32_t device,
                                        uint64_t tokens,
                                        const WdmoeRoutingTable& running,
                                        Time end);

    /**
     * TracedCallback signature for the report.
     *
     * @param [in] report what was done
     */
    typedef void (*ReportTracedCallback)(const WdmoeNodeReport& report);

  protected:
    void DoDispose() override;

  private:
    void StartApplication() override;
    void StopApplication() override;

    /// A batch that waits or is computed
    struct Job
    {
        WdmoeHeader header;      ///< of the BATCH
        Address from;            ///< the server
        Time received;           ///< the whole of it
        Time start;              ///< of the computation
        Time duration;           ///< of the computation
        WdmoeRoutingTable table; ///< experts, and how many tokens each
        Ptr<Packet> activations; ///< of the BATCH, without the table
        uint32_t answerBytes{0}; ///< to answer with
    };

    /**
     * Run the experts.
     *
     * @param job a batch of activations
     * @return the answer's activations
     */
    Ptr<Packet> RunExperts(const Job& job) const;

    /**
     * @param message from the server
     */
    void Receive(const WdmoeMessage& message);

    /**
     * @param message BATCH
     */
    void ReceiveBatch(const WdmoeMessage& message);

    /**
     * @param message WEIGHTS
     */
    void ReceiveWeights(const WdmoeMessage& message);

    /**
     * @param batch no longer wanted
     */
    void Cancel(uint32_t batch);

    /**
     * The transport has given up a message.
     *
     * @param header of it
     * @param peer it was for
     */
    void NotifyLost(const WdmoeHeader& header, const Address& peer);

    /**
     * @param header of a message that is sent
     * @param peer it is for
     */
    void NotifySent(const WdmoeHeader& header, const Address& peer);

    /// Tell the server which answers will not come
    void Tell();

    /// Begin with the head of the queue
    void Compute();

    /// The head of the queue is computed
    void Answer();

    /// Fire the trace "Queue"
    void TellQueue();

    uint32_t m_device{0};                                ///< index
    Address m_server;                                    ///< gating server
    wdmoe::DeviceProfile m_profile;                      ///< what it can compute
    wdmoe::ExpertShape m_shape;                          ///< size of its experts
    std::shared_ptr<const wdmoe::Transformer> m_experts; ///< weights; none: sizes only
    wdmoe::ComputeMode m_computeMode;                    ///< how compute time is counted
    TypeId m_transportType;                              ///< which
    Ptr<WdmoeTransport> m_transport;                     ///< messages
    std::deque<Job> m_queue;                             ///< head is being computed
    std::set<uint32_t> m_cancelled;                      ///< batches cancelled before they arrived
    std::vector<WdmoeHeader> m_untold; ///< CANCEL of answers given up, PLACED that were
    std::map<uint64_t, std::vector<bool>> m_chunks; ///< of the moves under way: which are here
    EventId m_tell;                                 ///< sends these
    EventId m_finish;                               ///< of the head
    WdmoeNodeReport m_report;                       ///< so far
    TracedCallback<uint32_t, uint32_t, Time, Time> m_computeTrace;                   ///< "Compute"
    TracedCallback<const WdmoeHeader&> m_sentTrace;                                  ///< "Sent"
    TracedCallback<const WdmoeHeader&> m_receivedTrace;                              ///< "Received"
    TracedCallback<const WdmoeHeader&> m_lostTrace;                                  ///< "Lost"
    TracedCallback<const WdmoeNodeReport&> m_reportTrace;                            ///< "Report"
    TracedCallback<uint32_t, uint64_t, const WdmoeRoutingTable&, Time> m_queueTrace; ///< "Queue"
};

} // namespace ns3

#endif /* WDMOE_EXPERT_NODE_H */
