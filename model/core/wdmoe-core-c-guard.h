/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CORE_C_GUARD_H
#define WDMOE_CORE_C_GUARD_H

#include "wdmoe-core-c.h"
#include "wdmoe-rate-law.h"
#include "wdmoe-selection.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * Hand a message out.
 *
 * @param text with names as C++ has them (downlinkBits); the reader gets downlink_bits
 * @param [out] message where to, may be null
 * @param messageSize of message; cut to fit
 */
void HandOut(const std::string& text, char* message, std::size_t messageSize);

/**
 * @ingroup wdmoe-core
 *
 * No exception leaves the C interface.
 *
 * @param message where a message goes
 * @param messageSize of message
 * @param action what to do; throws std::invalid_argument for a meaningless input
 * @return a code
 */
template <class Action>
int
Guard(char* message, std::size_t messageSize, const Action& action)
{
    HandOut("", message, messageSize);
    try
    {
        action();
        return WDMOE_CORE_OK;
    }
    catch (const std::invalid_argument& e)
    {
        HandOut(e.what(), message, messageSize);
        return WDMOE_CORE_INVALID;
    }
    catch (const std::bad_alloc&)
    {
        HandOut("out of memory", message, messageSize);
    }
    catch (const std::length_error&)
    {
        HandOut("out of memory: larger than any array can be", message, messageSize);
    }
    catch (const std::exception& e)
    {
        HandOut(e.what(), message, messageSize);
    }
    catch (...)
    {
        HandOut("an unknown exception", message, messageSize);
    }
    return WDMOE_CORE_FAILED;
}

/// @param pointer that must not be null @param name of it
inline void
RequireArray(const void* pointer, const char* name)
{
    if (!pointer)
    {
        throw std::invalid_argument(std::string(name) + " is null, expected an array");
    }
}

/// @return the same law. @param law of the C interface
inline RateLaw
FromC(const wdmoe_core_law& law)
{
    RateLaw result;
    result.kind = static_cast<RateLaw::Kind>(law.kind); // IsValid() refuses others
    result.efficiency = law.efficiency;
    result.gainHz = law.gain_hz;
    result.scale = law.scale;
    return result;
}

/**
 * @ingroup wdmoe-core
 *
 * @param gate of the C interface
 * @return the same gate, whose rows sum to what they should; all else is for the selectors to check
 * @throws std::invalid_argument for a gate without tokens or experts, a weight that is NaN,
 *         infinite or negative, a row of another sum
 */
GateMatrix GateFromC(const wdmoe_core_gate* gate);

/**
 * @ingroup wdmoe-core
 *
 * @param from what was selected
 * @param [out] to arrays of that size
 */
void SelectionToC(const Selection& from, wdmoe_core_selection* to);

/// @return E numbers, one for each expert. @param value array @param name of it @param experts E
std::vector<double> PerExpert(const double* value, const char* name, std::size_t experts);

} // namespace wdmoe

#endif /* WDMOE_CORE_C_GUARD_H */
