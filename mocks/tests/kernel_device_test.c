/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes: which numbers lead to what, and what null, zero, full and random do. */
#include "mocks/tests/files.h"

#define NODE "/tmp/node"

/* ---- numbers ---- */

struct node {
    const char *label;
    mode_t type;
    unsigned int major, minor;
    mode_t mode;
    unsigned long mount_flags;
    bool as_user;
    int flags, result;
};

static int opens(void *arg)
{
    const struct node *node = arg;
    if (node->as_user && (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0))
        return 99;
    return -closed(sys_openat(AT_FDCWD, "/tmp/m/node", node->flags | O_CLOEXEC | O_NONBLOCK, 0));
}

CONFORM_CASE(nodes_open_what_their_numbers_say)
{
    static const struct node rows[] = {
        {"null", S_IFCHR, 1, 3, 0666, 0, false, O_RDWR, 0},
        {"zero", S_IFCHR, 1, 5, 0666, 0, false, O_RDWR, 0},
        {"full", S_IFCHR, 1, 7, 0666, 0, false, O_RDWR, 0},
        {"random", S_IFCHR, 1, 8, 0666, 0, false, O_RDONLY, 0},
        {"urandom", S_IFCHR, 1, 9, 0666, 0, false, O_RDONLY, 0},
        {"an unknown minor number", S_IFCHR, 1, 99, 0666, 0, false, O_RDONLY, ENXIO},
        {"an unknown major number", S_IFCHR, 201, 0, 0666, 0, false, O_RDONLY, ENXIO},
        {"an unknown block device", S_IFBLK, 1, 200, 0666, 0, false, O_RDONLY, ENXIO},
        {"the terminal of who has none", S_IFCHR, 5, 0, 0666, 0, false, O_RDWR, ENXIO},
        {"null truncated", S_IFCHR, 1, 3, 0666, 0, false, O_WRONLY | O_TRUNC, 0},
        {"null as a directory", S_IFCHR, 1, 3, 0666, 0, false, O_RDONLY | O_DIRECTORY, ENOTDIR},
        {"null by a user", S_IFCHR, 1, 3, 0666, 0, true, O_RDWR, 0},
        {"null without permission", S_IFCHR, 1, 3, 0600, 0, true, O_RDONLY, EACCES},
        {"unknown without permission", S_IFCHR, 1, 99, 0600, 0, true, O_RDONLY, EACCES},
        {"null on a mount without devices", S_IFCHR, 1, 3, 0666, MS_NODEV, false, O_RDONLY, EACCES},
        {"unknown on a mount without devices", S_IFCHR, 1, 99, 0666, MS_NODEV, false, O_RDONLY, EACCES},
        {"place on a mount without devices", S_IFCHR, 1, 3, 0666, MS_NODEV, false, O_PATH, 0},
        {"null on a mount for reading", S_IFCHR, 1, 3, 0666, MS_RDONLY, false, O_RDWR, 0},
        {"place of an unknown device", S_IFCHR, 1, 99, 0666, 0, false, O_PATH, 0},
        {"null exclusively", S_IFCHR, 1, 3, 0666, 0, false, O_CREAT | O_EXCL | O_WRONLY, EEXIST},
        {"null made", S_IFCHR, 1, 3, 0666, 0, false, O_CREAT | O_WRONLY, 0},
        {"a socket", S_IFSOCK, 0, 0, 0666, 0, false, O_RDONLY, ENXIO},
        {"a fifo without reader", S_IFIFO, 0, 0, 0666, 0, false, O_WRONLY, ENXIO},
    };

    expect(make_dir("/tmp/m"), 0);
    FOR_CASES(row, rows)
    {
        expect(mount_tmpfs("/tmp/m"), 0);
        expect(sys_mknodat(AT_FDCWD, "/tmp/m/node", row->type | row->mode, makedev(row->major, row->minor)), 0);
        expect(sys_fchmodat(AT_FDCWD, "/tmp/m/node", row->mode), 0);
        expect(sys_mount(NULL, "/tmp/m", NULL, MS_REMOUNT | MS_BIND | row->mount_flags, NULL), 0);
        expect(in_child(opens, (void *)row), row->result);
        expect(unmount("/tmp/m", DETACH), 0);
    }
}

CONFORM_CASE(nodes_keep_their_numbers)
{
    static const struct {
        const char *label;
        mode_t type;
        unsigned int major, minor;
    } rows[] = {
        {"small", S_IFCHR, 1, 3},
        {"minor above a byte", S_IFCHR, 1, 300},
        {"major above a byte", S_IFCHR, 300, 1},
        {"largest minor", S_IFBLK, 8, (1 << 20) - 1},
        {"largest major", S_IFBLK, 4095, 0},
        {"nothing", S_IFCHR, 0, 0},
    };

    FOR_CASES(row, rows)
    {
        struct stat st;
        expect(sys_mknodat(AT_FDCWD, NODE, row->type | 0640, makedev(row->major, row->minor)), 0);
        expect(sys_fstatat(AT_FDCWD, NODE, &st, 0), 0);
        expect(st.st_mode, row->type | 0640);
        expect(major(st.st_rdev), row->major);
        expect(minor(st.st_rdev), row->minor);
        expect(sys_unlinkat(AT_FDCWD, NODE, 0), 0);
    }
}

