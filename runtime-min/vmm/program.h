/* SPDX-License-Identifier: Apache-2.0 */
/* A program that serves one machine: QEMU, virtiofsd, the vsock device.
 *
 * It gets the descriptors that are meant for it and no others, /dev/null as input, a pipe for its output whose tail is kept, an
 * environment of a PATH alone; it dies with this process, whatever kills that one, without a core; and the host's OOM killer
 * takes it before services. */
#pragma once
#include "loop/reaper.h"
#include "runtime-min/vmm/tail.h"

#define PROGRAM_FIRST_FD 3
#define PROGRAM_FDS_MAX 8

struct program_options {
    const char *name; /* for messages; static */
    const char *path;
    char *const *argv;
    const int *fds; /* become PROGRAM_FIRST_FD, PROGRAM_FIRST_FD + 1, ...; they stay the caller's */
    size_t n_fds;
    bool is_jailed;                 /* jail.h */
    const char *device;             /* absolute path of one that a jailed program may use, or NULL */
    int log_fd;                     /* gets its output, too; -1: nobody */
    void (*on_exit)(void *context); /* from the loop; the program is not freed in it */
    void *context;
};

struct program {
    const char *name;
    struct child *child; /* NULL before the start */
    struct tail output;
    void (*on_exit)(void *context);
    void *context;
};

#define PROGRAM_NONE ((struct program){.output = {.fd = -1}})

/* The program must stay in place until program_done(). That it cannot be executed shows as an exit with its output saying so.
 */
int program_start(struct reaper *reaper, const struct program_options *options, struct program *program, struct error *err);
/* From a fiber: waits for its exit until the deadline, then kills it and waits for that. */
void program_end(struct program *program, uint64_t deadline);
/* Kills what still runs and frees. */
void program_done(struct program *program);
bool program_has_exited(const struct program *program);
/* "NAME exited with 1: OUTPUT", "NAME was killed by signal 9 (KILL): OUTPUT", or "NAME runs: OUTPUT". */
void program_print(struct program *program, size_t max, struct buf *out);
