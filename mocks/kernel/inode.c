/* SPDX-License-Identifier: Apache-2.0 */
/* Inodes: the files themselves, apart from their names (inode(7)). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/vfs.h"
#include "mocks/kernel/vfs_private.h"

struct inode *inode_new(struct super *super, mode_t mode, const struct inode_ops *ops)
{
    static const struct inode_ops no_ops;
    struct inode *inode = zalloc(sizeof(*inode));
    inode->super = super;
    inode->ops = ops ? ops : &no_ops;
    inode->ino = ++super->next_ino;
    inode->mode = mode;
    inode->nlink = S_ISDIR(mode) ? 2 : 1;
    inode->mtime_ns = inode->ctime_ns = vfs_now(super->world);
    inode->content = BUF_INIT(CONTENT_MAX);
    inode->refs = 1;
    super->used_inodes++;
    return inode;
}

struct inode *inode_ref(struct inode *inode)
{
    inode->refs++;
    return inode;
}

void inode_unref(struct inode *inode)
{
    if (!inode || --inode->refs > 0)
        return;
    if (inode->ops->release)
        inode->ops->release(inode);
    inode->super->used_blocks -= blocks_of(inode->content.len);
    buf_done(&inode->content);
    struct super *super = inode->super;
    super->removed_inodes -= inode->nlink == 0;
    free(inode);
    super_inode_gone(super);
}

uint64_t inode_size(const struct inode *inode)
{
    return inode->size > inode->content.len ? inode->size : inode->content.len;
}

void inode_changed(struct inode *inode, uint32_t event, const char *name)
{
    inode->mtime_ns = inode->ctime_ns = vfs_now(inode->super->world);
    inotify_event(inode, event, name);
}

/* A new file belongs to its creator; in a directory with set-group-id it inherits the group, and a directory the bit. */
void inode_init_owner(struct inode *inode, const struct inode *dir, const struct cred *cred)
{
    inode->uid = cred->fsuid;
    inode->gid = cred->fsgid;
    if (!(dir->mode & S_ISGID))
        return;
    inode->gid = dir->gid;
    if (S_ISDIR(inode->mode))
        inode->mode |= S_ISGID;
}

/* Bytes from offset on; what lies between content and size is zeros. */
ssize_t inode_read(const struct inode *inode, void *p, size_t len, off_t offset)
{
    uint64_t size = inode_size(inode);
    if ((uint64_t)offset >= size)
        return 0;
    if (len > size - (uint64_t)offset)
        len = size - (uint64_t)offset;
    size_t stored = (size_t)offset >= inode->content.len ? 0 : inode->content.len - (size_t)offset;
    if (stored > len)
        stored = len;
    if (stored > 0)
        memcpy(p, inode->content.data + offset, stored);
    memset((char *)p + stored, 0, len - stored);
    return (ssize_t)len;
}

/* Makes content at least end bytes long, as far as the super block has blocks. Returns the length that it may have. */
static uint64_t grow(struct inode *inode, uint64_t end)
{
    struct super *super = inode->super;
    uint64_t have = blocks_of(inode->content.len), want = blocks_of(end);
    if (super->max_blocks > 0 && want > have && want - have > super->max_blocks - super->used_blocks) {
        want = have + super->max_blocks - super->used_blocks;
        end = want * BLOCK_BYTES < end ? want * BLOCK_BYTES : end;
    }
    if (end <= inode->content.len)
        return end;
    if (end > CONTENT_MAX)
        unsupported("a file of more than %u bytes that are stored", CONTENT_MAX);
    size_t old = inode->content.len;
    if (buf_reserve(&inode->content, end - old) < 0)
        abort();
    memset(inode->content.data + old, 0, end - old + 1);
    inode->content.len = end;
    super->used_blocks += blocks_of(end) - have;
    return end;
}

ssize_t inode_write(struct inode *inode, const void *p, size_t len, off_t offset)
{
    if (len == 0)
        return 0;
    if (offset > INT64_MAX - (off_t)len)
        return -EFBIG;
    uint64_t end = grow(inode, (uint64_t)offset + len);
    if (end <= (uint64_t)offset)
        return -ENOSPC;
    if (end - (uint64_t)offset < len)
        len = end - (uint64_t)offset;
    memcpy(inode->content.data + offset, p, len);
    if (inode->content.len > inode->size)
        inode->size = inode->content.len;
    return (ssize_t)len;
}

void inode_truncate(struct inode *inode, uint64_t size)
{
    if (size < inode->content.len) {
        inode->super->used_blocks -= blocks_of(inode->content.len) - blocks_of(size);
        inode->content.len = size;
        inode->content.data[size] = '\0';
    }
    inode->size = size;
}

/* What makes stat(2) differ from the inode is its size, which the type decides. */
void inode_stat(struct inode *inode, const struct user_namespace *viewer, struct stat *st)
{
    *st = (struct stat){
        .st_dev = inode->super->dev,
        .st_ino = inode->ino,
        .st_mode = inode->mode,
        .st_nlink = inode->nlink,
        .st_uid = id_shown(viewer, false, inode->uid),
        .st_gid = id_shown(viewer, true, inode->gid),
        .st_rdev = S_ISCHR(inode->mode) || S_ISBLK(inode->mode) ? inode->rdev : 0,
        .st_blksize = BLOCK_BYTES,
        .st_blocks = (blkcnt_t)(blocks_of(inode->content.len) * (BLOCK_BYTES / 512)),
    };
    if (S_ISREG(inode->mode) || S_ISLNK(inode->mode))
        st->st_size = (off_t)inode_size(inode);
    st->st_mtim = (struct timespec){(time_t)(inode->mtime_ns / 1000000000), (long)(inode->mtime_ns % 1000000000)};
    st->st_ctim = (struct timespec){(time_t)(inode->ctime_ns / 1000000000), (long)(inode->ctime_ns % 1000000000)};
    st->st_atim = st->st_mtim;
    if (inode->ops->stat)
        inode->ops->stat(inode, st);
}
