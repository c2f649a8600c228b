/* SPDX-License-Identifier: Apache-2.0 */
/* A command that waits for a process it started: run, exec. */
#pragma once
#include "runtime-min/container/handle.h"

/* Keeps SIGINT, SIGTERM, SIGHUP and SIGQUIT from ending the command in the middle of a change that could not be undone any
 * more. Returns a descriptor for the other call. */
int foreground_defer_end(void);
/* They are let through again. Returns the one that came meanwhile, or 0. */
int foreground_deferred_end(int signal_fd);
/* From now on signals wait in the returned descriptor instead of ending the command: before the process can be known to
 * anybody. */
int foreground_begin(void);
/* Passes them on to the handle, and makes the terminal on standard input raw for the time. Returns the exit code. */
int foreground_wait(int signal_fd, struct handle *handle, bool terminal);
