/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors in messages (SCM_RIGHTS). */
#include "mocks/tests/conform.h"

#include <limits.h>

static char control[4096];

static void pair(int type, int fds[2])
{
    expect(sys_socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
}

static ssize_t send_with(int fd, const char *text, const int *fds, size_t n)
{
    struct iovec iov = {(void *)text, strlen(text)};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * sizeof(int))};

    memset(control, 0, sizeof(control));
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    *cmsg = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
    memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
    return sys_sendmsg(fd, &msg, MSG_NOSIGNAL);
}

struct received {
    ssize_t n;
    int fds[300];
    size_t n_fds, controllen;
    int flags;
};

static struct received receive(int fd, size_t room, size_t controllen, int flags)
{
    static char bytes[1000];
    struct iovec iov = {bytes, room};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = controllen ? control : NULL, .msg_controllen = controllen};
    struct received out = {.n_fds = 0};

    memset(control, 0, sizeof(control));
    out.n = sys_recvmsg(fd, &msg, flags);
    out.flags = msg.msg_flags;
    out.controllen = msg.msg_controllen;
    struct cmsghdr *cmsg = out.n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
    if (cmsg)
        expect(cmsg->cmsg_level, SOL_SOCKET);
    if (cmsg && cmsg->cmsg_type == SCM_RIGHTS) {
        out.n_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(out.fds, CMSG_DATA(cmsg), out.n_fds * sizeof(int));
    }
    return out;
}

static bool is_closed_pipe(int reader)
{
    struct pollfd pollfd = {.fd = reader};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents == POLLHUP;
}

CONFORM_CASE(a_descriptor_arrives_as_the_same_open_file)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

    for (int i = 0; i < 2; i++) {
        int fds[2], pipe[2];
        char byte = 0;
        pair(types[i], fds);
        sys_pipe2(pipe, O_NONBLOCK);
        expect(send_with(fds[0], "x", &pipe[1], 1), 1);
        sys_close(pipe[1]);
        expect(is_closed_pipe(pipe[0]), false);
        struct received got = receive(fds[1], 10, 256, 0);
        expect(got.n, 1);
        expect(got.n_fds, 1);
        expect(got.flags, 0);
        expect(got.controllen, CMSG_SPACE(sizeof(int)));
        expect(sys_fcntl(got.fds[0], F_GETFD, 0), 0);
        expect(sys_write(got.fds[0], "y", 1), 1);
        expect(sys_read(pipe[0], &byte, 1), 1);
        expect(byte, 'y');
        sys_close(got.fds[0]);
        expect(is_closed_pipe(pipe[0]), true);
    }
}

CONFORM_CASE(room_for_descriptors)
{
    static const struct {
        const char *label;
        size_t sent, controllen, n_fds;
        int flags;
        size_t ret_controllen;
    } rows[] = {
        {"enough", 3, CMSG_SPACE(3 * 4), 3, 0, CMSG_SPACE(3 * 4)},
        {"just enough", 3, CMSG_LEN(3 * 4), 3, 0, CMSG_LEN(3 * 4)},
        {"more than enough", 1, 200, 1, 0, CMSG_SPACE(4)},
        {"for two of three", 3, CMSG_LEN(2 * 4), 2, MSG_CTRUNC, CMSG_LEN(2 * 4)},
        {"padding counts", 2, CMSG_SPACE(4), 2, 0, CMSG_SPACE(4)},
        {"for none", 3, CMSG_LEN(0), 0, MSG_CTRUNC, 0},
        {"for half a header", 3, 8, 0, MSG_CTRUNC, 0},
        {"no room at all", 3, 0, 0, MSG_CTRUNC, 0},
        {"odd room", 3, CMSG_LEN(4) + 3, 1, MSG_CTRUNC, CMSG_LEN(4) + 3},
    };

    FOR_CASES(row, rows)
    {
        int fds[2], pipe[2];
        pair(SOCK_SEQPACKET, fds);
        sys_pipe2(pipe, 0);
        expect(send_with(fds[0], "x", (int[]){pipe[1], pipe[1], pipe[1]}, row->sent), 1);
        sys_close(pipe[1]);
        struct received got = receive(fds[1], 10, row->controllen, 0);
        expect(got.n, 1);
        expect(got.flags, row->flags);
        expect(got.n_fds, row->n_fds);
        expect(got.controllen, row->ret_controllen);
        for (size_t i = 0; i < got.n_fds; i++)
            sys_close(got.fds[i]);
        expect(is_closed_pipe(pipe[0]), true);
        sys_close(pipe[0]);
    }
}

