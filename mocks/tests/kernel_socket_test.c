/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets: connections, messages, options. Descriptors in messages: kernel_scm_test.c. */
#include "mocks/tests/conform.h"

#include <limits.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#define PATH "/tmp/socket"

static char bytes[300000];

static socklen_t unix_address(struct sockaddr_un *sun, const char *name)
{
    size_t len = strlen(name);

    *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(sun->sun_path, name, len);
    if (name[0] != '@')
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    sun->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int bind_to(int fd, const char *name)
{
    struct sockaddr_un sun;
    socklen_t len = unix_address(&sun, name);

    return sys_bind(fd, (const struct sockaddr *)&sun, len);
}

static int connect_to(int fd, const char *name)
{
    struct sockaddr_un sun;
    socklen_t len = unix_address(&sun, name);

    return sys_connect(fd, (const struct sockaddr *)&sun, len);
}

static int make(int type)
{
    return sys_socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
}

static int listener(int type, const char *name, int backlog)
{
    int fd = make(type);

    expect(bind_to(fd, name), 0);
    expect(sys_listen(fd, backlog), 0);
    return fd;
}

static int connected(int type, const char *name)
{
    int fd = make(type);

    expect(connect_to(fd, name), 0);
    return fd;
}

static void pair(int type, int fds[2])
{
    expect(sys_socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
}

static short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

static long option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    int r = sys_getsockopt(fd, SOL_SOCKET, name, &value, &len);
    return r < 0 ? r : value;
}

static ssize_t send_flags(int fd, const void *p, size_t len, int flags)
{
    struct iovec iov = {(void *)p, len};

    return sys_sendmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, flags);
}

static ssize_t receive_flags(int fd, void *p, size_t len, int flags, int *ret_flags)
{
    struct iovec iov = {p, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = sys_recvmsg(fd, &msg, flags);
    *ret_flags = msg.msg_flags;
    return n;
}

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
