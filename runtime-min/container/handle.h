/* SPDX-License-Identifier: Apache-2.0 */
/* Handle: the process of the host that stands for one process in a guest. Its life, its exit code and its signals are those of
 * that process; its pid is what callers of the runtime know.
 *
 * It is forked by the command (create, run, exec) and becomes a child of the command's caller when that one exits, so that the
 * caller can wait for it. It holds the streams the command was given, or the slave of a console, and talks to the agent itself.
 * It ends with the command if that one dies before it was released. It must be born while the command runs no loop. */
#pragma once
#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "runtime-min/container/guest.h"
#include "runtime-min/container/proc.h"
#include "runtime-min/container/view.h"

#define HANDLE_EXIT_LOST 255 /* the machine is gone; a program may say the same */

struct handle_plan {
    const struct guest_address *guest;
    struct guest_process process;
    bool terminal;
    int console; /* slave that becomes descriptors 0 to 2 and the controlling terminal, or -1: they are inherited */
    /* Network namespace to be born in, because hooks and engines set one up that they find by the pid: an open one (or -1), or
     * a new one. */
    int netns_fd;
    bool new_netns;
    struct cgroup *cgroup; /* of the host, to join; NULL: that of the command */
    /* FIFO that the handles of a container's execs hold open for writing. The container's own handle has the other end and ends
     * after them, as programs of a PID namespace end before its first one: containerd's shim forgets execs when their container
     * has ended. NULL: nobody waits. */
    const char *execs;
    struct view view; /* of its mount namespace, for callers that enter it; none: that of the command */
    /* Connects to whoever kills the process in the guest when the handle is killed; returns a descriptor to hold, or -errno. */
    int (*enrol)(void *arg, struct error *err);
    void *arg;
};

struct handle {
    struct proc proc;
    int pidfd;
    int control; /* to the handle, -1 once it was released */
};

#define HANDLE_NONE ((struct handle){.pidfd = -1, .control = -1})

/* Starts a handle that waits for orders. */
int handle_spawn(const struct handle_plan *plan, struct handle *ret_handle, struct error *err);
/* The process exists in the guest: relay its streams. Returns once the handle does. */
int handle_go(struct handle *handle, struct error *err);
/* Sends its pidfd over the unix socket at path. */
int handle_send_pidfd(const struct handle *handle, const char *path, struct error *err);
/* From now on it lives without this command. */
void handle_release(struct handle *handle);
/* Waits for its end and returns its exit code. */
int handle_wait(struct handle *handle);
/* Kills one that was not released; closes. */
void handle_done(struct handle *handle);
#define _handle_ CLEANUP(handle_done)
