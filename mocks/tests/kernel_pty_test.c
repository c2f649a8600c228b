/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals: the line discipline, sizes, sessions, the end of either side. */
#include "mocks/tests/conform.h"

#include <asm/termbits.h>
#include <limits.h>
#include <sys/sysmacros.h>

/* <sys/ioctl.h> has another struct termios. */
#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSF 0x5404
#define TIOCSCTTY 0x540e
#define TIOCGPGRP 0x540f
#define TIOCSPGRP 0x5410
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD 0x541b
#define TIOCNOTTY 0x5422
#define TIOCGSID 0x5429
#define TIOCGPTN 0x80045430
#define TIOCSPTLCK 0x40045431
#define TIOCGPTLCK 0x80045439
#define TIOCGPTPEER 0x5441

#define MNT_DETACH 2
#define PTMX "/tmp/pts/ptmx"

struct size {
    unsigned short rows, columns, x, y;
};

static char bytes[30000];

/* A file system of terminals of its own. */
static void mount_devpts(void)
{
    sys_mkdirat(AT_FDCWD, "/tmp/pts", 0755);
    expect(sys_mount("devpts", "/tmp/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5"), 0);
}

static int unlock(int master)
{
    int no = 0;

    return sys_ioctl(master, TIOCSPTLCK, &no);
}

struct pty {
    int master, slave;
};

static struct pty open_pty(void)
{
    struct pty pty;

    mount_devpts();
    pty.master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
    expect_true(pty.master >= 0);
    expect(unlock(pty.master), 0);
    pty.slave = sys_ioctl(pty.master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_NONBLOCK));
    expect_true(pty.slave >= 0);
    return pty;
}

static void configure(int fd, unsigned int clear_local, unsigned int clear_input)
{
    struct termios termios;

    expect(sys_ioctl(fd, TCGETS, &termios), 0);
    termios.c_lflag &= ~clear_local;
    termios.c_iflag &= ~clear_input;
    expect(sys_ioctl(fd, TCSETS, &termios), 0);
}

static short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

/* The real kernel hands bytes over in a worker of its own. */
static void settle(void)
{
    sys_nanosleep(20000000);
}

/* What is read now, as text; "-EAGAIN" and the like for errors. */
static const char *read_text(int fd)
{
    static char text[1000];

    ssize_t n = sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        snprintf(text, sizeof(text), "-%s", strerrorname_np((int)-n));
    else
        text[n] = '\0';
    return text;
}

static void type(int master, const char *text)
{
    expect(sys_write(master, text, strlen(text)), strlen(text));
    settle();
}

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

/* ---- the line discipline ---- */

CONFORM_CASE(settings_from_the_start)
{
    static const unsigned char control[] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0};
    struct pty pty = open_pty();
    struct termios termios, by_master;

    expect(sys_ioctl(pty.slave, TCGETS, &termios), 0);
    expect(termios.c_iflag, 0x500);
    expect(termios.c_oflag, 0x5);
    expect(termios.c_cflag, 0xbf);
    expect(termios.c_lflag, 0x8a3b);
    expect(memcmp(termios.c_cc, control, sizeof(control)), 0);
    expect(sys_ioctl(pty.master, TCGETS, &by_master), 0);
    expect(by_master.c_lflag, 0x8a3b);
    by_master.c_lflag &= ~(unsigned int)ECHO;
    expect(sys_ioctl(pty.master, TCSETS, &by_master), 0);
    expect(sys_ioctl(pty.slave, TCGETS, &termios), 0);
    expect(termios.c_lflag, 0x8a33);
}

