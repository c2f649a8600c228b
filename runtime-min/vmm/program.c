/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vmm/program.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "runtime-min/jail/jail.h"
#include "runtime-min/jail/lockdown.h"
#include "sys/fd.h"

#define EXIT_NOT_RUN 127
#define OOM_FILE "/proc/self/oom_score_adj"
#define OOM_SCORE "100" /* thousandths of all memory (proc(5)) */
#define OOM_TEXT_MAX 64
#define KILL_NS (5 * NSEC_PER_SEC)
#define PARKED_FD 64 /* above every number that a program is given */

struct launch {
    const struct program_options *options;
    int output;
    int parent;
};

/* ---- the child ---- */

/* In two rounds, since a number that is asked for may still be taken by another descriptor of the list. */
static int place_descriptors(const struct launch *launch)
{
    const struct program_options *options = launch->options;
    int parked[PROGRAM_FDS_MAX + 2];

    parked[0] = sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    parked[1] = launch->output;
    for (size_t i = 0; i < options->n_fds + 2; i++) {
        int from = i < 2 ? parked[i] : options->fds[i - 2];
        parked[i] = from < 0 ? from : sys_fcntl(from, F_DUPFD_CLOEXEC, PARKED_FD);
        if (parked[i] < 0)
            return parked[i];
    }
    int r = sys_dup3(parked[0], 0, 0);
    for (int fd = 1; fd < PROGRAM_FIRST_FD && r >= 0; fd++)
        r = sys_dup3(parked[1], fd, 0);
    for (size_t i = 0; i < options->n_fds && r >= 0; i++)
        r = sys_dup3(parked[i + 2], PROGRAM_FIRST_FD + (int)i, 0);
    return r < 0 ? r : sys_close_range(PROGRAM_FIRST_FD + (unsigned int)options->n_fds, ~0U, 0);
}

/* The host's OOM killer takes a machine before a service of the same size. Who starts it may have put it forward even more;
 * that it is protected itself, as engines are, is not inherited. */
static void offer_to_oom_killer(void)
{
    _buf_ struct buf inherited = BUF_INIT(OOM_TEXT_MAX);

    if (file_read_at(AT_FDCWD, OOM_FILE, &inherited) == 0 && inherited.len > 0 && atoi(inherited.data) < atoi(OOM_SCORE))
        (void)file_write_at(AT_FDCWD, OOM_FILE, OOM_SCORE, strlen(OOM_SCORE));
}

/* Where the program is, for the child. */
static int enter_jail(const struct launch *launch, char *path, struct error *err)
{
    const struct program_options *options = launch->options;

    if (options->is_jailed)
        return jail_enter(options->path, options->device, JAIL_UID_FIRST + (uid_t)launch->parent, path, err);
    strncat(path, options->path, PATH_MAX - 1);
    return 0;
}

static int launch_main(void *arg)
{
    const struct launch *launch = arg;
    char search[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = {search, NULL};
    char path[PATH_MAX] = "";
    struct error err = {.errnum = 0};

    (void)sys_setsid();
    int r = place_descriptors(launch);
    if (r < 0)
        (void)error_set(&err, r, "pass descriptors to %s", launch->options->path);
    offer_to_oom_killer();
    if (r == 0 && (r = lockdown_cores()) < 0)
        (void)error_set(&err, r, "keep cores of %s away", launch->options->path);
    if (r == 0)
        r = enter_jail(launch, path, &err);
    /* Another user's process forgets the request. Who asks too late has another parent already. */
    (void)sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (sys_getppid() != launch->parent)
        return EXIT_NOT_RUN;
    if (r == 0) {
        r = sys_execveat(AT_FDCWD, path, launch->options->argv, environment, 0);
        (void)error_set(&err, r, "run %s", launch->options->path);
        if (r == -EACCES && launch->options->is_jailed)
            (void)error_text(&err, r, "run %s: EACCES: it runs as a user of its own; chmod o+rx it and its directory", path);
    }
    (void)fd_write_all(2, err.text, strlen(err.text));
    return EXIT_NOT_RUN;
}

/* ---- the parent ---- */

static void child_exited(struct child *child)
{
    struct program *program = child->context;

    tail_drain(&program->output);
    if (program->on_exit)
        program->on_exit(program->context);
}

int program_start(struct reaper *reaper, const struct program_options *options, struct program *program, struct error *err)
{
    const struct sys_spawn spawn = {.flags = options->is_jailed ? JAIL_NAMESPACES : 0, .cgroup_fd = -1};
    int pipe[2];

    *program = PROGRAM_NONE;
    program->name = options->name;
    program->on_exit = options->on_exit;
    program->context = options->context;
    if (options->n_fds > PROGRAM_FDS_MAX)
        return error_text(err, -E2BIG, "%s: too many descriptors", options->name);
    int r = sys_pipe2(pipe, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "open a pipe for %s", options->name);
    _close_ int write_end = pipe[1];
    r = sys_fcntl(pipe[0], F_SETFL, O_NONBLOCK);
    if (r >= 0)
        r = tail_start(reaper_loop(reaper), &program->output, pipe[0], options->log_fd);
    if (r < 0)
        return error_set(err, r, "watch the output of %s", options->name);
    struct launch launch = {.options = options, .output = write_end, .parent = sys_getpid()};
    r = reaper_spawn(reaper, &spawn, launch_main, &launch, &program->child, err);
    if (r < 0) {
        tail_stop(&program->output);
        return error_wrap(err, "start %s", options->name);
    }
    program->child->context = program;
    program->child->on_exit = child_exited;
    return 0;
}

bool program_has_exited(const struct program *program)
{
    return !program->child || program->child->exited;
}

void program_end(struct program *program, uint64_t deadline)
{
    if (program_has_exited(program) || child_wait(program->child, deadline) == 0)
        return;
    (void)child_signal(program->child, SIGKILL);
    (void)child_wait(program->child, sys_monotonic_ns() + KILL_NS);
}

void program_done(struct program *program)
{
    tail_stop(&program->output);
    child_free(program->child);
    program->child = NULL;
}

void program_print(struct program *program, size_t max, struct buf *out)
{
    const struct child *child = program->child;

    tail_drain(&program->output);
    if (!child || !child->exited)
        (void)buf_printf(out, "%s runs", program->name);
    else if (child->status > 128)
        (void)buf_printf(out, "%s was killed by signal %d (%s)", program->name, child->status - 128,
                         sigabbrev_np(child->status - 128) ?: "?");
    else
        (void)buf_printf(out, "%s exited with %d", program->name, child->status);
    if (program->output.len > 0) {
        (void)buf_append_str(out, ": ");
        tail_print(&program->output, NULL, max, out);
    }
}