CONFORM_CASE(descriptors_that_are_not_received_are_closed)
{
    static const struct {
        const char *label;
        bool by_read, by_close;
    } rows[] = {{"plain read", true, false}, {"close of the receiver", false, true}, {"still on their way", false, false}};

    FOR_CASES(row, rows)
    {
        int fds[2], pipe[2];
        char byte;
        pair(SOCK_STREAM, fds);
        sys_pipe2(pipe, 0);
        expect(send_with(fds[0], "x", &pipe[1], 1), 1);
        sys_close(pipe[1]);
        if (row->by_read)
            expect(sys_read(fds[1], &byte, 1), 1);
        if (row->by_close)
            sys_close(fds[1]);
        expect(is_closed_pipe(pipe[0]), row->by_read || row->by_close);
    }
}

CONFORM_CASE(bytes_around_descriptors_in_a_stream)
{
    int fds[2], copy;

    pair(SOCK_STREAM, fds);
    copy = fds[0];
    sys_write(fds[0], "aa", 2);
    expect(send_with(fds[0], "bb", &copy, 1), 2);
    sys_write(fds[0], "cc", 2);
    struct received got = receive(fds[1], 100, 256, 0);
    expect(got.n, 4);
    expect(got.n_fds, 1);
    got = receive(fds[1], 100, 256, 0);
    expect(got.n, 2);
    expect(got.n_fds, 0);
    expect(got.controllen, 0);
}

CONFORM_CASE(descriptors_come_with_the_first_byte)
{
    int fds[2], copy;

    pair(SOCK_STREAM, fds);
    copy = fds[0];
    expect(send_with(fds[0], "abc", &copy, 1), 3);
    struct received got = receive(fds[1], 1, 256, 0);
    expect(got.n, 1);
    expect(got.n_fds, 1);
    got = receive(fds[1], 100, 256, 0);
    expect(got.n, 2);
    expect(got.n_fds, 0);
}

CONFORM_CASE(two_messages_with_descriptors_stay_apart)
{
    int fds[2], copy;

    pair(SOCK_STREAM, fds);
    copy = fds[0];
    expect(send_with(fds[0], "a", &copy, 1), 1);
    expect(send_with(fds[0], "b", (int[]){copy, copy}, 2), 1);
    struct received got = receive(fds[1], 100, 256, 0);
    expect(got.n, 1);
    expect(got.n_fds, 1);
    got = receive(fds[1], 100, 256, 0);
    expect(got.n, 1);
    expect(got.n_fds, 2);
}

CONFORM_CASE(received_descriptors_can_be_close_on_exec)
{
    int fds[2];

    pair(SOCK_SEQPACKET, fds);
    expect(send_with(fds[0], "a", fds, 1), 1);
    struct received got = receive(fds[1], 100, 256, MSG_CMSG_CLOEXEC);
    expect(got.flags, MSG_CMSG_CLOEXEC);
    expect(sys_fcntl(got.fds[0], F_GETFD, 0), FD_CLOEXEC);
}

CONFORM_CASE(peeking_duplicates_descriptors)
{
    int fds[2];

    pair(SOCK_SEQPACKET, fds);
    expect(send_with(fds[0], "a", fds, 1), 1);
    expect(receive(fds[1], 100, 256, MSG_PEEK).n_fds, 1);
    expect(receive(fds[1], 100, 256, MSG_PEEK).n_fds, 1);
    expect(receive(fds[1], 100, 256, 0).n_fds, 1);
    expect(receive(fds[1], 100, 256, 0).n, -EAGAIN);
}

