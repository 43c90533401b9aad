/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TEST_SUPPORT_H
#define WDMOE_TEST_SUPPORT_H

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

#endif /* WDMOE_TEST_SUPPORT_H */
