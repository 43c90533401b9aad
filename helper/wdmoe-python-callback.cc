/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-python-callback.h"

#include "wdmoe-python-api.h"
#include "wdmoe-python-guard.h"

#include "ns3/config.h"
#include "ns3/event-impl.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"
#include "ns3/traced-value.h"
#include "ns3/wdmoe-controller.h"
#include "ns3/wdmoe-expert-node.h"
#include "ns3/wdmoe-gating-server.h"
#include "ns3/wdmoe-radio.h"
#include "ns3/wdmoe-transport.h"
#include "ns3/wdmoe-watchdog.h"

#include <cstdlib>
#include <cxxabi.h>
#include <map>

namespace ns3
{
namespace WdmoePython
{

namespace
{

/// Holds the interpreter's lock
class Lock
{
  public:
    Lock()
        : m_state(PyGILState_Ensure())
    {
    }

    ~Lock()
    {
        PyGILState_Release(m_state);
    }

  private:
    int m_state; ///< before
};

/// Carry the error that Python has set through C++
[[noreturn]] void
Raise()
{
    KeepError();
    throw CPyCppyy::PyException();
}

/// An event that calls a Python function
class Event : public EventImpl
{
  public:
    /// @param function to call @param arguments a tuple
    Event(PyObject* function, PyObject* arguments)
        : m_function(function),
          m_arguments(arguments)
    {
    }

  protected:
    void Notify() override
    {
        const Lock lock;
        PyObject* result = PyObject_CallObject(m_function.Get(), m_arguments.Get());
        if (!result)
        {
            Raise();
        }
        Py_DecRef(result);
    }

