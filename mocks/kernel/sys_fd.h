/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of the current task, for the calls that use them. */
#pragma once
#include <errno.h>

#include "mocks/kernel/sim.h"
#include "mocks/kernel/task.h"

/* A descriptor that may be used for more than its place: NULL for a free one and for O_PATH. Borrowed. */
struct file *fd_usable(int fd);
/* Gives a new file the lowest free number; without one (-EMFILE) the file is gone. */
int fd_publish(struct file *file, bool cloexec);
