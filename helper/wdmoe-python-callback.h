/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PYTHON_CALLBACK_H
#define WDMOE_PYTHON_CALLBACK_H

#include "ns3/callback.h"
#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/object-base.h"
#include "ns3/ptr.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

/// What Python calls its objects; the only name of Python's that headers need
typedef struct _object PyObject;

namespace ns3
{

/**
 * @brief What the Python package needs of C++: Python functions as trace sinks and events, fatal
 * errors as exceptions. Of no use to C++ programs, and idle in them.
 *
 * The functions of Python's own interface are found in the process that loads the library; nothing
 * here is compiled for one version of Python.
 */
namespace WdmoePython
{

/// A Python object that lives as long as this does
class Reference
{
  public:
    /// @param object to hold
    explicit Reference(PyObject* object);
    /// @param other holds the same object then
    Reference(const Reference& other);
    Reference& operator=(const Reference& other) = delete;
    ~Reference();

    /// @return the object
    PyObject* Get() const;

    /// @param other to compare with @return whether Python says that they differ
    bool operator!=(const Reference& other) const;

  private:
    PyObject* m_object; ///< held
};

/// A Python function, and how its arguments become Python objects
class Function
{
  public:
    /**
     * @param function any callable
     * @param makers a tuple: for each argument None, or a callable that makes the object from the
     * address of a copy, which it then owns (kinds "own" and "ptr"), or from the address itself
     * ("see")
     */
    Function(PyObject* function, PyObject* makers);

    /// @param other to compare with @return whether they call different functions
    bool operator!=(const Function& other) const;

    /// Arguments under way
    class Arguments
    {
      public:
        /**
         * @param function to be called
         * @param size how many there are
         */
        Arguments(const Function& function, std::size_t size);
        Arguments(const Arguments&) = delete;
        Arguments& operator=(const Arguments&) = delete;
        ~Arguments();

        /// @param value next argument
        void Add(double value);
        /// @copydoc Add(double)
        void Add(int64_t value);
        /// @copydoc Add(double)
        void Add(uint64_t value);
        /// @copydoc Add(double)
        void Add(bool value);
        /// @copydoc Add(double)
        void Add(const std::string& value);
        /// @param address of the next argument; null: None
        void Add(const void* address);

        /// Call the function. @throws CPyCppyy::PyException if it raises
        void Call();
        /// @copydoc Call() @return what it returns
        bool CallBoolean();
        /// @copydoc Call() @return what it returns
        double CallNumber();

      private:
        /// @param object next argument, owned from now on
        void Take(PyObject* object);
        /// @copydoc Call() @return what it returns, owned by the caller
        PyObject* Result();

        const Function& m_function; ///< to be called
        int m_state;                ///< of the interpreter's lock
        std::size_t m_next{0};      ///< argument
        PyObject* m_arguments;      ///< so far
    };

  private:
    Reference m_function; ///< called
    Reference m_makers;   ///< for each argument
};

/// Whether a type is a Ptr
template <typename T>
struct Pointee
{
    static constexpr bool isPtr = false; ///< no
};

/// @copydoc Pointee
template <typename T>
struct Pointee<Ptr<T>>
{
    static constexpr bool isPtr = true;  ///< yes
    typedef std::remove_const_t<T> Type; ///< to what
};

/// @return name of a type as C++ code has it, without const @param type what typeid says
std::string NameOf(const std::type_info& type);

/**
 * @tparam T type of an argument
 * @return how it becomes a Python object: "value", "own NAME" (a copy), "see NAME" (the object
 * itself), "ptr NAME" (a Ptr to it)
 */
template <typename T>
std::string
Describe()
{
    typedef std::remove_cv_t<std::remove_reference_t<T>> V;
    if constexpr (std::is_arithmetic_v<V> || std::is_enum_v<V> ||
                  std::is_convertible_v<V, std::string>)
    {
        return "value";
    }
    else if constexpr (Pointee<V>::isPtr)
    {
        return "ptr " + NameOf(typeid(typename Pointee<V>::Type));
    }
    else if constexpr (std::is_pointer_v<V>)
    {
        return "see " + NameOf(typeid(std::remove_pointer_t<V>));
    }
    else if constexpr (std::is_copy_constructible_v<V> &&
                       (!std::is_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>))
    {
        return "own " + NameOf(typeid(V));
    }
    else
    {
        return "see " + NameOf(typeid(V));
    }
}

/**
 * @tparam T type of an argument
 * @param arguments to add it to
 * @param value of it
 */
template <typename T>
void
AddTo(Function::Arguments& arguments, const std::remove_reference_t<T>& value)
{
    typedef std::remove_cv_t<std::remove_reference_t<T>> V;
    if constexpr (std::is_same_v<V, bool> || std::is_same_v<V, std::string>)
    {
        arguments.Add(value);
    }
    else if constexpr (std::is_floating_point_v<V>)
    {
        arguments.Add(static_cast<double>(value));
    }
    else if constexpr (std::is_unsigned_v<V>)
    {
        arguments.Add(static_cast<uint64_t>(value));
    }
    else if constexpr (std::is_integral_v<V> || std::is_enum_v<V>)
    {
        arguments.Add(static_cast<int64_t>(value));
    }
    else if constexpr (std::is_convertible_v<V, std::string>)
    {
        arguments.Add(std::string(value));
    }
    else if constexpr (Pointee<V>::isPtr)
    {
        arguments.Add(static_cast<const void*>(PeekPointer(value)));
    }
    else if constexpr (std::is_pointer_v<V>)
    {
        arguments.Add(static_cast<const void*>(value));
    }
    else if constexpr (std::is_copy_constructible_v<V> &&
                       (!std::is_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>))
    {
        arguments.Add(static_cast<const void*>(new V(value)));
    }
    else
    {
        arguments.Add(static_cast<const void*>(&value));
    }
}

/// Makes callbacks of one signature. @tparam F pointer to a function of that signature
template <typename F>
class Signature;

/// @copydoc Signature
template <typename R, typename... Args>
class Signature<R (*)(Args...)>
{
  public:
    /// @param context whether a trace source's path comes first @return how each argument is made
    static std::vector<std::string> Arguments(bool context)
    {
        std::vector<std::string> all{Describe<Args>()...};
        if (context)
        {
            all.insert(all.begin(), "value");
        }
        return all;
    }

