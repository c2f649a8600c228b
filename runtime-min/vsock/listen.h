/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets that others connect to. */
#pragma once
#include "base/error.h"

/* Binds and listens at path, close-on-exec and non-blocking, mode 0600. What is there already stays. Returns the descriptor or
 * -errno. */
int listen_unix(const char *path, struct error *err);
