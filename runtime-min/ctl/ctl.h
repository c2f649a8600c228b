/* SPDX-License-Identifier: Apache-2.0 */
/* tatami-ctl: talks to an agent from the command line. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "loop/loop.h"
#include "ttrpc/client.h"

/* One invocation: runs in a fiber, connected. */
struct ctl {
    struct loop *loop;
    struct ttrpc_client *client;
    struct arena *arena;
    uint64_t timeout_ns; /* 0: none */
    char **args;         /* after the command's name, n_args of them */
    int n_args;
    int exit_code; /* set by a command that succeeded */
    struct error err;
};

/* One call of grpc.AgentService or grpc.Health, by "Method" or "Service/Method"; the reply lives in ctl->arena. */
int ctl_request(struct ctl *ctl, const char *method, const ProtobufCMessage *request, ProtobufCMessage **ret_reply);

/* Commands: 0, or a negative errno with ctl->err filled. */
int ctl_call(struct ctl *ctl);
int ctl_methods(struct ctl *ctl);
int ctl_run(struct ctl *ctl);
