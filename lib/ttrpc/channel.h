/* SPDX-License-Identifier: Apache-2.0 */
/* Channel: frames over one connected socket, for either side.
 *
 * Reads what is there, hands over whole frames, drops oversized ones through a fixed buffer, and queues what is to be sent; it
 * never waits. Frames of one turn of the loop leave in one sendmsg at the start of the next, or earlier on demand. Everything a
 * peer can make it hold is bounded: one read buffer, one frame (its memory grows as the bytes arrive), and a write queue that
 * stops the reading when it is full. Any end or error of the socket is the loss of the channel, reported once. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "ttrpc/frame.h"
#include "ttrpc/outq.h"

/* A write queue of this size is full: a server's peer has to read before anything more is read from it. */
#define CHANNEL_OUT_MAX (256 * 1024)

struct channel;

struct channel_events {
    /* Reading stops while the write queue is full. Of two connected channels at most one may do so, or both could wait for
     * ever. */
    bool input_makes_output;
    /* A whole frame; its payload is valid during the call. 0, or the -EAGAIN of channel_stall(): not now. */
    int (*frame)(struct channel *channel, const struct frame *frame);
    /* The header of a frame that is too long; its payload is dropped. */
    void (*oversize)(struct channel *channel, const struct frame *frame);
    /* The write queue has room (again). */
    void (*room)(struct channel *channel);
    /* The socket is closed and nothing is called any more; may free the channel. */
    void (*lost)(struct channel *channel);
};

struct channel {
    const struct channel_events *events;
    struct loop *loop;
    int fd;
    struct watch watch;
    struct timer turn;  /* work at the start of the next turn: send, offer frames again, report the loss */
    bool turn_takes;    /* that work is more than sending */
    bool paused;        /* the frame at the head was not taken */
    struct timer stall; /* bounds how long that frame may block those behind it */
    bool stall_over;
    bool stopped; /* channel_stop_reading() */
    bool closing; /* the peer does not speak ttrpc: send what is queued, then close */
    bool broken;
    uint8_t *in; /* CHANNEL_IN_SIZE bytes, of which [in_start, in_end) are received and not yet taken */
    size_t in_start;
    size_t in_end;
    struct frame large; /* header of the frame that is collected in body */
    bool collecting;
    uint8_t *body;
    size_t body_len;
    size_t body_cap;
    struct timer keep; /* frees the memory of large frames when there are none for a while */
    size_t discard;    /* bytes of an oversized frame that are still to be dropped */
    struct outq out;
};

/* Takes over fd. A channel with fd -1 has no socket: channel_feed() gives it bytes, and what it sends is dropped. */
int channel_init(struct channel *channel, struct loop *loop, int fd, const struct channel_events *events, struct error *err);
/* Closes; lost is not called. Harmless after the loss. */
void channel_done(struct channel *channel);

/* Queues a frame and returns the place of its payload (frame->length bytes), to be filled at once. */
uint8_t *channel_send(struct channel *channel, const struct frame *frame);
/* Memory for len bytes that a frame may end with, so that they need no copy: outq_body(). It goes back with channel_release(),
 * or into a frame: its last len bytes are the first ones of the chunk's body, those before them (at most OUTQ_HEAD_MAX with the
 * header) are to be filled at the place that is returned. */
struct outq_chunk *channel_reserve(struct channel *channel, size_t len);
uint8_t *channel_send_reserved(struct channel *channel, const struct frame *frame, struct outq_chunk *chunk, size_t len);
void channel_release(struct channel *channel, struct outq_chunk *chunk);
/* Sends what is queued now instead of in the next turn: for an answer that no other will join. */
void channel_send_now(struct channel *channel);
/* Frames of a handler wait while this holds; answers to refused requests need not. */
static inline bool channel_is_full(const struct channel *channel)
{
    return channel->out.bytes >= CHANNEL_OUT_MAX;
}
/* For events->frame: there is no place for this frame. -EAGAIN: return that, the frame is offered again after channel_resume()
 * or a fifth of a second. 0: that time is over, refuse it. Once it is over no frame stalls before the next channel_resume(), so
 * that small calls are not held up by every single frame of a large backlog. */
int channel_stall(struct channel *channel);
/* Something that a stalled frame may wait for has changed. */
void channel_resume(struct channel *channel);
/* Nothing more is received or offered; sending and the detection of a loss go on. */
void channel_stop_reading(struct channel *channel);
/* As if len bytes had been received. Only for a channel without a socket. */
void channel_feed(struct channel *channel, const uint8_t *p, size_t len);
