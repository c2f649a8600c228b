/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to files of a procfs, in a way that mounts and links cannot lead to another file (CVE-2025-52881). */
#pragma once

#include "base/error.h"

/* Opens the directory "/proc" of the caller (O_PATH, close-on-exec) and makes sure that it is a procfs. */
int procfile_root(int *ret_proc_fd, struct error *err);
/* Opens path below proc_fd, close-on-exec. The kernel refuses whatever leaves proc_fd or crosses a mount (-EXDEV) and every
 * link
 * (-ELOOP). Returns the descriptor or -errno. */
int procfile_open(int proc_fd, const char *path, int flags);
/* The whole text in one write(2): files of procfs take a value as a unit. 0 or -errno. */
int procfile_write(int fd, const char *text);
