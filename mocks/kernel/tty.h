/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals (pty(7)): shared by pty.c (files), tty_line.c (line discipline), tty_session.c (job control), fs_devpts.c
 * (names). */
#pragma once
#include <asm/termbits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mocks/kernel/vfs.h"

#define TTY_LINE_MAX 4096   /* bytes of a line, with its end */
#define TTY_QUEUE_MAX 20480 /* bytes on their way in one direction */

/* Ends of lines, as ioctl_tty(2) has it; <sys/ioctl.h> would clash with the kernel's termios. */
struct tty_size {
    unsigned short rows, columns, x_pixels, y_pixels;
};

/* A byte for the slave; canonical mode marks where lines end. */
struct tty_char {
    unsigned char byte;
    bool ends;    /* a line ends with it */
    bool is_byte; /* false: end of file, nothing to read */
};

struct tty {
    struct world *world;
    struct super *super; /* devpts instance; counted */
    struct list link;    /* in its list */
    struct dentry *name; /* of the slave; counted; NULL when the master has gone */
    unsigned int number;
    bool locked;
    bool slave_seen;      /* was open once: no slave then means EIO */
    unsigned int slaves;  /* open files */
    unsigned int hangups; /* slaves opened before the last one are dead */
    struct termios termios;
    struct tty_size size;
    int sid, pgrp; /* numbers of the world; 0: none */
    struct tty_char *input;
    size_t n_input;
    bool literal; /* the next byte has no meaning */
    bool stopped; /* by ^S */
    struct buf output, echo;
    unsigned int refs; /* master, slaves, sessions */
};

struct tty *tty_ref(struct tty *tty);
void tty_unref(struct tty *tty);

/* ---- fs_devpts.c ---- */

/* The instance that belongs to an open ptmx, and the place of its root (referenced). -ENODEV. */
int devpts_of(const struct file *ptmx, struct path *ret_root);
/* A number and a name for a new terminal. -ENOSPC. */
int devpts_add(struct tty *tty, struct super *super);
void devpts_remove(struct tty *tty);
struct tty *devpts_find(const struct inode *slave);

/* ---- tty_line.c ---- */

void line_init(struct tty *tty);
/* Bytes from the master's side. Returns how many were taken. */
size_t line_receive(struct tty *tty, const char *p, size_t len);
bool line_readable(const struct tty *tty);
/* Takes what a read of the slave gets; line_readable() holds. */
size_t line_take(struct tty *tty, char *p, size_t len);
size_t line_available(const struct tty *tty);
/* Bytes that the slave writes. Returns how many were taken. */
size_t line_output(struct tty *tty, const char *p, size_t len);
bool line_writable(const struct tty *tty);
/* TCSETS, TCSETSF (flush). */
void line_configure(struct tty *tty, const struct termios *termios, bool flush);

/* ---- tty_session.c ---- */

/* The terminal of the current task's session, or NULL. */
struct tty *tty_current(void);
void tty_signal_group(const struct tty *tty, int sig);
/* open(2) without O_NOCTTY: the first terminal of a session leader becomes its own. */
void tty_adopt(struct tty *tty);
int tty_set_controlling(struct tty *tty, int steal);
int tty_give_up(struct tty *tty);
int tty_get_group(const struct tty *tty, bool by_slave);
int tty_set_group(struct tty *tty, int pgrp);
int tty_get_session(const struct tty *tty, bool by_slave);
/* The master closed: the session loses the terminal, its leader is told. */
void tty_hang_up(struct tty *tty);
/* May the current task read? 0 or -EIO. */
int tty_may_read(const struct tty *tty);
