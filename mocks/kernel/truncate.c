/* SPDX-License-Identifier: Apache-2.0 */
/* ftruncate(2). */
#include <errno.h>

#include "mocks/kernel/vfs_private.h"

static int truncate_file(struct file *file, off_t len)
{
    struct inode *inode = file->inode;
    if (!S_ISREG(inode->mode) || (file->flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    if (inode->ops->show || inode->ops->store)
        return 0;
    struct task *task = current();
    rlim_t limit = task->rlimits[RLIMIT_FSIZE].rlim_cur;
    if ((uint64_t)len > inode_size(inode) && limit != RLIM_INFINITY && (rlim_t)len > limit) {
        task_signal(task, SIGXFSZ);
        return -EFBIG;
    }
    int r = memfd_may_resize(inode, (uint64_t)len);
    if (r < 0)
        return r;
    if (!capable_over(inode, CAP_FSETID))
        inode_drop_privileges(inode);
    inode_truncate(inode, (uint64_t)len);
    inode_changed(inode, IN_MODIFY, NULL);
    return 0;
}

int sys_ftruncate(int fd, off_t len)
{
    CALL_ENTER(ftruncate, "%d, %lld", fd, (long long)len);
    if (len < 0)
        return (int)call_leave(-EINVAL);
    struct file *file;
    int r = file_of(fd, &file);
    return (int)call_leave(r < 0 ? r : truncate_file(file, len));
}
