/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: what a descriptor leads to, with a position and the flags it was opened with (open(2), "Open file descriptions").
 */
#include <errno.h>
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/vfs_private.h"

struct file *file_alloc(const struct path *path, struct inode *inode, int flags)
{
    struct file *file = zalloc(sizeof(*file));
    if (path) {
        file->path = *path;
        path_ref(path);
    }
    file->inode = inode_ref(inode);
    file->flags = flags;
    file->text = BUF_INIT(CONTENT_MAX);
    file->refs = 1;
    return file;
}

struct file *file_new(const struct file_ops *ops, mode_t mode, int flags, void *data)
{
    struct world *world = current()->world;
    struct inode *inode = inode_new(world_vfs(world)->anon, mode, NULL);
    inode->uid = current()->cred.fsuid;
    inode->gid = current()->cred.fsgid;
    struct file *file = file_alloc(NULL, inode, flags);
    inode_unref(inode);
    file->ops = ops;
    file->data = data;
    return file;
}

struct file *file_ref(struct file *file)
{
    file->refs++;
    return file;
}

static bool file_writes_to_mount(const struct file *file)
{
    return file->path.mount && (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH) && S_ISREG(file->inode->mode);
}

void file_unref(struct file *file)
{
    if (!file || --file->refs > 0)
        return;
    epoll_forget(file);
    if (file->ops && file->ops->release)
        file->ops->release(file);
    if (file_writes_to_mount(file))
        file->path.mount->writers--;
    buf_done(&file->text);
    inode_unref(file->inode);
    path_unref(&file->path);
    free(file);
}

/* ---- regular files ---- */

static ssize_t regular_read(struct file *file, void *p, size_t len, off_t *pos)
{
    ssize_t n = inode_read(file->inode, p, len, *pos);
    if (n > 0)
        *pos += n;
    return n;
}

/* RLIMIT_FSIZE: nothing is written behind it, and who begins there is told by a signal. */
static int limit_size(size_t *len, off_t pos)
{
    struct task *task = current();
    rlim_t limit = task->rlimits[RLIMIT_FSIZE].rlim_cur;
    if (limit == RLIM_INFINITY || (rlim_t)pos + *len <= limit)
        return 0;
    if ((rlim_t)pos >= limit) {
        task_signal(task, SIGXFSZ);
        return -EFBIG;
    }
    *len = (size_t)(limit - (rlim_t)pos);
    return 0;
}

static ssize_t regular_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct inode *inode = file->inode;
    off_t at = file->flags & O_APPEND ? (off_t)inode_size(inode) : *pos;
    int r = len > 0 ? limit_size(&len, at) : 0;
    if (r == 0)
        r = memfd_may_write(inode, (uint64_t)at + len);
    if (r < 0)
        return r;
    ssize_t n = inode_write(inode, p, len, at);
    if (n <= 0)
        return n;
    *pos = at + n;
    if (!capable_over(inode, CAP_FSETID))
        inode_drop_privileges(inode);
    inode_changed(inode, IN_MODIFY, NULL);
    return n;
}

const struct file_ops regular_file_ops = {.read = regular_read, .write = regular_write};

/* ---- computed texts ---- */

ssize_t file_read_computed(struct file *file, void *p, size_t len, off_t *pos)
{
    struct inode *inode = file->inode;
    if (!inode->ops->show)
        return -EINVAL;
    if (*pos == 0 || !file->text.data) {
        file->text.len = 0;
        int r = inode->ops->show(inode, &file->text);
        if (r < 0)
            return r;
    }
    if ((size_t)*pos >= file->text.len)
        return 0;
    if (len > file->text.len - (size_t)*pos)
        len = file->text.len - (size_t)*pos;
    memcpy(p, file->text.data + *pos, len);
    *pos += (off_t)len;
    return (ssize_t)len;
}

ssize_t file_write_computed(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct inode *inode = file->inode;
    if (!inode->ops->store)
        return -EINVAL;
    char *text = malloc(len + 1);
    memcpy(text, p, len);
    text[len] = '\0';
    int r = inode->ops->store(inode, text, len);
    free(text);
    if (r < 0)
        return r;
    *pos += (off_t)len;
    return (ssize_t)len;
}

int file_of(int fd, struct file **ret_file)
{
    *ret_file = fd_usable(fd);
    return *ret_file ? 0 : -EBADF;
}
