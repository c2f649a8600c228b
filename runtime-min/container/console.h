/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals of the host. The guest's terminal does the line discipline, so those of the host are raw: else input would be
 * echoed twice. */
#pragma once
#include <stdbool.h>

#include <asm/termbits.h>

#include "base/error.h"

struct console {
    int master;
    int slave;
};

#define CONSOLE_NONE ((struct console){.master = -1, .slave = -1})

/* A new pseudo-terminal of that size, raw, both ends close-on-exec and not the caller's controlling terminal. */
int console_open(struct console *ret_console, unsigned int rows, unsigned int columns, struct error *err);
void console_close(struct console *console);
/* Sends the master over the unix socket at path: one message with the one descriptor, as every OCI runtime does. */
int console_send(const struct console *console, const char *path, struct error *err);
/* Makes a terminal raw and saves what it was. -ENOTTY when it is none. */
int console_make_raw(int fd, struct termios *saved);
void console_restore(int fd, const struct termios *saved);
/* Whether a process with or without a terminal fits what the caller gave: socket_path (may be NULL), or its own terminal when
 * it stays in the foreground. INVALID_ARGUMENT says what does not. */
int console_check(bool terminal, const char *socket_path, bool in_foreground, struct error *err);
/* The caller's terminal: one of the standard streams or, when all of them lead elsewhere, that of the session. A new
 * descriptor, or -errno. */
int console_find(void);
/* False when fd is no terminal or has no size. */
bool console_size(int fd, unsigned int *ret_rows, unsigned int *ret_columns);
/* The same of the caller's terminal. */
bool console_caller_size(unsigned int *ret_rows, unsigned int *ret_columns);
