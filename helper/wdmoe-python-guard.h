/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PYTHON_GUARD_H
#define WDMOE_PYTHON_GUARD_H

/// What Python calls its objects
typedef struct _object PyObject;

namespace ns3
{
namespace WdmoePython
{

/**
 * @brief From now on what ends a C++ program with a message (NS_ABORT_MSG, NS_FATAL_ERROR,
 * NS_ASSERT) is a Python exception.
 *
 * ns-3 writes the message to std::cerr and then flushes all streams that were registered with
 * FatalImpl::RegisterStream(), before it ends the process. A stream of ours is among them, and
 * throws. The message is taken out of std::cerr on its way. Where no exception may pass (a
 * destructor), the process ends with ns-3's message, as always.
 *
 * @param raise a Python function of the message that raises the exception
 */
void Guard(PyObject* raise);

/**
 * @brief Keep the exception that Python has set, with its traceback: cppyy makes another one of it
 * when it arrives.
 *
 * To be called before CPyCppyy::PyException is thrown, with the interpreter's lock.
 */
void KeepError();

/// @return the exception that was kept last, which is forgotten; None: none was
PyObject* TakeError();

/**
 * @brief Simulator::Run(), which Ctrl-C ends after the present event where Python has called
 * Guard(); for helpers that run simulations themselves.
 * @throws CPyCppyy::PyException what Python's handler of the signal raises (KeyboardInterrupt)
 */
void Run();

} // namespace WdmoePython
} // namespace ns3

#endif /* WDMOE_PYTHON_GUARD_H */