CONFORM_CASE(typed_bytes)
{
    static const struct {
        const char *label;
        const char *typed, *echoed, *read;
        unsigned int clear_local, clear_input;
    } rows[] = {
        {"a line", "hello\n", "hello\r\n", "hello\n", 0, 0},
        {"carriage return", "hello\r", "hello\r\n", "hello\n", 0, 0},
        {"carriage return as it is", "hello\r", "hello^M", "-EAGAIN", 0, ICRNL},
        {"no echo", "hello\n", "-EAGAIN", "hello\n", ECHO, 0},
        {"not finished", "hello", "hello", "-EAGAIN", 0, 0},
        {"control bytes", "a\001b\033\n", "a^Ab^[\r\n", "a\001b\033\n", 0, 0},
        {"control bytes as they are", "a\001\n", "a\001\r\n", "a\001\n", ECHOCTL, 0},
        {"tabulator", "a\tb\n", "a\tb\r\n", "a\tb\n", 0, 0},
        {"erase", "ab\177c\n", "ab\b \bc\r\n", "ac\n", 0, 0},
        {"erase nothing", "\177\177c\n", "c\r\n", "c\n", 0, 0},
        {"erase a control byte", "\001\177c\n", "^A\b \b\b \bc\r\n", "c\n", 0, 0},
        {"erase a word", "one two\027\n", "one two\b \b\b \b\b \b\r\n", "one \n", 0, 0},
        {"erase a word with blanks", "one  \027x\n", "one  \b \b\b \b\b \b\b \b\b \bx\r\n", "x\n", 0, 0},
        {"erase the line", "abc\025d\n", "abc\b \b\b \b\b \bd\r\n", "d\n", 0, 0},
        {"erase does not reach the line before", "a\n\177\177b\n", "a\r\nb\r\n", "a\n", 0, 0},
        {"the next byte as it is", "a\026\003\n", "a^\b^C\r\n", "a\003\n", 0, 0},
        {"raw", "a\177\003\r", "-EAGAIN", "a\177\003\r", ICANON | ECHO | ISIG, ICRNL},
        {"raw with echo", "a\003", "a^C", "a\003", ICANON | ISIG, 0},
        {"no signals", "a\003\n", "a^C\r\n", "a\003\n", ISIG, 0},
        {"interrupt", "ab\003c\n", "^Cc\r\n", "c\n", 0, 0},
        {"quit", "ab\034c\n", "^\\c\r\n", "c\n", 0, 0},
        {"end of file after bytes", "ab\004", "ab", "ab", 0, 0},
        {"end of file at once", "\004", "-EAGAIN", "", 0, 0},
        {"start and stop", "a\023\021b\n", "ab\r\n", "ab\n", 0, 0},
    };
    struct pty pty = open_pty();
    sys_close(pty.master);
    sys_close(pty.slave);

    FOR_CASES(row, rows)
    {
        pty.master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
        unlock(pty.master);
        pty.slave = sys_ioctl(pty.master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_NONBLOCK));
        configure(pty.slave, row->clear_local, row->clear_input);
        type(pty.master, row->typed);
        expect_text(read_text(pty.master), row->echoed);
        expect_text(read_text(pty.slave), row->read);
        sys_close(pty.master);
        sys_close(pty.slave);
    }
}

CONFORM_CASE(lines_are_read_one_by_one)
{
    struct pty pty = open_pty();
    int available = -1;

    configure(pty.slave, ECHO, 0);
    expect(poll_now(pty.slave), POLLOUT);
    type(pty.master, "one");
    expect(poll_now(pty.slave), POLLOUT);
    expect(sys_ioctl(pty.slave, FIONREAD, &available), 0);
    expect(available, 0);
    type(pty.master, "\ntwo\n");
    expect(poll_now(pty.slave), POLLIN | POLLOUT);
    expect(sys_read(pty.slave, bytes, 2), 2);
    expect_text(read_text(pty.slave), "e\n");
    expect_text(read_text(pty.slave), "two\n");
    expect(poll_now(pty.slave), POLLOUT);
    type(pty.master, "x\004\004y\n");
    expect(sys_read(pty.slave, bytes, 1), 1);
    expect_text(read_text(pty.slave), "");
    expect_text(read_text(pty.slave), "y\n");
    expect_text(read_text(pty.slave), "-EAGAIN");
}

