/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"
#include "sys/sys.h"

#define CHANNEL_IN_SIZE (64 * 1024)
/* First size of the memory of a frame that does not fit into the read buffer: a header alone does not cost 4 MiB. */
#define BODY_STEP (256 * 1024)
#define STALL_NS (200 * NSEC_PER_MSEC)
/* The memory of large frames is kept this long for the next ones: getting it anew costs more than moving the frame. */
#define KEEP_NS NSEC_PER_SEC

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size);
    if (!p)
        abort();
    return p;
}

static bool channel_may_read(const struct channel *channel)
{
    if (channel->paused || channel->stopped || channel->closing || channel->broken)
        return false;
    return !channel->events->input_makes_output || !channel_is_full(channel);
}

/* ---- taking frames out of the received bytes ---- */

static size_t channel_buffered(const struct channel *channel)
{
    return channel->in_end - channel->in_start;
}

static void channel_consume(struct channel *channel, size_t len)
{
    channel->in_start += len;
    if (channel->in_start == channel->in_end)
        channel->in_start = channel->in_end = 0;
}

static void body_begin(struct channel *channel, const struct frame *frame)
{
    channel->large = *frame;
    channel->collecting = true;
    channel->body_len = 0;
}

/* How much more of the large frame its memory can take, at least one byte. */
static size_t body_room(struct channel *channel)
{
    if (channel->body_len == channel->body_cap) {
        size_t cap = channel->body_cap ? channel->body_cap * 2 : BODY_STEP;
        channel->body_cap = smaller(cap, FRAME_PAYLOAD_MAX);
        channel->body = xrealloc(channel->body, channel->body_cap);
    }
    return smaller(channel->body_cap, channel->large.length) - channel->body_len;
}

/* Memory of a large frame is not used any more. */
static void keep_for_a_while(struct channel *channel)
{
    timer_stop(&channel->keep);
    timer_start(channel->loop, &channel->keep, loop_deadline(channel->loop, KEEP_NS));
}

static void body_end(struct channel *channel)
{
    channel->collecting = false;
    keep_for_a_while(channel);
}

static void body_free(struct channel *channel)
{
    free(channel->body);
    channel->body = NULL;
    channel->body_cap = 0;
}

static void kept_long_enough(struct timer *timer)
{
    struct channel *channel = CONTAINER_OF(timer, struct channel, keep);

    if (!channel->collecting)
        body_free(channel);
    outq_trim(&channel->out);
}

/* Offers a whole frame. False: it was not taken. */
static bool channel_offer(struct channel *channel, const struct frame *frame)
{
    channel->paused = channel->events->frame(channel, frame) < 0;
    if (!channel->paused)
        timer_stop(&channel->stall);
    return !channel->paused;
}

/* Moves received bytes into the large frame and offers it when it is whole. False: nothing more can be taken now. */
static bool channel_take_large(struct channel *channel)
{
    while (channel->body_len < channel->large.length) {
        if (channel_buffered(channel) == 0)
            return false;
        size_t len = smaller(channel_buffered(channel), body_room(channel));
        memcpy(channel->body + channel->body_len, channel->in + channel->in_start, len);
        channel->body_len += len;
        channel_consume(channel, len);
    }

    channel->large.payload = channel->body;
    if (!channel_offer(channel, &channel->large))
        return false;
    body_end(channel);
    return true;
}

static void channel_take_oversize(struct channel *channel, const struct frame *frame)
{
    channel_consume(channel, FRAME_HEADER_SIZE);
    channel->events->oversize(channel, frame);
    if (frame->length >= FRAME_LENGTH_RESERVED)
        channel->closing = true;
    else
        channel->discard = frame->length;
}

