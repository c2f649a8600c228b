/* SPDX-License-Identifier: Apache-2.0 */
/* A machine to boot: a child that is PID 1 of fresh namespaces and whose root is an empty tmpfs. Needs root. */
#pragma once
#include <stdbool.h>

#include "agent/guest/config.h"
#include "base/buf.h"
#include "base/log.h"

#define MACHINE_DEV_MARK "/dev/tatami-test" /* shows that /dev is not the one of the host */

/* For use in the machine: tells the parent what does not hold, and ends. */
#define EXPECT(condition)                                                                                                      \
    do {                                                                                                                       \
        if (!(condition))                                                                                                      \
            machine_fail(__LINE__, #condition);                                                                                \
    } while (0)

struct machine {
    struct buf log_text;
    struct logger log;    /* writes into log_text, every level, as text */
    struct config config; /* defaults, with the unified hierarchy */
    struct error err;
};

void machine_fail(int line, const char *text) __attribute__((noreturn));
/* Runs fn as PID 1 of a machine; with_dev: its /dev is mounted, a directory of its own, and holds MACHINE_DEV_MARK. Fails the
 * test when something in it does not hold; skips it without root. Returns the exit status, 128 + signal. */
int machine_run(bool with_dev, void (*fn)(struct machine *machine));

/* The rest is for use in the machine. */
void machine_drop_capability(int capability);
void machine_write_text(const char *path, const char *text);
/* Appends the content of a file. */
void machine_read_text(const char *path, struct buf *out);
/* Whether the topmost mount on target is of the type and has all of the options. */
bool machine_has_mount(const char *target, const char *fstype, const char *options);
int machine_count_mounts(void);
/* Whether the text was logged; whether err has exactly the text. Both tell the parent what is there instead. */
bool machine_logged(const struct machine *machine, const char *text);
bool machine_failed(const struct machine *machine, const char *text);
