/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-foreign.h"

#include "wdmoe-foreign-policies.h"
#include "wdmoe-foreign-radio.h"
#include "wdmoe-foreign-sources.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/integer.h"
#include "ns3/string.h"

#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace ns3
{

namespace
{

/// @return where the other side's functions are
WdmoeForeignBridge&
GetBridge()
{
    static WdmoeForeignBridge bridge;
    return bridge;
}

/// @return numbers of objects that went, of which the other side is not told yet
std::vector<int64_t>&
GetGone()
{
    static std::vector<int64_t> gone;
    return gone;
}

/// Tell the other side of objects that went, unless it has an exception on its way
void
Settle()
{
    auto& gone = GetGone();
    while (!gone.empty() && std::uncaught_exceptions() == 0)
    {
        const auto object = gone.back();
        gone.pop_back();
        if (GetBridge().release)
        {
            GetBridge().release(object);
        }
    }
}

/// @return the same as text, to the last bit. @param value of an attribute
std::string
ToText(const AttributeValue& value)
{
    std::ostringstream text;
    if (const auto real = dynamic_cast<const DoubleValue*>(&value))
    {
        text.precision(std::numeric_limits<double>::max_digits10);
        text << real->Get();
    }
    else if (const auto whole = dynamic_cast<const IntegerValue*>(&value))
    {
        text << whole->Get();
    }
    else if (const auto truth = dynamic_cast<const BooleanValue*>(&value))
    {
        text << (truth->Get() ? "true" : "false");
    }
    else
    {
        text << dynamic_cast<const StringValue&>(value).Get();
    }
    return text.str();
}

/// Sets and gets an attribute by its name
class ForeignAccessor : public AttributeAccessor
{
  public:
    ForeignAccessor(const std::string& name, const std::string& first)
        : m_name(name),
          m_first(first)
    {
    }

    bool Set(ObjectBase* object, const AttributeValue& value) const override
    {
        auto* foreign = dynamic_cast<WdmoeForeign*>(object);
        if (!foreign)
        {
            return false;
        }
        foreign->SetForeignAttribute(m_name, ToText(value), m_first);
        return true;
    }

    bool Get(const ObjectBase* object, AttributeValue& value) const override
    {
        const auto* foreign = dynamic_cast<const WdmoeForeign*>(object);
        return foreign &&
               value.DeserializeFromString(foreign->GetForeignAttribute(m_name), nullptr);
    }

    bool HasGetter() const override
    {
        return true;
    }

    bool HasSetter() const override
    {
        return true;
    }

  private:
    std::string m_name;  ///< of the attribute
    std::string m_first; ///< its first value
};

/// How TypeIds of a part get their constructor
typedef std::map<std::string, std::function<void(TypeId)>> Parts;

/// @param [in,out] parts gets one more
template <typename T>
void
AddPart(Parts& parts)
{
    parts[T::GetTypeId().GetParent().GetName()] = [](TypeId tid) {
        tid.SetParent(T::GetTypeId());
        tid.AddConstructor<T>();
    };
}

/// @return the parts there are
const Parts&
AllParts()
{
    static const auto parts = []() {
        Parts all;
        AddPart<WdmoeForeignSelector>(all);
        AddPart<WdmoeForeignAllocator>(all);
        AddPart<WdmoeForeignPlacer>(all);
        AddPart<WdmoeForeignPrecisionPolicy>(all);
        AddPart<WdmoeForeignPredictor>(all);
        AddPart<WdmoeForeignGateSource>(all);
        AddPart<WdmoeForeignRequestSource>(all);
        AddPart<WdmoeForeignRadio>(all);
        return all;
    }();
    return parts;
}

} // namespace

TypeId
WdmoeForeign::Register(const std::string& name, const std::string& base)
{
    TypeId other;
    NS_ABORT_MSG_IF(TypeId::LookupByNameFailSafe(name, &other),
                    "WdmoeForeign::Register: there is a TypeId '" << name << "' already");
    const auto part = AllParts().find(base);
    std::string known;
    for (const auto& p : GetParts())
    {
        known += (known.empty() ? "" : ", ") + p;
    }
    NS_ABORT_MSG_IF(part == AllParts().end(),
                    "WdmoeForeign::Register: '" << name << "' is a '" << base << "'; expected "
                                                << known);
    TypeId tid(name.c_str());
    part->second(tid);
    tid.SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeign::AddAttribute(TypeId type,
                           const std::string& name,
                           const std::string& kind,
                           const std::string& value)
{
    const auto add = [&](const AttributeValue& first, Ptr<const AttributeChecker> checker) {
        type.AddAttribute(name,
                          "Of a class in another language",
                          first,
                          Create<ForeignAccessor>(name, ToText(first)),
                          checker);
    };
    if (kind == "double")
    {
        add(DoubleValue(std::strtod(value.c_str(), nullptr)), MakeDoubleChecker<double>());
    }
    else if (kind == "int")
    {
        add(IntegerValue(std::strtoll(value.c_str(), nullptr, 10)), MakeIntegerChecker<int64_t>());
    }
    else if (kind == "bool")
    {
        add(BooleanValue(value == "true"), MakeBooleanChecker());
    }
    else
    {
        add(StringValue(value), MakeStringChecker());
    }
}

void
WdmoeForeign::SetBridge(const WdmoeForeignBridge& bridge)
{
    GetBridge() = bridge;
}

std::vector<std::string>
WdmoeForeign::GetParts()
{
    std::vector<std::string> names;
    for (const auto& [name, part] : AllParts())
    {
        names.push_back(name);
    }
    return names;
}

WdmoeForeign::WdmoeForeign() = default;

WdmoeForeign::~WdmoeForeign()
{
    ReleaseForeign();
}

void
WdmoeForeign::SetForeignAttribute(const std::string& name,
                                  const std::string& value,
                                  const std::string& first)
{
    const auto old = m_values.find(name);
    const bool differs = old == m_values.end() ? value != first : value != old->second;
    m_values[name] = value;
    if (!differs)
    {
        return;
    }
    m_settings[name] = value;
    if (m_foreign)
    {
        const WdmoeForeignAttribute attribute{name.c_str(), value.c_str()};
        Call(WdmoeForeignMethod::SET_ATTRIBUTE, &attribute);
    }
}

std::string
WdmoeForeign::GetForeignAttribute(const std::string& name) const
{
    const auto found = m_values.find(name);
    return found == m_values.end() ? "" : found->second;
}

int64_t
WdmoeForeign::GetForeign() const
{
    return m_foreign;
}

void
WdmoeForeign::MakeForeign(void* object, TypeId type)
{
    Settle();
    m_name = type.GetName();
    const auto& bridge = GetBridge();
    NS_ABORT_MSG_IF(!bridge.make,
                    m_name << ": its language is not there; load its package first (Python: "
                              "import wdmoe)");
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : m_settings)
    {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    m_foreign =
        bridge.make(object, m_name.c_str(), names.size(), names.data(), values.data(), &m_methods);
    if (m_foreign == 0)
    {
        bridge.raise(nullptr);
    }
}

void
WdmoeForeign::ReleaseForeign()
{
    if (m_foreign)
    {
        GetGone().push_back(std::exchange(m_foreign, 0));
        m_methods = 0;
        Settle();
    }
}

bool
WdmoeForeign::Has(WdmoeForeignMethod method) const
{
    return m_methods >> static_cast<int32_t>(method) & 1;
}

void
WdmoeForeign::Call(WdmoeForeignMethod method, const void* in, void* out) const
{
    const auto& bridge = GetBridge();
    NS_ABORT_MSG_IF(!m_foreign || !bridge.call,
                    m_name << ": called after it was disposed of, or after its language ended");
    if (bridge.call(m_foreign, static_cast<int32_t>(method), in, out) == 0)
    {
        bridge.raise(nullptr);
    }
}

void
WdmoeForeign::Refuse(const std::string& message) const
{
    const auto text = m_name + message;
    if (GetBridge().raise)
    {
        GetBridge().raise(text.c_str());
    }
    throw std::invalid_argument(text);
}

int64_t
WdmoeForeign::AssignForeignStreams(int64_t stream)
{
    int64_t used = 0;
    if (Has(WdmoeForeignMethod::ASSIGN_STREAMS))
    {
        Call(WdmoeForeignMethod::ASSIGN_STREAMS, &stream, &used);
    }
    return used;
}

} // namespace ns3

void
wdmoe_foreign_bridge(ns3::WdmoeForeignBridge::Make make,
                     ns3::WdmoeForeignBridge::Call call,
                     ns3::WdmoeForeignBridge::Release release,
                     ns3::WdmoeForeignBridge::Raise raise)
{
    ns3::WdmoeForeign::SetBridge({make, call, release, raise});
}

void
wdmoe_foreign_settle(void)
{
    ns3::Settle();
}