/* Takes one frame, or the start of a large one. False: nothing more can be taken now. */
static bool channel_take_frame(struct channel *channel)
{
    struct frame frame = {.payload = channel->in + channel->in_start + FRAME_HEADER_SIZE};

    if (channel_buffered(channel) < FRAME_HEADER_SIZE)
        return false;
    frame_read_header(channel->in + channel->in_start, &frame);
    if (frame.length > FRAME_PAYLOAD_MAX) {
        channel_take_oversize(channel, &frame);
        return true;
    }
    if (frame.length > CHANNEL_IN_SIZE - FRAME_HEADER_SIZE) {
        body_begin(channel, &frame);
        channel_consume(channel, FRAME_HEADER_SIZE);
        return true;
    }
    if (channel_buffered(channel) < FRAME_HEADER_SIZE + frame.length)
        return false;
    if (!channel_offer(channel, &frame))
        return false;
    channel_consume(channel, FRAME_HEADER_SIZE + frame.length);
    return true;
}

static bool channel_discard(struct channel *channel)
{
    size_t len = smaller(channel->discard, channel_buffered(channel));

    channel->discard -= len;
    channel_consume(channel, len);
    return channel->discard == 0;
}

static void channel_take(struct channel *channel)
{
    bool more = true;

    while (more && channel_may_read(channel)) {
        if (channel->discard)
            more = channel_discard(channel);
        else if (channel->collecting)
            more = channel_take_large(channel);
        else
            more = channel_take_frame(channel);
    }
}

/* ---- the socket ---- */

/* One read: the rest of a large frame goes straight into its memory, what follows it into the read buffer. */
static void channel_receive(struct channel *channel)
{
    struct iovec iov[2];
    struct msghdr msg = {.msg_iov = iov};
    size_t direct = 0;

    if (channel->in_start > 0) {
        memmove(channel->in, channel->in + channel->in_start, channel_buffered(channel));
        channel->in_end -= channel->in_start;
        channel->in_start = 0;
    }
    if (channel->collecting) {
        direct = body_room(channel);
        iov[msg.msg_iovlen++] = (struct iovec){channel->body + channel->body_len, direct};
    }
    if (!channel->collecting || channel->body_len + direct == channel->large.length)
        iov[msg.msg_iovlen++] = (struct iovec){channel->in + channel->in_end, CHANNEL_IN_SIZE - channel->in_end};

    ssize_t n = sys_recvmsg(channel->fd, &msg, MSG_DONTWAIT);
    if (n == -EAGAIN)
        return;
    if (n <= 0) {
        channel->broken = true;
        return;
    }
    direct = smaller(direct, (size_t)n);
    channel->body_len += direct;
    channel->in_end += (size_t)n - direct;
}

static void channel_flush(struct channel *channel)
{
    if (channel->out.bytes == 0)
        return;
    if (channel->fd < 0) {
        outq_done(&channel->out);
        return;
    }
    int r = outq_send(&channel->out, channel->fd);
    if (channel->out.large_spare)
        keep_for_a_while(channel);
    if (r < 0 && r != -EAGAIN)
        channel->broken = true;
    else if (!channel_is_full(channel))
        channel->events->room(channel);
}

/* Asks for the events that matter now. While nothing is read, the peer's end is still noticed. */
static int channel_watch(struct channel *channel)
{
    uint32_t events = channel_may_read(channel) ? EPOLLIN : EPOLLRDHUP;

    if (channel->out.bytes > 0 && channel->turn.slot == 0)
        events |= EPOLLOUT;
    return channel->fd < 0 ? 0 : watch_modify(&channel->watch, events);
}

/* Ends every entry from the loop: takes what can be taken, then either reports the loss or watches for what is needed next. */
static void channel_settle(struct channel *channel)
{
    channel_take(channel);
    if (channel->closing) {
        channel_flush(channel);
        channel->broken = true;
    }
    if (!channel->broken && channel_watch(channel) == 0)
        return;
    channel_done(channel);
    channel->events->lost(channel);
}

static void channel_ready(struct watch *watch, uint32_t events)
{
    struct channel *channel = CONTAINER_OF(watch, struct channel, watch);
    const bool input = events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP);

    if (events & EPOLLOUT)
        channel_flush(channel);
    if (input && channel_may_read(channel))
        channel_receive(channel);
    else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        channel->broken = true;
    channel_settle(channel);
}

static void channel_turn(struct timer *timer)
{
    struct channel *channel = CONTAINER_OF(timer, struct channel, turn);

    channel->turn_takes = false;
    channel_flush(channel);
    channel_settle(channel);
}