CONFORM_CASE(files_have_no_numbers)
{
    struct stat st;
    expect(sys_mknodat(AT_FDCWD, NODE, S_IFREG | 0600, makedev(1, 3)), 0);
    expect(sys_fstatat(AT_FDCWD, NODE, &st, 0), 0);
    expect(st.st_rdev, 0);
    expect(sys_mknodat(AT_FDCWD, "/tmp/fifo", S_IFIFO | 0600, makedev(1, 3)), 0);
    expect(sys_fstatat(AT_FDCWD, "/tmp/fifo", &st, 0), 0);
    expect(st.st_rdev, 0);
}

/* ---- what they do ---- */

static int open_device(unsigned int minor)
{
    sys_unlinkat(AT_FDCWD, "/tmp/m/node", 0);
    expect(sys_mknodat(AT_FDCWD, "/tmp/m/node", S_IFCHR | 0600, makedev(1, minor)), 0);
    return sys_openat(AT_FDCWD, "/tmp/m/node", O_RDWR | O_CLOEXEC, 0);
}

CONFORM_CASE(what_devices_give_and_take)
{
    static const struct {
        const char *label;
        unsigned int minor;
        long read, written;
        bool zeros;
    } rows[] = {
        {"null", 3, 0, 32, false},    {"zero", 5, 32, 32, true},     {"full", 7, 32, -ENOSPC, true},
        {"random", 8, 32, 32, false}, {"urandom", 9, 32, 32, false},
    };

    expect(make_mount("/tmp/m"), 0);
    FOR_CASES(row, rows)
    {
        unsigned char one[32], other[32], sum = 0;
        int fd = open_device(row->minor);
        memset(one, 0x55, sizeof(one));
        memset(other, 0x55, sizeof(other));
        expect(sys_read(fd, one, sizeof(one)), row->read);
        expect(sys_pread(fd, other, sizeof(other), 100), row->read);
        for (size_t i = 0; i < sizeof(one); i++)
            sum |= one[i];
        expect(sum == 0, row->zeros);
        expect(memcmp(one, other, sizeof(one)) == 0, row->zeros || row->read == 0);
        expect(sys_write(fd, one, sizeof(one)), row->written);
        expect(sys_pwrite(fd, one, sizeof(one), 5), row->written);
        expect(sys_write(fd, one, 0), row->written < 0 ? row->written : 0);
        expect(sys_ftruncate(fd, 0), -EINVAL);
        expect(sys_ioctl(fd, 0x5401, one), row->minor < 8 ? -ENOTTY : -EINVAL);
        sys_close(fd);
    }
}

CONFORM_CASE(devices_are_ready)
{
    static const struct {
        const char *label;
        unsigned int minor;
        short events;
        int watched;
    } rows[] = {
        {"null", 3, POLLIN | POLLOUT, -EPERM},    {"zero", 5, POLLIN | POLLOUT, -EPERM},
        {"full", 7, POLLIN | POLLOUT, -EPERM},    {"random", 8, POLLIN, 0},
        {"urandom", 9, POLLIN | POLLOUT, -EPERM},
    };

    expect(make_mount("/tmp/m"), 0);
    FOR_CASES(row, rows)
    {
        struct epoll_event event = {.events = EPOLLIN};
        int epoll = sys_epoll_create1(EPOLL_CLOEXEC), fd = open_device(row->minor);
        struct pollfd poll = {.fd = fd, .events = POLLIN | POLLOUT};
        expect(sys_poll(&poll, 1, 0), 1);
        expect(poll.revents, row->events);
        expect(sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), row->watched);
        sys_close(fd);
        sys_close(epoll);
    }
}

CONFORM_CASE(the_kernel_makes_nodes)
{
    static const struct {
        const char *label;
        unsigned int major, minor;
    } rows[] = {
        {"null", 1, 3},    {"zero", 1, 5}, {"full", 1, 7},    {"random", 1, 8},
        {"urandom", 1, 9}, {"tty", 5, 0},  {"console", 5, 1}, {"ptmx", 5, 2},
    };

    expect(make_dir("/tmp/dev"), 0);
    if (sys_mount("dev", "/tmp/dev", "devtmpfs", 0, NULL) < 0)
        conform_not_runnable("this kernel has no devtmpfs");
    int dir = open_path("/tmp/dev");
    FOR_CASES(row, rows)
    {
        struct stat st = {0};
        expect(sys_fstatat(dir, row->label, &st, AT_SYMLINK_NOFOLLOW), 0);
        expect(st.st_mode & S_IFMT, S_IFCHR);
        expect(st.st_rdev, makedev(row->major, row->minor));
    }
    sys_close(dir);
}
