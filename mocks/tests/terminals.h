/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals for cases: a file system of their own, both sides of one, what is typed and read. */
#pragma once
#include <limits.h>
#include <sys/sysmacros.h>

/* <sys/ioctl.h> has another struct termios. */
#include <asm/ioctls.h>
#include <asm/termbits.h>

#include "mocks/tests/conform.h"

#define MNT_DETACH 2
#define PTMX "/tmp/pts/ptmx"

struct size {
    unsigned short rows, columns, x, y;
};

static UNUSED char bytes[30000];

/* A file system of terminals of its own. */
static inline UNUSED void mount_devpts(void)
{
    sys_mkdirat(AT_FDCWD, "/tmp/pts", 0755);
    expect(sys_mount("devpts", "/tmp/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5"), 0);
}

static inline UNUSED int unlock(int master)
{
    int no = 0;

    return sys_ioctl(master, TIOCSPTLCK, &no);
}

struct pty {
    int master, slave;
};

static inline UNUSED struct pty open_pty(void)
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

static inline UNUSED void configure(int fd, unsigned int clear_local, unsigned int clear_input)
{
    struct termios termios;

    expect(sys_ioctl(fd, TCGETS, &termios), 0);
    termios.c_lflag &= ~clear_local;
    termios.c_iflag &= ~clear_input;
    expect(sys_ioctl(fd, TCSETS, &termios), 0);
}

static inline UNUSED short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

/* The real kernel hands bytes over in a worker of its own. */
static inline UNUSED void settle(void)
{
    sys_nanosleep(20000000);
}

/* What is read now, as text; "-EAGAIN" and the like for errors. */
static inline UNUSED const char *read_text(int fd)
{
    static char text[1000];

    ssize_t n = sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        snprintf(text, sizeof(text), "-%s", strerrorname_np((int)-n));
    else
        text[n] = '\0';
    return text;
}

static inline UNUSED void type(int master, const char *text)
{
    expect(sys_write(master, text, strlen(text)), strlen(text));
    settle();
}
