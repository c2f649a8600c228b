/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets: names, connections, their ends, options. Messages: kernel_message_test.c; descriptors in them:
 * kernel_scm_test.c. */
#include "mocks/tests/sockets.h"

#include <sys/ioctl.h>

static char bytes[1000];

/* ---- making them ---- */

CONFORM_CASE(socket_arguments)
{
    static const struct {
        const char *label;
        int domain, type, protocol, result;
    } rows[] = {
        {"stream", AF_UNIX, SOCK_STREAM, 0, 0},
        {"packets in order", AF_UNIX, SOCK_SEQPACKET, 0, 0},
        {"protocol of the family", AF_UNIX, SOCK_STREAM, PF_UNIX, 0},
        {"other protocol", AF_UNIX, SOCK_STREAM, 17, -EPROTONOSUPPORT},
        {"no such family", 200, SOCK_STREAM, 0, -EAFNOSUPPORT},
        {"negative family", -1, SOCK_STREAM, 0, -EAFNOSUPPORT},
        {"no such type", AF_UNIX, 6, 0, -ESOCKTNOSUPPORT},
        {"type zero", AF_UNIX, 0, 0, -ESOCKTNOSUPPORT},
        {"type too high", AF_UNIX, 12, 0, -EINVAL},
        {"unknown flag", AF_UNIX, SOCK_STREAM | 0x100, 0, -EINVAL},
        {"vsock", AF_VSOCK, SOCK_STREAM, 0, 0},
        {"vsock, other protocol", AF_VSOCK, SOCK_STREAM, 17, -EPROTONOSUPPORT},
        {"internet", AF_INET, SOCK_DGRAM, 0, 0},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_socket(row->domain, row->type, row->protocol);
        expect(fd < 0 ? fd : 0, row->result);
    }
}

CONFORM_CASE(socketpair_arguments)
{
    static const struct {
        const char *label;
        int domain, type, protocol, result, fl, fd_flags;
    } rows[] = {
        {"stream", AF_UNIX, SOCK_STREAM, 0, 0, O_RDWR, 0},
        {"packets", AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, 0, O_RDWR | O_NONBLOCK, 0},
        {"close-on-exec", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, O_RDWR, FD_CLOEXEC},
        {"internet", AF_INET, SOCK_DGRAM, 0, -EOPNOTSUPP, 0, 0},
        {"no such type", AF_UNIX, 6, 0, -ESOCKTNOSUPPORT, 0, 0},
        {"unknown flag", AF_UNIX, SOCK_STREAM | 0x200, 0, -EINVAL, 0, 0},
    };

    FOR_CASES(row, rows)
    {
        int fds[2];
        if (!expect(sys_socketpair(row->domain, row->type, row->protocol, fds), row->result) || row->result < 0)
            continue;
        expect(sys_fcntl(fds[0], F_GETFL, 0), row->fl);
        expect(sys_fcntl(fds[1], F_GETFD, 0), row->fd_flags);
    }
}

CONFORM_CASE(a_socket_as_a_file)
{
    struct stat st;
    int fds[2];

    pair(SOCK_STREAM, fds);
    expect(sys_fstat(fds[0], &st), 0);
    expect(st.st_mode, S_IFSOCK | 0777);
    expect(sys_pread(fds[0], bytes, 1, 0), -ESPIPE);
    expect(sys_ioctl(fds[0], TCGETS, bytes), -ENOTTY);
    expect(sys_read(fds[0], bytes, 0), 0);
}

