/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name in memory, and seals on them: memfd_create(2), fcntl(2) F_ADD_SEALS. */
#include <errno.h>
#include <linux/memfd.h>
#include <stdio.h>

#include "mocks/kernel/vfs_private.h"

#define NAME_LEN_MAX 249
#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 0x8u
#define MFD_EXEC 0x10u
#endif
#define F_SEAL_EXEC_ 0x20
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC_)

int memfd_init(struct vfs *vfs)
{
    struct super *super;
    int r = tmpfs_filesystem.mount(vfs->world, "tmpfs", NULL, &super);
    if (r < 0)
        return r;
    super->max_blocks = super->max_inodes = 0;
    vfs->memfd = mount_internal(super);
    super_unref(super);
    return 0;
}

/* Every file of tmpfs could have seals, but only a memfd that allows them may be sealed: all others are sealed against that. */
static bool has_seals(const struct inode *inode)
{
    return S_ISREG(inode->mode) && inode->super->type == &tmpfs_filesystem;
}

static unsigned int seals_of(const struct inode *inode)
{
    bool is_memfd = inode->super == world_vfs(inode->super->world)->memfd->super;
    return is_memfd ? inode->seals : F_SEAL_SEAL;
}

static int add_seals(struct file *file, unsigned int seals)
{
    struct inode *inode = file->inode;
    if ((file->flags & O_ACCMODE) == O_RDONLY)
        return -EPERM;
    if (seals & ~(unsigned int)ALL_SEALS)
        return -EINVAL;
    if (!has_seals(inode))
        return -EINVAL;
    if (seals_of(inode) & F_SEAL_SEAL)
        return -EPERM;
    if ((seals & F_SEAL_EXEC_) && (inode->mode & 0111))
        seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    inode->seals |= seals;
    return 0;
}

int memfd_fcntl(struct file *file, int cmd, unsigned int arg)
{
    if (cmd == F_ADD_SEALS)
        return add_seals(file, arg);
    return has_seals(file->inode) ? (int)seals_of(file->inode) : -EINVAL;
}

int memfd_may_write(const struct inode *inode, uint64_t end)
{
    if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        return -EPERM;
    return (inode->seals & F_SEAL_GROW) && end > inode_size(inode) ? -EPERM : 0;
}

int memfd_may_resize(const struct inode *inode, uint64_t size)
{
    bool shrinks = size<inode_size(inode), grows = size> inode_size(inode);
    return (shrinks && (inode->seals & F_SEAL_SHRINK)) || (grows && (inode->seals & F_SEAL_GROW)) ? -EPERM : 0;
}

int memfd_may_change_mode(const struct inode *inode, mode_t mode)
{
    return (inode->seals & F_SEAL_EXEC_) && ((inode->mode ^ mode) & 0111) ? -EPERM : 0;
}

static int check_flags(const char *name, unsigned int flags)
{
    if (flags & (MFD_HUGETLB | 0xfc000000u))
        return flags & MFD_HUGETLB ? (unsupported("memfd_create: MFD_HUGETLB"), 0) : -EINVAL;
    if (flags & ~(unsigned int)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
        return -EINVAL;
    if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
        return -EINVAL;
    if (!name)
        return -EFAULT;
    return strlen(name) > NAME_LEN_MAX ? -EINVAL : 0;
}

static int create(const char *name, unsigned int flags)
{
    int r = check_flags(name, flags);
    if (r < 0)
        return r;
    struct mount *mount = world_vfs(current()->world)->memfd;
    struct path root = {mount, mount->root}, made;
    char full[NAME_MAX + 1];
    snprintf(full, sizeof(full), "memfd:%s", name);
    r = node_make(&root, full, S_IFREG | (flags & MFD_NOEXEC_SEAL ? 0666 : 0777), 0, &made);
    if (r < 0)
        return r;
    struct inode *inode = made.dentry->inode;
    dentry_remove(made.dentry);
    inode->seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : F_SEAL_SEAL;
    if (flags & MFD_NOEXEC_SEAL)
        inode->seals |= F_SEAL_EXEC_;

    struct file *file;
    r = file_open(&made, O_RDWR, &file);
    path_unref(&made);
    if (r < 0)
        return r;
    return fd_publish(file, flags & MFD_CLOEXEC);
}

int sys_memfd_create(const char *name, unsigned int flags)
{
    CALL_ENTER(memfd_create, "\"%s\", 0x%x", shown(name), flags);
    return (int)call_leave(create(name, flags));
}

int sys_mmap(void **ret_p, size_t len, int prot, int flags, int fd, off_t offset)
{
    (void)ret_p;
    CALL_ENTER(mmap, "%zu, %#x, %#x, %d, %lld", len, (unsigned int)prot, (unsigned int)flags, fd, (long long)offset);
    unsupported("mmap");
}

int sys_munmap(void *p, size_t len)
{
    (void)p;
    CALL_ENTER(munmap, "%zu", len);
    unsupported("munmap");
}