CONFORM_CASE(a_line_is_as_long_as_a_page)
{
    struct pty pty = open_pty();

    configure(pty.slave, ECHO, 0);
    memset(bytes, 'x', sizeof(bytes));
    bytes[4499] = '\n';
    expect(sys_write(pty.master, bytes, 4500), 4500);
    settle();
    expect(sys_read(pty.slave, bytes, sizeof(bytes)), 4096);
    expect(bytes[4094], 'x');
    expect(bytes[4095], '\n');
}

CONFORM_CASE(written_lines_get_a_carriage_return)
{
    struct pty pty = open_pty();
    struct termios termios;

    expect(sys_write(pty.slave, "a\nb\r\n", 5), 5);
    settle();
    expect(poll_now(pty.master), POLLIN | POLLOUT);
    expect_text(read_text(pty.master), "a\r\nb\r\r\n");
    sys_ioctl(pty.slave, TCGETS, &termios);
    termios.c_oflag = 0;
    sys_ioctl(pty.slave, TCSETS, &termios);
    expect(sys_write(pty.slave, "a\n", 2), 2);
    settle();
    expect_text(read_text(pty.master), "a\n");
}

CONFORM_CASE(output_can_be_stopped)
{
    struct pty pty = open_pty();

    type(pty.master, "\023");
    expect(poll_now(pty.slave), 0);
    expect(sys_write(pty.slave, "x", 1), -EAGAIN);
    type(pty.master, "\021");
    expect(poll_now(pty.slave), POLLOUT);
    expect(sys_write(pty.slave, "x", 1), 1);
    settle();
    expect_text(read_text(pty.master), "x");
}

CONFORM_CASE(changing_the_mode_keeps_or_drops_what_was_typed)
{
    struct pty pty = open_pty();
    struct termios termios;

    configure(pty.slave, ECHO, 0);
    type(pty.master, "ab");
    configure(pty.slave, ICANON, 0);
    expect_text(read_text(pty.slave), "ab");
    type(pty.master, "cd");
    sys_ioctl(pty.slave, TCGETS, &termios);
    expect(sys_ioctl(pty.slave, TCSETSF, &termios), 0);
    expect_text(read_text(pty.slave), "-EAGAIN");
    termios.c_cc[VMIN] = 0;
    expect(sys_ioctl(pty.slave, TCSETS, &termios), 0);
    expect_text(read_text(pty.slave), "");
}

static int read_line(void *arg)
{
    int fd = sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | O_NOCTTY, 0);

    (void)arg;
    return fd < 0 ? 99 : (int)sys_read(fd, bytes, 100);
}

CONFORM_CASE(a_reader_waits_for_its_line)
{
    struct pty pty = open_pty();

    int pid = spawn(read_line, NULL);
    sys_nanosleep(10000000);
    type(pty.master, "ab");
    type(pty.master, "c\n");
    expect(collect(pid), 4);
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
    return sys_read(pty->slave, bytes, 10) == -EIO && sys_read(pty->slave, bytes, 10) == 0 ? 1 : 2;
}

CONFORM_CASE(a_slave_waits_for_the_end_of_the_master)
{
    struct pty pty = open_pty();
    struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};

    int pid = spawn(wait_for_end, &pty);
    expect(sys_poll(&pollfd, 1, 2000), 1);
    sys_nanosleep(50 * 1000000); /* until it waits */
    sys_close(pty.master);
    expect(collect(pid), 1);
}

/* ---- sizes ---- */

static int take_terminal(struct pty *pty, bool close_master)
{
    if (close_master)
        sys_close(pty->master);
    if (sys_setsid() < 0)
        return -1;
    return sys_ioctl(pty->slave, TIOCSCTTY, NULL);
}

static int watch(int one, int other)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, one);
    if (other)
        sigaddset(&set, other);
    sys_sigprocmask(SIG_BLOCK, &set, NULL);
    return sys_signalfd(-1, &set, 0);
}

