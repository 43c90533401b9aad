/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_GATING_SERVER_H
#define WDMOE_GATING_SERVER_H

#include "wdmoe-routing-table.h"
#include "wdmoe-transport.h"
#include "wdmoe-watchdog.h"

#include "ns3/application.h"
#include "ns3/data-rate.h"
#include "ns3/event-id.h"
#include "ns3/traced-callback.h"
#include "ns3/wdmoe-activation.h"
#include "ns3/wdmoe-controller.h"
#include "ns3/wdmoe-energy.h"
#include "ns3/wdmoe-gate-source.h"
#include "ns3/wdmoe-model-description.h"
#include "ns3/wdmoe-real-model.h"
#include "ns3/wdmoe-request-source.h"

#include <deque>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-app
 *
 * What a block cost one device.
 */
struct WdmoeDeviceRecord
{
    uint32_t device{0};          ///< index
    uint32_t tokens{0};          ///< (token, expert) pairs sent
    bool answered{false};        ///< in time
    wdmoe::StageTimes measured;  ///< s, compute includes the queue
    wdmoe::StageTimes predicted; ///< s
    double queueS{0};            ///< s waited for the compute unit
};

/**
 * @ingroup wdmoe-app
 *
 * When a micro-batch passed the stages, s from the departure of its block's batches.
 */
struct WdmoePieceRecord
{
    uint32_t device{0};        ///< index
    uint32_t piece{0};         ///< counts the pieces of the device
    uint32_t tokens{0};        ///< (token, expert) pairs
    bool answered{false};      ///< in time
    wdmoe::ShopTimes planned;  ///< by the plan it was sent with
    wdmoe::ShopTimes measured; ///< the first bits' times are NaN where the radio does not say
};

/**
 * @ingroup wdmoe-app
 *
 * What a block was, from the departure of its batches to the last answer.
 */
struct WdmoeBlockRecord
{
    uint64_t request{0};   ///< request id
    uint32_t pass{0};      ///< 0: prefill; n: decoding output token n + 1
    uint32_t block{0};     ///< i
    uint32_t tokens{0};    ///< tokens of the pass
    Time start;            ///< batches were sent
    Time latency;          ///< until the last answer, or the deadline
    double predictedS{0};  ///< by the controller's predictor, s
    double closedFormS{0}; ///< by the paper's closed form under the same plan, s
    bool bounded{false};   ///< whether the next two are of a plan over time
    double plannedS{0};    ///< what the plan makes of the blocks in flight (sum of their ends), s
    double lowerBoundS{0}; ///< no plan makes less of it, s
    /// No selection of top-k's pairs with as much gate mass ends it sooner, whatever the plan, by
    /// what was known, s; NaN: not computed (ns3::WdmoeController::Regret)
    double jointLowerBoundS{std::numeric_limits<double>::quiet_NaN()};
    /// The same for one who knew the links of the whole block, s; NaN: not computed, or others were
    /// in flight
    double clairvoyantS{std::numeric_limits<double>::quiet_NaN()};
    /// Latency less that, s; NaN: likewise
    double regretS{std::numeric_limits<double>::quiet_NaN()};
    uint32_t inFlight{1};      ///< blocks in flight when it was planned, with this one
    uint32_t pairsTopK{0};     ///< (token, expert) pairs of top-k
    uint32_t pairsRouted{0};   ///< selected
    uint32_t pairsMissing{0};  ///< selected, but not answered in time, or not sent since the device
                               ///< is out of coverage
    double gateMassKept{0};    ///< after selection and missing answers, relative to top-k
    double wlr{0};             ///< weight-to-latency ratio, 1/s
    uint64_t bytesDownlink{0}; ///< message bytes to the devices
    uint64_t bytesUplink{0};   ///< message bytes of the answers received
    WdmoePlan plan;            ///< in force
    std::vector<WdmoeDeviceRecord> devices; ///< those that had work
    std::vector<WdmoePieceRecord> pieces;   ///< by device, in the order sent
    std::vector<uint32_t> expertTokens;     ///< tokens for each expert
    bool energyKnown{false};                ///< profiles tell all the powers that the next needs
    wdmoe::EnergyUse energy;                ///< what it took, J; see doc/metrics.rst
};

