/* SPDX-License-Identifier: Apache-2.0 */
/* Paths below a root descriptor: the only way in which the jail looks at or makes files inside a root file system.
 *
 * The kernel resolves a path as if root_fd were "/" (openat2(2), RESOLVE_IN_ROOT): neither ".." nor a symbolic link leaves it,
 * and magic links are refused with -ELOOP. What comes back is a descriptor; whoever swaps a component afterwards changes
 * nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Symbolic links anywhere in the path are refused with -ELOOP; for `resolve` below. */
#define INROOT_NO_SYMLINKS 0x04 /* RESOLVE_NO_SYMLINKS */

/* True for a path that begins with '/' and has no ".." component; NULL is not. */
bool inroot_path_is_plain(const char *path);
/* Lexically cleaned form of a plain path without single dots, doubled and trailing slashes ("/" for the root itself).
 * Returns 0, or -ENAMETOOLONG when it does not fit. */
int inroot_path_clean(const char *path, char *ret, size_t size);
/* True if the cleaned path is dir or lies below it, by whole components. */
bool inroot_path_is_below(const char *clean, const char *dir);

/* Opens an existing file; flags O_* (close-on-exec is added), resolve 0 or INROOT_NO_SYMLINKS. Descriptor or -errno. */
int inroot_open(int root_fd, const char *path, int flags, uint64_t resolve);
/* O_PATH descriptor of a directory whose missing components are made with mode 0755, also behind dangling links (whose targets
 * are looked up inside the root). -ENOTDIR when something else is in the way. */
int inroot_make_dir(int root_fd, const char *path, uint64_t resolve);
/* Descriptor of whatever exists at path, else of a new empty file (0644) there, whose directories are made too. An existing
 * file is neither opened for writing nor truncated. */
int inroot_make_file(int root_fd, const char *path);
