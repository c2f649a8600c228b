/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/visit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sys/fd.h"

struct place {
    int namespace;
    int directory;
};

static void place_close(struct place *place)
{
    fd_close(&place->namespace);
    fd_close(&place->directory);
}

struct visit {
    const struct place *place;
    int (*fn)(void *arg, char text[static VISIT_TEXT_BYTES], struct error *err);
    void *arg;
    int out;
};

/* Fits a pipe at once. */
struct outcome {
    int result;
    char text[VISIT_TEXT_BYTES];
    struct error err;
};

static int visit_main(void *arg)
{
    const struct visit *self = arg;
    struct outcome outcome = {.result = 0};

    int r = sys_setns(self->place->namespace, CLONE_NEWNS);
    if (r == 0)
        r = sys_fchdir(self->place->directory);
    outcome.result = r < 0 ? error_set(&outcome.err, r, "enter the mount namespace of the monitor")
                           : self->fn(self->arg, outcome.text, &outcome.err);
    return fd_write_all(self->out, &outcome, sizeof(outcome)) < 0;
}

/* The kernel knows who listens, whatever that process says of itself. */
static int peer_pid(int fd)
{
    struct ucred peer = {.pid = 0};
    socklen_t len = sizeof(peer);

    int r = sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    if (r < 0)
        return r;
    return peer.pid > 0 ? peer.pid : -ESRCH; /* of another pid namespace */
}

/* A pid is that of the peer as long as the connection stands. */
static int place_open(int fd, struct place *place)
{
    struct pollfd poll = {.fd = fd};
    char path[64];

    int pid = peer_pid(fd);
    if (pid < 0)
        return pid;
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
    place->namespace = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
    place->directory = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    int r = sys_poll(&poll, 1, 0);
    if (r < 0)
        return r;
    int first = place->namespace < 0 ? place->namespace : place->directory;
    /* A process that ends has no namespaces any more before its connections close. */
    return r > 0 || first == -ENOENT || first == -ESRCH ? -ECONNRESET : first < 0 ? first : 0;
}

static int go(const struct visit *self, int in, struct outcome *outcome, struct error *err)
{
    siginfo_t info = {.si_pid = 0};
    _close_ int pidfd = -1;
    int out = self->out;
    const struct sys_spawn spawn = {.cgroup_fd = -1, .ret_pidfd = &pidfd};

    int r = sys_spawn(&spawn, visit_main, (void *)(uintptr_t)self);
    sys_close(out);
    if (r < 0)
        return error_set(err, r, "start a visit of the monitor");
    ssize_t n = sys_read(in, outcome, sizeof(*outcome));
    (void)sys_waitid(P_PIDFD, pidfd, &info, WEXITED);
    if (n != sizeof(*outcome))
        return error_text(err, n < 0 ? (int)n : -EIO, "a visit of the monitor was killed");
    if (outcome->result < 0 && err)
        *err = outcome->err;
    return outcome->result;
}

int visit(int fd, int (*fn)(void *arg, char text[static VISIT_TEXT_BYTES], struct error *err), void *arg, char *ret_text,
          struct error *err)
{
    CLEANUP(place_close) struct place place = {-1, -1};
    struct outcome outcome;
    int pipe[2];

    int r = place_open(fd, &place);
    if (r < 0)
        return error_set(err, r, "find the monitor");
    r = sys_pipe2(pipe, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "open a pipe");
    _close_ int in = pipe[0];
    r = go(&(struct visit){.place = &place, .fn = fn, .arg = arg, .out = pipe[1]}, in, &outcome, err);
    if (r >= 0 && ret_text)
        memcpy(ret_text, outcome.text, sizeof(outcome.text));
    return r;
}
