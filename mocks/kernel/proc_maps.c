/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/uid_map, gid_map, setgroups: which ids a user namespace knows (user_namespaces(7)). A file belongs to the namespace
 * that the process was in when it was opened, and a map is judged by the credentials of who opened it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/proc.h"

#define WRITE_MAX 4096 /* a page: what does not fit is refused */

struct map_file {
    struct user_namespace *user; /* referenced */
    struct cred opener;
    bool group;
};

static int map_attach(struct inode *inode, struct file *file, const struct file_ops *ops)
{
    const struct proc_node *node = inode->data;

    if (!proc_task_exists(node->task) || !node->task->cred.user)
        return -EINVAL;
    struct map_file *map = zalloc(sizeof(*map));
    map->user = user_namespace_ref(node->task->cred.user);
    map->group = node->entry->type;
    if (current())
        cred_copy(&map->opener, &current()->cred);
    file->data = map;
    file->ops = ops;
    return 0;
}

static void map_release(struct file *file)
{
    struct map_file *map = file->data;

    if (!map)
        return;
    user_namespace_unref(map->user);
    cred_done(&map->opener);
    free(map);
}

static ssize_t copy_text(const struct buf *text, void *p, size_t len, off_t *pos)
{
    if ((size_t)*pos >= text->len)
        return 0;
    if (len > text->len - (size_t)*pos)
        len = text->len - (size_t)*pos;
    memcpy(p, text->data + *pos, len);
    *pos += (off_t)len;
    return (ssize_t)len;
}

static ssize_t map_read(struct file *file, void *p, size_t len, off_t *pos)
{
    const struct map_file *map = file->data;

    if (*pos == 0) {
        file->text.len = 0;
        user_namespace_show_map(map->user, map->group, &file->text);
    }
    return copy_text(&file->text, p, len, pos);
}

/* The whole map arrives by one write at the beginning. */
static ssize_t map_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    const struct map_file *map = file->data;
    ssize_t r = -EINVAL;

    if (*pos != 0 || len >= WRITE_MAX)
        return -EINVAL;
    char *text = strndup(p, len);
    r = user_namespace_set_map(map->user, map->group, &map->opener, text, len);
    free(text);
    if (r > 0)
        *pos += r;
    return r;
}

static const struct file_ops map_file_ops = {.read = map_read, .write = map_write, .no_pwrite = true, .release = map_release};

static int map_open(struct inode *inode, struct file *file)
{
    return map_attach(inode, file, &map_file_ops);
}

/* For those who look without opening. */
static int map_show(struct inode *inode, struct buf *out)
{
    const struct proc_node *node = inode->data;

    if (node->task->cred.user)
        user_namespace_show_map(node->task->cred.user, node->entry->type, out);
    return 0;
}

const struct inode_ops proc_map_ops = {
    .open = map_open,
    .show = map_show,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

/* ---- setgroups ---- */

static ssize_t setgroups_read(struct file *file, void *p, size_t len, off_t *pos)
{
    const struct map_file *map = file->data;

    if (*pos == 0) {
        file->text.len = 0;
        buf_append_str(&file->text, map->user->setgroups_denied ? "deny\n" : "allow\n");
    }
    return copy_text(&file->text, p, len, pos);
}

static ssize_t setgroups_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    const struct map_file *map = file->data;

    if (*pos != 0 || len >= 8)
        return -EINVAL;
    char *text = strndup(p, len);
    ssize_t r = user_namespace_set_setgroups(map->user, text, len);
    free(text);
    if (r > 0)
        *pos += r;
    return r;
}

static const struct file_ops setgroups_file_ops = {
    .read = setgroups_read, .write = setgroups_write, .no_pwrite = true, .release = map_release};

static int setgroups_open(struct inode *inode, struct file *file)
{
    const struct user_namespace *user = proc_task(inode)->cred.user;

    if ((file->flags & O_ACCMODE) != O_RDONLY && current() && user && !capable_in(current(), user, CAP_SYS_ADMIN))
        return -EACCES;
    return map_attach(inode, file, &setgroups_file_ops);
}

const struct inode_ops proc_setgroups_ops = {
    .open = setgroups_open,
    .valid = proc_node_valid,
    .release = proc_node_release,
};
