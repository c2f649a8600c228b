/* SPDX-License-Identifier: Apache-2.0 */
/* Reading directories (getdents64(2)). The newest entry comes first, as in tmpfs; the position of an entry never changes, so
 * that a reader misses nothing when others are removed meanwhile, and sees nothing that is made meanwhile. Computed directories
 * are listed once, when reading begins. */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>

#include "mocks/kernel/vfs_private.h"

/* Where a reader is that has seen "." and ".."; behind it, the position of the last entry that it saw. */
#define NEWEST 2

struct record {
    uint64_t ino;
    int64_t next;
    uint16_t len;
    uint8_t type;
    char name[];
};

static size_t record_len(const char *name)
{
    return (offsetof(struct record, name) + strlen(name) + 1 + 7) & ~(size_t)7;
}

static void record_fill(void *p, const char *name, const struct inode *inode, int64_t next)
{
    size_t len = record_len(name);
    memset(p, 0, len);
    struct record *record = p;
    record->ino = inode->ino;
    record->next = next;
    record->len = (uint16_t)len;
    record->type = IFTODT(inode->mode);
    memcpy(record->name, name, strlen(name));
}

static ssize_t directory_read(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)len, (void)pos;
    return -EISDIR;
}

const struct file_ops directory_file_ops = {.read = directory_read};

struct fill {
    char *p;
    size_t len, used;
};

/* false: no more room. */
static bool fill_record(struct fill *fill, const char *name, const struct inode *inode, int64_t next)
{
    size_t len = record_len(name);
    if (len > fill->len - fill->used)
        return false;
    record_fill(fill->p + fill->used, name, inode, next);
    fill->used += len;
    return true;
}

static void list_stored(struct file *file, struct fill *fill)
{
    struct dentry *dir = file->path.dentry;
    if (file->pos == 0 && fill_record(fill, ".", dir->inode, 1))
        file->pos = 1;
    if (file->pos == 1 && fill_record(fill, "..", dir->parent->inode, NEWEST))
        file->pos = NEWEST;
    if (file->pos < NEWEST)
        return;
    for (struct list *link = dir->children.prev; link != &dir->children; link = link->prev) {
        struct dentry *child = CONTAINER_OF(link, struct dentry, link);
        if (child->computed || (file->pos > NEWEST && child->position >= (uint64_t)file->pos))
            continue;
        if (!fill_record(fill, child->name, child->inode, (int64_t)child->position))
            return;
        file->pos = (off_t)child->position;
    }
}

static void add_computed(void *arg, const char *name, struct inode *inode)
{
    struct file *file = arg;
    char record[sizeof(struct record) + NAME_MAX + 8];
    size_t len = record_len(name);
    record_fill(record, name, inode, (int64_t)(file->text.len + len));
    (void)buf_append(&file->text, record, len);
}

static void list_computed(struct file *file, struct fill *fill)
{
    struct dentry *dir = file->path.dentry, *child;
    if (file->pos == 0) {
        file->text.len = 0;
        add_computed(file, ".", dir->inode);
        add_computed(file, "..", dir->parent->inode);
        LIST_FOREACH (child, &dir->children, link)
            if (!child->computed)
                add_computed(file, child->name, child->inode);
        dir->inode->ops->list(dir->inode, add_computed, file);
    }
    while ((size_t)file->pos < file->text.len) {
        const struct record *record = (const void *)(file->text.data + file->pos);
        if (record->len > fill->len - fill->used)
            return;
        memcpy(fill->p + fill->used, record, record->len);
        fill->used += record->len;
        file->pos += record->len;
    }
}

static bool at_end(const struct file *file)
{
    const struct dentry *dir = file->path.dentry;
    if (dir->inode->ops->list)
        return (size_t)file->pos >= file->text.len;
    const struct dentry *oldest = CONTAINER_OF(dir->children.next, struct dentry, link);
    if (list_is_empty(&dir->children))
        return file->pos >= NEWEST;
    return file->pos > NEWEST && oldest->position >= (uint64_t)file->pos;
}

ssize_t sys_getdents64(int fd, void *p, size_t len)
{
    CALL_ENTER(getdents64, "%d, , %zu", fd, len);
    struct file *file;
    int r = file_of(fd, &file);
    if (r < 0)
        return call_leave(r);
    if (file->ops != &directory_file_ops)
        return call_leave(-ENOTDIR);
    if (file->path.dentry->unlinked)
        return call_leave(-ENOENT);
    struct fill fill = {p, len, 0};
    if (file->inode->ops->list)
        list_computed(file, &fill);
    else
        list_stored(file, &fill);
    return call_leave(fill.used == 0 && !at_end(file) ? -EINVAL : (ssize_t)fill.used);
}
