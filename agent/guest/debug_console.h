/* SPDX-License-Identifier: Apache-2.0 */
/* Debug console: a shell of the guest for its developer, when the configuration allows it (container-jail sheet 7.6).
 *
 * With a port, each connection of the host gets a terminal with a shell; what comes is typed, what the terminal shows goes
 * back. The end of either ends the other. Without a port there is one shell, on /dev/console. */
#pragma once
#include "base/error.h"
#include "base/log.h"
#include "loop/reaper.h"

struct debug_console {
    struct reaper *reaper;
    const struct logger *log;
    const char *shell;
    int listen_fd;
    struct fiber *acceptor; /* or the fiber of the shell on /dev/console; NULL: not started, or ended */
    struct list sessions;
    size_t n_sessions;
    struct waitq ended; /* woken when one of these fibers ends */
};

/* port 0: /dev/console. On failure nothing is left: no shell in the guest, the port is taken, ... */
int debug_console_start(struct debug_console *console, struct reaper *reaper, const struct logger *log, uint32_t port,
                        struct error *err);
/* Ends all shells (from a fiber). Harmless on a zeroed object. */
void debug_console_stop(struct debug_console *console);
