/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-worker-pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>
#include <vector>

namespace wdmoe
{

namespace
{

/// Looks of an idle thread for work before it sleeps: some tens of microseconds
constexpr int SPINS = 4000;

/// Tell the processor that this is a loop that waits
inline void
Pause()
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Threads that help the caller
class Pool
{
  public:
    explicit Pool(uint32_t helpers)
    {
        for (uint32_t i = 0; i < helpers; ++i)
        {
            try
            {
                m_threads.emplace_back([this] { Help(); });
            }
            catch (const std::system_error&)
            {
                break; // none to be had: fewer do
            }
        }
    }

    ~Pool()
    {
        m_stop = true;
        {
            const std::lock_guard lock(m_mutex);
        }
        m_wake.notify_all();
        for (auto& thread : m_threads)
        {
            thread.join();
        }
    }

    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    void Run(std::size_t pieces, void (*run)(void*, std::size_t), void* context)
    {
        m_run = run;
        m_context = context;
        m_pieces = pieces;
        m_next = 0;
        m_open = true;
        if (m_asleep > 0)
        {
            {
                const std::lock_guard lock(m_mutex);
            }
            m_wake.notify_all();
        }
        TakePieces();
        // whoever came in before this line is waited for; whoever comes later finds it closed
        m_open = false;
        for (int spins = 0; m_inside > 0; ++spins)
        {
            if (spins < SPINS)
            {
                Pause();
            }
            else
            {
                std::this_thread::yield();
            }
        }
    }

  private:
    void TakePieces()
    {
        for (std::size_t i; (i = m_next++) < m_pieces;)
        {
            m_run(m_context, i);
        }
    }

    void Help()
    {
        int spins = 0;
        while (!m_stop)
        {
            if (m_open)
            {
                ++m_inside;
                if (m_open)
                {
                    TakePieces();
                }
                --m_inside;
                spins = 0;
                // what is left is in others' hands
                for (; m_open && spins < SPINS; ++spins)
                {
                    Pause();
                }
            }
            else if (++spins < SPINS)
            {
                Pause();
            }
            else
            {
                std::unique_lock lock(m_mutex);
                ++m_asleep;
                m_wake.wait(lock, [this] { return m_open || m_stop; });
                --m_asleep;
                spins = 0;
            }
        }
    }

    void (*m_run)(void*, std::size_t){nullptr}; ///< the work
    void* m_context{nullptr};                   ///< its data
    std::atomic<std::size_t> m_pieces{0};       ///< of the work
    std::atomic<std::size_t> m_next{0};         ///< first piece nobody took
    std::atomic<int> m_inside{0};               ///< helpers that may touch the work
    std::atomic<bool> m_open{false};            ///< whether there is work
    std::atomic<int> m_asleep{0};               ///< helpers that wait
    std::atomic<bool> m_stop{false};            ///< helpers are to end
    std::mutex m_mutex;                         ///< of m_wake
    std::condition_variable m_wake;             ///< there is work
    std::vector<std::thread> m_threads;         ///< helpers
};

/// The pool of this process, and who may use it
struct Owner
{
    std::atomic<bool> busy{false};    ///< somebody uses or changes the pool
    std::atomic<uint32_t> threads{0}; ///< wanted; 0: the default
    std::unique_ptr<Pool> pool;       ///< from the first use on
    uint32_t poolThreads{1};          ///< that the pool was made for
    bool watchesFork{false};          ///< the handler is in place
};

/// Lives to the end of the program, unlike what Ender ends
Owner&
GetOwner()
{
    static auto* owner = new Owner;
    return *owner;
}

/// The threads of the parent are not here, and cannot be joined.
void
ForgetAfterFork()
{
    Owner& owner = GetOwner();
    static_cast<void>(owner.pool.release());
    owner.busy = false;
}

/// Ends the threads at the end of the program, or when the library is unloaded
struct Ender
{
    ~Ender()
    {
        Owner& owner = GetOwner();
        owner.threads = 1;
        if (!owner.busy.exchange(true))
        {
            owner.pool.reset();
            owner.busy = false;
        }
        else
        {
            static_cast<void>(owner.pool.release());
        }
    }
};

Ender g_ender; ///< does its work at the end

} // namespace

void
SetPoolThreads(uint32_t threads)
{
    GetOwner().threads = std::max<uint32_t>(threads, 1);
}

uint32_t
GetPoolThreads()
{
    const uint32_t threads = GetOwner().threads;
    return threads > 0 ? threads : std::clamp<uint32_t>(std::thread::hardware_concurrency(), 1, 2);
}

void
RunParallel(std::size_t pieces, void (*run)(void*, std::size_t), void* context)
{
    Owner& owner = GetOwner();
    const uint32_t threads = GetPoolThreads();
    if (pieces < 2 || threads < 2 || owner.busy.exchange(true))
    {
        for (std::size_t i = 0; i < pieces; ++i)
        {
            run(context, i);
        }
        return;
    }
    if (!owner.pool || owner.poolThreads != threads)
    {
        if (!owner.watchesFork)
        {
            owner.watchesFork = pthread_atfork(nullptr, nullptr, &ForgetAfterFork) == 0;
        }
        owner.pool.reset();
        owner.pool = std::make_unique<Pool>(threads - 1);
        owner.poolThreads = threads;
    }
    owner.pool->Run(pieces, run, context);
    owner.busy = false;
}

} // namespace wdmoe