/* The next signal that was asked for. */
static int next_signal(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    uint32_t info[32];

    if (sys_poll(&pollfd, 1, 2000) != 1)
        return 0;
    return sys_read(fd, info, sizeof(info)) == sizeof(info) ? (int)info[0] : -1;
}

static int wait_for_new_size(void *arg)
{
    struct pty *pty = arg;
    struct size size = {0};
    int fd = watch(SIGWINCH, 0);

    if (take_terminal(pty, false) < 0)
        return 1;
    sys_write(pty->slave, "r\n", 2);
    if (next_signal(fd) != SIGWINCH)
        return 2;
    sys_ioctl(pty->slave, TIOCGWINSZ, &size);
    return size.rows == 30 && size.columns == 100 ? 3 : 4;
}

CONFORM_CASE(a_new_size_is_a_signal_for_who_is_in_front)
{
    struct pty pty = open_pty();
    struct size size = {30, 100, 0, 0}, now = {9, 9, 9, 9};

    expect(sys_ioctl(pty.master, TIOCGWINSZ, &now), 0);
    expect(now.rows, 0);
    int pid = spawn(wait_for_new_size, &pty);
    struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};
    expect(sys_poll(&pollfd, 1, 2000), 1);
    expect(sys_ioctl(pty.master, TIOCSWINSZ, &size), 0);
    expect(collect(pid), 3);
    expect(sys_ioctl(pty.slave, TIOCGWINSZ, &now), 0);
    expect(now.columns, 100);
}

/* ---- sessions ---- */

static int session_rules(void *arg)
{
    struct pty *pty = arg;
    int number;

    expect(sys_ioctl(pty->slave, TIOCGPGRP, &number), -ENOTTY);
    expect(sys_ioctl(pty->slave, TIOCNOTTY, NULL), -ENOTTY);
    expect(sys_ioctl(pty->slave, TIOCGSID, &number), -ENOTTY);
    expect(sys_ioctl(pty->slave, TIOCSCTTY, NULL), -EPERM);
    expect_true(sys_setsid() > 0);
    expect(sys_ioctl(pty->slave, TIOCSCTTY, NULL), 0);
    expect(sys_ioctl(pty->slave, TIOCSCTTY, NULL), 0);
    expect(sys_ioctl(pty->slave, TIOCGPGRP, &number), 0);
    expect(number, sys_getpid());
    expect(sys_ioctl(pty->master, TIOCGPGRP, &number), 0);
    expect(number, sys_getpid());
    expect(sys_ioctl(pty->slave, TIOCGSID, &number), 0);
    expect(number, sys_getpid());
    number = sys_getpid();
    expect(sys_ioctl(pty->slave, TIOCSPGRP, &number), 0);
    number = 4711;
    expect(sys_ioctl(pty->slave, TIOCSPGRP, &number), -ESRCH);
    number = -1;
    expect(sys_ioctl(pty->slave, TIOCSPGRP, &number), -EINVAL);
    int own = sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0);
    expect_true(own >= 0);
    expect(sys_write(own, "x", 1), 1);
    return 7;
}

CONFORM_CASE(rules_of_controlling_terminals)
{
    struct pty pty = open_pty();

    expect(in_child(session_rules, &pty), 7);
    settle();
    expect_text(read_text(pty.master), "x");
}

static int open_as_own(void *arg)
{
    const bool *no_ctty = arg;
    int number;

    if (sys_setsid() < 0)
        return 1;
    int fd = sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | (*no_ctty ? O_NOCTTY : 0), 0);
    return sys_ioctl(fd, TIOCGPGRP, &number) == 0 ? 2 : 3;
}

CONFORM_CASE(opening_a_terminal_makes_it_the_session_s_own)
{
    static const struct {
        const char *label;
        bool no_ctty;
        int result;
    } rows[] = {{"plain", false, 2}, {"with O_NOCTTY", true, 3}};

    open_pty();
    FOR_CASES(row, rows)
    expect(in_child(open_as_own, (void *)&row->no_ctty), row->result);
}