/**
 * @ingroup wdmoe-app
 *
 * What a request was.
 */
struct WdmoeRequestRecord
{
    uint64_t request{0};      ///< request id
    uint32_t promptTokens{0}; ///< prefill tokens
    uint32_t outputTokens{0}; ///< tokens generated
    Time arrival;             ///< arrived
    Time start;               ///< service began
    Time firstToken;          ///< first output token
    Time end;                 ///< last output token
    uint64_t pairsTopK{0};    ///< (token, expert) pairs of top-k, all blocks and passes
    uint64_t pairsRouted{0};  ///< of them sent to devices
    uint64_t pairsMissing{0}; ///< sent, but not answered in time
    double gateMassKept{0};   ///< mean over its blocks, weighted by their tokens
    double wlr{0};            ///< the same of the weight-to-latency ratio, 1/s
    bool energyKnown{true};   ///< of all its blocks
    wdmoe::EnergyUse energy;  ///< sum over its blocks, J
    WdmoeRequestScore score;  ///< how good the answer was, if a real model gave it

    /// @return time to first token from arrival, s
    double TtftS() const;

    /// @return time per output token after the first, s; NaN for a single token
    double TpotS() const;

    /// @return end to end latency from arrival, s
    double LatencyS() const;
};

/**
 * @ingroup wdmoe-app
 *
 * A token that came out.
 */
struct WdmoeTokenRecord
{
    uint64_t request{0}; ///< request id
    uint32_t index{0};   ///< counts the output tokens of the request from 0
    int64_t token{-1};   ///< its number; -1: only sizes are simulated
    std::string text;    ///< what it stands for
    Time time;           ///< when
};

/**
 * @ingroup wdmoe-app
 *
 * What a server did, reported once when it stops.
 */
struct WdmoeServerReport
{
    uint64_t requests{0};       ///< finished
    uint64_t unfinished{0};     ///< arrived, not finished
    uint64_t tokensIn{0};       ///< prompt tokens of finished requests
    uint64_t tokensOut{0};      ///< generated by finished requests
    uint64_t blocks{0};         ///< finished
    uint64_t batchesSent{0};    ///< BATCH messages, one for each micro-batch
    uint64_t answers{0};        ///< ANSWER messages in time
    uint64_t answersLate{0};    ///< ANSWER messages after the deadline
    uint64_t answersMissing{0}; ///< batches without an answer when their block ended
    uint64_t answersRefused{0}; ///< ANSWER messages that no batch asked for, or of wrong size;
                                ///< the same of CANCEL, and messages of other types
    uint64_t moves{0};          ///< experts whose weights have arrived at a device
    uint64_t movesBack{0};      ///< of them, to a device that had held the expert before
    uint64_t movesDropped{0};   ///< given up, or not there when the server stopped
    uint64_t weightBytes{0};    ///< message bytes of WEIGHTS sent
    uint64_t placedBytes{0};    ///< message bytes of PLACED received
};

/**
 * @ingroup wdmoe-app
 *
 * At the base station: takes requests, runs (or models) attention and gate block by block, asks the
 * controller who gets which token, sends the batches, gathers the answers until all are in or the
 * deadline has passed, combines them, and goes on; after the last block the next token. With a
 * WdmoeRealModel as gate source the bytes in the packets are activations, and what is not answered
 * is missing in the sum; with any other gate source only sizes are simulated. Requests are taken in
 * order of arrival, which is counted from the moment all devices have said HELLO and the radio is
 * ready; MaxInFlight of
 * them are served at a time, so that the downlink of one fills the compute and uplink of another.
 * The blocks of a request follow one another.
 *
 * Weights of experts that the controller's placer moves are sent in chunks from here, where a copy
 * of all experts is kept: the base station has storage, and fetching them from the old holder would
 * take the uplink as well, which is the scarcer direction. The next chunk leaves when one of
 * MigrationWindow has been acknowledged, at most at MigrationRate, so that activations wait for no
 * more than these: no radio here tells the messages of one device apart. What is not there when the
 * last request has ended is dropped.
 *
 * What is not answered is done without: after the Deadline, when the transport gives a batch up,
 * when a device says that its transport gave the answer up (CANCEL), and when the radio has not
 * heard a device for LostTimeout. All else is waited for, however late it is.
 */
