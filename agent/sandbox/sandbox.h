/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox: what the containers of one VM share, and the table of containers. */
#pragma once
#include <stdbool.h>

#include "agent/sandbox/oom_queue.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "loop/reaper.h"
#include "oci/spec.h"

struct agent;
struct container;

struct sandbox {
    bool running;
    char *id;       /* malloc'ed, "" before CreateSandbox */
    char *hostname; /* malloc'ed */
    struct list containers;
    int ipc_fd; /* shared namespaces, -1 before CreateSandbox */
    int uts_fd;
    int pid_fd;                        /* pid namespace of pid_owner, -1 while there is none */
    const struct container *pid_owner; /* the first container: later ones may share its pid namespace while it lives */
    struct oom_queue oom;
    struct oci_hooks hooks;    /* the image's, for all containers */
    struct arena *hooks_arena; /* in which they live, or NULL */
};

void sandbox_init(struct sandbox *sandbox);
/* Frees what the sandbox owns; all containers must be gone. */
void sandbox_done(struct sandbox *sandbox);

/* Sets id and host name and makes the shared ipc and uts namespaces (from a fiber). A second call replaces them: containers
 * that run keep theirs. On failure the sandbox is as before. */
int sandbox_create(struct sandbox *sandbox, struct reaper *reaper, const char *id, const char *hostname, struct error *err);

/* Looks for the hooks of the image (guest_hooks.h), in the place of those that were found before. */
void sandbox_find_hooks(struct sandbox *sandbox, const char *path, const struct logger *log);

/* Points the spec's ipc, uts and pid entries at what the sandbox shares; the strings live in a.
 * Host pid entries are dropped and one is appended: shared when share_pid asks for it, else new.
 * INTERNAL "Sandbox does not have sandbox_pidns" when it should be shared and cannot. */
int sandbox_share_namespaces(const struct sandbox *sandbox, struct arena *a, struct oci_linux *linux_, bool share_pid,
                             struct error *err);

/* Registered and not being created or removed; else NULL. */
struct container *sandbox_find(const struct sandbox *sandbox, const char *id);
/* Whether the id is taken by a container in any state. */
bool sandbox_has(const struct sandbox *sandbox, const char *id);
