/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules of version 1 (cgroup-v1/devices.rst): each group allows everything but its exceptions, or nothing but them. A
 * new group has those of its parent; a group never has more than its parent. */
#include <ctype.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/capability.h"
#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/memory.h"

#define ANY UINT32_MAX
#define EXCEPTIONS_MAX 128 /* more than any test needs */

struct device_exception {
    uint32_t type; /* BPF_DEVCG_DEV_* */
    uint32_t major, minor;
    uint32_t access; /* BPF_DEVCG_ACC_* */
};

struct device_list {
    bool denies; /* by default */
    size_t n;
    struct device_exception exceptions[EXCEPTIONS_MAX];
};

static const struct device_list everything;

static const struct device_list *list_of(const struct group *group)
{
    return group->devices ?: &everything;
}

void devices_group_made(struct group *group)
{
    if (!group->parent || !group->parent->devices)
        return;
    group->devices = zalloc(sizeof(*group->devices));
    *group->devices = *group->parent->devices;
}

/* ---- matching ---- */

static bool overlaps(uint32_t number, uint32_t other)
{
    return number == ANY || other == ANY || number == other;
}

/* Some exception covers all that is asked for. */
static bool covers(const struct device_list *list, const struct device_exception *asked)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct device_exception *entry = &list->exceptions[i];
        if (entry->type == asked->type && (entry->major == ANY || entry->major == asked->major) &&
            (entry->minor == ANY || entry->minor == asked->minor) && !(asked->access & ~entry->access))
            return true;
    }
    return false;
}

/* Some exception has anything of it. */
static bool touches(const struct device_list *list, const struct device_exception *asked)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct device_exception *entry = &list->exceptions[i];
        if (entry->type == asked->type && overlaps(entry->major, asked->major) && overlaps(entry->minor, asked->minor) &&
            (entry->access & asked->access))
            return true;
    }
    return false;
}

bool devices_allow(const struct group *group, uint32_t type, uint32_t major, uint32_t minor, uint32_t access)
{
    const struct device_exception asked = {type, major, minor, access};
    const struct device_list *list = list_of(group);

    return list->denies ? covers(list, &asked) : !touches(list, &asked);
}

/* ---- changing ---- */

static struct device_exception *find(struct device_list *list, const struct device_exception *wanted)
{
    for (size_t i = 0; i < list->n; i++) {
        struct device_exception *entry = &list->exceptions[i];
        if (entry->type == wanted->type && entry->major == wanted->major && entry->minor == wanted->minor)
            return entry;
    }
    return NULL;
}

static void add(struct device_list *list, const struct device_exception *added)
{
    struct device_exception *entry = find(list, added);

    if (entry) {
        entry->access |= added->access;
        return;
    }
    if (list->n == EXCEPTIONS_MAX)
        unsupported("devices: more than %d exceptions", EXCEPTIONS_MAX);
    list->exceptions[list->n++] = *added;
}

/* Only from an entry for just these numbers. */
static void take_back(struct device_list *list, const struct device_exception *removed)
{
    struct device_exception *entry = find(list, removed);

    if (!entry)
        return;
    entry->access &= ~removed->access;
    if (entry->access)
        return;
    size_t at = (size_t)(entry - list->exceptions);
    memmove(entry, entry + 1, (--list->n - at) * sizeof(*entry));
}

static bool parent_permits(const struct group *group, const struct device_exception *exception)
{
    const struct device_list *parent = group->parent ? list_of(group->parent) : &everything;

    return parent->denies ? covers(parent, exception) : !touches(parent, exception);
}

static int change(struct group *group, const struct device_exception *exception, bool allows)
{
    struct device_list *list = group->devices;

    if (!allows && !list_is_empty(&group->children))
        unsupported("devices: a rule for the groups below");
    if (allows && !parent_permits(group, exception))
        return -EPERM;
    if (allows == list->denies)
        add(list, exception);
    else
        take_back(list, exception);
    return 0;
}

static int change_all(struct group *group, bool allows)
{
    const struct device_list *parent = group->parent ? list_of(group->parent) : &everything;

    if (!list_is_empty(&group->children))
        return -EINVAL;
    if (allows && parent->denies)
        return -EPERM;
    *group->devices = allows ? *parent : (struct device_list){.denies = true};
    return 0;
}

/* ---- files ---- */

static int parse_number(char **text, uint32_t *ret)
{
    if (**text == '*') {
        *ret = ANY;
        (*text)++;
        return 0;
    }
    if (!isdigit((unsigned char)**text))
        return -EINVAL;
    *ret = (uint32_t)strtoul(*text, text, 10);
    return 0;
}

static int parse_access(const char *text, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 3 && *text; i++, text++) {
        if (!strchr("rwm", *text))
            return -EINVAL;
        *ret |= *text == 'r' ? BPF_DEVCG_ACC_READ : *text == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
    }
    return 0;
}

/* "c 1:3 rwm" */
static int parse(char *text, struct device_exception *ret)
{
    ret->type = *text == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    if ((*text != 'b' && *text != 'c') || !isspace((unsigned char)text[1]))
        return -EINVAL;
    text += 2;
    int r = parse_number(&text, &ret->major);
    if (r == 0)
        r = *text++ == ':' ? parse_number(&text, &ret->minor) : -EINVAL;
    if (r < 0 || !isspace((unsigned char)*text))
        return -EINVAL;
    return parse_access(text + 1, &ret->access);
}

static int store(struct control *control, char *text)
{
    bool allows = strcmp(control->file->name, "devices.allow") == 0;
    struct device_exception exception;
    struct group *group = control->group;

    if (current() && !capable(CAP_SYS_ADMIN))
        return -EPERM;
    if (!group->devices)
        group->devices = zalloc(sizeof(*group->devices));
    if (*text == 'a')
        return change_all(group, allows);
    int r = parse(text, &exception);
    return r < 0 ? r : change(group, &exception, allows);
}

static void show_number(uint32_t number, struct buf *out)
{
    if (number == ANY)
        buf_append_str(out, "*");
    else
        buf_printf(out, "%u", number);
}

static int show(struct control *control, struct buf *out)
{
    const struct device_list *list = list_of(control->group);

    if (!list->denies)
        return buf_append_str(out, "a *:* rwm\n");
    for (size_t i = 0; i < list->n; i++) {
        const struct device_exception *entry = &list->exceptions[i];
        buf_append_str(out, entry->type == BPF_DEVCG_DEV_BLOCK ? "b " : "c ");
        show_number(entry->major, out);
        buf_append_str(out, ":");
        show_number(entry->minor, out);
        buf_printf(out, " %s%s%s\n", entry->access & BPF_DEVCG_ACC_READ ? "r" : "",
                   entry->access & BPF_DEVCG_ACC_WRITE ? "w" : "", entry->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
    }
    return 0;
}

static const struct control_file files[] = {
    {"devices.list", CONTROL_V1, show, NULL, NULL, 0, 0, 0},
    {"devices.allow", CONTROL_V1, NULL, store, NULL, 0, 0, 0},
    {"devices.deny", CONTROL_V1, NULL, store, NULL, 0, 0, 0},
};
const struct control_table cgroup_devices_table = {CG_DEVICES, "devices.", files, ARRAY_SIZE(files)};
