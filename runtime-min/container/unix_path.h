/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets by paths of any length: an address holds 107 bytes only, so longer ones go through a descriptor of the
 * directory. */
#pragma once

/* type: SOCK_STREAM or SOCK_SEQPACKET. A connected socket, non-blocking and close-on-exec, or -errno. */
int unix_path_connect(const char *path, int type);
