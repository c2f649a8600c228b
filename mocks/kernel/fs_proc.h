/* SPDX-License-Identifier: Apache-2.0 */
/* procfs (proc(5)) and sysfs (sysfs(5)). */
#pragma once
#include "mocks/kernel/vfs.h"

extern const struct filesystem proc_filesystem;  /* "proc": one per pid namespace */
extern const struct filesystem sysfs_filesystem; /* "sysfs" */