CONFORM_CASE(bad_control_messages)
{
    static const struct {
        const char *label;
        int level, type;
        size_t len, n;
        int fd;
        long result;
    } rows[] = {
        {"good", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(4), 1, 0, 1},
        {"no such descriptor", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(4), 1, 99, -EBADF},
        {"negative", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(4), 1, -1, -EBADF},
        {"other level is not looked at", 255, SCM_RIGHTS, CMSG_LEN(4), 1, 99, 1},
        {"unknown type", SOL_SOCKET, 77, CMSG_LEN(4), 1, 0, -EINVAL},
        {"shorter than its header", SOL_SOCKET, SCM_RIGHTS, 8, 1, 0, -EINVAL},
        {"longer than the buffer", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(4) + 100, 1, 0, -EINVAL},
        {"no descriptors", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(0), 1, 0, 1},
        {"too many", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(254 * 4), 254, 0, -EINVAL},
        {"as many as can be", SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(253 * 4), 253, 0, 1},
    };

    FOR_CASES(row, rows)
    {
        struct iovec iov = {"x", 1};
        struct msghdr msg = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(row->n * 4)};
        int fds[2];
        memset(control, 0, sizeof(control));
        pair(SOCK_STREAM, fds);
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
        *cmsg = (struct cmsghdr){.cmsg_level = row->level, .cmsg_type = row->type, .cmsg_len = row->len};
        memcpy(CMSG_DATA(cmsg), &row->fd, sizeof(int));
        expect(sys_sendmsg(fds[0], &msg, MSG_NOSIGNAL), row->result);
        sys_close(fds[0]);
        sys_close(fds[1]);
    }
}

CONFORM_CASE(several_control_messages)
{
    static const struct {
        const char *label;
        size_t first, second, room; /* lengths, and what the message says that there is */
        long result;
    } rows[] = {
        {"two", CMSG_LEN(4), CMSG_LEN(4), 2 * CMSG_SPACE(4), 1},
        {"the second is longer than the rest", CMSG_LEN(4), CMSG_LEN(4) + 1, CMSG_SPACE(4) + CMSG_LEN(4), -EINVAL},
        {"the second is longer than all", CMSG_LEN(4), CMSG_LEN(400), 2 * CMSG_SPACE(4), -EINVAL},
        {"the second is shorter than its header", CMSG_LEN(4), 4, 2 * CMSG_SPACE(4), -EINVAL},
        {"the second is beyond the end", CMSG_LEN(4), CMSG_LEN(4), CMSG_SPACE(4), 1},
        {"no room for the header of the second", CMSG_LEN(4), 4, CMSG_SPACE(4) + 8, 1},
    };

    FOR_CASES(row, rows)
    {
        struct iovec iov = {"x", 1};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = row->room};
        int fds[2], zero = 0;
        memset(control, 0, sizeof(control));
        pair(SOCK_STREAM, fds);
        struct cmsghdr *first = (struct cmsghdr *)control, *second = (struct cmsghdr *)(control + CMSG_SPACE(4));
        *first = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = row->first};
        *second = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = row->second};
        memcpy(CMSG_DATA(first), &zero, sizeof(int));
        memcpy(CMSG_DATA(second), &zero, sizeof(int));
        expect(sys_sendmsg(fds[0], &msg, MSG_NOSIGNAL), row->result);
        sys_close(fds[0]);
        sys_close(fds[1]);
    }
}

CONFORM_CASE(without_free_numbers_descriptors_are_cut)
{
    struct rlimit limit = {.rlim_cur = 6, .rlim_max = 4096};
    int fds[2];

    sys_close_range(3, UINT_MAX, 0);
    pair(SOCK_SEQPACKET, fds);
    expect(send_with(fds[0], "x", (int[]){0, 1, 2}, 3), 1);
    expect(sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
    struct received got = receive(fds[1], 10, 256, 0);
    expect(got.n, 1);
    expect(got.n_fds, 1);
    expect(got.fds[0], 5);
    expect(got.flags, MSG_CTRUNC);
}

CONFORM_CASE(places_can_be_sent_too)
{
    int fds[2], place = sys_openat(AT_FDCWD, "/tmp", O_PATH, 0);
    struct stat st;

    pair(SOCK_SEQPACKET, fds);
    expect(send_with(fds[0], "x", &place, 1), 1);
    struct received got = receive(fds[1], 10, 256, 0);
    expect(got.n_fds, 1);
    expect(sys_fstat(got.fds[0], &st), 0);
    expect_true(S_ISDIR(st.st_mode));
}
