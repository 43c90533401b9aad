/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FOREIGN_H
#define WDMOE_FOREIGN_H

#include "ns3/type-id.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * What is asked of an object in another language: arguments and answers are the structures that are
 * named here, of wdmoe-foreign-policies.h and wdmoe-foreign-sources.h, or of the module.
 */
enum class WdmoeForeignMethod : int32_t
{
    SET_ATTRIBUTE,  ///< WdmoeForeignAttribute
    ASSIGN_STREAMS, ///< int64_t first stream; int64_t how many were used
    SELECT,         ///< WdmoeForeignBlock; WdmoeForeignSelection
    LEARN,          ///< WdmoeForeignAnswer (selector)
    ALLOCATE,       ///< WdmoeForeignLoads; WdmoeForeignPlan
    BEGIN,          ///< WdmoeForeignExperts; WdmoeForeignHolders
    IS_DUE,         ///< WdmoeForeignExperts, its time and passes only; int64_t 0 or 1
    DECIDE,         ///< WdmoeForeignExperts; WdmoeForeignHolders
    CODE,           ///< WdmoeForeignActivations; WdmoeForeignPrecision
    GET_COST,       ///< int64_t device; WdmoeCost
    LEARN_TIMES,    ///< WdmoeForeignTimes
    LEARN_BLOCK,    ///< WdmoeForeignTimes, its first two values only
    SET_MODEL,      ///< WdmoeForeignQuery, its sizes only
    GET_GATE,       ///< WdmoeForeignQuery; WdmoeForeignGate
    NEXT_REQUEST,   ///< nothing; WdmoeForeignRequest
    RADIO_NAME,     ///< nothing; std::string
    RADIO_SERVER,   ///< nothing; Ptr<Node>
    RADIO_ADD,      ///< int64_t device
    RADIO_ADDRESS,  ///< int64_t device; Ipv4Address
    RADIO_SERVED,   ///< int64_t device; Ipv4Address, the server's
    RADIO_READY,    ///< nothing; int64_t 0 or 1
    RADIO_ABLE,     ///< nothing; WdmoeRadioCapabilities
    RADIO_BUDGET,   ///< nothing; WdmoeBudget
    RADIO_MEASURE,  ///< nothing
    RADIO_LINK,     ///< int64_t device; WdmoeLinkState
    RADIO_PLAN,     ///< WdmoePlan
    RADIO_USAGE,    ///< int64_t device; WdmoeUsage
    RADIO_EXPECT,   ///< WdmoeForeignExpectation
    RADIO_INSTALL,  ///< Ptr<Node> base station
    USES_LATENCY,   ///< no method but a trait: WdmoeSelector::UsesLatency()
    USES_PROBLEM,   ///< a trait: WdmoeSelector::UsesProblem()
    OVER_TIME,      ///< a trait: WdmoeAllocator::IsOverTime()
    FLUID           ///< a trait: WdmoePredictor::IsFluid()
};

/**
 * @ingroup wdmoe-helper
 *
 * Functions of another language's side. Objects there have numbers, and so have errors: each
 * function may fail, and then has kept what it wants to be told by Raise.
 */
struct WdmoeForeignBridge
{
    /**
     * Make an object.
     *
     * The arguments are the C++ object, the name of its TypeId, how many attributes differ from
     * their first value, their names, their values as text, and where to write which methods it
     * has (bits by WdmoeForeignMethod). Returns its number; 0 for an error.
     */
    typedef int64_t (*Make)(void* object,
                            const char* type,
                            uint64_t attributes,
                            const char* const* names,
                            const char* const* values,
                            uint64_t* methods);

    /// Call a method. The arguments are the object's number, the method, what it is given, and
    /// where its answer goes. Returns 0 for an error
    typedef int64_t (*Call)(int64_t object, int32_t method, const void* in, void* out);

    /// The C++ object is gone. The argument is the object's number. Not called while an exception
    /// is on its way, but when the next object is made or let go, or by wdmoe_foreign_settle()
    typedef void (*Release)(int64_t object);

    /// Throw the error that a function has kept, or one of this text that the answer of the last
    /// call was no good. Does not return
    typedef void (*Raise)(const char* message);

    Make make{nullptr};       ///< makes an object
    Call call{nullptr};       ///< calls a method of it
    Release release{nullptr}; ///< lets it go
    Raise raise{nullptr};     ///< throws
};

