/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules: those that the guest's image lists, and those that CreateSandbox asks for.
 *
 * They are found as modprobe(8) finds them, by modules.dep(5) and modules.builtin in /lib/modules/RELEASE, and loaded after
 * those that they need. '-' and '_' in a name are the same. No aliases, no configuration files, no compressed modules. */
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

/* One name a line; words behind it are parameters; '#' begins a comment (modules(5) of Debian). */
#define MODULES_FIRST "/etc/modules"       /* before the agent listens */
#define MODULES_LATER "/etc/modules.later" /* while it serves: what its connection to the host does not need */

/* Loads a module and what it needs; one that is there already, or built into the kernel, is a success. params: as insmod(8)
 * takes them, separated by blanks. -ENOENT when there is no such module; -errno naming the file that the kernel refused. Can
 * take long: the kernel probes devices meanwhile. */
int modules_load(const char *name, const char *params, struct error *err);

/* Loads each module of the list in its order. A missing list is an empty one. What cannot be loaded gets a line in problems,
 * and the rest goes on: the machine may do without it. */
void modules_load_list(const char *path, struct buf *problems);
#define MODULES_PROBLEMS_MAX (16 * 1024)
/* Logs each line as a warning; cuts the text up. NULL: nothing. */
void modules_log_problems(char *problems, const struct logger *log);
