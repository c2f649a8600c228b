/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycle of a container on the host. Verbs work on an open container whose lock is held, but for those that say otherwise.
 */
#pragma once
#include "runtime-min/container/handle.h"
#include "runtime-min/container/machine.h"
#include "runtime-min/container/record.h"
#include "runtime-min/container/store.h"

struct container {
    struct arena *arena;
    struct store store;
    struct slot slot;
    struct record record;
    struct error warning; /* of a verb that succeeded all the same: errnum 0, or what it did without */
};

#define CONTAINER_INIT(arena_) ((struct container){.arena = (arena_), .store.fd = -1, .slot = SLOT_INIT})

/* Closes; the arena stays. */
void container_close(struct container *container);
#define _container_ CLEANUP(container_close)

struct create_args {
    const char *id;
    const char *bundle;
    const char *config;         /* name of the file, or NULL */
    const char *runtime_config; /* path, or NULL */
    const char *console_socket; /* or NULL */
    const char *pidfd_socket;   /* or NULL */
    const char *pid_file;       /* or NULL */
    bool in_foreground;         /* `run`: the caller waits, and its terminal is the container's */
    bool without_group;         /* makes no control group on the host, whatever the bundle says */
};

/* Makes a container and its handle; container->store is open. On success the container is locked and complete but for
 * handle_release(), which the caller does when nothing can fail any more. On failure nothing is left. */
int container_create(struct container *container, const struct create_args *args, struct handle *ret_handle, struct error *err);
/* Runs the program of a created container, then the poststart hooks; when one of them fails the container is destroyed. */
int container_start(struct container *container, struct error *err);
/* Needs no lock. all: see guest_signal(). -ESRCH "container not running" when it has ended. */
int container_kill(struct container *container, int sig, bool all, struct error *err);
/* Removes the container and, with it, a machine of its own. force: also one that runs; everything that can be removed is, and
 * the guest is not waited for. */
int container_delete(struct container *container, bool force, struct error *err);
int container_pause(struct container *container, struct error *err);
int container_resume(struct container *container, struct error *err);

/* The connection to the container's machine for one piece of work (guest.h). No lock. */
int container_with_guest(struct container *container, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
                         struct error *err);
/* Runs hooks of the host with the state as their input. */
int container_run_hooks(const struct container *container, const struct oci_spec *spec, const char *kind,
                        enum status_kind status, struct error *err);