CONFORM_CASE(socket_calls_on_other_descriptors)
{
    struct sockaddr_un sun;
    socklen_t len = sizeof(sun);
    int fd = sys_eventfd(0, 0), place = sys_openat(AT_FDCWD, "/tmp", O_PATH, 0);
    const struct {
        const char *label;
        int fd, result;
    } rows[] = {{"eventfd", fd, -ENOTSOCK}, {"nothing", 99, -EBADF}, {"place", place, -EBADF}};

    FOR_CASES(row, rows)
    {
        struct msghdr msg = {.msg_iovlen = 0};
        expect(bind_to(row->fd, PATH), row->result);
        expect(connect_to(row->fd, PATH), row->result);
        expect(sys_listen(row->fd, 1), row->result);
        expect(sys_accept4(row->fd, NULL, NULL, 0), row->result);
        expect(sys_shutdown(row->fd, SHUT_RD), row->result);
        expect(sys_sendmsg(row->fd, &msg, 0), row->result);
        expect(sys_recvmsg(row->fd, &msg, 0), row->result);
        expect(sys_getsockname(row->fd, (struct sockaddr *)&sun, &len), row->result);
        expect(sys_getpeername(row->fd, (struct sockaddr *)&sun, &len), row->result);
        expect(option(row->fd, SO_TYPE), row->result);
    }
}

/* ---- names ---- */

CONFORM_CASE(bind_arguments)
{
    static const struct {
        const char *label;
        const char *name;
        int cut, result; /* cut: bytes less */
    } rows[] = {
        {"path", "/tmp/a", 0, 0},
        {"path that exists", "/tmp/a", 0, -EADDRINUSE},
        {"path without its NUL", "/tmp/bc", 1, 0},
        {"and that is its name", "/tmp/bc", 0, -EADDRINUSE},
        {"missing directory", "/tmp/none/a", 0, -ENOENT},
        {"file as a directory", "/tmp/a/b", 0, -ENOTDIR},
        {"abstract", "@abc", 0, 0},
        {"abstract, again", "@abc", 0, -EADDRINUSE},
        {"abstract, shorter", "@abc", 1, 0},
        {"abstract, longer", "@abcd", 0, 0},
        {"directory", "/tmp", 0, -EADDRINUSE},
    };

    expect(bind_to(make(SOCK_SEQPACKET), "@abc"), 0);
    FOR_CASES(row, rows)
    {
        struct sockaddr_un sun;
        socklen_t len = unix_address(&sun, row->name) - (socklen_t)row->cut;
        expect(sys_bind(make(SOCK_STREAM), (struct sockaddr *)&sun, len), row->result);
    }
}

CONFORM_CASE(bad_addresses)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/tmp/x"};
    struct sockaddr_storage big = {.ss_family = AF_UNIX};
    int fd = make(SOCK_STREAM);

    expect(sys_bind(fd, (struct sockaddr *)&sun, 1), -EINVAL);
    expect(sys_bind(fd, (struct sockaddr *)&sun, 0), -EINVAL);
    expect(sys_bind(fd, (struct sockaddr *)&big, sizeof(sun) + 1), -EINVAL);
    expect(sys_bind(fd, (struct sockaddr *)&big, sizeof(big) + 1), -EINVAL);
    expect(sys_connect(fd, (struct sockaddr *)&sun, 2), -EINVAL);
    sun.sun_family = AF_INET;
    expect(sys_bind(fd, (struct sockaddr *)&sun, sizeof(sun)), -EINVAL);
    expect(sys_connect(fd, (struct sockaddr *)&sun, sizeof(sun)), -EINVAL);
    expect(bind_to(fd, PATH), 0);
    expect(bind_to(fd, "/tmp/other"), -EINVAL);
    expect(bind_to(fd, "@other"), -EINVAL);
}

CONFORM_CASE(a_bound_path_is_a_socket_file)
{
    struct stat st;

    sys_umask(027);
    expect(bind_to(make(SOCK_STREAM), PATH), 0);
    expect(sys_fstatat(AT_FDCWD, PATH, &st, 0), 0);
    expect(st.st_mode, S_IFSOCK | 0750);
    expect(sys_openat(AT_FDCWD, PATH, O_RDWR, 0), -ENXIO);
    expect_true(sys_openat(AT_FDCWD, PATH, O_PATH, 0) >= 0);
}

