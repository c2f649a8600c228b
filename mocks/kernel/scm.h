/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that travel in messages (cmsg(3), SCM_RIGHTS in unix(7)). */
#pragma once
#include <sys/socket.h>

#include "mocks/kernel/vfs.h"

#define SCM_FILES_MAX 253

/* Files on their way; each counted. */
struct scm_files {
    struct file **files;
    size_t n;
};

/* Is the control part of a message in order? 0, -EINVAL, -EBADF. */
int scm_check(const struct msghdr *msg);
/* Takes references of the files that it names; after scm_check(). */
void scm_take(const struct msghdr *msg, struct scm_files *ret_files);
void scm_copy(const struct scm_files *from, struct scm_files *ret_files);
/* Gives the files numbers in the current task, as many as there is room for; the others are closed, and msg_flags says so. Ends
 * files. */
void scm_deliver(struct msghdr *msg, struct scm_files *files, int flags);
void scm_drop(struct scm_files *files);
