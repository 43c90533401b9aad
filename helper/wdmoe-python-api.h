/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PYTHON_API_H
#define WDMOE_PYTHON_API_H

/**
 * @file
 *
 * The few functions of Python's stable interface that are called, and the exception by which cppyy
 * carries a Python error through C++. All are weak: a process without Python never calls them.
 */

#include <cstddef>
#include <exception>
#include <string>

/// @cond
// Declarations of others: Python's C API, and cppyy's exception.

extern "C"
{
    typedef struct _object PyObject;
    typedef std::ptrdiff_t Py_ssize_t;

#define WDMOE_WEAK __attribute__((weak))
    WDMOE_WEAK int Py_IsInitialized();
    WDMOE_WEAK int PyGILState_Ensure();
    WDMOE_WEAK void PyGILState_Release(int);
    WDMOE_WEAK void Py_IncRef(PyObject*);
    WDMOE_WEAK void Py_DecRef(PyObject*);
    WDMOE_WEAK PyObject* PyTuple_New(Py_ssize_t);
    WDMOE_WEAK int PyTuple_SetItem(PyObject*, Py_ssize_t, PyObject*);
    WDMOE_WEAK PyObject* PyTuple_GetItem(PyObject*, Py_ssize_t);
    WDMOE_WEAK PyObject* PyObject_CallObject(PyObject*, PyObject*);
    WDMOE_WEAK PyObject* PyObject_CallFunctionObjArgs(PyObject*, ...);
    WDMOE_WEAK int PyObject_RichCompareBool(PyObject*, PyObject*, int);
    WDMOE_WEAK int PyObject_IsTrue(PyObject*);
    WDMOE_WEAK PyObject* PyFloat_FromDouble(double);
    WDMOE_WEAK double PyFloat_AsDouble(PyObject*);
    WDMOE_WEAK PyObject* PyLong_FromLongLong(long long);
    WDMOE_WEAK PyObject* PyLong_FromUnsignedLongLong(unsigned long long);
    WDMOE_WEAK PyObject* PyLong_FromVoidPtr(void*);
    WDMOE_WEAK PyObject* PyBool_FromLong(long);
    WDMOE_WEAK PyObject* PyUnicode_DecodeUTF8(const char*, Py_ssize_t, const char*);
    WDMOE_WEAK PyObject* PyErr_Occurred();
    WDMOE_WEAK void PyErr_Clear();
    WDMOE_WEAK int PyErr_CheckSignals();
    WDMOE_WEAK void PyErr_Fetch(PyObject**, PyObject**, PyObject**);
    WDMOE_WEAK void PyErr_NormalizeException(PyObject**, PyObject**, PyObject**);
    WDMOE_WEAK void PyErr_Restore(PyObject*, PyObject*, PyObject*);
    WDMOE_WEAK int PyException_SetTraceback(PyObject*, PyObject*);
    WDMOE_WEAK PyObject* Py_BuildValue(const char*, ...);
#undef WDMOE_WEAK
}

namespace CPyCppyy
{

/// As cppyy declares it; made while Python's error is set
class PyException : public std::exception
{
  public:
    /// Takes the message from Python's error
    __attribute__((weak)) PyException();
    __attribute__((weak)) ~PyException() noexcept override;
    /// @return the message
    __attribute__((weak)) const char* what() const noexcept override;

  private:
    std::string m_message; ///< text
};

} // namespace CPyCppyy

#ifndef __CLING__
// its typeinfo too, or programs of C++ would not start; a pragma comes too early for the compiler
asm(".weak _ZTIN8CPyCppyy11PyExceptionE\n.weak _ZTVN8CPyCppyy11PyExceptionE");
#endif
/// @endcond

#endif /* WDMOE_PYTHON_API_H */