CONFORM_CASE(names_as_others_see_them)
{
    struct sockaddr_un sun;
    socklen_t len;

    int server = listener(SOCK_STREAM, PATH, 5), client = connected(SOCK_STREAM, PATH), nobody = make(SOCK_STREAM);
    len = sizeof(sun);
    int accepted = sys_accept4(server, (struct sockaddr *)&sun, &len, 0);
    expect_true(accepted >= 0);
    expect(len, 2);
    expect(sun.sun_family, AF_UNIX);
    const struct {
        const char *label;
        int fd;
        bool peer;
        int result, len;
        const char *path;
    } rows[] = {
        {"listener", server, false, 0, 14, PATH},   {"listener's peer", server, true, -ENOTCONN, 0, ""},
        {"client", client, false, 0, 2, ""},        {"client's peer", client, true, 0, 14, PATH},
        {"accepted", accepted, false, 0, 14, PATH}, {"accepted's peer", accepted, true, 0, 2, ""},
        {"fresh", nobody, false, 0, 2, ""},         {"fresh one's peer", nobody, true, -ENOTCONN, 0, ""},
    };
    FOR_CASES(row, rows)
    {
        memset(&sun, 0, sizeof(sun));
        len = sizeof(sun);
        int r = row->peer ? sys_getpeername(row->fd, (struct sockaddr *)&sun, &len)
                          : sys_getsockname(row->fd, (struct sockaddr *)&sun, &len);
        if (expect(r, row->result) && r == 0) {
            expect(len, row->len);
            expect_text(sun.sun_path, row->path);
        }
    }
    len = 5;
    memset(&sun, 0, sizeof(sun));
    expect(sys_getsockname(server, (struct sockaddr *)&sun, &len), 0);
    expect(len, 14);
    expect_text(sun.sun_path, "/tm");
    len = (socklen_t)-1;
    expect(sys_getsockname(server, (struct sockaddr *)&sun, &len), -EINVAL);
    sys_close(accepted);
    sys_close(server);
    len = sizeof(sun);
    expect(sys_getpeername(client, (struct sockaddr *)&sun, &len), 0);
    expect(len, 14);
}

CONFORM_CASE(a_name_for_whoever_asks_for_none)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sun);
    int fd = make(SOCK_STREAM);

    expect(sys_bind(fd, (struct sockaddr *)&sun, sizeof(sun.sun_family)), 0);
    expect(sys_getsockname(fd, (struct sockaddr *)&sun, &len), 0);
    expect(len, 8);
    expect(sun.sun_path[0], 0);
    expect(sys_listen(fd, 1), 0);
    expect(sys_connect(make(SOCK_STREAM), (struct sockaddr *)&sun, len), 0);
}

/* ---- connecting ---- */

CONFORM_CASE(connect_results)
{
    listener(SOCK_STREAM, "/tmp/stream", 5);
    listener(SOCK_SEQPACKET, "/tmp/packets", 5);
    listener(SOCK_STREAM, "@stream", 5);
    expect(bind_to(make(SOCK_STREAM), "/tmp/silent"), 0);
    int gone = listener(SOCK_STREAM, "/tmp/gone", 5), gone_abstract = listener(SOCK_STREAM, "@gone", 5);
    sys_close(gone);
    sys_close(gone_abstract);
    sys_close(sys_openat(AT_FDCWD, "/tmp/file", O_RDWR | O_CREAT, 0600));
    sys_symlinkat("/tmp/stream", AT_FDCWD, "/tmp/link");
    static const struct {
        const char *label;
        int type;
        const char *name;
        int result;
    } rows[] = {
        {"stream", SOCK_STREAM, "/tmp/stream", 0},
        {"packets", SOCK_SEQPACKET, "/tmp/packets", 0},
        {"abstract", SOCK_STREAM, "@stream", 0},
        {"by a link", SOCK_STREAM, "/tmp/link", 0},
        {"other type", SOCK_SEQPACKET, "/tmp/stream", -EPROTOTYPE},
        {"other type, abstract", SOCK_SEQPACKET, "@stream", -ECONNREFUSED},
        {"other type, other way", SOCK_STREAM, "/tmp/packets", -EPROTOTYPE},
        {"nobody listens", SOCK_STREAM, "/tmp/silent", -ECONNREFUSED},
        {"closed", SOCK_STREAM, "/tmp/gone", -ECONNREFUSED},
        {"closed, abstract", SOCK_STREAM, "@gone", -ECONNREFUSED},
        {"never there, abstract", SOCK_STREAM, "@never", -ECONNREFUSED},
        {"never there", SOCK_STREAM, "/tmp/never", -ENOENT},
        {"regular file", SOCK_STREAM, "/tmp/file", -ECONNREFUSED},
        {"directory", SOCK_STREAM, "/tmp", -ECONNREFUSED},
        {"below a file", SOCK_STREAM, "/tmp/file/x", -ENOTDIR},
    };
    FOR_CASES(row, rows)
    expect(connect_to(make(row->type), row->name), row->result);
    expect(sys_setresuid(1000, 1000, 1000), 0);
    expect(connect_to(make(SOCK_STREAM), "/tmp/stream"), -EACCES);
    expect(connect_to(make(SOCK_STREAM), "@stream"), 0);
}

