/* SPDX-License-Identifier: Apache-2.0 */
/* Removal of a directory tree that never leaves it: no symbolic link is followed and no mount point is entered. */
#pragma once

/* Removes the entry name of dirfd and everything below it. 0 when it is gone (or was not there); -EBUSY or -EXDEV when a mount
 * point is in the way, -ELOOP beyond 64 levels, else -errno. What was removed before a failure stays removed. */
int dirtree_remove(int dirfd, const char *name);
