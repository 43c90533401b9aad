/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TEST_SUPPORT_H
#define WDMOE_TEST_SUPPORT_H

#include "ns3/wdmoe-controller.h"

#include <functional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

/**
 * @ingroup wdmoe-tests
 *
 * What a user sees who makes a mistake: runs an action in a child process.
 *
 * @param action expected to stop the program with a message
 * @return what it wrote to standard error if it stopped by NS_ABORT; empty if it went on
 */
inline std::string
WdmoeAbortMessage(const std::function<void()>& action)
{
    int ends[2];
    if (pipe(ends) != 0)
    {
        return "";
    }
    const pid_t child = fork();
    if (child == 0)
    {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        action();
        _exit(0);
    }
    close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
    {
        text.append(buffer, n);
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? text : "";
}

/**
 * @ingroup wdmoe-tests
 *
 * Defined beside the operators that count, in wdmoe-flow-shop-test-suite.cc.
 *
 * @return how often operator new was called in this process, by all threads
 */
std::size_t WdmoeHeapAllocations();

/**
 * @ingroup wdmoe-tests
 *
 * Nothing of a decision is in flight any more.
 *
 * @param controller that made it
 * @param d as made
 */
inline void
WdmoeGiveUpAll(ns3::Ptr<ns3::WdmoeController> controller, const ns3::WdmoeDecision& d)
{
    for (uint32_t k = 0; k < d.devices.size(); k++)
    {
        for (uint32_t i = 0; i < d.devices[k].pieces.size(); i++)
        {
            controller->GiveUpPiece(d, k, i);
        }
    }
}

#endif /* WDMOE_TEST_SUPPORT_H */
