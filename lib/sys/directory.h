/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a directory. */
#pragma once
#include <stdbool.h>

typedef int (*directory_entry_fn)(void *arg, const char *name, bool is_directory);
/* Calls entry_fn for every entry of an open directory but "." and "..", until it fails. 0 or -errno; a directory that was
 * removed while it was open has none. Where the file system does not tell types, nothing is a directory. */
int directory_read(int fd, directory_entry_fn entry_fn, void *arg);
