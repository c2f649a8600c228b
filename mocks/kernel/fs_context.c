/* SPDX-License-Identifier: Apache-2.0 */
/* Making super blocks step by step: fsopen(2), fsconfig(2), fsmount(2), fspick(2). Reading the context tells why something
 * failed. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/mount_private.h"

#define FSMOUNT_ATTRIBUTES                                                                                                     \
    (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME |                        \
     MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)
#define MESSAGES_MAX 8

enum phase {
    PHASE_CREATE,      /* parameters of a new super block are awaited */
    PHASE_MOUNT,       /* it exists */
    PHASE_RECONFIGURE, /* parameters of an existing one */
    PHASE_FAILED,
};

struct context {
    const struct filesystem *type;
    enum phase phase;
    char *source;
    struct buf options; /* "key=value,..." */
    unsigned long flags;
    unsigned long flags_mask; /* those that were named */
    struct super *super;
    char *messages[MESSAGES_MAX];
    size_t n_messages;
};

/* ---- the descriptor ---- */

static void context_release(struct file *file)
{
    struct context *context = file->data;
    for (size_t i = 0; i < context->n_messages; i++)
        free(context->messages[i]);
    buf_done(&context->options);
    free(context->source);
    super_unref(context->super);
    free(context);
}

/* One message at a time, oldest first. */
static ssize_t context_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct context *context = file->data;
    (void)pos;
    if (context->n_messages == 0)
        return -ENODATA;
    char *message = context->messages[0];
    size_t n = strlen(message);
    if (n > len)
        return -EMSGSIZE;
    memcpy(p, message, n);
    free(message);
    memmove(context->messages, context->messages + 1, --context->n_messages * sizeof(*context->messages));
    return (ssize_t)n;
}

static const struct file_ops context_ops = {
    .name = "[fscontext]", .read = context_read, .release = context_release, .stream = true};

static void complain(struct context *context, const char *what, const char *key)
{
    struct buf text = BUF_INIT(4096);
    (void)buf_printf(&text, "e %s: %s '%s'\n", context->type->name, what, key);
    if (context->n_messages == MESSAGES_MAX)
        unsupported("fsconfig: more than %d unread messages", MESSAGES_MAX);
    context->messages[context->n_messages++] = text.data;
}

static int context_open(const struct filesystem *type, struct super *picked, bool cloexec)
{
    struct context *context = zalloc(sizeof(*context));
    context->type = type;
    context->options = BUF_INIT(65536);
    context->phase = picked ? PHASE_RECONFIGURE : PHASE_CREATE;
    context->super = picked ? super_ref(picked) : NULL;
    return fd_publish(file_new(&context_ops, 0600, O_RDWR, context), cloexec);
}

int sys_fsopen(const char *fstype, unsigned int flags)
{
    CALL_ENTER(fsopen, "\"%s\", 0x%x", shown(fstype), flags);
    if (!may_mount())
        return (int)call_leave(-EPERM);
    if (flags & ~(unsigned int)FSOPEN_CLOEXEC)
        return (int)call_leave(-EINVAL);
    const struct filesystem *type = filesystem_find(fstype);
    return (int)call_leave(type ? context_open(type, NULL, flags & FSOPEN_CLOEXEC) : -ENODEV);
}

static int pick(int dirfd, const char *path, unsigned int flags)
{
    if (!may_mount())
        return -EPERM;
    if (flags & ~(unsigned int)(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH))
        return -EINVAL;
    _path_ struct path place = {0};
    unsigned int walk = (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & FSPICK_EMPTY_PATH ? WALK_EMPTY : 0);
    int r = path_walk(dirfd, path, walk, 0, &place, NULL);
    if (r < 0)
        return r;
    if (!path_is_mount_root(&place))
        return -EINVAL;
    struct super *super = place.mount->super;
    return context_open(super->type, super, flags & FSPICK_CLOEXEC);
}

int sys_fspick(int dirfd, const char *path, unsigned int flags)
{
    CALL_ENTER(fspick, "%d, \"%s\", 0x%x", dirfd, shown(path), flags);
    return (int)call_leave(pick(dirfd, path, flags));
}

/* ---- parameters ---- */

static bool set_flag(struct context *context, const char *key)
{
    static const struct {
        const char *key;
        unsigned long set, clear;
    } rows[] = {
        {"ro", MS_RDONLY, 0},           {"rw", 0, MS_RDONLY},       {"sync", MS_SYNCHRONOUS, 0},
        {"async", 0, MS_SYNCHRONOUS},   {"dirsync", MS_DIRSYNC, 0}, {"lazytime", MS_LAZYTIME, 0},
        {"nolazytime", 0, MS_LAZYTIME}, {"mand", MS_MANDLOCK, 0},   {"nomand", 0, MS_MANDLOCK},
    };
    FOR_ROWS (row, rows)
        if (strcmp(row->key, key) == 0) {
            context->flags = (context->flags | row->set) & ~row->clear;
            context->flags_mask |= row->set | row->clear;
            return true;
        }
    return false;
}

static int set_source(struct context *context, const char *value)
{
    if (!value)
        return -EINVAL;
    if (context->source) {
        complain(context, "Multiple sources", value);
        return -EINVAL;
    }
    context->source = strdup(value);
    return 0;
}

