/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of unix sockets: boundaries, flags, buffers, waiting. */
#include "mocks/tests/sockets.h"

#include <sys/ioctl.h>

static char bytes[300000];

/* ---- messages ---- */

CONFORM_CASE(streams_have_no_boundaries_and_packets_have)
{
    static const struct {
        const char *label;
        int type;
        size_t room;
        long n[3];
        int flags;
    } rows[] = {
        {"stream", SOCK_STREAM, 100, {7, -EAGAIN, -EAGAIN}, 0},
        {"stream in parts", SOCK_STREAM, 5, {5, 2, -EAGAIN}, 0},
        {"packets", SOCK_SEQPACKET, 100, {3, 4, -EAGAIN}, 0},
        {"packets that are cut", SOCK_SEQPACKET, 2, {2, 2, -EAGAIN}, MSG_TRUNC},
    };

    FOR_CASES(row, rows)
    {
        int fds[2], flags;
        pair(row->type, fds);
        expect(sys_write(fds[0], "abc", 3), 3);
        expect(sys_write(fds[0], "defg", 4), 4);
        for (int i = 0; i < 3; i++) {
            expect(receive_flags(fds[1], bytes, row->room, 0, &flags), row->n[i]);
            if (row->n[i] > 0)
                expect(flags, row->flags);
        }
    }
}

CONFORM_CASE(receive_flags_change_what_is_returned)
{
    static const struct {
        const char *label;
        int type, flags;
        long n, then;
        int ret_flags;
    } rows[] = {
        {"peek at a stream", SOCK_STREAM, MSG_PEEK, 2, 6, 0},
        {"peek at a packet", SOCK_SEQPACKET, MSG_PEEK, 2, 6, MSG_TRUNC},
        {"length of a packet", SOCK_SEQPACKET, MSG_TRUNC, 6, -EAGAIN, MSG_TRUNC},
        {"peek at its length", SOCK_SEQPACKET, MSG_TRUNC | MSG_PEEK, 6, 6, MSG_TRUNC},
        {"close-on-exec", SOCK_STREAM, MSG_CMSG_CLOEXEC, 2, 4, MSG_CMSG_CLOEXEC},
        {"do not wait", SOCK_SEQPACKET, MSG_DONTWAIT, 2, -EAGAIN, MSG_TRUNC},
    };

    FOR_CASES(row, rows)
    {
        int fds[2], flags;
        pair(row->type, fds);
        sys_write(fds[0], "abcdef", 6);
        expect(receive_flags(fds[1], bytes, 2, row->flags, &flags), row->n);
        expect(flags, row->ret_flags);
        expect(receive_flags(fds[1], bytes, 100, 0, &flags), row->then);
    }
}

CONFORM_CASE(empty_messages)
{
    int fds[2], flags;

    pair(SOCK_SEQPACKET, fds);
    expect(send_flags(fds[0], "", 0, 0), 0);
    expect(poll_now(fds[1]), POLLIN | POLLOUT);
    expect(receive_flags(fds[1], bytes, 10, 0, &flags), 0);
    expect(receive_flags(fds[1], bytes, 10, 0, &flags), -EAGAIN);
    pair(SOCK_STREAM, fds);
    expect(send_flags(fds[0], "", 0, 0), 0);
    expect(poll_now(fds[1]), POLLOUT);
}

CONFORM_CASE(messages_in_several_parts)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    char one[4] = "", two[8] = "";

    for (int i = 0; i < 2; i++) {
        struct iovec from[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
        struct iovec to[3] = {{one, 3}, {NULL, 0}, {two, 7}};
        struct msghdr msg = {.msg_iov = to, .msg_iovlen = 3};
        int fds[2];
        pair(types[i], fds);
        expect(sys_writev(fds[0], from, 3), 6);
        expect(sys_recvmsg(fds[1], &msg, 0), 6);
        expect_text(one, "abc");
        expect_text(two, "def");
        msg = (struct msghdr){.msg_iov = from, .msg_iovlen = 3};
        expect(sys_sendmsg(fds[0], &msg, 0), 6);
        expect(sys_readv(fds[1], to, 3), 6);
        msg.msg_iovlen = 1025;
        expect(sys_sendmsg(fds[0], &msg, 0), -EMSGSIZE);
    }
}

