/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-fingerprint.h"

#include "ns3/abort.h"
#include "ns3/global-value.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/wdmoe-expert-node.h"
#include "ns3/wdmoe-gating-server.h"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <sstream>

namespace ns3
{

namespace
{

/// Where the trajectory goes
GlobalValue g_fingerprint("WdmoeFingerprint",
                          "File for the protocol's events, in their order and with their times in "
                          "ns, and their hash; empty: none",
                          StringValue(""),
                          MakeStringChecker());

/// The trajectory of this process
class Trajectory
{
  public:
    /// @return it, its file open; null: none is wanted
    static Trajectory* Get()
    {
        static Trajectory trajectory;
        const auto name = WdmoeFingerprint::GetFileName();
        if (name.empty())
        {
            return nullptr;
        }
        if (name != trajectory.m_name)
        {
            trajectory.Open(name);
        }
        return &trajectory;
    }

    /// @param who "bs", or index of a device @param event what and its fields
    void Add(const std::string& who, const std::string& event)
    {
        std::ostringstream line;
        line << Simulator::Now().GetNanoSeconds() << " " << who << " " << event << "\n";
        for (const unsigned char c : line.str())
        {
            m_hash = (m_hash ^ c) * 0x100000001b3;
        }
        m_events++;
        m_file << line.str();
    }

    /// @return number of events and their hash
    std::string GetHash() const
    {
        char text[64];
        std::snprintf(text, sizeof(text), "%" PRIu64 " %016" PRIx64, m_events, m_hash);
        return text;
    }

    /// The file ends with the hash
    ~Trajectory()
    {
        Close();
    }

  private:
    /// @param name of the file
    void Open(const std::string& name)
    {
        Close();
        m_name = name;
        m_hash = 0xcbf29ce484222325;
        m_events = 0;
        m_file.open(name);
        NS_ABORT_MSG_IF(!m_file,
                        "WdmoeFingerprint: cannot write '"
                            << name << "': does the folder exist, and may you write there?");
    }

    /// The file, if any, is complete
    void Close()
    {
        if (m_file.is_open())
        {
            m_file << "# events, hash: " << GetHash() << "\n";
            m_file.close();
        }
    }

    std::string m_name;   ///< of the file; empty: none is open
    std::ofstream m_file; ///< the events
    uint64_t m_hash{0};   ///< of them, FNV-1a
    uint64_t m_events{0}; ///< how many
};

/// @param event what happened to it @param h a message's header @return the line's end
std::string
Describe(const char* event, const WdmoeHeader& h)
{
    std::ostringstream text;
    text << event << " " << WdmoeHeader::TypeName(h.type) << " " << h.request << " " << h.block
         << " " << h.batch << " " << h.position << " " << h.device << " " << h.tokens << " "
         << h.length;
    return text.str();
}

/// @param plan who gets what @return the line's end
std::string
Describe(const WdmoePlan& plan)
{
    std::ostringstream text;
    text << std::setprecision(9) << "plan";
    for (std::size_t k = 0; k < plan.downlink.size(); k++)
    {
        const auto downlink = plan.downlink[k].guaranteed;
        const auto uplink = plan.uplink[k].guaranteed;
        if (downlink > 0 || uplink > 0)
        {
            text << " " << k << ":" << downlink << "/" << uplink;
        }
    }
    return text.str();
}

/// Both applications have these. @param application one of them @param who its name
template <typename T>
void
AttachMessages(Ptr<T> application, const std::string& who)
{
    for (const auto& [source, event] :
         {std::pair("Sent", "sent"), std::pair("Received", "received"), std::pair("Lost", "lost")})
    {
        application->TraceConnectWithoutContext(
            source,
            Callback<void, const WdmoeHeader&>([who, event = event](const WdmoeHeader& header) {
                Trajectory::Get()->Add(who, Describe(event, header));
            }));
    }
}

} // namespace

std::string
WdmoeFingerprint::GetFileName()
{
    StringValue value;
    g_fingerprint.GetValue(value);
    return value.Get();
}

std::string
WdmoeFingerprint::GetHash()
{
    const auto trajectory = Trajectory::Get();
    return trajectory ? trajectory->GetHash() : "";
}

void
WdmoeFingerprint::Attach(Ptr<WdmoeGatingServer> server, Ptr<WdmoeRadio> radio)
{
    if (!Trajectory::Get())
    {
        return;
    }
    const std::string who = "bs";
    AttachMessages(server, who);
    server->TraceConnectWithoutContext(
        "Block",
        Callback<void, const WdmoeBlockRecord&>([who](const WdmoeBlockRecord& r) {
            std::ostringstream text;
            text << "block " << r.request << " " << r.pass << " " << r.block << " "
                 << r.latency.GetNanoSeconds() << " " << r.pairsRouted << " " << r.pairsMissing;
            Trajectory::Get()->Add(who, text.str());
        }));
    server->TraceConnectWithoutContext(
        "Token",
        Callback<void, const WdmoeTokenRecord&>([who](const WdmoeTokenRecord& r) {
            std::ostringstream text;
            text << "token " << r.request << " " << r.index << " " << r.token;
            Trajectory::Get()->Add(who, text.str());
        }));
    server->TraceConnectWithoutContext(
        "Request",
        Callback<void, const WdmoeRequestRecord&>([who](const WdmoeRequestRecord& r) {
            std::ostringstream text;
            text << "request " << r.request << " " << r.outputTokens;
            Trajectory::Get()->Add(who, text.str());
        }));
    radio->TraceConnectWithoutContext(
        "Plan",
        Callback<void, const WdmoePlan&>(
            [who](const WdmoePlan& plan) { Trajectory::Get()->Add(who, Describe(plan)); }));
}

void
WdmoeFingerprint::Attach(Ptr<WdmoeExpertNode> node, uint32_t device)
{
    if (!Trajectory::Get())
    {
        return;
    }
    const auto who = std::to_string(device);
    AttachMessages(node, who);
    node->TraceConnectWithoutContext(
        "Compute",
        Callback<void, uint32_t, uint32_t, Time, Time>(
            [who](uint32_t /* device */, uint32_t tokens, Time start, Time duration) {
                std::ostringstream text;
                text << "computed " << tokens << " " << start.GetNanoSeconds() << " "
                     << duration.GetNanoSeconds();
                Trajectory::Get()->Add(who, text.str());
            }));
}

} // namespace ns3
