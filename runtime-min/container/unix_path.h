/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets by paths of any length: an address holds 107 bytes only, so longer ones go through a descriptor of the
 * directory. */
#pragma once
#include "base/error.h"

/* type: SOCK_STREAM or SOCK_SEQPACKET. A connected socket, non-blocking and close-on-exec, or -errno. */
int unix_path_connect(const char *path, int type);
/* Sends a descriptor to who listens at path: one message whose data is name. what: of the socket, for errors. */
int unix_path_send_fd(const char *path, const char *what, int fd, const char *name, struct error *err);
