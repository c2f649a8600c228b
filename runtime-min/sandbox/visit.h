/* SPDX-License-Identifier: Apache-2.0 */
/* A command in the place of a monitor: what a machine's mounts need is done by who has the rights for it, since the monitor has
 * none. */
#pragma once
#include "base/error.h"

#define VISIT_TEXT_BYTES 64

/* Runs fn in a child that is in the mount namespace and the working directory of the process that listens at the other end of
 * the connected unix socket fd. ret_text is what fn put into text; may be NULL. Returns fn's result; -ECONNRESET when that
 * process has ended. */
int visit(int fd, int (*fn)(void *arg, char text[static VISIT_TEXT_BYTES], struct error *err), void *arg, char *ret_text,
          struct error *err);
