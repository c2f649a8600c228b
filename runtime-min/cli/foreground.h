/* SPDX-License-Identifier: Apache-2.0 */
/* A command that waits for a process it started: run, exec. */
#pragma once
#include "runtime-min/container/handle.h"

/* Passes every signal that can be caught on to the handle, and makes the terminal on standard input raw for the time. Returns
 * the exit code. */
int foreground_wait(struct handle *handle, bool terminal);
