/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of a world: C functions that behave like the small tools of a busybox, and a few that tests need.
 *
 *     true  false  exit N  echo [-n] WORD...  cat [FILE]...  sleep SECONDS  pwd  hostname  id  env  kill -SIG PID
 *     write FILE TEXT  mkdir DIR  readlink PATH  ls [DIR]  stat PATH...
 *     catch SIG CODE [TEXT]      says "ready", waits for the signal, says TEXT and exits with CODE
 *     forks DEPTH WIDTH SECONDS  a tree of processes that sleep
 *     eat BYTES                  uses memory, says "eaten" and sleeps
 *     bytes N [FD]               writes N letters
 *     fds                        lists its open descriptors
 *     sh -c SCRIPT               see shell.c
 *
 * and, in tools.c: head -c N FILE  seq FIRST LAST  test (-t FD, -e FILE, = and numbers)  stty size  tty  tail FILE
 * grep -c PATTERN [FILE]
 * ps (the command lines)
 *
 * They hold no memory but their stack: a killed task leaves nothing behind. What a process shares with the one that it spawned
 * are numbers only, since both run in the same memory. */
#pragma once
#include "mocks/kernel/world.h"

/* All of them below dir ("/bundle/rootfs/bin"), which is created. */
void programs_install(struct world *world, const char *dir);
/* The function of one by its name, or NULL. */
program_fn program_by_name(const char *name);

/* "TERM" or "15". */
int program_signal(const char *name);
int program_shell(int argc, char **argv, char **envp);

/* Calls show for every entry of the directory but "." and "..". Returns an exit status. */
int program_each_entry(const char *program, const char *path, void (*show)(int dirfd, const char *name));
/* printf(3) to a descriptor, cut at 1 KiB. */
void program_say(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Complains "NAME: WHAT: ENOENT" and returns 1. */
int program_fail(const char *name, const char *what, int errnum);