CONFORM_CASE(connecting_twice_and_backwards)
{
    int server = listener(SOCK_STREAM, PATH, 5), client = connected(SOCK_STREAM, PATH);

    expect(connect_to(client, PATH), -EISCONN);
    expect(connect_to(server, PATH), -EINVAL);
    expect(sys_listen(client, 1), -EINVAL);
    expect(sys_listen(make(SOCK_STREAM), 1), -EINVAL);
    expect(sys_accept4(client, NULL, NULL, 0), -EINVAL);
    expect(sys_accept4(make(SOCK_STREAM), NULL, NULL, 0), -EINVAL);
    expect(sys_accept4(server, NULL, NULL, O_APPEND), -EINVAL);
    expect(sys_listen(server, 7), 0);
    int fds[2];
    pair(SOCK_STREAM, fds);
    expect(connect_to(fds[0], PATH), -EISCONN);
    expect(bind_to(fds[0], "/tmp/late"), 0);
    expect(sys_listen(fds[0], 1), -EINVAL);
}

CONFORM_CASE(the_queue_of_a_listener_is_as_long_as_it_says)
{
    static const struct {
        const char *label;
        int backlog, room;
    } rows[] = {{"none", 0, 1}, {"one", 1, 2}, {"five", 5, 6}};

    FOR_CASES(row, rows)
    {
        sys_unlinkat(AT_FDCWD, PATH, 0);
        int server = listener(SOCK_STREAM, PATH, row->backlog);
        for (int i = 0; i < row->room; i++)
            expect(connect_to(make(SOCK_STREAM), PATH), 0);
        expect(connect_to(make(SOCK_STREAM), PATH), -EAGAIN);
        expect_true(sys_accept4(server, NULL, NULL, 0) >= 0);
        expect(connect_to(make(SOCK_STREAM), PATH), 0);
        sys_close(server);
    }
}

static int connect_and_wait(void *arg)
{
    sys_close(*(int *)arg);
    int fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);
    return connect_to(fd, PATH) == 0 ? 1 : 2;
}

CONFORM_CASE(a_connect_waits_for_room)
{
    int server = listener(SOCK_STREAM, PATH, 0);

    connected(SOCK_STREAM, PATH);
    int pid = spawn(connect_and_wait, &server);
    sys_nanosleep(5000000);
    expect_true(sys_accept4(server, NULL, NULL, 0) >= 0);
    expect(collect(pid), 1);
    pid = spawn(connect_and_wait, &server);
    sys_nanosleep(5000000);
    sys_close(server);
    expect(collect(pid), 2);
}

