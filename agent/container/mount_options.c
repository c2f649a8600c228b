/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/mount_options.h"

#include <errno.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

enum effect {
    EFFECT_NONE,
    EFFECT_SET,
    EFFECT_CLEAR,
    EFFECT_SET_BELOW, /* recursive */
    EFFECT_CLEAR_BELOW,
    EFFECT_PROPAGATION,
    EFFECT_PROPAGATION_BELOW,
    EFFECT_BIND,
    EFFECT_RBIND,
    EFFECT_REMOUNT,
    EFFECT_COPY_UP,
    EFFECT_REFUSED,
};

struct mount_option {
    const char *name;
    enum effect effect;
    uint32_t super; /* MS_* bit of the superblock */
    uint32_t attr;  /* MOUNT_ATTR_* bit, or mode of the atime field */
    bool is_atime;
};

/* Sorted by name. */
/* clang-format off */
static const struct mount_option table[] = {
    {"acl",             EFFECT_SET,               MS_POSIXACL,     0, false},
    {"async",           EFFECT_CLEAR,             MS_SYNCHRONOUS,  0, false},
    {"atime",           EFFECT_CLEAR,             0,               MOUNT_ATTR_NOATIME, true},
    {"bind",            EFFECT_BIND,              0,               0, false},
    {"defaults",        EFFECT_NONE,              0,               0, false},
    {"dev",             EFFECT_CLEAR,             0,               MOUNT_ATTR_NODEV, false},
    {"diratime",        EFFECT_CLEAR,             0,               MOUNT_ATTR_NODIRATIME, false},
    {"dirsync",         EFFECT_SET,               MS_DIRSYNC,      0, false},
    {"exec",            EFFECT_CLEAR,             0,               MOUNT_ATTR_NOEXEC, false},
    {"idmap",           EFFECT_REFUSED,           0,               0, false},
    {"iversion",        EFFECT_SET,               MS_I_VERSION,    0, false},
    {"lazytime",        EFFECT_SET,               MS_LAZYTIME,     0, false},
    {"loud",            EFFECT_CLEAR,             MS_SILENT,       0, false},
    {"mand",            EFFECT_SET,               MS_MANDLOCK,     0, false},
    {"noacl",           EFFECT_CLEAR,             MS_POSIXACL,     0, false},
    {"noatime",         EFFECT_SET,               0,               MOUNT_ATTR_NOATIME, true},
    {"nodev",           EFFECT_SET,               0,               MOUNT_ATTR_NODEV, false},
    {"nodiratime",      EFFECT_SET,               0,               MOUNT_ATTR_NODIRATIME, false},
    {"noexec",          EFFECT_SET,               0,               MOUNT_ATTR_NOEXEC, false},
    {"noiversion",      EFFECT_CLEAR,             MS_I_VERSION,    0, false},
    {"nolazytime",      EFFECT_CLEAR,             MS_LAZYTIME,     0, false},
    {"nomand",          EFFECT_CLEAR,             MS_MANDLOCK,     0, false},
    {"norelatime",      EFFECT_CLEAR,             0,               MOUNT_ATTR_RELATIME, true},
    {"nostrictatime",   EFFECT_CLEAR,             0,               MOUNT_ATTR_STRICTATIME, true},
    {"nosuid",          EFFECT_SET,               0,               MOUNT_ATTR_NOSUID, false},
    {"nosymfollow",     EFFECT_SET,               0,               MOUNT_ATTR_NOSYMFOLLOW, false},
    {"private",         EFFECT_PROPAGATION,       MS_PRIVATE,      0, false},
    {"rasync",          EFFECT_CLEAR,             MS_SYNCHRONOUS,  0, false},
    {"ratime",          EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_NOATIME, true},
    {"rbind",           EFFECT_RBIND,             0,               0, false},
    {"rdev",            EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_NODEV, false},
    {"rdiratime",       EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_NODIRATIME, false},
    {"rdirsync",        EFFECT_SET,               MS_DIRSYNC,      0, false},
    {"relatime",        EFFECT_SET,               0,               MOUNT_ATTR_RELATIME, true},
    {"remount",         EFFECT_REMOUNT,           0,               0, false},
    {"rexec",           EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_NOEXEC, false},
    {"ridmap",          EFFECT_REFUSED,           0,               0, false},
    {"rmand",           EFFECT_SET,               MS_MANDLOCK,     0, false},
    {"rnoatime",        EFFECT_SET_BELOW,         0,               MOUNT_ATTR_NOATIME, true},
    {"rnodev",          EFFECT_SET_BELOW,         0,               MOUNT_ATTR_NODEV, false},
    {"rnodiratime",     EFFECT_SET_BELOW,         0,               MOUNT_ATTR_NODIRATIME, false},
    {"rnoexec",         EFFECT_SET_BELOW,         0,               MOUNT_ATTR_NOEXEC, false},
    {"rnomand",         EFFECT_CLEAR,             MS_MANDLOCK,     0, false},
    {"rnorelatime",     EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_RELATIME, true},
    {"rnostrictatime",  EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_STRICTATIME, true},
    {"rnosuid",         EFFECT_SET_BELOW,         0,               MOUNT_ATTR_NOSUID, false},
    {"rnosymfollow",    EFFECT_SET_BELOW,         0,               MOUNT_ATTR_NOSYMFOLLOW, false},
    {"ro",              EFFECT_SET,               MS_RDONLY,       MOUNT_ATTR_RDONLY, false},
    {"rprivate",        EFFECT_PROPAGATION_BELOW, MS_PRIVATE,      0, false},
    {"rrelatime",       EFFECT_SET_BELOW,         0,               MOUNT_ATTR_RELATIME, true},
    {"rro",             EFFECT_SET_BELOW,         0,               MOUNT_ATTR_RDONLY, false},
    {"rrw",             EFFECT_CLEAR_BELOW,       MS_RDONLY,       MOUNT_ATTR_RDONLY, false},
    {"rshared",         EFFECT_PROPAGATION_BELOW, MS_SHARED,       0, false},
    {"rslave",          EFFECT_PROPAGATION_BELOW, MS_SLAVE,        0, false},
    {"rstrictatime",    EFFECT_SET_BELOW,         0,               MOUNT_ATTR_STRICTATIME, true},
    {"rsuid",           EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_NOSUID, false},
    {"rsymfollow",      EFFECT_CLEAR_BELOW,       0,               MOUNT_ATTR_NOSYMFOLLOW, false},
    {"rsync",           EFFECT_SET,               MS_SYNCHRONOUS,  0, false},
    {"runbindable",     EFFECT_PROPAGATION_BELOW, MS_UNBINDABLE,   0, false},
    {"rw",              EFFECT_CLEAR,             MS_RDONLY,       MOUNT_ATTR_RDONLY, false},
    {"shared",          EFFECT_PROPAGATION,       MS_SHARED,       0, false},
    {"silent",          EFFECT_SET,               MS_SILENT,       0, false},
    {"slave",           EFFECT_PROPAGATION,       MS_SLAVE,        0, false},
    {"strictatime",     EFFECT_SET,               0,               MOUNT_ATTR_STRICTATIME, true},
    {"suid",            EFFECT_CLEAR,             0,               MOUNT_ATTR_NOSUID, false},
    {"symfollow",       EFFECT_CLEAR,             0,               MOUNT_ATTR_NOSYMFOLLOW, false},
    {"sync",            EFFECT_SET,               MS_SYNCHRONOUS,  0, false},
    {"tmpcopyup",       EFFECT_COPY_UP,           0,               0, false},
    {"unbindable",      EFFECT_PROPAGATION,       MS_UNBINDABLE,   0, false},
};
/* clang-format on */