  private:
    Reference m_function;  ///< called
    Reference m_arguments; ///< tuple
};

/// @return what is known by name
std::map<std::string, Maker>&
Makers()
{
#define KNOWN(type)                                                                                \
    {                                                                                              \
        #type, Maker                                                                               \
        {                                                                                          \
            &Signature<type>::Arguments, &Signature<type>::Make                                    \
        }                                                                                          \
    }
    static std::map<std::string, Maker> makers{
        KNOWN(ns3::WdmoeController::DecisionTracedCallback),
        KNOWN(ns3::WdmoeExpertNode::ComputeTracedCallback),
        KNOWN(ns3::WdmoeExpertNode::MessageTracedCallback),
        KNOWN(ns3::WdmoeExpertNode::QueueTracedCallback),
        KNOWN(ns3::WdmoeExpertNode::ReportTracedCallback),
        KNOWN(ns3::WdmoeGatingServer::BlockTracedCallback),
        KNOWN(ns3::WdmoeGatingServer::DoneTracedCallback),
        KNOWN(ns3::WdmoeGatingServer::MessageTracedCallback),
        KNOWN(ns3::WdmoeGatingServer::ReportTracedCallback),
        KNOWN(ns3::WdmoeGatingServer::RequestTracedCallback),
        KNOWN(ns3::WdmoeGatingServer::TokenTracedCallback),
        KNOWN(ns3::WdmoeRadio::GrantTracedCallback),
        KNOWN(ns3::WdmoeRadio::LinkStateTracedCallback),
        KNOWN(ns3::WdmoeRadio::PlanTracedCallback),
        KNOWN(ns3::WdmoeTransport::BadMessageTracedCallback),
        KNOWN(ns3::WdmoeTransport::MessageTracedCallback),
        KNOWN(ns3::WdmoeWatchdog::StuckTracedCallback),
        KNOWN(ns3::Packet::AddressTracedCallback),
        KNOWN(ns3::Packet::TracedCallback),
        KNOWN(ns3::TracedValueCallback::Bool),
        KNOWN(ns3::TracedValueCallback::Double),
        KNOWN(ns3::TracedValueCallback::Time),
        KNOWN(ns3::TracedValueCallback::Uint32),
    };
#undef KNOWN
    return makers;
}

} // namespace

Reference::Reference(PyObject* object)
    : m_object(object)
{
    const Lock lock;
    Py_IncRef(m_object);
}

Reference::Reference(const Reference& other)
    : Reference(other.m_object)
{
}

Reference::~Reference()
{
    // What is left at the end of the process is destroyed after Python.
    if (Py_IsInitialized())
    {
        const Lock lock;
        Py_DecRef(m_object);
    }
}

PyObject*
Reference::Get() const
{
    return m_object;
}

bool
Reference::operator!=(const Reference& other) const
{
    if (m_object == other.m_object)
    {
        return false;
    }
    const Lock lock;
    const int differ = PyObject_RichCompareBool(m_object, other.m_object, 3 /* Py_NE */);
    if (differ < 0)
    {
        PyErr_Clear();
    }
    return differ != 0;
}

Function::Function(PyObject* function, PyObject* makers)
    : m_function(function),
      m_makers(makers)
{
}

bool
Function::operator!=(const Function& other) const
{
    return m_function != other.m_function;
}

Function::Arguments::Arguments(const Function& function, std::size_t size)
    : m_function(function),
      m_state(PyGILState_Ensure()),
      m_arguments(PyTuple_New(static_cast<Py_ssize_t>(size)))
{
    if (!m_arguments)
    {
        const Lock lock;
        PyGILState_Release(m_state);
        Raise();
    }
}

Function::Arguments::~Arguments()
{
    Py_DecRef(m_arguments);
    PyGILState_Release(m_state);
}

void
Function::Arguments::Take(PyObject* object)
{
    if (!object)
    {
        Raise();
    }
    PyTuple_SetItem(m_arguments, static_cast<Py_ssize_t>(m_next++), object);
}

void
Function::Arguments::Add(double value)
{
    Take(PyFloat_FromDouble(value));
}

void
Function::Arguments::Add(int64_t value)
{
    Take(PyLong_FromLongLong(value));
}

void
Function::Arguments::Add(uint64_t value)
{
    Take(PyLong_FromUnsignedLongLong(value));
}

void
Function::Arguments::Add(bool value)
{
    Take(PyBool_FromLong(value));
}

void
Function::Arguments::Add(const std::string& value)
{
    Take(PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace"));
}

void
Function::Arguments::Add(const void* address)
{
    PyObject* maker = PyTuple_GetItem(m_function.m_makers.Get(), static_cast<Py_ssize_t>(m_next));
    PyObject* number = PyLong_FromVoidPtr(const_cast<void*>(address));
    if (!maker || !number)
    {
        Raise();
    }
    PyObject* object = PyObject_CallFunctionObjArgs(maker, number, nullptr);
    Py_DecRef(number);
    Take(object);
}

PyObject*
Function::Arguments::Result()
{
    PyObject* result = PyObject_CallObject(m_function.m_function.Get(), m_arguments);
    if (!result)
    {
        Raise();
    }
    return result;
}

void
Function::Arguments::Call()
{
    Py_DecRef(Result());
}

bool
Function::Arguments::CallBoolean()
{
    PyObject* result = Result();
    const int truth = PyObject_IsTrue(result);
    Py_DecRef(result);
    if (truth < 0)
    {
        Raise();
    }
    return truth != 0;
}

double
Function::Arguments::CallNumber()
{
    PyObject* result = Result();
    const double value = PyFloat_AsDouble(result);
    Py_DecRef(result);
    if (PyErr_Occurred())
    {
        Raise();
    }
    return value;
}

std::string
NameOf(const std::type_info& type)
{
    int status = 0;
    char* text = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    const std::string name = status == 0 ? text : type.name();
    std::free(text);
    return name;
}

bool
AddSignature(const std::string& signature, const Maker& maker)
{
    Makers().emplace(signature, maker);
    return true;
}

bool
HasSignature(const std::string& signature)
{
    return Makers().count(signature) > 0;
}

std::vector<std::string>
GetArguments(const std::string& signature, bool context)
{
    return Makers().at(signature).arguments(context);
}

CallbackBase
MakeCallback(const std::string& signature, bool context, PyObject* function, PyObject* makers)
{
    return Makers().at(signature).make(context, function, makers);
}

std::string
GetTraceSignature(const ObjectBase& object, const std::string& name)
{
    TypeId::TraceSourceInformation information;
    const bool found =
        object.GetInstanceTypeId().LookupTraceSourceByName(name, &information) != nullptr;
    return found ? information.callback : "";
}

std::string
GetPathSignature(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos)
    {
        return "";
    }
    const auto matches = Config::LookupMatches(path.substr(0, slash));
    return matches.GetN() > 0 ? GetTraceSignature(*matches.Get(0), path.substr(slash + 1)) : "";
}

EventId
Schedule(const Time& delay, PyObject* function, PyObject* arguments)
{
    return Simulator::Schedule(delay, Ptr<EventImpl>(new Event(function, arguments), false));
}

void
ScheduleWithContext(uint32_t context, const Time& delay, PyObject* function, PyObject* arguments)
{
    Simulator::ScheduleWithContext(context, delay, new Event(function, arguments));
}

EventId
ScheduleNow(PyObject* function, PyObject* arguments)
{
    return Simulator::ScheduleNow(Ptr<EventImpl>(new Event(function, arguments), false));
}

EventId
ScheduleDestroy(PyObject* function, PyObject* arguments)
{
    return Simulator::ScheduleDestroy(Ptr<EventImpl>(new Event(function, arguments), false));
}

} // namespace WdmoePython
} // namespace ns3
