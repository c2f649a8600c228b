/* SPDX-License-Identifier: Apache-2.0 */
/* Every wrapper makes its call: each one is seen to have its effect, or to return the kernel's refusal. Files, events and
 * sockets; mounts and processes are in sys_linux_process_test.c. */
#include <dirent.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>

#include <linux/magic.h>

#include "sys_fixture.h"

static char dir[32];
static int dirfd_;

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/tatami-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dirfd_ < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
    DIR *entries = fdopendir(dirfd_);
    const struct dirent *entry;

    (void)state;
    while ((entry = readdir(entries))) {
        if (unlinkat(dirfd_, entry->d_name, 0) < 0)
            unlinkat(dirfd_, entry->d_name, AT_REMOVEDIR);
    }
    closedir(entries);
    return rmdir(dir);
}

#define dir_test(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static struct stat stat_of(const char *name)
{
    struct stat st;

    assert_int_equal(fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

static int create(const char *name)
{
    int fd = sys_openat(dirfd_, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    return fd;
}

/* ---- files ---- */

static void open_and_close(void **state)
{
    const struct open_how beneath = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};

    (void)state;
    int fd = create("f");
    assert_int_equal(stat_of("f").st_mode, S_IFREG | 0640);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(sys_close(fd), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(sys_close(fd), -EBADF);

    fd = sys_openat2(dirfd_, "f", &beneath);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(sys_openat2(dirfd_, "../x", &beneath), -EXDEV);
    assert_int_equal(sys_openat(dirfd_, "missing", O_RDONLY, 0), -ENOENT);
}

static void duplicate_and_close_many(void **state)
{
    (void)state;
    int fd = create("f");
    assert_int_equal(sys_dup3(fd, 200, O_CLOEXEC), 200);
    assert_int_equal(fcntl(200, F_GETFD), FD_CLOEXEC);
    assert_int_equal(sys_fcntl(fd, F_DUPFD_CLOEXEC, 201), 201);
    assert_int_equal(sys_fcntl(fd, F_GETFL, 0) & O_ACCMODE, O_RDWR);
    assert_int_equal(sys_close_range(200, 201, 0), 0);
    assert_int_equal(fcntl(200, F_GETFD), -1);
    assert_int_equal(fcntl(201, F_GETFD), -1);
    assert_int_equal(sys_close_range(2, 1, 0), -EINVAL);
    assert_int_equal(sys_dup3(fd, fd, 0), -EINVAL);
    assert_int_equal(sys_fcntl(-1, F_GETFL, 0), -EBADF);
    close(fd);
}

static void read_and_write(void **state)
{
    char a[4] = {0}, b[8] = {0};
    const struct iovec out[] = {{"ab", 2}, {"cde", 3}};
    const struct iovec in[] = {{a, 3}, {b, 8}};

    (void)state;
    int fd = create("f");
    assert_int_equal(sys_write(fd, "0123456789", 10), 10);
    assert_int_equal(sys_pwrite(fd, "XY", 2, 4), 2);
    assert_int_equal(sys_pread(fd, b, 4, 3), 4);
    assert_string_equal(b, "3XY6");
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(sys_writev(fd, out, 2), 5);
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(sys_readv(fd, in, 2), 10);
    assert_string_equal(a, "abc");
    assert_memory_equal(b, "deY6789", 7);
    assert_int_equal(sys_read(fd, a, 1), 0);

    assert_int_equal(sys_ftruncate(fd, 3), 0);
    assert_int_equal(stat_of("f").st_size, 3);
    assert_int_equal(sys_ftruncate(-1, 3), -EBADF);
    close(fd);
}

static void status_of_files(void **state)
{
    struct stat st;
    struct statfs fs;
    char text[16] = {0};

    (void)state;
    int fd = create("f");
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(sys_fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(sys_symlinkat("f", dirfd_, "link"), 0);
    assert_int_equal(sys_fstatat(dirfd_, "link", &st, 0), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(sys_fstatat(dirfd_, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(sys_readlinkat(dirfd_, "link", text, sizeof(text)), 1);
    assert_string_equal(text, "f");
    assert_int_equal(sys_readlinkat(dirfd_, "f", text, sizeof(text)), -EINVAL);
    assert_int_equal(sys_faccessat(dirfd_, "f", R_OK, 0), 0);
    assert_int_equal(sys_faccessat(dirfd_, "f", X_OK, 0), -EACCES);
    assert_int_equal(sys_fstat(-1, &st), -EBADF);
    close(fd);

    fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
    assert_int_equal(sys_fstatfs(fd, &fs), 0);
    assert_int_equal(fs.f_type, PROC_SUPER_MAGIC);
    close(fd);
    assert_int_equal(sys_fstatfs(-1, &fs), -EBADF);
}

static void names_come_move_and_go(void **state)
{
    (void)state;
    mode_t mask = sys_umask(027);
    assert_int_equal(sys_umask(027), 027);
    assert_int_equal(sys_mkdirat(dirfd_, "d", 0777), 0);
    assert_int_equal(stat_of("d").st_mode, S_IFDIR | 0750);
    assert_int_equal(sys_mknodat(dirfd_, "fifo", S_IFIFO | 0666, 0), 0);
    assert_int_equal(stat_of("fifo").st_mode, S_IFIFO | 0640);
    sys_umask(mask);

    assert_int_equal(sys_mkdirat(dirfd_, "d", 0777), -EEXIST);
    assert_int_equal(sys_renameat2(dirfd_, "fifo", dirfd_, "moved", 0), 0);
    assert_int_equal(sys_renameat2(dirfd_, "moved", dirfd_, "d", RENAME_NOREPLACE), -EEXIST);
    assert_int_equal(sys_unlinkat(dirfd_, "fifo", 0), -ENOENT);
    assert_int_equal(sys_unlinkat(dirfd_, "moved", 0), 0);
    assert_int_equal(sys_unlinkat(dirfd_, "d", 0), -EISDIR);
    assert_int_equal(sys_unlinkat(dirfd_, "d", AT_REMOVEDIR), 0);
    assert_int_equal(sys_symlinkat("", dirfd_, "link"), -ENOENT);
}

static void device_nodes_keep_their_numbers(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    assert_int_equal(sys_mknodat(dirfd_, "null", S_IFCHR | 0600, makedev(1, 3)), 0);
    assert_int_equal(stat_of("null").st_rdev, makedev(1, 3));
    assert_int_equal(sys_mknodat(dirfd_, "big", S_IFCHR | 0600, makedev(259, 70000)), 0);
    assert_int_equal(stat_of("big").st_rdev, makedev(259, 70000));
}

static void modes_and_owners(void **state)
{
    (void)state;
    int fd = create("f");
    assert_int_equal(sys_fchmod(fd, 0604), 0);
    assert_int_equal(stat_of("f").st_mode & 07777, 0604);
    assert_int_equal(sys_fchmodat(dirfd_, "f", 04711), 0);
    assert_int_equal(stat_of("f").st_mode & 07777, 04711);
    assert_int_equal(sys_fchmod(-1, 0), -EBADF);
    assert_int_equal(sys_fchmodat(dirfd_, "missing", 0), -ENOENT);
    if (geteuid() == 0) {
        assert_int_equal(sys_fchown(fd, 12, 34), 0);
        assert_int_equal(stat_of("f").st_uid, 12);
        assert_int_equal(stat_of("f").st_gid, 34);
        assert_int_equal(symlinkat("f", dirfd_, "link"), 0);
        assert_int_equal(sys_fchownat(dirfd_, "link", 56, 78, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(stat_of("link").st_uid, 56);
        assert_int_equal(stat_of("link").st_gid, 78);
        assert_int_equal(stat_of("f").st_uid, 12);
    }
    assert_int_equal(sys_fchown(-1, 0, 0), -EBADF);
    assert_int_equal(sys_fchownat(dirfd_, "missing", 0, 0, 0), -ENOENT);
    close(fd);
}

static void directories_are_listed(void **state)
{
    struct record {
        uint64_t ino;
        int64_t off;
        unsigned short len;
        unsigned char type;
        char name[];
    };
    _Alignas(8) char records[1024];
    int files = 0;
    ssize_t n;

    (void)state;
    close(create("one"));
    close(create("two"));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    while ((n = sys_getdents64(fd, records, sizeof(records))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct record *record = (void *)(records + at);
            files += strcmp(record->name, "one") == 0 || strcmp(record->name, "two") == 0;
            at += record->len;
        }
    }
    assert_int_equal(n, 0);
    assert_int_equal(files, 2);
    assert_int_equal(sys_getdents64(fd, records, 1), 0); /* at the end for ever */
    close(fd);
    assert_int_equal(sys_getdents64(-1, records, sizeof(records)), -EBADF);
}

static void change_directories(void)
{
    char path[64];
    struct stat st;

    must_equal(mkdirat(dirfd_, "root", 0700), 0);
    must_equal(sys_chdir(dir), 0);
    must_equal(sys_getcwd(path, sizeof(path)), strlen(dir) + 1);
    must(strcmp(path, dir) == 0);
    must_equal(sys_getcwd(path, 2), -ERANGE);
    must_equal(sys_chdir("missing"), -ENOENT);
    must_equal(sys_chdir("/"), 0);
    must_equal(sys_fchdir(dirfd_), 0);
    must_equal(sys_getcwd(path, sizeof(path)), strlen(dir) + 1);
    must_equal(sys_fchdir(-1), -EBADF);
    if (geteuid() != 0)
        return;
    must_equal(sys_chroot("root"), 0);
    must_equal(chdir("/"), 0);
    must_equal(stat("/tmp", &st), -1);
    must_equal(sys_chroot("/missing"), -ENOENT);
}

static void directories_change(void **state)
{
    (void)state;
    in_child(0, change_directories);
}

static void memory_files_and_ioctl(void **state)
{
    int n = -1;

    (void)state;
    int fd = sys_memfd_create("tatami", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(sys_fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_int_equal(sys_write(fd, "d", 1), -EPERM);
    lseek(fd, 1, SEEK_SET);
    assert_int_equal(sys_ioctl(fd, FIONREAD, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(sys_ioctl(fd, TIOCSCTTY, NULL), -ENOTTY);
    close(fd);
    assert_int_equal(sys_memfd_create("x", 0x80000000), -EINVAL);
    sys_sync();
}

static int print(int fd, void *arg)
{
    const char *text = arg;

    return dprintf(fd, "%s", text) == (int)strlen(text) ? 0 : -EIO;
}

static int refuse(int fd, void *arg)
{
    return print(fd, arg) < 0 ? -EIO : -EPERM;
}

static int take_away(int fd, void *arg)
{
    (void)arg;
    return close(fd);
}

static void capture_returns_what_was_written(void **state)
{
    char text[8] = "???????";

    (void)state;
    assert_int_equal(sys_capture(print, "hello", text, 5), 5);
    assert_string_equal(text, "hello??");
    assert_int_equal(sys_capture(print, "", text, 0), 0);
    assert_int_equal(sys_capture(print, "hello!", text, 5), -EMSGSIZE);
    assert_int_equal(sys_capture(refuse, "x", text, sizeof(text)), -EPERM);
    assert_int_equal(sys_capture(take_away, NULL, text, sizeof(text)), -EBADF);
    assert_string_equal(text, "hello??");
}

/* ---- pipes, events ---- */

static void pipes_eventfds_signalfds(void **state)
{
    struct signalfd_siginfo info;
    sigset_t mask, old;
    uint64_t value = 0;
    int fds[2];

    (void)state;
    assert_int_equal(sys_pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(sys_write(fds[1], "x", 1), 1);
    assert_int_equal(sys_read(fds[0], &value, 8), 1);
    assert_int_equal(sys_read(fds[0], &value, 8), -EAGAIN);
    close(fds[0]);
    assert_int_equal(sys_sigprocmask(SIG_SETMASK, NULL, &old), 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    assert_int_equal(sys_sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    assert_int_equal(sys_write(fds[1], "x", 1), -EPIPE);
    close(fds[1]);

    int fd = sys_signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    assert_int_equal(sys_read(fd, &info, sizeof(info)), sizeof(info));
    assert_int_equal(info.ssi_signo, SIGPIPE);
    close(fd);
    assert_int_equal(sys_sigprocmask(SIG_SETMASK, &old, NULL), 0);
    assert_int_equal(sys_signalfd(-2, &mask, 0), -EBADF);
    assert_int_equal(sys_sigprocmask(99, &mask, NULL), -EINVAL);

    fd = sys_eventfd(7, EFD_CLOEXEC);
    assert_int_equal(sys_read(fd, &value, 8), 8);
    assert_int_equal(value, 7);
    close(fd);
    assert_int_equal(sys_eventfd(0, 2), -EINVAL);
    assert_int_equal(sys_pipe2(fds, 1), -EINVAL);
}

static void epoll_and_poll(void **state)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77}, got;
    int ready = eventfd(1, 0), idle = eventfd(0, 0);
    struct pollfd polls[] = {{.fd = ready, .events = POLLIN}, {.fd = idle, .events = POLLIN}};

    (void)state;
    int epfd = sys_epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, ready, &event), 0);
    assert_int_equal(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, ready, &event), -EEXIST);
    assert_int_equal(sys_epoll_wait(epfd, &got, 1, -1), 1);
    assert_int_equal(got.data.u64, 77);
    assert_int_equal(sys_epoll_ctl(epfd, EPOLL_CTL_DEL, ready, NULL), 0);
    assert_int_equal(sys_epoll_wait(epfd, &got, 1, 0), 0);

    uint64_t before = sys_monotonic_ns();
    assert_int_equal(sys_epoll_wait(epfd, &got, 1, 1500000), 0);
    assert_true(sys_monotonic_ns() - before >= 1500000);
    assert_int_equal(sys_epoll_wait(epfd, &got, 0, 0), -EINVAL);
    assert_int_equal(sys_epoll_create1(1), -EINVAL);
    close(epfd);

    assert_int_equal(sys_poll(polls, 2, -1), 1);
    assert_int_equal(polls[0].revents, POLLIN);
    assert_int_equal(sys_poll(polls + 1, 1, 0), 0);
    assert_int_equal(sys_poll(NULL, 1, 0), -EFAULT);
    close(ready);
    close(idle);
}

static void inotify_sees_a_new_file(void **state)
{
    _Alignas(struct inotify_event) char events[512];

    (void)state;
    int fd = sys_inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int wd = sys_inotify_add_watch(fd, dir, IN_CREATE);
    assert_true(wd > 0);
    close(create("new"));
    assert_true(sys_read(fd, events, sizeof(events)) > 0);
    const struct inotify_event *event = (void *)events;
    assert_int_equal(event->wd, wd);
    assert_string_equal(event->name, "new");
    assert_int_equal(sys_inotify_add_watch(fd, "/missing", IN_CREATE), -ENOENT);
    assert_int_equal(sys_inotify_init1(1), -EINVAL);
    close(fd);
}

/* A signal handler without SA_RESTART that makes one thing ready, but only at the second interruption. */
static int wakeup_fd;
static volatile sig_atomic_t interruptions;

static void interrupted(int sig)
{
    (void)sig;
    if (++interruptions == 2 && write(wakeup_fd, "x", 1) < 0)
        _exit(1);
}

static void wait_through_interruptions(void)
{
    const struct sigaction action = {.sa_handler = interrupted};
    const struct itimerval often = {{0, 2000}, {0, 2000}};
    struct epoll_event event = {.events = EPOLLIN};
    struct pollfd polls = {.events = POLLIN};
    int fds[2];
    char c;

    must(pipe(fds) == 0);
    wakeup_fd = fds[1];
    polls.fd = fds[0];
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    must_equal(sys_read(fds[0], &c, 1), 1);
    must(interruptions >= 2);

    interruptions = 0;
    must_equal(sys_poll(&polls, 1, -1), 1);
    must(interruptions >= 2);
    must_equal(sys_read(fds[0], &c, 1), 1);

    uint64_t before = sys_monotonic_ns();
    sys_nanosleep(15 * 1000000);
    must(sys_monotonic_ns() - before >= 15 * 1000000);

    int epfd = sys_epoll_create1(0);
    must_equal(sys_epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], &event), 0);
    interruptions = -1000;
    must_equal(sys_epoll_wait(epfd, &event, 1, -1), 0); /* comes back for its caller to look around */
    must(interruptions > -1000);
}

static void interrupted_calls_go_on(void **state)
{
    (void)state;
    in_child(0, wait_through_interruptions);
}

/* ---- sockets ---- */

static void stream_sockets(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX}, got;
    socklen_t len = sizeof(got), value_len = sizeof(int);
    const struct sockaddr *to = (const void *)&address;
    int value = 0;
    char c;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    int server = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sys_bind(server, to, sizeof(address)), 0);
    assert_true(S_ISSOCK(stat_of("s").st_mode));
    int client = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sys_connect(client, to, sizeof(address)), -ECONNREFUSED);
    assert_int_equal(sys_listen(server, 1), 0);
    assert_int_equal(sys_connect(client, to, sizeof(address)), 0);
    int accepted = sys_accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(accepted >= 0);
    assert_int_equal(fcntl(accepted, F_GETFD), FD_CLOEXEC);

    assert_int_equal(sys_getsockname(server, (struct sockaddr *)&got, &len), 0);
    assert_string_equal(got.sun_path, address.sun_path);
    memset(&got, 0, sizeof(got));
    len = sizeof(got);
    assert_int_equal(sys_getpeername(client, (struct sockaddr *)&got, &len), 0);
    assert_string_equal(got.sun_path, address.sun_path);
    assert_int_equal(sys_getpeername(server, (struct sockaddr *)&got, &len), -ENOTCONN);
    assert_int_equal(sys_setsockopt(client, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), 0);
    assert_int_equal(sys_getsockopt(client, SOL_SOCKET, SO_PASSCRED, &value, &value_len), 0);
    assert_int_equal(value, 1);

    assert_int_equal(sys_read(accepted, &c, 1), -EAGAIN);
    assert_int_equal(sys_shutdown(client, SHUT_WR), 0);
    assert_int_equal(sys_read(accepted, &c, 1), 0);

    assert_int_equal(sys_bind(-1, to, sizeof(address)), -EBADF);
    assert_int_equal(sys_listen(-1, 1), -EBADF);
    assert_int_equal(sys_accept4(-1, NULL, NULL, 0), -EBADF);
    assert_int_equal(sys_shutdown(-1, SHUT_WR), -EBADF);
    assert_int_equal(sys_getsockname(-1, (struct sockaddr *)&got, &len), -EBADF);
    assert_int_equal(sys_getsockopt(client, SOL_SOCKET, -1, &value, &value_len), -ENOPROTOOPT);
    assert_int_equal(sys_setsockopt(client, SOL_SOCKET, -1, &value, sizeof(value)), -ENOPROTOOPT);
    assert_int_equal(sys_socket(-1, 0, 0), -EAFNOSUPPORT);
    close(server);
    close(client);
    close(accepted);
}

static void messages_carry_descriptors(void **state)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    char text[8] = "hello";
    struct iovec iov = {text, 5};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fds[2], fd;

    (void)state;
    assert_int_equal(sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    memcpy(CMSG_DATA(&control.header), &dirfd_, sizeof(int));
    assert_int_equal(sys_sendmsg(fds[0], &msg, 0), 5);

    memset(&control, 0, sizeof(control));
    memset(text, 0, sizeof(text));
    iov.iov_len = sizeof(text);
    assert_int_equal(sys_recvmsg(fds[1], &msg, MSG_CMSG_CLOEXEC), 5);
    assert_string_equal(text, "hello");
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);

    close(fds[1]);
    msg.msg_control = NULL;
    msg.msg_controllen = 0;
    assert_int_equal(sys_sendmsg(fds[0], &msg, MSG_NOSIGNAL), -EPIPE);
    close(fds[0]);
    assert_int_equal(sys_recvmsg(-1, &msg, 0), -EBADF);
    assert_int_equal(sys_socketpair(AF_UNIX, -1, 0, fds), -EINVAL);
}

/* ---- time, randomness ---- */

static void clocks_run(void **state)
{
    struct timespec ts;

    (void)state;
    uint64_t first = sys_monotonic_ns();
    sys_nanosleep(2000000);
    assert_true(sys_monotonic_ns() - first >= 2000000);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    assert_true((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec - first < UINT64_C(10000000000));
    clock_gettime(CLOCK_REALTIME, &ts);
    assert_true(sys_realtime_ns() - ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec) < UINT64_C(10000000000));
}

static void random_bytes_differ(void **state)
{
    char a[32] = {0}, b[32] = {0};

    (void)state;
    assert_int_equal(sys_getrandom(a, sizeof(a), 0), sizeof(a));
    assert_int_equal(sys_getrandom(b, sizeof(b), 0), sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(sys_getrandom(a, sizeof(a), 0x80), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        dir_test(open_and_close),
        dir_test(duplicate_and_close_many),
        dir_test(read_and_write),
        dir_test(status_of_files),
        dir_test(names_come_move_and_go),
        dir_test(device_nodes_keep_their_numbers),
        dir_test(modes_and_owners),
        dir_test(directories_are_listed),
        dir_test(directories_change),
        dir_test(memory_files_and_ioctl),
        cmocka_unit_test(capture_returns_what_was_written),
        cmocka_unit_test(pipes_eventfds_signalfds),
        cmocka_unit_test(epoll_and_poll),
        dir_test(inotify_sees_a_new_file),
        cmocka_unit_test(interrupted_calls_go_on),
        dir_test(stream_sockets),
        dir_test(messages_carry_descriptors),
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