static int compare(const void *key, const void *row)
{
    return strcmp(key, ((const struct mount_option *)row)->name);
}

static const struct mount_option *find(const char *word)
{
    /* "idmap=uids=..." is the same option with its value. */
    if (strncmp(word, "idmap=", 6) == 0)
        word = "idmap";
    else if (strncmp(word, "ridmap=", 7) == 0)
        word = "ridmap";
    return bsearch(word, table, ARRAY_SIZE(table), sizeof(table[0]), compare);
}

bool mount_option_is_data(const char *word)
{
    return !find(word);
}

/* What the word touches is taken back on the other side first: that is how the later of two words wins. */
static void change(const struct mount_option *option, uint64_t *set, uint64_t *clr, bool clear)
{
    if (option->is_atime) {
        bool other_mode = clear && (*set & MOUNT_ATTR__ATIME) != option->attr;
        if (!other_mode)
            *set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | (clear ? 0 : option->attr);
        *clr |= MOUNT_ATTR__ATIME;
        return;
    }
    *(clear ? clr : set) |= option->attr;
    *(clear ? set : clr) &= ~(uint64_t)option->attr;
}

static void change_super(const struct mount_option *option, struct mount_options *o, bool clear)
{
    *(clear ? &o->super_clr : &o->super_set) |= option->super;
    *(clear ? &o->super_set : &o->super_clr) &= ~(uint64_t)option->super;
}

/* A recursive word includes the mount itself, whatever was said about that before. */
static void change_below(const struct mount_option *option, struct mount_options *o, bool clear)
{
    uint64_t touched = option->is_atime ? MOUNT_ATTR__ATIME : option->attr;

    change_super(option, o, clear);
    change(option, &o->rec_set, &o->rec_clr, clear);
    o->set &= ~touched;
    o->clr &= ~touched;
}

static void apply(const struct mount_option *option, struct mount_options *o)
{
    switch (option->effect) {
    case EFFECT_SET:
    case EFFECT_CLEAR:
        change_super(option, o, option->effect == EFFECT_CLEAR);
        if (option->attr || option->is_atime)
            change(option, &o->set, &o->clr, option->effect == EFFECT_CLEAR);
        break;
    case EFFECT_SET_BELOW:
    case EFFECT_CLEAR_BELOW:
        change_below(option, o, option->effect == EFFECT_CLEAR_BELOW);
        break;
    case EFFECT_PROPAGATION:
    case EFFECT_PROPAGATION_BELOW:
        o->propagation = option->super;
        o->propagation_rec = option->effect == EFFECT_PROPAGATION_BELOW;
        break;
    case EFFECT_RBIND:
        o->rbind = true;
        o->bind = true;
        break;
    case EFFECT_BIND:
        o->bind = true;
        break;
    case EFFECT_REMOUNT:
        o->remount = true;
        break;
    case EFFECT_COPY_UP:
        o->copy_up = true;
        break;
    case EFFECT_NONE:
    case EFFECT_REFUSED:
        break;
    }
}

int mount_options_parse(const struct strlist *words, struct mount_options *ret, struct error *err)
{
    struct mount_options o = {0};

    for (size_t i = 0; i < words->n; i++) {
        const struct mount_option *option = find(words->items[i]);
        if (!option)
            continue;
        if (option->effect == EFFECT_REFUSED)
            return error_text(err, -EINVAL, "mount option '%s' is not supported", words->items[i]);
        apply(option, &o);
    }
    *ret = o;
    return 0;
}

uint64_t mount_propagation_parse(const char *word)
{
    const struct mount_option *option = find(word);

    if (!option || (option->effect != EFFECT_PROPAGATION && option->effect != EFFECT_PROPAGATION_BELOW))
        return 0;
    return option->super;
}
