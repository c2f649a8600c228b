/* SPDX-License-Identifier: Apache-2.0 */
/* What unary calls and streams of the client share. */
#pragma once
#include "ttrpc/channel.h"
#include "ttrpc/client.h"
#include "ttrpc/envelope.h"
#include "ttrpc/idmap.h"

struct ttrpc_client {
    struct channel channel;
    struct idmap pending;
    struct list exchanges; /* all that have not ended, in the order they were begun */
    uint32_t next_id;      /* odd; ids are given out in the order in which the requests are queued */
};

/* One call or stream in the client's books. Its owner must not touch the client once ended is set: it may be gone. */
struct exchange {
    struct ttrpc_client *client;
    struct list node;
    struct idmap_entry pending;
    struct waitq changed;
    bool ended;
    /* A frame for this exchange: 0, or the -EAGAIN of channel_stall(). */
    int (*frame)(struct exchange *exchange, const struct frame *frame);
    /* The exchange has ended without its answer; err tells why. */
    void (*failed)(struct exchange *exchange, const struct error *err);
};

/* What is asked for: the head of a request. */
struct exchange_request {
    const char *service;
    const char *method;
    const ProtobufCMessage *message; /* NULL: no payload */
    uint64_t timeout_ns;
    uint8_t flags;
};

/* Queues the request, after waiting for room until the deadline. 0, or a negative errno with err filled and nothing queued. */
int exchange_begin(struct exchange *exchange, struct ttrpc_client *client, const struct exchange_request *request,
                   uint64_t deadline, struct error *err);
/* Waits for changed. 0, or a negative errno with err filled (deadline, cancelled fiber). */
int exchange_wait(struct exchange *exchange, uint64_t deadline, struct error *err);
/* Waits until the write queue has room. */
int exchange_wait_room(struct exchange *exchange, uint64_t deadline, struct error *err);
/* Takes it out of the books; harmless when it has ended. */
void exchange_end(struct exchange *exchange);
int error_closed(struct error *err);
int error_oversize(struct error *err, size_t length);
/* A frame of a type that has no business here; kind as Go prints it. */
int error_unexpected(struct error *err, uint8_t type);
/* Decodes a RESPONSE: 0 with the payload, or a negative errno with the server's status (or a decoder's reason) in err. */
int response_payload(const struct frame *frame, struct bytes *ret_payload, struct error *err);
int reply_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, struct bytes payload, ProtobufCMessage **ret_reply,
                 struct error *err);