CONFORM_CASE(an_accept_waits_for_somebody)
{
    int server = listener(SOCK_STREAM, PATH, 5);

    expect(sys_accept4(server, NULL, NULL, 0), -EAGAIN);
    expect(sys_fcntl(server, F_SETFL, O_RDWR), 0);
    int pid = spawn(connect_and_wait, &server);
    int fd = sys_accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    expect_true(fd >= 0);
    expect(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    expect(sys_fcntl(fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    expect(collect(pid), 1);
}

CONFORM_CASE(bytes_can_be_sent_before_accept)
{
    int server = listener(SOCK_STREAM, PATH, 5), client = connected(SOCK_STREAM, PATH);

    expect(sys_write(client, "abc", 3), 3);
    expect(poll_now(server), POLLIN);
    sys_close(client);
    int fd = sys_accept4(server, NULL, NULL, 0);
    expect(poll_now(server), 0);
    expect(sys_read(fd, bytes, 10), 3);
    expect(sys_read(fd, bytes, 10), 0);
}

CONFORM_CASE(closing_a_listener_resets_who_waits)
{
    int server = listener(SOCK_STREAM, PATH, 5), client = connected(SOCK_STREAM, PATH);

    sys_close(server);
    expect(poll_now(client), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    expect(sys_read(client, bytes, 1), -ECONNRESET);
    expect(sys_read(client, bytes, 1), 0);
    expect(connect_to(make(SOCK_STREAM), PATH), -ECONNREFUSED);
}

/* ---- shutdown and close ---- */

CONFORM_CASE(shutdown_results)
{
    static const struct {
        const char *label;
        int how;
        short own, peer; /* what poll says then */
        long read, peer_read, write, peer_write;
    } rows[] = {
        {"reading", SHUT_RD, POLLIN | POLLOUT | POLLRDHUP, POLLOUT, 0, -EAGAIN, 1, -EPIPE},
        {"writing", SHUT_WR, POLLOUT, POLLIN | POLLOUT | POLLRDHUP, -EAGAIN, 0, -EPIPE, 1},
        {"both", SHUT_RDWR, POLLIN | POLLOUT | POLLRDHUP | POLLHUP, POLLIN | POLLOUT | POLLRDHUP | POLLHUP, 0, 0, -EPIPE,
         -EPIPE},
    };
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

    for (int i = 0; i < 2; i++) {
        FOR_CASES(row, rows)
        {
            int fds[2];
            pair(types[i], fds);
            expect(sys_shutdown(fds[0], row->how), 0);
            expect(poll_now(fds[0]), row->own);
            expect(poll_now(fds[1]), row->peer);
            expect(sys_read(fds[0], bytes, 1), row->read);
            expect(sys_read(fds[1], bytes, 1), row->peer_read);
            expect(send_flags(fds[0], "x", 1, MSG_NOSIGNAL), row->write);
            expect(send_flags(fds[1], "x", 1, MSG_NOSIGNAL), row->peer_write);
        }
    }
    int fd = make(SOCK_STREAM);
    expect(sys_shutdown(fd, SHUT_RD), 0);
    expect(sys_shutdown(fd, 3), -EINVAL);
    expect(sys_shutdown(fd, -1), -EINVAL);
    int server = listener(SOCK_STREAM, PATH, 5);
    expect(sys_shutdown(server, SHUT_RD), 0);
    expect(connect_to(make(SOCK_STREAM), PATH), -ECONNREFUSED);
    expect(sys_accept4(server, NULL, NULL, 0), -EAGAIN);
    expect(sys_fcntl(server, F_SETFL, O_RDWR), 0);
    expect(sys_accept4(server, NULL, NULL, 0), -EINVAL);
}

CONFORM_CASE(what_was_sent_can_be_read_after_the_end)
{
    int fds[2];

    pair(SOCK_STREAM, fds);
    sys_write(fds[1], "abc", 3);
    sys_close(fds[1]);
    expect(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    expect(sys_read(fds[0], bytes, 10), 3);
    expect(sys_read(fds[0], bytes, 10), 0);
    expect(send_flags(fds[0], "x", 1, MSG_NOSIGNAL), -EPIPE);
}

CONFORM_CASE(what_was_never_read_is_a_reset)
{
    static const struct {
        const char *label;
        int type;
        bool send_first; /* before receiving */
        long results[4];
    } rows[] = {
        {"stream, receiving", SOCK_STREAM, false, {-ECONNRESET, 0, -EPIPE, 0}},
        {"stream, sending", SOCK_STREAM, true, {-EPIPE, -ECONNRESET, -EPIPE, 0}},
        {"packets, receiving", SOCK_SEQPACKET, false, {-ECONNRESET, 0, -EPIPE, 0}},
        {"packets, sending", SOCK_SEQPACKET, true, {-ECONNRESET, 0, -EPIPE, 0}},
    };

    FOR_CASES(row, rows)
    {
        int fds[2];
        pair(row->type, fds);
        expect(sys_write(fds[0], "lost", 4), 4);
        sys_close(fds[1]);
        expect(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
        if (row->send_first)
            expect(send_flags(fds[0], "x", 1, MSG_NOSIGNAL), row->results[0]);
        else
            expect(sys_read(fds[0], bytes, 1), row->results[0]);
        expect(sys_read(fds[0], bytes, 1), row->results[1]);
        expect(send_flags(fds[0], "x", 1, MSG_NOSIGNAL), row->results[2]);
        expect(sys_read(fds[0], bytes, 1), row->results[3]);
    }
}

CONFORM_CASE(the_error_option_tells_once)
{
    int fds[2];

    pair(SOCK_STREAM, fds);
    expect(option(fds[0], SO_ERROR), 0);
    sys_write(fds[0], "lost", 4);
    sys_close(fds[1]);
    expect(option(fds[0], SO_ERROR), ECONNRESET);
    expect(option(fds[0], SO_ERROR), 0);
    expect(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    expect(sys_read(fds[0], bytes, 1), 0);
}

struct send_case {
    int fd, flags;
};

static int send_and_tell(void *arg)
{
    const struct send_case *send_case = arg;

    if (send_case->flags < 0)
        return sys_write(send_case->fd, "x", 1) == -EPIPE ? 1 : 2;
    return send_flags(send_case->fd, "x", 1, send_case->flags) == -EPIPE ? 1 : 2;
}

CONFORM_CASE(sending_to_nobody_is_a_signal)
{
    static const struct {
        const char *label;
        int type, flags, result;
    } rows[] = {
        {"stream", SOCK_STREAM, 0, -SIGPIPE},         {"stream, no signal", SOCK_STREAM, MSG_NOSIGNAL, 1},
        {"stream, write", SOCK_STREAM, -1, -SIGPIPE}, {"packets", SOCK_SEQPACKET, 0, 1},
        {"packets, write", SOCK_SEQPACKET, -1, 1},
    };

    FOR_CASES(row, rows)
    {
        int fds[2];
        pair(row->type, fds);
        sys_close(fds[1]);
        expect(in_child(send_and_tell, &(struct send_case){fds[0], row->flags}), row->result);
    }
}

CONFORM_CASE(unconnected_sockets)
{
    static const struct {
        const char *label;
        int type;
        long read, write;
    } rows[] = {
        {"stream", SOCK_STREAM, -EINVAL, -ENOTCONN},
        {"packets", SOCK_SEQPACKET, -ENOTCONN, -ENOTCONN},
    };

    FOR_CASES(row, rows)
    {
        int fd = make(row->type), ignored;
        expect(poll_now(fd), POLLOUT | POLLHUP);
        expect(receive_flags(fd, bytes, 1, 0, &ignored), row->read);
        expect(send_flags(fd, "x", 1, MSG_NOSIGNAL), row->write);
        sys_unlinkat(AT_FDCWD, PATH, 0);
        expect(bind_to(fd, PATH), 0);
        expect(sys_listen(fd, 1), 0);
        expect(poll_now(fd), 0);
        expect(receive_flags(fd, bytes, 1, 0, &ignored), row->read);
        expect(send_flags(fd, "x", 1, MSG_NOSIGNAL), row->write);
    }
}

/* ---- options ---- */

CONFORM_CASE(options_of_sockets)
{
    int fds[2], server = listener(SOCK_STREAM, PATH, 3), client = connected(SOCK_STREAM, PATH);

    pair(SOCK_SEQPACKET, fds);
    const struct {
        const char *label;
        int fd, name;
        long value;
    } rows[] = {
        {"type of a stream", server, SO_TYPE, SOCK_STREAM},
        {"type of packets", fds[0], SO_TYPE, SOCK_SEQPACKET},
        {"domain", server, SO_DOMAIN, AF_UNIX},
        {"protocol", server, SO_PROTOCOL, 0},
        {"listening", server, SO_ACCEPTCONN, 1},
        {"not listening", client, SO_ACCEPTCONN, 0},
        {"no error", client, SO_ERROR, 0},
        {"send buffer", client, SO_SNDBUF, 212992},
        {"receive buffer", client, SO_RCVBUF, 212992},
    };
    FOR_CASES(row, rows)
    expect(option(row->fd, row->name), row->value);
    short small = 0;
    socklen_t len = sizeof(small);
    expect(sys_getsockopt(server, SOL_SOCKET, SO_TYPE, &small, &len), 0);
    expect(small, SOCK_STREAM);
    expect(len, 2);
    len = (socklen_t)-1;
    expect(sys_getsockopt(server, SOL_SOCKET, SO_TYPE, &small, &len), -EINVAL);
}

CONFORM_CASE(setting_buffer_sizes)
{
    static const struct {
        const char *label;
        int name, value;
        long result;
    } rows[] = {
        {"send, doubled", SO_SNDBUF, 10000, 20000},      {"send, least", SO_SNDBUF, 1, 4608},
        {"send, too much", SO_SNDBUF, 1 << 30, 8388608}, {"receive, doubled", SO_RCVBUF, 10000, 20000},
        {"receive, least", SO_RCVBUF, 1, 2304},          {"negative", SO_SNDBUF, -1, 8388608},
    };

    FOR_CASES(row, rows)
    {
        int fd = make(SOCK_STREAM);
        expect(sys_setsockopt(fd, SOL_SOCKET, row->name, &row->value, sizeof(int)), 0);
        expect(option(fd, row->name), row->result);
        expect(sys_setsockopt(fd, SOL_SOCKET, row->name, &row->value, 2), -EINVAL);
        expect(sys_setsockopt(fd, SOL_SOCKET, SO_TYPE, &row->value, sizeof(int)), -ENOPROTOOPT);
    }
}

static struct ucred credentials_of(int fd)
{
    struct ucred credentials = {0};
    socklen_t len = sizeof(credentials);

    expect(sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len), 0);
    expect(len, sizeof(credentials));
    return credentials;
}

static int connect_as_user(void *arg)
{
    int fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);

    (void)arg;
    sys_setresgid(200, 200, 200);
    sys_setresuid(1000, 1000, 1000);
    if (connect_to(fd, "@here") != 0)
        return 1;
    struct ucred server = credentials_of(fd);
    return server.uid == 0 && server.pid == sys_getppid() ? 5 : 6;
}

CONFORM_CASE(who_is_on_the_other_side)
{
    int fds[2];

    pair(SOCK_STREAM, fds);
    struct ucred own = credentials_of(fds[0]), none = credentials_of(make(SOCK_STREAM));
    expect(own.pid, sys_getpid());
    expect(own.uid, 0);
    expect(none.pid, 0);
    expect(none.uid, (uid_t)-1);
    expect(none.gid, (gid_t)-1);
    int server = listener(SOCK_STREAM, "@here", 3);
    int pid = spawn(connect_as_user, NULL);
    expect(collect(pid), 5);
    int accepted = sys_accept4(server, NULL, NULL, 0);
    struct ucred client = credentials_of(accepted);
    expect(client.pid, pid);
    expect(client.uid, 1000);
    expect(client.gid, 200);
}

static int connect_elsewhere(void *arg)
{
    (void)arg;
    if (connect_to(make(SOCK_STREAM), "@here") != -ECONNREFUSED)
        return 1;
    if (connect_to(make(SOCK_STREAM), PATH) != 0)
        return 2;
    return bind_to(make(SOCK_STREAM), "@here") == 0 ? 3 : 4;
}

CONFORM_CASE(abstract_names_belong_to_the_network_namespace)
{
    listener(SOCK_STREAM, "@here", 3);
    listener(SOCK_STREAM, PATH, 3);
    int pid = sys_spawn(&(struct sys_spawn){.flags = 0x40000000, .cgroup_fd = -1}, connect_elsewhere, NULL);
    expect(collect(pid), 3);
}