/* Each parameter is checked when it arrives; the words that all file systems know ignore a value. */
static int set_parameter(struct context *context, const char *key, const char *value)
{
    if (set_flag(context, key))
        return 0;
    bool known = context->type->check && context->type->check(key, value) == 0;
    if (!known && strcmp(key, "source") == 0)
        return set_source(context, value);
    if (!known) {
        complain(context,
                 value && context->type->check && context->type->check(key, NULL) == 0 ? "Bad value for" : "Unknown parameter",
                 key);
        return -EINVAL;
    }
    if (context->options.len > 0)
        (void)buf_append_str(&context->options, ",");
    (void)buf_append_str(&context->options, key);
    return value ? buf_printf(&context->options, "=%s", value) : 0;
}

static int create_super(struct context *context)
{
    if (context->phase != PHASE_CREATE)
        return -EBUSY;
    if (!filesystem_may_mount(context->type))
        return -EPERM;
    int r = super_make(context->type, context->source, context->flags, context->options.data, &context->super);
    context->phase = r < 0 ? PHASE_FAILED : PHASE_MOUNT;
    return r;
}

static int reconfigure(struct context *context)
{
    if (context->phase != PHASE_RECONFIGURE)
        return -EBUSY;
    struct super *super = context->super;
    if (!capable_in(current(), super->owner, CAP_SYS_ADMIN)) {
        context->phase = PHASE_FAILED;
        return -EPERM;
    }
    unsigned long flags = (super->flags & ~context->flags_mask) | (context->flags & context->flags_mask);
    int r = super_reconfigure(super, flags, context->options.data);
    context->flags = context->flags_mask = 0;
    context->options.len = 0;
    if (r < 0)
        context->phase = PHASE_FAILED;
    return r;
}

/* Which of key, value and aux a command takes. */
static int check_arguments(unsigned int cmd, const char *key, const void *value, int aux)
{
    switch (cmd) {
    case FSCONFIG_SET_FLAG:
        return key && !value && aux == 0 ? 0 : -EINVAL;
    case FSCONFIG_SET_STRING:
        return key && value && aux == 0 ? 0 : -EINVAL;
    case FSCONFIG_CMD_CREATE:
    case FSCONFIG_CMD_RECONFIGURE:
        return !key && !value && aux == 0 ? 0 : -EINVAL;
    case FSCONFIG_SET_BINARY:
    case FSCONFIG_SET_PATH:
    case FSCONFIG_SET_PATH_EMPTY:
    case FSCONFIG_SET_FD:
        unsupported("fsconfig: command %u", cmd);
    default:
        return -EOPNOTSUPP;
    }
}

static int find_context(int fd, struct context **ret_context)
{
    struct file *file;
    int r = file_of(fd, &file);
    if (r < 0)
        return r;
    if (file->ops != &context_ops)
        return -EINVAL;
    *ret_context = file->data;
    return 0;
}

static int configure(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
    struct context *context;
    if (fd < 0)
        return -EINVAL;
    int r = check_arguments(cmd, key, value, aux);
    if (r == 0)
        r = find_context(fd, &context);
    if (r < 0)
        return r;
    if (cmd == FSCONFIG_CMD_CREATE)
        return create_super(context);
    if (cmd == FSCONFIG_CMD_RECONFIGURE)
        return reconfigure(context);
    if (context->phase != PHASE_CREATE && context->phase != PHASE_RECONFIGURE)
        return -EBUSY;
    return set_parameter(context, key, value);
}

int sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
    CALL_ENTER(fsconfig, "%d, %u, \"%s\", \"%s\", %d", fd, cmd, shown(key), cmd == FSCONFIG_SET_STRING ? shown(value) : "",
               aux);
    return (int)call_leave(configure(fd, cmd, key, value, aux));
}

/* ---- the mount ---- */

static int make_mount(int fd, unsigned int flags, unsigned int attributes)
{
    struct context *context;
    if (!may_mount())
        return -EPERM;
    unsigned int atime = attributes & MOUNT_ATTR__ATIME;
    if ((flags & ~(unsigned int)FSMOUNT_CLOEXEC) || (attributes & ~(unsigned int)FSMOUNT_ATTRIBUTES))
        return -EINVAL;
    if (atime != MOUNT_ATTR_RELATIME && atime != MOUNT_ATTR_NOATIME && atime != MOUNT_ATTR_STRICTATIME)
        return -EINVAL;
    int r = find_context(fd, &context);
    if (r < 0)
        return r;
    if (!context->super)
        return -EINVAL;
    if (mount_reveals(context->super, attributes))
        return -EPERM;
    if (context->phase != PHASE_MOUNT)
        return -EBUSY;
    struct mount *mount = mount_of_super(context->super, attributes);
    mount->source = context->source ? strdup(context->source) : NULL;
    /* The context can only reconfigure from now on. */
    context->phase = PHASE_RECONFIGURE;
    context->options.len = 0;
    context->flags = context->flags_mask = 0;
    return mount_open_detached(mount, NULL, flags & FSMOUNT_CLOEXEC);
}

int sys_fsmount(int fd, unsigned int flags, unsigned int attr)
{
    CALL_ENTER(fsmount, "%d, 0x%x, 0x%x", fd, flags, attr);
    return (int)call_leave(make_mount(fd, flags, attr));
}