static void channel_next_turn(struct channel *channel)
{
    if (channel->turn.slot == 0)
        timer_start(channel->loop, &channel->turn, 0);
}

static void channel_stall_expired(struct timer *timer)
{
    struct channel *channel = CONTAINER_OF(timer, struct channel, stall);

    channel->stall_over = true;
    channel->paused = false;
    channel_settle(channel);
}

/* ---- interface ---- */

int channel_init(struct channel *channel, struct loop *loop, int fd, const struct channel_events *events, struct error *err)
{
    *channel = (struct channel){
        .events = events,
        .loop = loop,
        .fd = fd,
        .watch.ready = channel_ready,
        .turn.expired = channel_turn,
        .stall.expired = channel_stall_expired,
        .keep.expired = kept_long_enough,
        .in = xrealloc(NULL, CHANNEL_IN_SIZE),
    };
    outq_init(&channel->out);
    int r = fd < 0 ? 0 : watch_start(loop, &channel->watch, fd, EPOLLIN);
    if (r < 0) {
        channel_done(channel);
        return error_set(err, r, "watch connection");
    }
    return 0;
}

void channel_done(struct channel *channel)
{
    watch_stop(&channel->watch);
    timer_stop(&channel->turn);
    timer_stop(&channel->stall);
    timer_stop(&channel->keep);
    fd_close(&channel->fd);
    outq_done(&channel->out);
    body_free(channel);
    free(channel->in);
    channel->in = NULL;
    channel->in_start = channel->in_end = 0;
    channel->broken = true;
}

uint8_t *channel_send(struct channel *channel, const struct frame *frame)
{
    uint8_t *p = outq_add(&channel->out, FRAME_HEADER_SIZE + frame->length);

    frame_write_header(p, frame);
    channel_next_turn(channel);
    return p + FRAME_HEADER_SIZE;
}

struct outq_chunk *channel_reserve(struct channel *channel, size_t len)
{
    return outq_reserve(&channel->out, len);
}

uint8_t *channel_send_reserved(struct channel *channel, const struct frame *frame, struct outq_chunk *chunk, size_t len)
{
    uint8_t *p = outq_push(&channel->out, chunk, FRAME_HEADER_SIZE + frame->length - len, len);

    frame_write_header(p, frame);
    channel_next_turn(channel);
    return p + FRAME_HEADER_SIZE;
}

void channel_release(struct channel *channel, struct outq_chunk *chunk)
{
    outq_release(&channel->out, chunk);
    if (channel->out.large_spare)
        keep_for_a_while(channel);
}

int channel_stall(struct channel *channel)
{
    if (channel->stall_over)
        return 0;
    if (channel->stall.slot == 0)
        timer_start(channel->loop, &channel->stall, loop_deadline(channel->loop, STALL_NS));
    return -EAGAIN;
}

/* Whatever else is to be done stays for the next turn: taking frames again, watching a socket that took not all, the loss. */
void channel_send_now(struct channel *channel)
{
    const bool was_full = channel_is_full(channel);

    channel_flush(channel);
    if (!was_full && channel->out.bytes == 0 && !channel->turn_takes && !channel->broken)
        timer_stop(&channel->turn);
}

/* The timer of a stalled frame goes on: it bounds the whole wait. */
void channel_resume(struct channel *channel)
{
    channel->stall_over = false;
    if (!channel->paused)
        return;
    channel->paused = false;
    channel->turn_takes = true;
    channel_next_turn(channel);
}

void channel_stop_reading(struct channel *channel)
{
    channel->stopped = true;
    channel->turn_takes = true;
    channel_next_turn(channel);
}

void channel_feed(struct channel *channel, const uint8_t *p, size_t len)
{
    while (len > 0 && channel_may_read(channel)) {
        size_t part = smaller(len, CHANNEL_IN_SIZE - channel->in_end);
        memcpy(channel->in + channel->in_end, p, part);
        channel->in_end += part;
        p += part;
        len -= part;
        channel_take(channel);
    }
}