class WdmoeGatingServer : public Application
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeGatingServer();

    /**
     * @param controller decides; its radio and work are set
     * @param gates where gate weights come from; a WdmoeRealModel: activations too
     * @param requests where requests come from
     * @param model sizes of the model
     */
    void SetUp(Ptr<WdmoeController> controller,
               Ptr<WdmoeGateSource> gates,
               Ptr<WdmoeRequestSource> requests,
               const WdmoeModelDescription& model);

    /**
     * @param profile of the base station, for attention and gate; without: they take no time
     */
    void SetBaseStation(const wdmoe::DeviceProfile& profile);

    /// @return what was done so far
    WdmoeServerReport GetReport() const;

    /// @return the transport's counters
    const WdmoeTransportCounters& GetCounters() const;

    /// @return the transport
    Ptr<WdmoeTransport> GetTransport() const;

    /// @return the real model that is served; null: only sizes are simulated
    Ptr<WdmoeRealModel> GetRealModel() const;

    /// @return what ends the simulation if nothing gets on
    Ptr<WdmoeWatchdog> GetWatchdog() const;

    /**
     * TracedCallback signature for finished blocks.
     *
     * @param [in] record the block
     */
    typedef void (*BlockTracedCallback)(const WdmoeBlockRecord& record);

    /**
     * TracedCallback signature for finished requests.
     *
     * @param [in] record the request
     */
    typedef void (*RequestTracedCallback)(const WdmoeRequestRecord& record);

    /**
     * TracedCallback signature for output tokens.
     *
     * @param [in] record the token
     */
    typedef void (*TokenTracedCallback)(const WdmoeTokenRecord& record);

    /**
     * TracedCallback signature for messages.
     *
     * @param [in] header of a message
     */
    typedef void (*MessageTracedCallback)(const WdmoeHeader& header);

    /**
     * TracedCallback signature for the report.
     *
     * @param [in] report what was done
     */
    typedef void (*ReportTracedCallback)(const WdmoeServerReport& report);

    /// TracedCallback signature for the end of all requests
    typedef void (*DoneTracedCallback)();

  protected:
    void DoDispose() override;

  private:
    void StartApplication() override;
    void StopApplication() override;

    /// A micro-batch that was sent
    struct Batch
    {
        uint32_t id{0};                           ///< names it
        Time sent;                                ///< when
        bool open{true};                          ///< neither answered nor given up
        bool answered{false};                     ///< whether its answer is in
        WdmoePieceOutcome outcome;                ///< what came of it
        Time queue;                               ///< waited for the compute unit
        Time compute;                             ///< took the compute unit
        WdmoeFlight flight;                       ///< what the controller knew of it
        std::vector<wdmoe::ExpertAnswer> answers; ///< what was asked, then answered (real model)
    };

    /// Weights of an expert under way
    struct Migration
    {
        WdmoeMove move;          ///< what the controller wants
        uint32_t chunks{0};      ///< in all
        uint32_t sent{0};        ///< so far
        uint32_t placed{0};      ///< acknowledged
        std::set<uint32_t> open; ///< sent, not acknowledged
    };

    /// A request that is served
    struct Service
    {
        WdmoeRequest request;       ///< as it arrived
        WdmoeRequestRecord record;  ///< so far
        uint32_t pass{0};           ///< 0: prefill
        uint32_t block{0};          ///< i
        uint64_t rows{0};           ///< tokens x blocks so far
        double stationS{0};         ///< attention and gate of the present block, s
        wdmoe::GateMatrix gate;     ///< of the present block
        WdmoeDecision decision;     ///< for the present block
        WdmoeBlockRecord present;   ///< the present block
        std::vector<Batch> batches; ///< of the present block, by device and piece
        uint32_t open{0};           ///< batches neither answered nor given up
        EventId next;               ///< next step of the present block
        EventId deadline;           ///< of the present block
    };

    /**
     * @param service of the request
     * @param from first batch of a device
     * @param to beyond its last
     * @return for how long its answered pieces kept radio and compute unit busy
     */
    wdmoe::EnergyActivity GetActivity(const Service& service,
                                      std::size_t from,
                                      std::size_t to) const;

    /// @return elements of one token's activation (m)
    uint32_t GetHidden() const;

    /**
     * @param precision on the air
     * @return bytes of one token's activation
     */
    uint32_t GetBytesPerToken(wdmoe::Precision precision) const;

    /**
     * The activations of a micro-batch: its experts in order, the tokens of each in order.
     *
     * @param service of the request
     * @param [in,out] batch its answers are named
     * @return the packet
     */
    Ptr<Packet> MakePayload(const Service& service, Batch& batch) const;

    /**
     * @param selection which experts run each token
     * @param entry tokens of one expert
     * @return which tokens these are
     */
    static std::vector<uint32_t> GetTokens(const wdmoe::Selection& selection,
                                           const WdmoePieceEntry& entry);

    /**
     * Take the activations of an answer.
     *
     * @param [in,out] batch its answers are filled in
     * @param precision of the ANSWER
     * @param payload of the ANSWER, of the right size
     */
    void TakeAnswers(Batch& batch, wdmoe::Precision precision, Ptr<const Packet> payload) const;

    /// Not all devices are there
    void HelloTimeout();

    /// All devices are there: begin with the requests as soon as the radio is ready
    void Begin();

    /// Schedule the arrival of the next request
    void FetchRequest();

    /**
     * @param request arrived now
     */
    void Arrive(WdmoeRequest request);

    /// Begin with the next requests in the queue, as many as may be in flight
    void NextRequest();

    /**
     * Attention and gate of the present block.
     *
     * @param s the request
     */
    void StartBlock(Service& s);

    /**
     * The gate has answered: decide, then send.
     *
     * @param id of the request
     */
    void Dispatch(uint64_t id);

    /**
     * Send the batches.
     *
     * @param id of the request
     */
    void SendBatches(uint64_t id);

    /**
     * @param s the request
     * @param batch to be sent
     */
    void SendBatch(Service& s, Batch& batch);

    /**
     * @param message from a device
     */
    void Receive(const WdmoeMessage& message);

    /**
     * @param message ANSWER
     */
    void ReceiveAnswer(const WdmoeMessage& message);

    /// Begin with moves that the controller wants, and send the next chunks of weights
    void SendWeights();

    /**
     * @param message PLACED
     */
    void ReceivePlaced(const WdmoeMessage& message);

    /**
     * A chunk of weights did not arrive: the move is given up.
     *
     * @param move its id
     */
    void LoseWeights(uint64_t move);

    /**
     * There will be no answer; nothing happens if it is there, or not waited for any more.
     *
     * @param batch names it
     */
    void DoWithout(uint32_t batch);

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

    /// Give up what devices have that the radio does not hear any more
    void CheckReach();

    /**
     * Do without an answer.
     *
     * @param s the request
     * @param batch open
     */
    void GiveUp(Service& s, Batch& batch);

    /**
     * All answers are in, or what is missing is given up.
     *
     * @param s the request
     */
    void EndBlock(Service& s);

    /**
     * The deadline of the present block has passed.
     *
     * @param id of the request
     */
    void DeadlinePassed(uint64_t id);

    /// @return counts what was done: for the watchdog
    uint64_t GetProgress() const;

    /// @return whether a device is waited for
    bool IsWaiting() const;

    /**
     * Who waits for whom.
     *
     * @param os where to
     */
    void DescribeRequests(std::ostream& os) const;

    /**
     * What is known of the links, and what waits before them.
     *
     * @param os where to
     */
    void DescribeLinks(std::ostream& os) const;

    /**
     * All blocks of a pass are done: a token is out.
     *
     * @param s the request
     */
    void EndPass(Service& s);

    /**
     * @param id of the request
     * @return its state
     */
    Service& Find(uint64_t id);

    /**
     * @param s the request
     * @param id of one of the batches of its present block
     * @return that batch
     */
    static Batch& FindBatch(Service& s, uint32_t id);

    Ptr<WdmoeController> m_controller;    ///< decides
    Ptr<WdmoeGateSource> m_gates;         ///< gate weights
    Ptr<WdmoeRealModel> m_real;           ///< the same, if it is a real model
    Ptr<WdmoeRequestSource> m_requests;   ///< requests
    WdmoeModelDescription m_model;        ///< sizes
    wdmoe::DeviceProfile m_baseStation;   ///< for attention and gate
    Ptr<WdmoeTransport> m_transport;      ///< messages
    TypeId m_transportType;               ///< which
    uint16_t m_port;                      ///< to listen on
    uint32_t m_windowBytes;               ///< of the transport
    wdmoe::Precision m_downlinkPrecision; ///< of activations to the devices
    wdmoe::Precision m_uplinkPrecision;   ///< of what they answer
    uint32_t m_maxBlocks;                 ///< blocks simulated; 0: all of the model
    Time m_deadline;                      ///< for stragglers; 0: none
    Time m_helloTimeout;                  ///< for the devices to come up
    Ptr<WdmoeWatchdog> m_watchdog;        ///< attribute Watchdog
    Time m_lostTimeout;                   ///< a device not heard for so long is given up
    uint32_t m_migrationChunk;            ///< attribute MigrationChunk
    uint32_t m_migrationWindow;           ///< attribute MigrationWindow
    DataRate m_migrationRate;             ///< attribute MigrationRate
    bool m_migrateWhileBusy;              ///< attribute MigrateWhileBusy
    uint32_t m_maxInFlight;               ///< requests served at a time

    std::vector<Address> m_peers;               ///< by device
    std::vector<bool> m_known;                  ///< whether a device said HELLO
    bool m_serving{false};                      ///< all devices are there
    Time m_origin;                              ///< requests' arrivals are counted from here
    std::deque<WdmoeRequest> m_queue;           ///< waiting
    bool m_moreRequests{true};                  ///< the source has more
    bool m_done{false};                         ///< nothing is left to do
    std::map<uint64_t, Service> m_services;     ///< being served, by request id
    std::map<uint32_t, uint64_t> m_requestOf;   ///< of each open batch, by its id
    uint32_t m_nextBatch{1};                    ///< id of the next batch
    Time m_stationFree;                         ///< attention and gate are busy until then
    std::vector<Time> m_unheard;                ///< by device: since when; < 0: it is heard
    std::map<uint64_t, Migration> m_migrations; ///< by id of the move
    uint32_t m_chunksOpen{0};                   ///< chunks of weights not acknowledged
    Time m_nextChunk;                           ///< not before that, by MigrationRate
    EventId m_weightsEvent;                     ///< sends the next chunks
    WdmoeServerReport m_report;                 ///< so far
    EventId m_arrival;                          ///< next request
    EventId m_helloEvent;                       ///< all must have said HELLO
    EventId m_beginEvent;                       ///< next look at whether the radio is ready
    EventId m_reachEvent;                       ///< next check of who is heard

    TracedCallback<const WdmoeBlockRecord&> m_blockTrace;     ///< "Block"
    TracedCallback<const WdmoeRequestRecord&> m_requestTrace; ///< "Request"
    TracedCallback<const WdmoeTokenRecord&> m_tokenTrace;     ///< "Token"
    TracedCallback<const WdmoeHeader&> m_sentTrace;           ///< "Sent"
    TracedCallback<const WdmoeHeader&> m_receivedTrace;       ///< "Received"
    TracedCallback<const WdmoeHeader&> m_lostTrace;           ///< "Lost"
    TracedCallback<const WdmoeServerReport&> m_reportTrace;   ///< "Report"
    TracedCallback<> m_doneTrace;                             ///< "Done"
};

} // namespace ns3

#endif /* WDMOE_GATING_SERVER_H */
