# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What headers of ns-3.35 lack of newer releases and the module uses everywhere: a name, or a lambda where only a
function was taken. Copies of these headers with that added come first in every file of the module (-include), so that
its sources need not know. Only inline members and templates are added: ns-3's own libraries stay as they are.
"""

import os
import re


def after(text, addition):
    """A change that leaves what there was."""
    return text, text + addition


# Header of src/core/model: [(text that it has once, what it has in place of it)]
CHANGES = {
    # ns-3.42: the new name of IsRunning
    "event-id.h": [
        after("  bool IsRunning (void) const;\n", "  bool IsPending (void) const { return IsRunning (); }\n"),
    ],
    # ns-3.36: an event from a lambda
    "make-event.h": [
        after("#define MAKE_EVENT_H\n", '#include "ns3/event-impl.h"\n#include <type_traits>\n#include <utility>\n'),
        after(
            "class EventImpl;\n",
            """\
template <typename F, std::enable_if_t<std::is_class_v<F>, int> = 0>
EventImpl *
MakeEvent (F function)
{
  class EventLambda : public EventImpl
  {
  public:
    explicit EventLambda (F f) : m_function (std::move (f)) {}
  private:
    void Notify (void) override { m_function (); }
    F m_function;
  };
  return new EventLambda (std::move (function));
}
""",
        ),
    ],
    # ns-3.37 or before: a callback from a lambda, whose copies are equal, or of a member with its first argument
    "callback.h": [
        after("#define CALLBACK_H\n", "#include <memory>\n#include <type_traits>\n#include <utility>\n"),
        after(
            "class Callback : public CallbackBase\n{\n",
            """\
  template <typename F>
  struct Shared
  {
    std::shared_ptr<F> function;
    template <typename... A>
    R operator() (A &&... a) const { return static_cast<R> ((*function) (std::forward<A> (a)...)); }
    bool operator!= (const Shared &other) const { return function != other.function; }
  };
""",
        ),
        after(
            "  Callback ()\n  {}\n",
            """\
  template <typename F, std::enable_if_t<std::is_class_v<F> && !std::is_base_of_v<CallbackBase, F>
                        && !std::is_convertible_v<F, Ptr<CallbackImpl<R,T1,T2,T3,T4,T5,T6,T7,T8,T9> > >, int> = 0>
  explicit Callback (F function)
    : Callback (Shared<F> {std::make_shared<F> (std::move (function))}, true, true)
  {}
""",
        ),
        after(
            "Callback<R,Ts...> MakeCallback (R (T::*memPtr)(Ts...) const, OBJ objPtr)\n"
            "{\n  return Callback<R,Ts...> (objPtr, memPtr);\n}\n",
            """\
template <typename T, typename OBJ, typename R, typename B, typename A, typename... Ts>
Callback<R,Ts...> MakeCallback (R (T::*memPtr)(B, Ts...), OBJ objPtr, A bound)
{
  return MakeCallback (memPtr, objPtr).Bind (bound);
}
""",
        ),
    ],
    # ns-3.37 or before: a callback of an option takes its text by reference
    "command-line.h": [
        after(
            "                 ns3::Callback<bool, std::string> callback,\n"
            "                 const std::string defaultValue = \"\");\n",
            """\
  void AddValue (const std::string &name, const std::string &help,
                 ns3::Callback<bool, const std::string &> callback, const std::string defaultValue = "")
  {
    AddValue (name, help,
              ns3::Callback<bool, std::string> ([callback] (const std::string &text) { return callback (text); }),
              defaultValue);
  }
""",
        ),
    ],
    # ns-3.41: attributes of a scoped enumeration, of which MakeEnumAccessor is told the type
    "enum.h": [
        after("#define ENUM_VALUE_H\n", "#include <type_traits>\n"),
        after(
            "  EnumValue ();\n",
            """\
  template <typename E, std::enable_if_t<std::is_enum_v<E> && !std::is_convertible_v<E, int>, int> = 0>
  EnumValue (E value) : EnumValue (static_cast<int> (value)) {}
  template <typename E, std::enable_if_t<std::is_enum_v<E> && !std::is_convertible_v<E, int>, int> = 0>
  void Set (E value) { Set (static_cast<int> (value)); }
""",
        ),
        after(
            "// inline to allow tail call optimization\ninline\nPtr<const AttributeChecker>\n"
            "MakeEnumChecker (Ptr<EnumChecker> checker)\n{\n  return checker;\n}\n",
            """\
template <typename E, typename C>
Ptr<const AttributeAccessor>
MakeEnumAccessor (E C::*member)
{
  return MakeAccessorHelper<EnumValue> (member);
}
template <typename E, typename C>
Ptr<const AttributeAccessor>
MakeEnumAccessor (void (C::*setter) (E), E (C::*getter) () const)
{
  return MakeAccessorHelper<EnumValue> (setter, getter);
}
template <typename E, typename... Ts, std::enable_if_t<std::is_enum_v<E>, int> = 0>
Ptr<const AttributeChecker>
MakeEnumChecker (E value, std::string name, Ts... others)
{
  const auto toInt = [] (auto part) {
    if constexpr (std::is_enum_v<decltype (part)>)
      {
        return static_cast<int> (part);
      }
    else
      {
        return part;
      }
  };
  return MakeEnumChecker (static_cast<int> (value), name, toInt (others)...);
}
""",
        ),
    ],
    # ns-3.36: as C++20 writes constructors
    "simulation-singleton.h": [
        ("  SimulationSingleton<T> (void);", "  SimulationSingleton (void);"),
        ("  SimulationSingleton<T> (const", "  SimulationSingleton (const"),
    ],
    # ns-3.42: the new name of TestDuration
    "test.h": [
        after("    TAKES_FOREVER = 3   //!< Very long running test.\n  };\n", "  using Duration = TestDuration;\n"),
    ],
}


def write(core, folder):
    """Changed copies into folder, of the headers in core (src/core/model); returns their paths, in the order that they
    have to be included in. ValueError names a header that is not ns-3.35's.
    """
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, changes in CHANGES.items():
        with open(os.path.join(core, name), encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            if text.count(old) != 1:
                raise ValueError("%s is not ns-3.35's: expected once %r" % (name, old))
            text = text.replace(old, new)
        # it is found by its neighbours' names, and does not lie beside them
        text = re.sub(r'^#include "(?!ns3/)', '#include "ns3/', text, flags=re.M)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        paths.append(path)
    return paths