CONFORM_CASE(a_connected_stream_takes_no_address)
{
    struct sockaddr_un sun;
    struct iovec iov = {"x", 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &sun, .msg_namelen = unix_address(&sun, PATH)};
    int fds[2];

    pair(SOCK_STREAM, fds);
    expect(sys_sendmsg(fds[0], &msg, MSG_NOSIGNAL), -EISCONN);
    expect(sys_sendmsg(make(SOCK_STREAM), &msg, MSG_NOSIGNAL), -EOPNOTSUPP);
    pair(SOCK_SEQPACKET, fds);
    expect(sys_sendmsg(fds[0], &msg, MSG_NOSIGNAL), 1);
}

CONFORM_CASE(the_sender_of_a_message)
{
    struct sockaddr_un sun;
    struct iovec iov = {bytes, 10};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &sun, .msg_namelen = sizeof(sun)};

    int server = listener(SOCK_STREAM, PATH, 5), client = connected(SOCK_STREAM, PATH);
    int accepted = sys_accept4(server, NULL, NULL, SOCK_NONBLOCK);
    sys_write(client, "x", 1);
    expect(sys_recvmsg(accepted, &msg, 0), 1);
    expect(msg.msg_namelen, 0);
    msg.msg_namelen = sizeof(sun);
    sys_write(accepted, "x", 1);
    expect(sys_recvmsg(client, &msg, 0), 1);
    expect(msg.msg_namelen, 14);
    expect_text(sun.sun_path, PATH);
}

/* ---- buffers ---- */

CONFORM_CASE(as_many_messages_as_the_buffer_takes)
{
    static const struct {
        const char *label;
        int type, sndbuf;
        size_t len;
        long n, sum, error;
    } rows[] = {
        {"single bytes", SOCK_STREAM, 0, 1, 278, 278, -EAGAIN},
        {"two hundred", SOCK_SEQPACKET, 0, 200, 167, 33400, -EAGAIN},
        {"a thousand", SOCK_STREAM, 0, 1000, 93, 93000, -EAGAIN},
        {"four thousand", SOCK_STREAM, 0, 4000, 44, 176000, -EAGAIN},
        {"four thousand as packets", SOCK_SEQPACKET, 0, 4000, 26, 104000, -EAGAIN},
        {"ten thousand", SOCK_STREAM, 0, 10000, 17, 170000, -EAGAIN},
        {"ten thousand as packets", SOCK_SEQPACKET, 0, 10000, 13, 130000, -EAGAIN},
        {"32 KiB", SOCK_STREAM, 0, 32768, 7, 229376, -EAGAIN},
        {"32 KiB as packets", SOCK_SEQPACKET, 0, 32768, 6, 196608, -EAGAIN},
        {"forty thousand", SOCK_STREAM, 0, 40000, 6, 236544, -EAGAIN},
        {"hundred thousand as packets", SOCK_SEQPACKET, 0, 100000, 3, 300000, -EAGAIN},
        {"more than fits", SOCK_STREAM, 0, 300000, 1, 219264, -EAGAIN},
        {"a packet that never fits", SOCK_SEQPACKET, 0, 212961, 0, 0, -EMSGSIZE},
        {"the longest packet", SOCK_SEQPACKET, 0, 212960, 1, 212960, -EAGAIN},
        {"small buffer", SOCK_STREAM, 1, 100, 6, 600, -EAGAIN},
        {"small buffer, long message", SOCK_STREAM, 1, 5000, 1, 4480, -EAGAIN},
        {"ten thousand doubled", SOCK_SEQPACKET, 10000, 100, 27, 2700, -EAGAIN},
    };

    FOR_CASES(row, rows)
    {
        long n = 0, sum = 0;
        ssize_t r;
        int fds[2];
        pair(row->type, fds);
        if (row->sndbuf)
            expect(sys_setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &row->sndbuf, sizeof(int)), 0);
        while ((r = send_flags(fds[0], bytes, row->len, MSG_NOSIGNAL)) > 0) {
            n++;
            sum += r;
        }
        expect(r, row->error);
        expect(n, row->n);
        expect(sum, row->sum);
        sys_close(fds[0]);
        sys_close(fds[1]);
    }
}

