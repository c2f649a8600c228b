/* SPDX-License-Identifier: Apache-2.0 */
/* A server under test with a raw peer, both in one loop: the test itself runs in a fiber and speaks bytes. */
#pragma once
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/heap.h"
#include "loop/loop.h"
#include "sys/fd.h"
#include "sys/sys.h"
#include "ttrpc/envelope.h"
#include "ttrpc/frame.h"
#include "ttrpc_services.h"

#define PATIENCE_NS (5 * NSEC_PER_SEC)
#define HANG_S 60 /* a test that takes longer is stuck */

struct harness {
    struct loop *loop;
    struct ttrpc_server *server;
    struct world world;
    void (*test)(struct harness *h);
    const void *arg; /* for the test */
    int peer;        /* raw end of the server's first connection */
};

static inline void harness_pair(int fds[2])
{
    assert_int_equal(sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

/* A further connection; returns the raw end. */
static inline int harness_connect(struct harness *h)
{
    int fds[2];

    harness_pair(fds);
    assert_int_equal(ttrpc_server_adopt(h->server, fds[1], NULL), 0);
    return fds[0];
}

static void harness_fiber(void *arg)
{
    struct harness *h = arg;

    h->test(h);
    fd_close(&h->peer);
    ttrpc_server_free(h->server);
}

static inline void harness_run_options(void (*test)(struct harness *h), enum ttrpc_profile profile,
                                       void (*tweak)(struct ttrpc_server_options *options), const void *arg)
{
    struct harness h = {.test = test, .arg = arg, .world.big_reply = 5 * 1024 * 1024};
    struct ttrpc_server_options options = test_options(&h.world, profile);

    alarm(HANG_S);
    if (tweak)
        tweak(&options);
    assert_int_equal(loop_new(&h.loop, NULL), 0);
    assert_int_equal(ttrpc_server_new(h.loop, &options, &h.server, NULL), 0);
    h.peer = harness_connect(&h);
    assert_int_equal(fiber_start(h.loop, "test", harness_fiber, &h, NULL), 0);
    assert_int_equal(loop_run(h.loop, NULL), 0);
    loop_free(h.loop);
    alarm(0);
}

static inline void harness_run(void (*test)(struct harness *h), enum ttrpc_profile profile)
{
    harness_run_options(test, profile, NULL, NULL);
}

/* Lets the server do what it can do now. */
static inline void harness_settle(struct harness *h)
{
    for (int i = 0; i < 5; i++)
        fiber_yield(h->loop);
}

/* ---- the raw peer ---- */

/* False when the server has closed the connection. */
static inline bool peer_write(struct harness *h, int fd, const void *p, size_t len)
{
    const uint8_t *bytes = p;

    while (len > 0) {
        struct iovec iov = {(void *)bytes, len};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n = sys_sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == -EAGAIN)
            assert_true(fiber_wait_fd(h->loop, fd, EPOLLOUT, loop_deadline(h->loop, PATIENCE_NS)) > 0);
        else if (n < 0)
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Reads exactly len bytes. False at the end of the stream; fails the test after the wait. */
static inline bool peer_read(struct harness *h, int fd, void *p, size_t len, uint64_t wait_ns)
{
    const uint64_t deadline = loop_deadline(h->loop, wait_ns);
    uint8_t *bytes = p;

    while (len > 0) {
        ssize_t n = sys_read(fd, bytes, len);
        if (n == -EAGAIN) {
            assert_true(fiber_wait_fd(h->loop, fd, EPOLLIN, deadline) > 0);
            continue;
        }
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

struct reply {
    struct frame frame;
    uint8_t *payload; /* malloc */
};

static inline void reply_free(struct reply *reply)
{
    free(reply->payload);
    reply->payload = NULL;
}

/* False when the server has closed the connection. */
static inline bool peer_read_frame(struct harness *h, int fd, struct reply *ret_reply)
{
    uint8_t header[FRAME_HEADER_SIZE];

    if (!peer_read(h, fd, header, sizeof(header), PATIENCE_NS))
        return false;
    frame_read_header(header, &ret_reply->frame);
    assert_true(ret_reply->frame.length <= FRAME_PAYLOAD_MAX);
    ret_reply->payload = malloc(ret_reply->frame.length + 1);
    assert_non_null(ret_reply->payload);
    assert_true(peer_read(h, fd, ret_reply->payload, ret_reply->frame.length, PATIENCE_NS));
    return true;
}

/* True when nothing comes for a while and the connection is open. */
static inline bool peer_is_quiet(struct harness *h, int fd, uint64_t wait_ns)
{
    return fiber_wait_fd(h->loop, fd, EPOLLIN, loop_deadline(h->loop, wait_ns)) == -ETIMEDOUT;
}

/* ---- raw frames ---- */

static inline uint8_t *request_frame(const char *service, const char *method, uint32_t stream, size_t payload_len,
                                     size_t *ret_size)
{
    const struct envelope_request head = {
        .service = {(const uint8_t *)service, strlen(service)},
        .method = {(const uint8_t *)method, strlen(method)},
        .payload.len = payload_len,
    };
    const struct frame frame = {.length = (uint32_t)envelope_request_size(&head), .stream = stream, .type = FRAME_REQUEST};
    uint8_t *bytes = calloc(1, FRAME_HEADER_SIZE + frame.length);

    assert_non_null(bytes);
    frame_write_header(bytes, &frame);
    envelope_put_request(bytes + FRAME_HEADER_SIZE, &head);
    *ret_size = FRAME_HEADER_SIZE + frame.length;
    return bytes;
}

static inline bool send_request(struct harness *h, int fd, const char *service, const char *method, uint32_t stream)
{
    size_t size;
    uint8_t *bytes = request_frame(service, method, stream, 0, &size);
    bool r = peer_write(h, fd, bytes, size);

    free(bytes);
    return r;
}

static inline bool send_data(struct harness *h, int fd, uint32_t stream, uint8_t flags, const void *p, size_t len)
{
    const struct frame frame = {.length = (uint32_t)len, .stream = stream, .type = FRAME_DATA, .flags = flags};
    uint8_t *bytes = malloc(FRAME_HEADER_SIZE + len);

    assert_non_null(bytes);
    frame_write_header(bytes, &frame);
    if (len)
        memcpy(bytes + FRAME_HEADER_SIZE, p, len);
    bool r = peer_write(h, fd, bytes, FRAME_HEADER_SIZE + len);
    free(bytes);
    return r;
}

/* The status code of the next frame, which must be a RESPONSE on that stream. */
static inline int read_status(struct harness *h, int fd, uint32_t stream)
{
    struct envelope_response response;
    struct reply reply;
    const char *reason;

    assert_true(peer_read_frame(h, fd, &reply));
    assert_int_equal(reply.frame.type, FRAME_RESPONSE);
    assert_int_equal(reply.frame.stream, stream);
    assert_int_equal(envelope_decode_response((struct bytes){reply.payload, reply.frame.length}, &response, &reason), 0);
    reply_free(&reply);
    return response.code;
}

static inline void serve_check(struct harness *h, int fd, uint32_t stream)
{
    assert_true(send_request(h, fd, "grpc.Health", "Check", stream));
    assert_int_equal(read_status(h, fd, stream), STATUS_OK);
}

/* ---- what may leak ---- */

static inline unsigned int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* The next frame, a RESPONSE on that stream, must carry this status. */
static inline void expect_status(struct harness *h, uint32_t stream, int code, const char *text)
{
    struct envelope_response response;
    struct reply reply;
    const char *reason;

    assert_true(peer_read_frame(h, h->peer, &reply));
    assert_int_equal(reply.frame.stream, stream);
    assert_int_equal(envelope_decode_response((struct bytes){reply.payload, reply.frame.length}, &response, &reason), 0);
    assert_int_equal(response.code, code);
    assert_int_equal(response.message.len, strlen(text));
    assert_memory_equal(response.message.p, text, strlen(text));
    reply_free(&reply);
}

static inline void send_health(struct harness *h, const char *method, uint32_t stream)
{
    assert_true(send_request(h, h->peer, "grpc.Health", method, stream));
}

/* A request whose payload is one bytes field (3) of len zeros. */
static inline void send_large(struct harness *h, const char *method, uint32_t stream, size_t len)
{
    size_t size;
    uint8_t *bytes = request_frame("grpc.Health", method, stream, wire_bytes_size(len), &size);

    wire_put_length(bytes + size - wire_bytes_size(len), 3, len);
    assert_true(peer_write(h, h->peer, bytes, size));
    free(bytes);
}
