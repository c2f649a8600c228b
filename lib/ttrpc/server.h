/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc server: accepts connections, decodes requests, runs each handler in a fiber, answers exactly once per stream.
 *
 * Two profiles share the code: the agent profile speaks with the codes and texts of Kata's agent (Rust ttrpc), the shim profile
 * with those of containerd's Go server. Reading never waits for a handler or for a slow reader; every queue has a bound. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "loop/loop.h"

struct ttrpc_server;

/* One call in progress: lives from the decoded request to the answer. Handlers allocate from arena. */
struct ttrpc_call {
    void *context; /* ttrpc_server_options.context */
    struct loop *loop;
    struct arena *arena; /* request, reply and everything else of the call */
    uint64_t deadline;   /* NO_DEADLINE if the client gave none */
    const struct ttrpc_method *method;
};

/* Runs in a fiber. request is decoded and checked (UTF-8, no NUL in strings); reply is initialised and its members are set from
 * call->arena. Returns 0, or a negative errno with err filled: status and text go to the client as they are.
 * When the deadline passes or the connection breaks the fiber is cancelled: waits return -ECANCELED, the result is dropped. */
typedef int (*ttrpc_handler)(struct ttrpc_call *call, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *err);

struct ttrpc_method {
    const char *service; /* "grpc.AgentService" */
    const char *name;    /* "CreateContainer" */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *reply;
    ttrpc_handler handler; /* NULL: answers UNIMPLEMENTED with the method's name */
};

/* A streaming method. Its handler runs in a fiber too, and talks through ttrpc_stream_recv() and ttrpc_stream_send(); its
 * result ends the stream. reply is the single result of a method whose server does not stream, and NULL otherwise. */
typedef int (*ttrpc_stream_handler)(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err);

struct ttrpc_stream_method {
    struct ttrpc_method method; /* its handler is not used */
    ttrpc_stream_handler handler;
    bool client_streams; /* the client sends any number of messages, otherwise one */
    bool server_streams; /* the handler sends any number of messages, otherwise one reply */
};

/* Memory for len bytes, not zeroed, that the reply's last field may point to: then they are sent from there, without a copy. It
 * lives as long as the call. NULL: more than the call may use. */
uint8_t *ttrpc_reply_bytes(struct ttrpc_call *call, size_t len);

/* Next message of the client, decoded into a; waits for it. Returns 1, 0 after the last one, or a negative errno with err
 * filled, to be passed on. */
int ttrpc_stream_recv(struct ttrpc_call *call, struct arena *a, ProtobufCMessage **ret_message, struct error *err);
/* Waits while the client does not read. 0, or a negative errno with err filled. */
int ttrpc_stream_send(struct ttrpc_call *call, const ProtobufCMessage *message, struct error *err);

enum ttrpc_profile {
    TTRPC_PROFILE_AGENT,
    TTRPC_PROFILE_SHIM,
};

struct ttrpc_server_options {
    enum ttrpc_profile profile;
    const struct ttrpc_method *methods; /* in any order */
    size_t n_methods;
    const struct ttrpc_stream_method *stream_methods;
    size_t n_stream_methods;
    void *context;
    size_t call_arena_bytes;      /* budget of one call's arena; 0: 32 MiB */
    unsigned int max_connections; /* 0: 64 */
    unsigned int max_calls;       /* in flight on one connection; 0: 4096 */
};

/* The methods must outlive the server. INVALID_ARGUMENT when two have the same name. */
int ttrpc_server_new(struct loop *loop, const struct ttrpc_server_options *options, struct ttrpc_server **ret_server,
                     struct error *err);
/* Takes over a listening socket (also when it fails). peer_allowed (may be NULL) sees each accepted descriptor before its first
 * byte is read; false closes it. */
int ttrpc_server_listen(struct ttrpc_server *server, int fd, bool (*peer_allowed)(int fd), struct error *err);
/* Takes over one connected socket (also when it fails). */
int ttrpc_server_adopt(struct ttrpc_server *server, int fd, struct error *err);
/* Graceful stop, from a fiber that is no handler: stops accepting and reading, waits for running handlers until the deadline,
 * cancels the rest, flushes finished replies (a peer that does not read them delays it by a second at most) and closes all
 * connections. Calls that only wait for events do not delay it: they are cancelled at once when cancel is true, and get no
 * answer when they return -ECANCELED. */
void ttrpc_server_shutdown(struct ttrpc_server *server, uint64_t deadline, bool cancel);
/* Closes all connections and cancels their calls; the memory goes when the last cancelled handler has returned. Accepts NULL.
 */
void ttrpc_server_free(struct ttrpc_server *server);