static int steal(void *arg)
{
    struct pty *pty = arg;

    sys_setsid();
    if (sys_ioctl(pty->slave, TIOCSCTTY, (void *)0) != -EPERM)
        return 1;
    return sys_ioctl(pty->slave, TIOCSCTTY, (void *)1) == 0 ? 2 : 3;
}

static int hold_and_lose(void *arg)
{
    struct pty *pty = arg;
    int number;

    if (take_terminal(pty, false) < 0)
        return 1;
    if (in_child(steal, pty) != 2)
        return 2;
    if (sys_ioctl(pty->slave, TIOCGPGRP, &number) != -ENOTTY)
        return 3;
    return sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0) == -ENXIO ? 4 : 5;
}

CONFORM_CASE(a_terminal_can_be_stolen_by_root)
{
    struct pty pty = open_pty();

    expect(in_child(hold_and_lose, &pty), 4);
}

static int wait_for_hangup(void *arg)
{
    struct pty *pty = arg;
    int fd = watch(SIGHUP, SIGCONT);

    if (take_terminal(pty, true) < 0)
        return 1;
    sys_write(pty->slave, "r\n", 2);
    int one = next_signal(fd), two = next_signal(fd);
    if (one != SIGHUP || two != SIGCONT)
        return 2;
    return sys_openat(AT_FDCWD, "/dev/tty", O_RDWR, 0) == -ENXIO ? 3 : 4;
}

CONFORM_CASE(the_end_of_the_master_is_a_hangup)
{
    struct pty pty = open_pty();

    int pid = spawn(wait_for_hangup, &pty);
    struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};
    expect(sys_poll(&pollfd, 1, 2000), 1);
    sys_close(pty.master);
    expect(collect(pid), 3);
}

static int wait_for_interrupt(void *arg)
{
    struct pty *pty = arg;

    if (take_terminal(pty, true) < 0)
        return 1;
    sys_write(pty->slave, "r\n", 2);
    sys_nanosleep(UINT64_C(5000000000));
    return 2;
}

CONFORM_CASE(typed_signals)
{
    static const struct {
        const char *label;
        const char *typed;
        int result;
    } rows[] = {{"interrupt", "\003", -SIGINT}, {"quit", "\034", -SIGQUIT}};
    struct pty pty = open_pty();
    struct rlimit none = {0, 0};

    sys_prlimit(0, RLIMIT_CORE, &none, NULL);
    FOR_CASES(row, rows)
    {
        struct pollfd pollfd = {.fd = pty.master, .events = POLLIN};
        int pid = spawn(wait_for_interrupt, &pty);
        expect(sys_poll(&pollfd, 1, 2000), 1);
        type(pty.master, row->typed);
        expect(collect(pid), row->result);
        read_text(pty.master);
    }
}

static int stay(void *arg)
{
    int *ready = arg, fd = watch(SIGHUP, SIGCONT);
    char byte = 1;

    sys_write(ready[1], &byte, 1);
    sys_close(ready[1]);
    int sig = next_signal(fd);
    return sig == SIGHUP ? 0 : 1;
}

static int lead(void *arg)
{
    struct pty *pty = arg;
    int ready[2];
    char byte;

    if (take_terminal(pty, true) < 0)
        return 1;
    sys_pipe2(ready, 0);
    spawn(stay, ready);
    return sys_read(ready[0], &byte, 1) == 1 ? 6 : 2;
}

CONFORM_CASE(the_end_of_the_leader_tells_who_is_in_front)
{
    struct pty pty = open_pty();
    siginfo_t info;

    sys_prctl(36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0);
    int leader = spawn(lead, &pty);
    sys_close(pty.slave);
    expect(collect(leader), 6);
    expect(sys_waitid(P_ALL, 0, &info, WEXITED), 0);
    expect(info.si_status, 0);
    expect_text(read_text(pty.master), "-EIO");
}
