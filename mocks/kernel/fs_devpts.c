/* SPDX-License-Identifier: Apache-2.0 */
/* The file system of pseudo terminals: ptmx makes them, each mount has its own (devpts in the kernel's documentation). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/task.h"
#include "mocks/kernel/tty.h"
#include "mocks/kernel/vfs_private.h"

#define SLAVE_MAJOR 136
#define NUMBERS_MAX 256 /* as many as one major number has */

struct options {
    bool set_uid, set_gid;
    uid_t uid;
    gid_t gid;
    mode_t mode, ptmx_mode;
    unsigned int max;
};

struct devpts {
    struct options options;
    struct list ttys;   /* by number */
    struct inode *ptmx; /* borrowed: it lives as long as the super block */
};

static const struct options defaults = {.mode = 0600, .ptmx_mode = 0, .max = NUMBERS_MAX};

/* ---- options ---- */

static int number_of(const char *text, int base, unsigned long max, unsigned long *ret_value)
{
    char *end;

    if (!text || !*text)
        return -EINVAL;
    *ret_value = strtoul(text, &end, base);
    return *end == '\0' && *ret_value <= max ? 0 : -EINVAL;
}

/* Ids are those of who mounts; the machine itself mounts before there is anybody. */
static uint32_t world_id(bool group, unsigned long id)
{
    return current() ? id_to_world(current()->cred.user, group, (uint32_t)id) : (uint32_t)id;
}

static int set_option(struct options *options, const char *key, const char *value)
{
    unsigned long number;

    if (strcmp(key, "newinstance") == 0)
        return value ? -EINVAL : 0;
    bool octal = strcmp(key, "mode") == 0 || strcmp(key, "ptmxmode") == 0;
    int r = number_of(value, octal ? 8 : 10, UINT32_MAX - 1, &number);
    if (r < 0)
        return r;
    if (strcmp(key, "uid") == 0) {
        options->set_uid = true;
        options->uid = world_id(false, number);
    } else if (strcmp(key, "gid") == 0) {
        options->set_gid = true;
        options->gid = world_id(true, number);
    } else if (strcmp(key, "mode") == 0) {
        options->mode = number & 07777;
    } else if (strcmp(key, "ptmxmode") == 0) {
        options->ptmx_mode = number & 07777;
    } else if (strcmp(key, "max") == 0) {
        if (number > 1u << 20)
            return -EINVAL;
        options->max = (unsigned int)number;
    } else {
        return -EINVAL;
    }
    return 0;
}

static int parse(struct options *options, const char *data)
{
    char *text = strdup(data ? data : ""), *rest = text, *option;
    int r = 0;

    while (r == 0 && (option = strsep(&rest, ","))) {
        char *value = strchr(option, '=');
        if (value)
            *value++ = '\0';
        r = *option ? set_option(options, option, value) : 0;
    }
    free(text);
    return r;
}

static int devpts_check(const char *key, const char *value)
{
    struct options options = defaults;

    return set_option(&options, key, value);
}

static char *show(const struct options *options)
{
    char text[200];
    size_t len = 0;

    text[0] = '\0';
    if (options->set_uid)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",uid=%u", options->uid);
    if (options->set_gid)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",gid=%u", options->gid);
    len += (size_t)snprintf(text + len, sizeof(text) - len, ",mode=%03o,ptmxmode=%03o", options->mode, options->ptmx_mode);
    if (options->max < NUMBERS_MAX)
        snprintf(text + len, sizeof(text) - len, ",max=%u", options->max);
    return strdup(text);
}

/* ---- the file system ---- */

static void devpts_release(struct super *super)
{
    free(super->data);
}

static int devpts_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    struct options options = defaults;

    int r = parse(&options, data);
    if (r < 0)
        return r;
    struct super *super = super_new(world, &devpts_filesystem, 0755, NULL);
    struct devpts *devpts = zalloc(sizeof(*devpts));
    devpts->options = options;
    list_init(&devpts->ttys);
    super->data = devpts;
    super->release = devpts_release;
    super->source = strdup(source ? source : "none");
    super->options = show(&options);

    struct inode *ptmx = inode_new(super, S_IFCHR | options.ptmx_mode, NULL);
    ptmx->rdev = makedev(5, 2);
    if (current()) {
        ptmx->uid = current()->cred.fsuid;
        ptmx->gid = current()->cred.fsgid;
    }
    dentry_add(super->root, "ptmx", ptmx);
    devpts->ptmx = ptmx;
    inode_unref(ptmx);
    *ret_super = super;
    return 0;
}

static int devpts_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    struct devpts *devpts = super->data;
    struct options options = defaults;

    (void)flags;
    int r = parse(&options, data);
    if (r < 0)
        return r;
    devpts->options = options;
    devpts->ptmx->mode = S_IFCHR | options.ptmx_mode;
    free(super->options);
    super->options = show(&options);
    return 0;
}

const struct filesystem devpts_filesystem = {
    .name = "devpts",
    .magic = 0x1cd1,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = devpts_mount,
    .reconfigure = devpts_reconfigure,
    .check = devpts_check,
};

/* ---- terminals ---- */

static struct tty *tty_at(const struct list *link)
{
    return CONTAINER_OF(link, struct tty, link);
}

int devpts_add(struct tty *tty, struct super *super)
{
    struct devpts *devpts = super->data;
    struct list *before = &devpts->ttys;
    char name[16];

    while (before->next != &devpts->ttys && tty_at(before->next)->number == tty->number) {
        before = before->next;
        tty->number++;
    }
    if (tty->number >= devpts->options.max)
        return -ENOSPC;
    list_append(before->next, &tty->link);
    tty->super = super_ref(super);

    struct inode *inode = inode_new(super, S_IFCHR | devpts->options.mode, NULL);
    inode->rdev = makedev(SLAVE_MAJOR, tty->number);
    inode->uid = devpts->options.set_uid ? devpts->options.uid : current()->cred.fsuid;
    inode->gid = devpts->options.set_gid ? devpts->options.gid : current()->cred.fsgid;
    inode->data = tty;
    snprintf(name, sizeof(name), "%u", tty->number);
    tty->name = dentry_ref(dentry_add(super->root, name, inode));
    inode_unref(inode);
    return 0;
}

/* The number stays taken while slaves are open. */
void devpts_remove(struct tty *tty)
{
    if (!tty->name)
        return;
    tty->name->inode->data = NULL;
    dentry_remove(tty->name);
    dentry_unref(tty->name);
    tty->name = NULL;
}

struct tty *devpts_find(const struct inode *slave)
{
    return slave->super->type == &devpts_filesystem ? slave->data : NULL;
}

/* A ptmx outside of any devpts uses the one that is mounted on "pts" beside it. */
int devpts_of(const struct file *ptmx, struct path *ret_root)
{
    struct path place = ptmx->path;

    if (ptmx->inode->super->type == &devpts_filesystem) {
        *ret_root = (struct path){place.mount, ptmx->inode->super->root};
        path_ref(ret_root);
        return 0;
    }
    struct dentry *pts = dentry_lookup(place.dentry->parent, "pts");
    if (!pts)
        return -ENOENT;
    struct mount *mount = mount_on(&(struct path){place.mount, pts});
    dentry_unref(pts);
    if (!mount || mount->super->type != &devpts_filesystem)
        return -ENODEV;
    *ret_root = (struct path){mount, mount->root};
    path_ref(ret_root);
    return 0;
}
