/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FUZZ_H
#define WDMOE_FUZZ_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

/// What every target has: libFuzzer's entry
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);

/**
 * An input as a file that a reader can open: it lies in memory, and is written anew each time.
 */
class WdmoeFuzzFile
{
  public:
    /// @param name of the file, or of nothing
    explicit WdmoeFuzzFile(const char* name)
        : m_descriptor(memfd_create(name, 0)),
          m_path("/proc/self/fd/" + std::to_string(m_descriptor))
    {
    }

    /**
     * @param data of the input
     * @param size bytes
     * @return path of the file
     */
    const std::string& Write(const uint8_t* data, std::size_t size)
    {
        if (ftruncate(m_descriptor, 0) != 0 ||
            pwrite(m_descriptor, data, size, 0) != static_cast<ssize_t>(size))
        {
            std::perror("fuzz: cannot write the input");
            std::abort();
        }
        return m_path;
    }

  private:
    int m_descriptor;   ///< of the file
    std::string m_path; ///< under which it can be opened
};

/// What must hold does not: a finding. @param good whether it holds @param what it is
inline void
WdmoeFuzzCheck(bool good, const char* what)
{
    if (!good)
    {
        std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
        std::abort();
    }
}

#endif /* WDMOE_FUZZ_H */
