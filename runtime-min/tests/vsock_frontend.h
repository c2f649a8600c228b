/* SPDX-License-Identifier: Apache-2.0 */
/* The frontend, for tests of the device: what QEMU says on the vhost-user socket. */
#pragma once
#include "runtime-min/tests/vsock_guest.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include "runtime-min/vsock/vhost_request.h"

enum {
    GET_FEATURES = 1,
    SET_FEATURES,
    SET_OWNER,
    RESET_OWNER,
    SET_MEM_TABLE,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR,
    SET_VRING_BASE,
    GET_VRING_BASE,
    SET_VRING_KICK,
    SET_VRING_CALL,
    SET_VRING_ERR,
    GET_PROTOCOL_FEATURES,
    SET_PROTOCOL_FEATURES,
    GET_QUEUE_NUM,
    SET_VRING_ENABLE,
    GET_CONFIG = 24,
    SET_CONFIG,
    GET_MAX_MEM_SLOTS = 36,
    ADD_MEM_REG,
    REM_MEM_REG,
};

#define NEED_REPLY (VHOST_VERSION | VHOST_FLAG_NEED_REPLY)
#define OFFERED UINT64_C(0x160000000)

struct frontend {
    int fd;
    struct guest guest;
    int kick[2], call[2]; /* eventfds */
};

/* Sends bytes as they are, with n descriptors. */
static inline ssize_t frontend_try(struct frontend *frontend, const void *p, size_t len, const int *fds, unsigned int n)
{
    char control[CMSG_SPACE(16 * sizeof(int))] = {0};
    struct iovec iov = {(void *)p, len};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    return sendmsg(frontend->fd, &message, MSG_NOSIGNAL);
}

/* Says the next message of a script, of which *at bytes are said already: a byte for its descriptors (low bits: how many; the
 * high bit: memory, not events), one for its length, and the bytes themselves. False at the end of either. */
static inline bool frontend_recite(struct frontend *frontend, const uint8_t *script, size_t size, size_t *at)
{
    int fds[16];

    if (*at + 2 >= size)
        return false;
    size_t len = script[*at + 1] < size - *at - 2 ? script[*at + 1] : size - *at - 2;
    for (unsigned int i = 0; i < 16; i++)
        fds[i] = script[*at] & 128 ? frontend->guest.memfd : frontend->kick[0];
    ssize_t r = frontend_try(frontend, script + *at + 2, len, fds, script[*at] & 15);
    *at += 2 + len;
    return r >= 0;
}

static inline void frontend_raw(struct frontend *frontend, const void *p, size_t len, const int *fds, unsigned int n)
{
    assert_int_equal(frontend_try(frontend, p, len, fds, n), (ssize_t)len);
}

static inline void frontend_say(struct frontend *frontend, uint32_t request, uint32_t flags, const void *payload, size_t len,
                                const int *fds, unsigned int n)
{
    const struct vhost_header header = {request, flags, (uint32_t)len};
    char message[sizeof(header) + VHOST_USER_PAYLOAD_MAX + 1];

    memcpy(message, &header, sizeof(header));
    if (len > 0)
        memcpy(message + sizeof(header), payload, len);
    frontend_raw(frontend, message, sizeof(header) + len, fds, n);
}

/* The answer's payload; fails unless there is one, to this request. */
static inline size_t frontend_answer(struct frontend *frontend, uint32_t request, union vhost_payload *ret_payload)
{
    struct vhost_header header = {0, 0, 0};
    struct iovec iov[2] = {{&header, sizeof(header)}, {ret_payload, sizeof(*ret_payload)}};

    check_int("answer", readv(frontend->fd, iov, 2), sizeof(header) + header.size);
    check_int("request", header.request, request);
    check_int("flags", header.flags, VHOST_VERSION | VHOST_FLAG_REPLY);
    return header.size;
}

static inline void frontend_number(struct frontend *frontend, uint32_t request, uint32_t flags, uint64_t number, int fd)
{
    frontend_say(frontend, request, flags, &number, sizeof(number), &fd, fd >= 0);
}

static inline void frontend_state(struct frontend *frontend, uint32_t request, uint32_t index, uint32_t num)
{
    frontend_say(frontend, request, VHOST_VERSION, &(struct vhost_ring_state){index, num}, 8, NULL, 0);
}

static inline void frontend_memory(struct frontend *frontend, uint32_t flags)
{
    const struct {
        uint32_t n, padding;
        struct vhost_region region;
    } table = {1, 0, {GUEST_BASE, GUEST_BYTES, USER_BASE, 0}};

    frontend_say(frontend, SET_MEM_TABLE, flags, &table, sizeof(table), &frontend->guest.memfd, 1);
}

/* What comes before the guest's driver is there. */
static inline void frontend_hello(struct frontend *frontend)
{
    frontend_number(frontend, SET_PROTOCOL_FEATURES, VHOST_VERSION, 0x8209, -1);
    frontend_say(frontend, SET_OWNER, VHOST_VERSION, NULL, 0, NULL, 0);
    frontend_number(frontend, SET_FEATURES, VHOST_VERSION, OFFERED, -1);
}

static inline void frontend_ring(struct frontend *frontend, uint32_t which, uint16_t base)
{
    const struct guest_ring *ring = &frontend->guest.rings[which];
    const struct vhost_ring_addresses addresses = {which, 0, ring->addresses.desc, ring->addresses.used, ring->addresses.avail,
                                                   0};

    frontend_state(frontend, SET_VRING_NUM, which, ring->size);
    frontend_state(frontend, SET_VRING_BASE, which, base);
    frontend_say(frontend, SET_VRING_ADDR, VHOST_VERSION, &addresses, sizeof(addresses), NULL, 0);
    frontend_number(frontend, SET_VRING_CALL, VHOST_VERSION, which, frontend->call[which]);
    frontend_number(frontend, SET_VRING_KICK, VHOST_VERSION, which, frontend->kick[which]);
}

/* The driver is there: both rings run, from index base. */
static inline void frontend_start(struct frontend *frontend, uint16_t rx_base, uint16_t tx_base)
{
    frontend_memory(frontend, VHOST_VERSION);
    frontend_ring(frontend, GUEST_RX, rx_base);
    frontend_ring(frontend, GUEST_TX, tx_base);
    frontend_state(frontend, SET_VRING_ENABLE, GUEST_RX, 1);
    frontend_state(frontend, SET_VRING_ENABLE, GUEST_TX, 1);
}

static inline void frontend_kick(struct frontend *frontend, unsigned int which)
{
    assert_int_equal(eventfd_write(frontend->kick[which], 1), 0);
}

/* The guest was interrupted since the last time. */
static inline bool frontend_called(struct frontend *frontend, unsigned int which)
{
    eventfd_t count;

    return eventfd_read(frontend->call[which], &count) == 0;
}

static inline void frontend_init(struct frontend *frontend, int *ret_backend)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *frontend = (struct frontend){.fd = fds[0]};
    *ret_backend = fds[1];
    guest_init(&frontend->guest);
    for (int i = 0; i < 2; i++) {
        guest_lay_ring(&frontend->guest, i, 128);
        frontend->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        frontend->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
}

static inline void frontend_done(struct frontend *frontend)
{
    for (int i = 0; i < 2; i++) {
        close(frontend->kick[i]);
        close(frontend->call[i]);
    }
    guest_done(&frontend->guest);
    close(frontend->fd);
}
