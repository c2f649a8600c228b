/* SPDX-License-Identifier: Apache-2.0 */
/* The agent of a virtual machine.
 *
 * Everything the guest says is untrusted. Failures are worded as callers of OCI runtimes expect them: they look for phrases. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "loop/loop.h"
#include "oci/spec.h"
#include "proto/agent.pb-c.h"
#include "runtime-min/container/guest_dial.h"
#include "ttrpc/client.h"

#define GUEST_TIMEOUT_NS (60 * NSEC_PER_SEC)

struct guest {
    struct loop *loop;
    struct ttrpc_client *client;
};

/* Connected to the agent's port; blocks at most ten seconds. */
int guest_dial_agent(const struct guest_address *address, struct error *err);
/* Runs fn(guest, arg) in a fiber of a loop of its own, connected to the agent, and returns its result. fn gets an error also
 * when err is NULL. */
int guest_run(const struct guest_address *address, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
              struct error *err);

/* One call from a fiber. reply_type NULL: nothing of interest comes back. timeout_ns 0: none. */
int guest_call(struct guest *guest, const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *reply_type, struct arena *a, uint64_t timeout_ns, ProtobufCMessage **ret_reply,
               struct error *err);

/* A process in the guest: exec_id is empty for a container's first process. */
struct guest_process {
    const char *container_id;
    const char *exec_id;
};

int guest_create(struct guest *guest, const char *id, Grpc__Spec *spec, bool shares_pid, struct error *err);
int guest_start(struct guest *guest, const char *id, struct error *err);
int guest_exec(struct guest *guest, const struct guest_process *process, Grpc__Process *spec, struct error *err);
/* all: every process of the container, for SIGKILL. NOT_FOUND when it has ended. SIGKILL waits 10 s for the answer, not 60. */
int guest_signal(struct guest *guest, const struct guest_process *process, int sig, bool all, struct error *err);
int guest_remove(struct guest *guest, const char *id, uint64_t timeout_ns, struct error *err);
int guest_pause(struct guest *guest, const char *id, struct error *err);
int guest_resume(struct guest *guest, const char *id, struct error *err);
int guest_update(struct guest *guest, const char *id, Grpc__LinuxResources *resources, struct error *err);
int guest_resize(struct guest *guest, const struct guest_process *process, unsigned int rows, unsigned int columns,
                 struct error *err);
/* Writes the name of a container into the form that agents accept: two characters or more, a letter or digit first, no '+'. */
int guest_id_from(const char *id, struct arena *a, const char **ret_guest_id, struct error *err);