/**
 * @ingroup wdmoe-helper
 *
 * An attribute of an object in another language.
 */
struct WdmoeForeignAttribute
{
    const char* name;  ///< its name
    const char* value; ///< its value as text
};

/**
 * @ingroup wdmoe-helper
 *
 * Parts of a simulation that are written in another language, above all Python (its package wdmoe
 * has a class for each, which is what users see). A class there becomes a TypeId here, with its own
 * attributes, so that it is named, made and configured wherever one of C++ is: in ObjectFactory,
 * in policies, on the command line. The objects here are of C++ and hold nothing but a number;
 * the other side is told when they are gone.
 *
 * This class is what these objects have in common, beside the part that they are.
 */
class WdmoeForeign
{
  public:
    /**
     * Make a class of another language known.
     *
     * @param name of its TypeId, for example "python::Thrifty"
     * @param base TypeId of the part that it is, for example "ns3::WdmoeSelector"
     * @return its TypeId; aborts if there is one of that name, or no such part
     */
    static TypeId Register(const std::string& name, const std::string& base);

    /**
     * Give a class of another language an attribute.
     *
     * @param type of Register()
     * @param name of the attribute
     * @param kind "double", "int", "bool" or "text"
     * @param value first value, as text
     */
    static void AddAttribute(TypeId type,
                             const std::string& name,
                             const std::string& kind,
                             const std::string& value);

    /// @param bridge used from now on; one without functions: the other language is no more
    static void SetBridge(const WdmoeForeignBridge& bridge);

    /// @return parts that can be of another language, by TypeId
    static std::vector<std::string> GetParts();

    WdmoeForeign(const WdmoeForeign&) = delete;
    WdmoeForeign& operator=(const WdmoeForeign&) = delete;

    /**
     * An attribute is set, before the object there is made or after.
     *
     * @param name of the attribute
     * @param value as text
     * @param first its first value, as text
     */
    void SetForeignAttribute(const std::string& name,
                             const std::string& value,
                             const std::string& first);

    /// @return what an attribute was set to, as text. @param name of the attribute
    std::string GetForeignAttribute(const std::string& name) const;

    /// @return number of the object in the other language; 0: none
    int64_t GetForeign() const;

  protected:
    WdmoeForeign();
    virtual ~WdmoeForeign();

    /**
     * Make the object in the other language, or pass on why that fails.
     *
     * @param object this one, as other language's side knows it
     * @param type its TypeId
     */
    void MakeForeign(void* object, TypeId type);

    /// The other side is not called any more
    void ReleaseForeign();

    /// @return whether the object has a method of its own. @param method which
    bool Has(WdmoeForeignMethod method) const;

    /**
     * Call it, and pass on an exception.
     *
     * @param method which
     * @param in what it is given
     * @param [out] out its answer
     */
    void Call(WdmoeForeignMethod method, const void* in = nullptr, void* out = nullptr) const;

    /**
     * Refuse an answer.
     *
     * @param message what was answered, and what was expected
     */
    [[noreturn]] void Refuse(const std::string& message) const;

    /// @return the streams used; 0 unless it has such a method. @param stream first one
    int64_t AssignForeignStreams(int64_t stream);

  private:
    /// A setting that is not the first value
    typedef std::map<std::string, std::string> Settings;

    std::string m_name;    ///< of the TypeId
    Settings m_values;     ///< all attributes
    Settings m_settings;   ///< those that differ from their first value
    int64_t m_foreign{0};  ///< number of the object there
    uint64_t m_methods{0}; ///< it has
};

} // namespace ns3

extern "C"
{
    /**
     * For another language's foreign function interface: ns3::WdmoeForeign::SetBridge().
     *
     * @param make ns3::WdmoeForeignBridge::make
     * @param call ns3::WdmoeForeignBridge::call
     * @param release ns3::WdmoeForeignBridge::release
     * @param raise ns3::WdmoeForeignBridge::raise
     */
    void wdmoe_foreign_bridge(ns3::WdmoeForeignBridge::Make make,
                              ns3::WdmoeForeignBridge::Call call,
                              ns3::WdmoeForeignBridge::Release release,
                              ns3::WdmoeForeignBridge::Raise raise);

    /// Let go what went while an exception was on its way
    void wdmoe_foreign_settle(void);
}

#endif /* WDMOE_FOREIGN_H */
