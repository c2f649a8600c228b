/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/console.h"

#include <asm/ioctls.h>

#include "runtime-min/container/unix_path.h"
#include "sys/fd.h"

#define PTMX "/dev/ptmx"

/* As <asm/termios.h> has it, which would bring a second struct termio. */
struct window_size {
    unsigned short rows;
    unsigned short columns;
    unsigned short x_pixels;
    unsigned short y_pixels;
};

int console_make_raw(int fd, struct termios *saved)
{
    int r = sys_ioctl(fd, TCGETS, saved);
    if (r < 0)
        return r;
    struct termios raw = *saved;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return sys_ioctl(fd, TCSETS, &raw);
}

void console_restore(int fd, const struct termios *saved)
{
    struct termios copy = *saved;

    (void)sys_ioctl(fd, TCSETS, &copy);
}

/* Has it no size, it is a serial line or one that nobody told. */
static bool is_terminal(int fd)
{
    struct window_size size;

    return sys_ioctl(fd, TIOCGWINSZ, &size) >= 0;
}

int console_find(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (is_terminal(fd))
            return sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    return sys_openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
}

int console_check(bool terminal, const char *socket_path, bool in_foreground, struct error *err)
{
    if (!terminal && socket_path)
        return error_status(err, STATUS_INVALID_ARGUMENT,
                            "cannot use console socket if the process has no terminal (process.terminal is false)");
    if (terminal && !socket_path && !in_foreground)
        return error_status(err, STATUS_INVALID_ARGUMENT,
                            "cannot allocate tty if tatami will detach without setting console socket");
    _close_ int fd = terminal && !socket_path ? console_find() : -1;
    if (terminal && !socket_path && fd < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT,
                            "a terminal is wanted, but the caller has no terminal; run this from one, or use --console-socket");
    return 0;
}

bool console_size(int fd, unsigned int *ret_rows, unsigned int *ret_columns)
{
    struct window_size size;

    if (sys_ioctl(fd, TIOCGWINSZ, &size) < 0 || size.rows == 0 || size.columns == 0)
        return false;
    *ret_rows = size.rows;
    *ret_columns = size.columns;
    return true;
}

bool console_caller_size(unsigned int *ret_rows, unsigned int *ret_columns)
{
    _close_ int fd = console_find();

    return fd >= 0 && console_size(fd, ret_rows, ret_columns);
}

static int prepare(const struct console *console, unsigned int rows, unsigned int columns)
{
    struct window_size size = {.rows = (unsigned short)rows, .columns = (unsigned short)columns};
    struct termios saved;

    int r = console_make_raw(console->slave, &saved);
    if (r == 0 && rows > 0 && columns > 0)
        r = sys_ioctl(console->slave, TIOCSWINSZ, &size);
    return r;
}

int console_open(struct console *ret_console, unsigned int rows, unsigned int columns, struct error *err)
{
    struct console console = CONSOLE_NONE;
    int unlock = 0;

    if (rows > UINT16_MAX || columns > UINT16_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.consoleSize: %ux%u is beyond 65535", columns, rows);
    console.master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
    int r = console.master < 0 ? console.master : sys_ioctl(console.master, TIOCSPTLCK, &unlock);
    if (r == 0) {
        console.slave = sys_ioctl(console.master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
        r = console.slave < 0 ? console.slave : prepare(&console, rows, columns);
    }
    if (r < 0) {
        console_close(&console);
        return error_set(err, r, "open a pseudo-terminal (" PTMX ")");
    }
    *ret_console = console;
    return 0;
}

void console_close(struct console *console)
{
    fd_close(&console->master);
    fd_close(&console->slave);
}

int console_send(const struct console *console, const char *path, struct error *err)
{
    return unix_path_send_fd(path, "console socket", console->master, PTMX, err);
}
