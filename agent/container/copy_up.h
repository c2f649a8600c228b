/* SPDX-License-Identifier: Apache-2.0 */
/* Copy of a directory's content into a new tmpfs (mount option tmpcopyup). */
#pragma once
#include <stdbool.h>

#include "base/error.h"

/* Copies everything below from_fd into the empty directory to_fd: files, directories, links and special files with owner and
 * mode; with_self: owner and mode of the directory itself too. No link is followed. The umask must be 0. */
int copy_up(int from_fd, int to_fd, bool with_self, struct error *err);
