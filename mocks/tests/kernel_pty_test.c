/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals: their file system, names and locks, the end of either side. */
#include "mocks/tests/tasks.h"
#include "mocks/tests/terminals.h"

/* ---- the files ---- */

CONFORM_CASE(a_new_terminal_has_a_name_and_a_lock)
{
    struct stat st;
    int number = -1, locked = -1;

    mount_devpts();
    int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0);
    expect(sys_ioctl(master, TIOCGPTN, &number), 0);
    expect(number, 0);
    expect(sys_ioctl(master, TIOCGPTLCK, &locked), 0);
    expect(locked, 1);
    expect(sys_fstatat(AT_FDCWD, "/tmp/pts/0", &st, 0), 0);
    expect(st.st_mode, S_IFCHR | 0620);
    expect(st.st_uid, 0);
    expect(st.st_gid, 5);
    expect(major(st.st_rdev), 136);
    expect(minor(st.st_rdev), 0);
    expect(sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | O_NOCTTY, 0), -EIO);
    expect(sys_ioctl(master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY)), -EIO);
    expect(unlock(master), 0);
    expect(sys_ioctl(master, TIOCGPTLCK, &locked), 0);
    expect(locked, 0);
    int slave = sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | O_NOCTTY, 0);
    expect_true(slave >= 0);
    expect(unlock(slave), -ENOTTY);
    expect(sys_ioctl(slave, TIOCGPTN, &number), -ENOTTY);
    sys_close(slave);
    sys_close(master);
    expect(sys_fstatat(AT_FDCWD, "/tmp/pts/0", &st, 0), -ENOENT);
}

CONFORM_CASE(numbers_are_the_lowest_free_ones)
{
    int masters[3], number;

    mount_devpts();
    for (int i = 0; i < 3; i++)
        masters[i] = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0);
    sys_close(masters[1]);
    int again = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0);
    expect(sys_ioctl(again, TIOCGPTN, &number), 0);
    expect(number, 1);
    sys_mkdirat(AT_FDCWD, "/tmp/other", 0755);
    expect(sys_mount("devpts", "/tmp/other", "devpts", 0, "ptmxmode=0666"), 0);
    int other = sys_openat(AT_FDCWD, "/tmp/other/ptmx", O_RDWR | O_NOCTTY, 0);
    expect(sys_ioctl(other, TIOCGPTN, &number), 0);
    expect(number, 0);
}

CONFORM_CASE(options_of_devpts)
{
    static const struct {
        const char *label;
        const char *options;
        int result;
        mode_t ptmx_mode, mode;
        gid_t gid;
    } rows[] = {
        {"none", "", 0, 0, 0600, 0},
        {"ptmxmode", "ptmxmode=666", 0, 0666, 0600, 0},
        {"mode", "mode=620", 0, 0, 0620, 0},
        {"gid", "gid=7", 0, 0, 0600, 7},
        {"several", "newinstance,gid=7,mode=0640,ptmxmode=0600", 0, 0600, 0640, 7},
        {"max", "max=5", 0, 0, 0600, 0},
        {"unknown", "color=red", -EINVAL, 0, 0, 0},
        {"no number", "gid=x", -EINVAL, 0, 0, 0},
        {"no octal number", "mode=9", -EINVAL, 0, 0, 0},
        {"without its value", "mode", -EINVAL, 0, 0, 0},
        {"too large", "max=99999999", -EINVAL, 0, 0, 0},
    };

    sys_mkdirat(AT_FDCWD, "/tmp/pts", 0755);
    FOR_CASES(row, rows)
    {
        struct stat st;
        if (!expect(sys_mount("devpts", "/tmp/pts", "devpts", 0, row->options), row->result) || row->result < 0)
            continue;
        expect(sys_fstatat(AT_FDCWD, PTMX, &st, 0), 0);
        expect(st.st_mode, S_IFCHR | row->ptmx_mode);
        expect(st.st_rdev, makedev(5, 2));
        int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0);
        expect(sys_fstatat(AT_FDCWD, "/tmp/pts/0", &st, 0), 0);
        expect(st.st_mode, S_IFCHR | row->mode);
        expect(st.st_gid, row->gid);
        sys_close(master);
        expect(sys_umount2("/tmp/pts", MNT_DETACH), 0);
    }
}

CONFORM_CASE(no_more_terminals_than_allowed)
{
    sys_mkdirat(AT_FDCWD, "/tmp/pts", 0755);
    expect(sys_mount("devpts", "/tmp/pts", "devpts", 0, "max=1,ptmxmode=666"), 0);
    int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0);
    expect_true(master >= 0);
    expect(sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0), -ENOSPC);
    sys_close(master);
    expect_true(sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY, 0) >= 0);
}

