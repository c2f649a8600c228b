/* SPDX-License-Identifier: Apache-2.0 */
/* One call on a server's connection: from the decoded request to the single answer.
 *
 * A call is live until its answer is queued; its fiber may go on for a while (after a deadline or a protocol slip), and then
 * its result is dropped. It belongs to its connection until the fiber ends or the connection goes, whichever is first; after
 * that it belongs to its fiber alone. Ended calls are kept by the server, with their first arena block, for the next requests.
 */
#pragma once
#include "ttrpc/connection.h"
#include "ttrpc/idmap.h"
#include "ttrpc/route.h"
#include "ttrpc/server.h"
#include "ttrpc/stream.h"

struct call {
    struct ttrpc_call public;
    struct list node;        /* in connection->calls, or in server->spare_calls */
    struct idmap_entry live; /* in connection->live until it is answered */
    struct ttrpc_server *server;
    struct connection *connection; /* NULL once it is gone */
    struct fiber *fiber;           /* NULL before it is started */
    struct timer timer;            /* the deadline */
    size_t charge;                 /* request bytes counted against the connection */
    bool answered;
    bool cancelled;                                  /* by a shutdown: no answer if the handler gives up */
    const struct ttrpc_stream_method *stream_method; /* NULL: unary */
    ProtobufCMessage *request;                       /* of a unary call */
    struct outq_chunk *reserved;                     /* of ttrpc_reply_bytes() */
    struct stream stream;                            /* of a streaming call */
};

/* A live call on that stream; not started yet. */
struct call *call_new(struct connection *connection, uint32_t stream_id, const struct route *route);
/* Gives back a call that was not started. */
void call_discard(struct call *call);
/* Decodes a request message into the call's arena. */
int call_decode(struct call *call, struct bytes payload, ProtobufCMessage **ret_message, struct error *err);
/* timeout_ns 0: none. Returns 0, or -errno and the call is not started. */
int call_start(struct call *call, uint64_t timeout_ns);
/* The call has its answer (somebody else sends it): later results are dropped and the handler is asked to stop. */
void call_settle(struct call *call);
/* For a shutdown: asks the handler to stop; it may still answer. */
void call_cancel(struct call *call);
/* The connection is going: nothing is sent any more. */
void call_detach(struct call *call);
/* Frees all spare calls. */
void calls_free_spare(struct ttrpc_server *server);