    /**
     * @param context whether a trace source's path comes first
     * @param function to call
     * @param makers as for Function
     * @return the callback
     */
    static CallbackBase Make(bool context, PyObject* function, PyObject* makers)
    {
        const Function called(function, makers);
        return context ? Build<std::string, Args...>(called) : Build<Args...>(called);
    }

  private:
    /// @tparam A arguments @param called function @return the callback
    template <typename... A>
    static CallbackBase Build(const Function& called)
    {
        std::function<R(A...)> call = [called](A... values) -> R {
            Function::Arguments arguments(called, sizeof...(A));
            (AddTo<A>(arguments, values), ...);
            if constexpr (std::is_void_v<R>)
            {
                arguments.Call();
            }
            else if constexpr (std::is_same_v<R, bool>)
            {
                return arguments.CallBoolean();
            }
            else
            {
                static_assert(std::is_arithmetic_v<R>, "a Python function returns a number here");
                return static_cast<R>(arguments.CallNumber());
            }
        };
        const CallbackComponentVector components{
            std::make_shared<CallbackComponent<Function>>(called)};
        return Callback<R, A...>(Create<CallbackImpl<R, A...>>(call, components));
    }
};

/// What a signature is made by
struct Maker
{
    std::function<std::vector<std::string>(bool)> arguments;      ///< Signature::Arguments()
    std::function<CallbackBase(bool, PyObject*, PyObject*)> make; ///< Signature::Make()
};

/**
 * @param signature name of a type: pointer to a function
 * @param maker for it
 * @return true
 */
bool AddSignature(const std::string& signature, const Maker& maker);

/// @tparam F pointer to a function @param signature its name @return true
template <typename F>
bool
AddSignature(const std::string& signature)
{
    return AddSignature(signature, Maker{&Signature<F>::Arguments, &Signature<F>::Make});
}

/// @param signature name of a type @return whether callbacks of it can be made
bool HasSignature(const std::string& signature);

/**
 * @param signature name of a type
 * @param context whether a trace source's path comes first
 * @return how each argument is made, as of Describe()
 */
std::vector<std::string> GetArguments(const std::string& signature, bool context);

/**
 * @param signature name of a type
 * @param context whether a trace source's path comes first
 * @param function to call
 * @param makers as for Function
 * @return the callback
 */
CallbackBase MakeCallback(const std::string& signature,
                          bool context,
                          PyObject* function,
                          PyObject* makers);

/**
 * @param object of a class with trace sources
 * @param name of a trace source
 * @return name of its signature; empty: there is no such trace source
 */
std::string GetTraceSignature(const ObjectBase& object, const std::string& name);

/**
 * @param path as of Config::Connect(): objects, then a trace source
 * @return name of its signature; empty: no object, or no such trace source
 */
std::string GetPathSignature(const std::string& path);

/**
 * @param delay after which
 * @param function to call
 * @param arguments a tuple
 * @return the event
 */
EventId Schedule(const Time& delay, PyObject* function, PyObject* arguments);

/**
 * @param context of the event
 * @param delay after which
 * @param function to call
 * @param arguments a tuple
 */
void ScheduleWithContext(uint32_t context,
                         const Time& delay,
                         PyObject* function,
                         PyObject* arguments);

/// @param function to call @param arguments a tuple @return the event, after those of the present
/// time
EventId ScheduleNow(PyObject* function, PyObject* arguments);

/// @param function to call @param arguments a tuple @return the event, in Simulator::Destroy()
EventId ScheduleDestroy(PyObject* function, PyObject* arguments);

} // namespace WdmoePython
} // namespace ns3

#endif /* WDMOE_PYTHON_CALLBACK_H */