CONFORM_CASE(calls_that_terminals_do_not_have)
{
    struct pty pty = open_pty();

    expect(sys_pread(pty.slave, bytes, 1, 0), -ESPIPE);
    expect(sys_pwrite(pty.master, bytes, 1, 0), -ESPIPE);
    expect(sys_fcntl(pty.slave, F_GETPIPE_SZ, 0), -EBADF);
    expect(sys_fcntl(pty.slave, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    expect(sys_read(pty.slave, bytes, 1), -EAGAIN);
    expect(sys_read(pty.master, bytes, 1), -EAGAIN);
}

CONFORM_CASE(there_is_no_terminal_without_a_session)
{
    int null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    struct size size;

    expect(sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0), -ENXIO);
    expect(sys_ioctl(null, TIOCGWINSZ, &size), -ENOTTY);
    expect(sys_ioctl(null, TCGETS, bytes), -ENOTTY);
}

CONFORM_CASE(a_slave_is_put_on_another_name)
{
    struct pty pty = open_pty();
    char name[64] = "", path[64];

    sys_close(sys_openat(AT_FDCWD, "/tmp/console", O_WRONLY | O_CREAT | O_EXCL, 0600));
    int tree = sys_open_tree(pty.slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    expect_true(tree >= 0);
    expect(sys_move_mount(tree, "", AT_FDCWD, "/tmp/console", MOVE_MOUNT_F_EMPTY_PATH), 0);
    sys_close(tree);
    int console = sys_openat(AT_FDCWD, "/tmp/console", O_RDWR | O_NOCTTY, 0);
    expect_true(console >= 0);
    expect(sys_write(console, "said", 4), 4);
    expect_text(read_text(pty.master), "said");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", console);
    expect(sys_readlinkat(AT_FDCWD, path, name, sizeof(name) - 1), (int)strlen("/tmp/console"));
    expect_text(name, "/tmp/console");
    sys_close(pty.slave);
    expect_text(read_text(pty.master), "-EAGAIN");
    sys_close(console);
    expect_text(read_text(pty.master), "-EIO");
    sys_close(pty.master);
    expect(sys_openat(AT_FDCWD, "/tmp/console", O_RDWR | O_NOCTTY, 0), -EIO);
}

CONFORM_CASE(ptmx_below_its_own_root)
{
    struct open_how how = {.flags = O_RDWR | O_NOCTTY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    struct statfs st;

    mount_devpts();
    int dir = sys_openat(AT_FDCWD, "/tmp/pts", O_PATH | O_DIRECTORY, 0);
    expect(sys_fstatfs(dir, &st), 0);
    expect(st.f_type, 0x1cd1);
    expect_true(sys_openat2(dir, "ptmx", &how) >= 0);
    expect(sys_unlinkat(dir, "ptmx", 0), -EPERM);
    expect(sys_symlinkat("x", dir, "link"), -EPERM);
    expect(sys_mknodat(dir, "file", S_IFREG | 0600, 0), -EACCES);
    expect(sys_mount("/dev/null", "/tmp/pts/ptmx", NULL, MS_BIND, NULL), 0);
    expect(sys_openat2(dir, "ptmx", &how), -EXDEV);
}

/* ---- the end ---- */

CONFORM_CASE(the_master_after_the_last_slave)
{
    struct pty pty = open_pty();

    int copy = sys_fcntl(pty.slave, F_DUPFD, 0);
    expect(sys_write(pty.slave, "last", 4), 4);
    sys_close(pty.slave);
    settle();
    expect(poll_now(pty.master), POLLIN | POLLOUT);
    sys_close(copy);
    expect(poll_now(pty.master), POLLIN | POLLOUT | POLLHUP);
    expect_text(read_text(pty.master), "last");
    expect_text(read_text(pty.master), "-EIO");
    expect(poll_now(pty.master), POLLOUT | POLLHUP);
    int again = sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | O_NOCTTY, 0);
    expect_true(again >= 0);
    expect(poll_now(pty.master), POLLOUT);
    expect_text(read_text(pty.master), "-EAGAIN");
}

CONFORM_CASE(the_master_before_any_slave)
{
    mount_devpts();
    int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
    expect(poll_now(master), POLLOUT);
    expect_text(read_text(master), "-EAGAIN");
    type(master, "hi\n");
    expect_text(read_text(master), "hi\r\n");
}

CONFORM_CASE(slaves_after_the_master)
{
    struct pty pty = open_pty();
    struct size size;
    int group = 1;

    type(pty.master, "unread\n");
    sys_close(pty.master);
    expect(poll_now(pty.slave), POLLIN | POLLOUT | POLLERR | POLLHUP);
    expect(sys_read(pty.slave, bytes, 10), 0);
    expect(sys_write(pty.slave, "x", 1), -EIO);
    expect(sys_ioctl(pty.slave, TIOCGWINSZ, &size), -EIO);
    expect(sys_ioctl(pty.slave, TCGETS, bytes), -EIO);
    expect(sys_ioctl(pty.slave, TIOCSPGRP, &group), -ENOTTY);
    expect(sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | O_NOCTTY, 0), -ENOENT);
}

static int wait_for_end(void *arg)
{
    struct pty *pty = arg;

    sys_close(pty->master);
    sys_fcntl(pty->slave, F_SETFL, O_RDWR);
    sys_write(pty->slave, "r", 1);
    if (sys_read(pty->slave, bytes, 10) != -EIO)
        return 2;
    /* The hang-up follows on another processor. */
    for (int i = 0; i < 5000 && sys_read(pty->slave, bytes, 10) == -EIO; i++)
        sys_nanosleep(1000000);
    return sys_read(pty->slave, bytes, 10) == 0 ? 1 : 3;
}

CONFORM_CASE(a_slave_waits_for_the_end_of_the_master)
{
    struct pty pty = open_pty();
    struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};

    int pid = spawn(wait_for_end, &pty);
    expect(sys_poll(&pollfd, 1, 2000), 1);
    expect(settles(pid, 'S'), 'S');
    sys_close(pty.master);
    expect(collect(pid), 1);
}
