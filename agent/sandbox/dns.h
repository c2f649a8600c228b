/* SPDX-License-Identifier: Apache-2.0 */
/* Name servers of the guest, as the host wants them. */
#pragma once
#include <stddef.h>

#include "base/error.h"

/* Writes the trimmed lines to BASE/sandbox/resolv.conf (base_fd is the open base_dir) and binds that file on /etc/resolv.conf.
 * Nothing to do without lines or without /etc/resolv.conf. Texts: agent-rpc 9.29. */
int dns_configure(int base_fd, const char *base_dir, char *const *lines, size_t n, struct error *err);
