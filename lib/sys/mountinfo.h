/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
#pragma once
#include <stdbool.h>

#define MOUNTINFO_PATH "/proc/self/mountinfo"
#define MOUNTINFO_MAX (16 * 1024 * 1024) /* a machine has some hundred mounts of some hundred bytes */

struct mountinfo {
    unsigned long id, parent; /* equal: it hangs nowhere */
    char *point;              /* without escapes */
    char *type;
    char *options; /* of the super block */
};

/* The next mount of the text, which is cut up: what is in *ret points into it. The cursor may be NULL. False at the end; lines
 * that make no sense are left out. A mount on top of another comes after it. */
bool mountinfo_next(char **cursor, struct mountinfo *ret);
/* Whether the topmost mount on point, which may end in slashes, has the type (NULL: any). 0 while there is no /proc to ask;
 * -errno. */
int mountinfo_is_mounted(const char *point, const char *type);
