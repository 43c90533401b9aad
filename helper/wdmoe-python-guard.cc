/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-python-guard.h"

#include "wdmoe-python-api.h"

#include "ns3/fatal-impl.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <ostream>
#include <streambuf>
#include <string>

namespace ns3
{
namespace WdmoePython
{

namespace
{

/// std::cerr with the messages of fatal errors kept back until it is known what becomes of them
class Messages : public std::streambuf
{
  public:
    /// @param screen where everything else goes
    explicit Messages(std::streambuf* screen)
        : m_screen(screen)
    {
    }

    /// @param text of another stream @param size of it @return whether it belongs to a message that
    /// is kept
    bool Add(const char* text, std::streamsize size)
    {
        if (!m_kept.empty())
        {
            m_kept.append(text, static_cast<std::size_t>(size));
        }
        return !m_kept.empty();
    }

    /// @return the message that is kept, which is forgotten
    std::string Take()
    {
        std::string text;
        text.swap(m_kept);
        return text;
    }

  protected:
    int_type overflow(int_type c) override
    {
        if (traits_type::eq_int_type(c, traits_type::eof()))
        {
            return traits_type::not_eof(c);
        }
        const char one = traits_type::to_char_type(c);
        return xsputn(&one, 1) == 1 ? c : traits_type::eof();
    }

    std::streamsize xsputn(const char* text, std::streamsize size) override
    {
        // A whole message that nobody took was not a fatal error.
        if (!m_kept.empty() && m_kept.back() == '\n' && m_kept.find("file=") != std::string::npos)
        {
            Release();
        }
        if (m_kept.empty())
        {
            m_keep = false;
            for (const char* begin : {"aborted. ", "NS_ASSERT failed, cond=", "msg=\"", "file="})
            {
                const auto length = std::min<std::size_t>(std::strlen(begin), size);
                m_keep = m_keep || std::strncmp(text, begin, length) == 0;
            }
        }
        if (m_keep && size > 0)
        {
            m_kept.append(text, static_cast<std::size_t>(size));
            return size;
        }
        return m_screen->sputn(text, size);
    }

    int sync() override
    {
        return m_screen->pubsync();
    }

  private:
    /// Write what is kept
    void Release()
    {
        m_screen->sputn(m_kept.data(), static_cast<std::streamsize>(m_kept.size()));
        m_kept.clear();
    }

    std::streambuf* m_screen; ///< of std::cerr
    std::string m_kept;       ///< a message, as far as it is written
    bool m_keep{false};       ///< whether what is written belongs to it
};

/// std::clog, to which the time is written in the middle of a message
class Times : public std::streambuf
{
  public:
    /// @param screen where everything else goes @param messages of std::cerr
    Times(std::streambuf* screen, Messages& messages)
        : m_screen(screen),
          m_messages(messages)
    {
    }

  protected:
    int_type overflow(int_type c) override
    {
        if (traits_type::eq_int_type(c, traits_type::eof()))
        {
            return traits_type::not_eof(c);
        }
        const char one = traits_type::to_char_type(c);
        return m_messages.Add(&one, 1) ? c : m_screen->sputc(one);
    }

    std::streamsize xsputn(const char* text, std::streamsize size) override
    {
        return m_messages.Add(text, size) ? size : m_screen->sputn(text, size);
    }

    int sync() override
    {
        return m_screen->pubsync();
    }

  private:
    std::streambuf* m_screen; ///< of std::clog
    Messages& m_messages;     ///< of std::cerr
};

/// What FatalImpl flushes
class Thrower : public std::streambuf
{
  public:
    /// @param raise the Python function @param messages of std::cerr
    Thrower(PyObject* raise, Messages& messages)
        : m_raise(raise),
          m_messages(messages)
    {
        for (auto& stream : m_streams)
        {
            stream.rdbuf(this);
            stream.exceptions(std::ios::badbit);
        }
        Arm();
    }