CONFORM_CASE(a_socket_is_writable_while_a_quarter_is_used)
{
    int fds[2], n = 0;

    pair(SOCK_STREAM, fds);
    while (poll_now(fds[0]) & POLLOUT) {
        expect(sys_write(fds[0], "x", 1), 1);
        n++;
    }
    expect(n, 70);
    expect(sys_write(fds[0], "x", 1), 1);
    expect(sys_read(fds[1], bytes, 1), 1);
    expect(poll_now(fds[0]), 0);
    expect(sys_read(fds[1], bytes, 1), 1);
    expect(poll_now(fds[0]), POLLOUT);
}

static int send_much(void *arg)
{
    int *fds = arg;

    sys_close(fds[0]);
    sys_fcntl(fds[1], F_SETFL, O_RDWR);
    return send_flags(fds[1], bytes, sizeof(bytes), MSG_NOSIGNAL) == sizeof(bytes) ? 1 : 2;
}

CONFORM_CASE(a_sender_waits_for_room)
{
    size_t sum = 0;
    ssize_t n;
    int fds[2];

    pair(SOCK_STREAM, fds);
    sys_fcntl(fds[0], F_SETFL, O_RDWR);
    int pid = spawn(send_much, fds);
    sys_close(fds[1]);
    while ((n = sys_read(fds[0], bytes, 10000)) > 0)
        sum += (size_t)n;
    expect(sum, sizeof(bytes));
    expect(collect(pid), 1);
}

static int receive_one(void *arg)
{
    int *fds = arg, flags;

    sys_close(fds[0]);
    sys_fcntl(fds[1], F_SETFL, O_RDWR);
    return (int)receive_flags(fds[1], bytes, 10, 0, &flags) + 20;
}

CONFORM_CASE(a_receiver_waits)
{
    static const struct {
        const char *label;
        int type;
        bool send;
        int result;
    } rows[] = {
        {"stream, bytes", SOCK_STREAM, true, 23},
        {"stream, the end", SOCK_STREAM, false, 20},
        {"packets, a packet", SOCK_SEQPACKET, true, 23},
        {"packets, the end", SOCK_SEQPACKET, false, 20},
    };

    FOR_CASES(row, rows)
    {
        int fds[2];
        pair(row->type, fds);
        int pid = spawn(receive_one, fds);
        sys_close(fds[1]);
        sys_nanosleep(3000000);
        if (row->send)
            expect(sys_write(fds[0], "abc", 3), 3);
        else
            sys_close(fds[0]);
        expect(collect(pid), row->result);
    }
}

CONFORM_CASE(bytes_that_wait)
{
    int fds[2], available = -1;

    pair(SOCK_STREAM, fds);
    expect(sys_ioctl(fds[1], FIONREAD, &available), 0);
    expect(available, 0);
    sys_write(fds[0], "abc", 3);
    sys_write(fds[0], "de", 2);
    expect(sys_ioctl(fds[1], FIONREAD, &available), 0);
    expect(available, 5);
    pair(SOCK_SEQPACKET, fds);
    sys_write(fds[0], "abc", 3);
    sys_write(fds[0], "de", 2);
    expect(sys_ioctl(fds[1], FIONREAD, &available), 0);
    expect(available, 5);
    expect(sys_ioctl(listener(SOCK_STREAM, PATH, 1), FIONREAD, &available), -EINVAL);
}
