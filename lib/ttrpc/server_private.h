/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the server share. */
#pragma once
#include "ttrpc/profile.h"
#include "ttrpc/route.h"
#include "ttrpc/server.h"

struct ttrpc_server {
    struct loop *loop;
    struct ttrpc_server_options options; /* defaults filled in */
    const struct profile *profile;
    struct routes routes;
    struct list listeners;
    struct list connections;
    unsigned int n_connections;
    struct list spare_calls; /* ended calls for reuse */
    unsigned int n_spare_calls;
    unsigned int n_running; /* calls whose fiber has not ended, of gone connections too */
    struct waitq changed;   /* a call has ended or a write queue has emptied */
    bool released;          /* ttrpc_server_free() waits for n_running to become 0 */
};

/* A call's fiber has ended: the last thing that it does with the server. */
void server_call_ended(struct ttrpc_server *server);
