/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that travel in messages (cmsg(3), SCM_RIGHTS in unix(7)). */
#include "mocks/kernel/scm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/sys_fd.h"

static size_t count_of(const struct cmsghdr *cmsg)
{
    return (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

static int number_at(const struct cmsghdr *cmsg, size_t i)
{
    int fd;

    memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
    return fd;
}

static int check_rights(const struct cmsghdr *cmsg, size_t before)
{
    size_t n = count_of(cmsg);

    if (n + before > SCM_FILES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (!fd_get(current(), number_at(cmsg, i)))
            return -EBADF;
    }
    return 0;
}

static bool is_whole(const struct msghdr *msg, const struct cmsghdr *cmsg)
{
    size_t offset = (size_t)((const char *)cmsg - (const char *)msg->msg_control);

    return cmsg->cmsg_len >= sizeof(*cmsg) && cmsg->cmsg_len <= msg->msg_controllen - offset;
}

int scm_check(const struct msghdr *msg)
{
    size_t n = 0;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR((struct msghdr *)msg, cmsg)) {
        if (!is_whole(msg, cmsg))
            return -EINVAL;
        if (cmsg->cmsg_level != SOL_SOCKET)
            continue;
        if (cmsg->cmsg_type == SCM_CREDENTIALS)
            unsupported("sendmsg: SCM_CREDENTIALS");
        if (cmsg->cmsg_type != SCM_RIGHTS)
            return -EINVAL;
        int r = check_rights(cmsg, n);
        if (r < 0)
            return r;
        n += count_of(cmsg);
    }
    return 0;
}

static void take_all(const struct cmsghdr *cmsg, struct scm_files *files)
{
    size_t n = count_of(cmsg);

    files->files = realloc(files->files, (files->n + n) * sizeof(struct file *));
    if (!files->files)
        abort();
    for (size_t i = 0; i < n; i++)
        files->files[files->n++] = file_ref(fd_get(current(), number_at(cmsg, i)));
}

void scm_take(const struct msghdr *msg, struct scm_files *ret_files)
{
    *ret_files = (struct scm_files){.files = NULL};
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR((struct msghdr *)msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && count_of(cmsg) > 0)
            take_all(cmsg, ret_files);
    }
}

void scm_copy(const struct scm_files *from, struct scm_files *ret_files)
{
    *ret_files = (struct scm_files){.n = from->n};
    if (from->n == 0)
        return;
    ret_files->files = malloc(from->n * sizeof(struct file *));
    for (size_t i = 0; i < from->n; i++)
        ret_files->files[i] = file_ref(from->files[i]);
}

void scm_drop(struct scm_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        file_unref(files->files[i]);
    free(files->files);
    *files = (struct scm_files){.files = NULL};
}

/* How many get a number, which are written behind the header of cmsg. */
static size_t install(const struct scm_files *files, struct cmsghdr *cmsg, size_t room, bool cloexec)
{
    size_t n = 0;

    while (n < files->n && n < room) {
        int fd = fd_install(current(), file_ref(files->files[n]), 0, cloexec);
        if (fd < 0) {
            file_unref(files->files[n]);
            break;
        }
        memcpy(CMSG_DATA(cmsg) + n * sizeof(fd), &fd, sizeof(fd));
        n++;
    }
    return n;
}

void scm_deliver(struct msghdr *msg, struct scm_files *files, int flags)
{
    size_t len = msg->msg_controllen;
    size_t room = msg->msg_control && len > CMSG_LEN(0) ? (len - CMSG_LEN(0)) / sizeof(int) : 0;
    struct cmsghdr *cmsg = msg->msg_control;

    msg->msg_controllen = 0;
    if (files->n == 0)
        return;
    size_t n = install(files, cmsg, room, flags & MSG_CMSG_CLOEXEC);
    if (n > 0) {
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
        msg->msg_controllen = CMSG_SPACE(n * sizeof(int)) < len ? CMSG_SPACE(n * sizeof(int)) : len;
    }
    if (n < files->n)
        msg->msg_flags |= MSG_CTRUNC;
    scm_drop(files);
}
