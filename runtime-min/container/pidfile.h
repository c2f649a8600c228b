/* SPDX-License-Identifier: Apache-2.0 */
/* The pid file: digits without a newline, complete the moment it appears. */
#pragma once
#include "base/error.h"

/* A file of that name is replaced, a link too, which is not followed. */
int pidfile_write(const char *path, int pid, struct error *err);