  protected:
    int sync() override
    {
        if (!Py_IsInitialized())
        {
            std::cerr.rdbuf()->pubsync();
            return 0;
        }
        // FlushStreams() has taken the handler of this signal, and will not come to give it back.
        sigaction(SIGSEGV, &m_handler, nullptr);
        Arm();
        const int state = PyGILState_Ensure();
        const std::string text = m_messages.Take();
        PyObject* message =
            PyUnicode_DecodeUTF8(text.data(), static_cast<std::ptrdiff_t>(text.size()), "replace");
        PyObject* result =
            message ? PyObject_CallFunctionObjArgs(m_raise, message, nullptr) : nullptr;
        if (message)
        {
            Py_DecRef(message);
        }
        if (result)
        {
            Py_DecRef(result);
        }
        const bool raised = PyErr_Occurred() != nullptr;
        if (raised)
        {
            KeepError();
        }
        PyGILState_Release(state);
        if (raised)
        {
            throw CPyCppyy::PyException();
        }
        return 0;
    }

  private:
    /// Have a stream flushed at the next fatal error. The last one is bad from having thrown.
    void Arm()
    {
        m_next = 1 - m_next;
        m_streams[m_next].clear();
        FatalImpl::RegisterStream(&m_streams[m_next]);
        sigaction(SIGSEGV, nullptr, &m_handler);
    }

    PyObject* m_raise;                                                       ///< called
    Messages& m_messages;                                                    ///< of std::cerr
    std::ostream m_streams[2]{std::ostream(nullptr), std::ostream(nullptr)}; ///< in turn
    int m_next{0};              ///< which of them is armed
    struct sigaction m_handler; ///< of SIGSEGV, in between
};

/// Says what a fatal error that could not be thrown was about
[[noreturn]] void
Terminate()
{
    try
    {
        if (std::current_exception())
        {
            std::rethrow_exception(std::current_exception());
        }
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << std::endl;
    }
    catch (...)
    {
    }
    std::cerr << "NS_FATAL, terminating" << std::endl;
    std::abort();
}

PyObject* g_error = nullptr;      ///< what was kept; owned
bool g_guarded = false;           ///< whether Guard() was called
std::atomic<int> g_interrupts{0}; ///< Ctrl-C's during the present Run()
struct sigaction g_python;        ///< handler of SIGINT before

/// Handler of SIGINT. @param number of the signal
void
Interrupt(int number)
{
    if (++g_interrupts > 2)
    {
        std::signal(number, SIG_DFL);
        std::raise(number);
        return;
    }
    Simulator::Stop();
    if (g_python.sa_handler != SIG_DFL && g_python.sa_handler != SIG_IGN)
    {
        g_python.sa_handler(number);
    }
}

/// Has Interrupt() as the handler as long as it lives
class Interruptible
{
  public:
    Interruptible()
    {
        struct sigaction ours = {};
        ours.sa_handler = &Interrupt;
        sigaction(SIGINT, nullptr, &g_python);
        // Who ignores the signal, or leaves it to the system, is left alone.
        m_ours = g_python.sa_handler != SIG_DFL && g_python.sa_handler != SIG_IGN &&
                 g_python.sa_handler != &Interrupt && (g_python.sa_flags & SA_SIGINFO) == 0;
        g_interrupts = 0;
        if (m_ours)
        {
            sigaction(SIGINT, &ours, nullptr);
        }
    }

    ~Interruptible()
    {
        if (m_ours)
        {
            sigaction(SIGINT, &g_python, nullptr);
        }
    }

  private:
    bool m_ours; ///< whether the handler was changed
};

} // namespace

void
Guard(PyObject* raise)
{
    // Both live as long as the process: std::cerr is used until its end.
    static Messages* messages = nullptr;
    if (!messages)
    {
        Py_IncRef(raise);
        messages = new Messages(std::cerr.rdbuf());
        std::cerr.rdbuf(messages);
        std::clog.rdbuf(new Times(std::clog.rdbuf(), *messages));
        new Thrower(raise, *messages);
        std::set_terminate(&Terminate);
        g_guarded = true;
    }
}

void
KeepError()
{
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (value && traceback)
    {
        PyException_SetTraceback(value, traceback);
    }
    PyObject* last = g_error;
    g_error = value;
    Py_IncRef(g_error);
    PyErr_Restore(type, value, traceback);
    Py_DecRef(last);
}

PyObject*
TakeError()
{
    PyObject* error = g_error;
    g_error = nullptr;
    return error ? error : Py_BuildValue("");
}

void
Run()
{
    if (!g_guarded)
    {
        Simulator::Run();
        return;
    }
    {
        const Interruptible interruptible;
        Simulator::Run();
    }
    if (g_interrupts > 0 && PyErr_CheckSignals() != 0)
    {
        KeepError();
        throw CPyCppyy::PyException();
    }
}

} // namespace WdmoePython
} // namespace ns3
