/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a group: which there are, reading, writing, and telling of changes (cgroup-v2.rst, "Interface Files"). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/world.h"

#define WRITE_MAX 4096

static const struct control_table *const tables[] = {
    &cgroup_v2_table,        &cgroup_v1_table,        &cgroup_freezer_table,  &cgroup_freezer_v1_table,
    &cgroup_memory_v1_table, &cgroup_memory_v2_table, &cgroup_pids_table,     &cgroup_cpu_table,
    &cgroup_cpuacct_table,   &cgroup_cpuset_table,    &cgroup_io_v2_table,    &cgroup_io_v1_table,
    &cgroup_hugetlb_table,   &cgroup_net_cls_table,   &cgroup_net_prio_table, &cgroup_devices_table,
};

/* ---- which files ---- */

static bool group_has_table(const struct group *group, const struct control_table *table)
{
    return table->controller == CG_CORE || (group_controllers(group) & CG_BIT(table->controller));
}

static bool group_has_file(const struct group *group, const struct control_file *file)
{
    if (!(file->flags & (group->hierarchy->version == 1 ? CONTROL_V1 : CONTROL_V2)))
        return false;
    return !(file->flags & (group->parent ? CONTROL_ONLY_ROOT : CONTROL_NO_ROOT));
}

static const struct control_file *find_file(const struct group *group, const char *name, bool enabled_only)
{
    FOR_ROWS (table, tables) {
        size_t prefix = strlen((*table)->prefix);
        if (strncmp(name, (*table)->prefix, prefix) != 0)
            continue;
        if (enabled_only && !group_has_table(group, *table))
            continue;
        for (size_t i = 0; i < (*table)->n; i++) {
            const struct control_file *file = &(*table)->files[i];
            bool same_letter = file->name[prefix] == name[prefix]; /* strcmp() is slow under a fuzzer, which watches it */
            if (same_letter && strcmp(file->name, name) == 0 && group_has_file(group, file))
                return file;
        }
    }
    return NULL;
}

static mode_t file_mode(const struct control_file *file)
{
    bool writable = file->store;
    return (mode_t)(S_IFREG | (file->show ? 0444 : 0) | (writable ? 0200 : 0));
}

static const struct inode_ops control_ops;

static struct control *control_find(const struct group *group, const struct control_file *file)
{
    struct control *control;

    LIST_FOREACH (control, &group->controls, link) {
        if (control->file == file)
            return control;
    }
    return NULL;
}

static struct control *control_make(struct group *group, const struct control_file *file)
{
    struct control *control = control_find(group, file);
    if (control)
        return control;

    control = zalloc(sizeof(*control));
    control->group = group_ref(group);
    control->file = file;
    control->inode = inode_new(group->hierarchy->super, file_mode(file), &control_ops);
    control->inode->uid = group->uid;
    control->inode->gid = group->gid;
    control->inode->data = control;
    list_append(&group->controls, &control->link);
    return control;
}

struct inode *control_lookup(struct group *group, const char *name)
{
    const struct control_file *file = group->dead ? NULL : find_file(group, name, true);
    return file ? inode_ref(control_make(group, file)->inode) : NULL;
}

void control_list(struct group *group, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    FOR_ROWS (table, tables) {
        for (size_t i = 0; group_has_table(group, *table) && i < (*table)->n; i++) {
            if (group_has_file(group, &(*table)->files[i]))
                add(arg, (*table)->files[i].name, control_make(group, &(*table)->files[i])->inode);
        }
    }
}

static void control_drop(struct control *control)
{
    list_remove(&control->link);
    control->gone = true;
    inode_unref(control->inode);
}

void controls_drop(struct group *group)
{
    struct control *control;

    LIST_FOREACH (control, &group->controls, link)
        control_drop(control);
}

static bool in_table(const struct control_table *table, const struct control_file *file)
{
    return file >= table->files && file < table->files + table->n;
}

static bool belongs_to(const struct control_file *file, enum cgroup_controller controller)
{
    FOR_ROWS (table, tables) {
        if ((*table)->controller == controller && in_table(*table, file))
            return true;
    }
    return false;
}

struct inode *group_procs_inode(struct group *group)
{
    return control_make(group, find_file(group, "cgroup.procs", true))->inode;
}

/* ---- values that are only kept ---- */

struct value {
    struct list link;
    const struct control_file *file;
    char *text;
};

static struct value *value_find(const struct group *group, const struct control_file *file)
{
    struct value *value;

    LIST_FOREACH (value, &group->values, link) {
        if (value->file == file)
            return value;
    }
    return NULL;
}

static void value_free(struct value *value)
{
    list_remove(&value->link);
    free(value->text);
    free(value);
}

void values_free(struct group *group)
{
    struct value *value;

    LIST_FOREACH (value, &group->values, link)
        value_free(value);
}

void values_snapshot(const struct group *group, struct buf *out)
{
    const struct value *value;

    LIST_FOREACH (value, &group->values, link)
        buf_printf(out, " %s=%s", value->file->name, value->text);
}

void controls_reset(struct group *group, enum cgroup_controller controller)
{
    struct control *control;
    struct value *value;

    LIST_FOREACH (control, &group->controls, link) {
        if (belongs_to(control->file, controller))
            control_drop(control);
    }
    LIST_FOREACH (value, &group->values, link) {
        if (belongs_to(value->file, controller))
            value_free(value);
    }
}

void value_set(struct control *control, const char *text)
{
    struct value *value = value_find(control->group, control->file);

    if (!value) {
        value = zalloc(sizeof(*value));
        value->file = control->file;
        list_append(&control->group->values, &value->link);
    }
    free(value->text);
    value->text = strdup(text);
}

const char *value_get(const struct group *group, const char *name)
{
    const struct control_file *file = find_file(group, name, false);
    const struct value *value = file ? value_find(group, file) : NULL;

    if (value)
        return value->text;
    return file && file->initial ? file->initial : "";
}

void value_inherit(struct group *group, const char *name)
{
    struct inode *inode = control_lookup(group, name);

    value_set(control_of(inode), value_get(group->parent, name));
    inode_unref(inode);
}

int show_value(struct control *control, struct buf *out)
{
    const struct value *value = value_find(control->group, control->file);
    const char *text = value ? value->text : control->file->initial;

    return *text ? buf_printf(out, "%s\n", text) : 0;
}

int store_number(struct control *control, char *text)
{
    int64_t value;
    char canonical[32];

    int r = parse_s64(text, &value);
    if (r < 0)
        return r;
    if (value < (int64_t)control->file->low || value > (int64_t)control->file->high)
        return -ERANGE;
    snprintf(canonical, sizeof(canonical), "%lld", (long long)value);
    value_set(control, canonical);
    return 0;
}

int store_ignored(struct control *control, char *text)
{
    (void)control;
    (void)text;
    return 0;
}

uint64_t *group_u64(struct group *group, size_t offset)
{
    return (uint64_t *)(void *)((char *)group + offset);
}

int show_u64(struct control *control, struct buf *out)
{
    return buf_printf(out, "%llu\n", (unsigned long long)*group_u64(control->group, control->file->offset));
}

int show_bytes_or_max(struct control *control, struct buf *out)
{
    uint64_t value = *group_u64(control->group, control->file->offset);
    return value >= BYTES_UNLIMITED ? buf_append_str(out, "max\n") : buf_printf(out, "%llu\n", (unsigned long long)value);
}

int show_zero(struct control *control, struct buf *out)
{
    (void)control;
    return buf_append_str(out, "0\n");
}

int show_nothing(struct control *control, struct buf *out)
{
    (void)control;
    (void)out;
    return 0;
}

/* ---- numbers ---- */

/* Decimal, 0x and octal as kstrtoull() takes them: digits to the end. */
int parse_u64(const char *text, uint64_t *ret)
{
    text += *text == '+';
    int base = 10;
    if (text[0] == '0')
        base = (text[1] | 0x20) == 'x' ? 16 : 8;
    const char *digits = base == 16 ? text + 2 : text;
    const char *valid = base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "0123456789";

    if (!*digits || digits[strspn(digits, valid)])
        return -EINVAL;
    errno = 0;
    uint64_t value = strtoull(digits, NULL, base);
    if (errno == ERANGE)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_s64(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    uint64_t value;

    if (negative && text[1] == '+')
        return -EINVAL;
    int r = parse_u64(text + negative, &value);
    if (r < 0)
        return r;
    if (value > (uint64_t)INT64_MAX + negative)
        return -ERANGE;
    *ret = negative ? (int64_t)-value : (int64_t)value;
    return 0;
}

int parse_bytes(const char *text, const char *word, uint64_t *ret)
{
    static const char units[] = "kmgtpe";
    char *end;

    if (strcmp(text, word) == 0) {
        *ret = BYTES_UNLIMITED;
        return 0;
    }
    if (strspn(text, "0123456789") == 0)
        return *text ? -EINVAL : (int)(*ret = 0);
    uint64_t value = strtoull(text, &end, 0);
    const char *unit = *end ? strchr(units, *end | 0x20) : NULL;
    if (unit) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    if (*end)
        return -EINVAL;
    value = value / PAGE_BYTES * PAGE_BYTES;
    *ret = value > BYTES_UNLIMITED ? BYTES_UNLIMITED : value;
    return 0;
}

/* ---- open files ---- */

/* Rights to a group are those of the opener: a privileged program may be made to write to a descriptor it was given. */
struct opener {
    struct cred cred;
    struct simple_namespace *cgroup_namespace;
    uint64_t seen;
};

static ssize_t control_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct control *control = file->inode->data;
    struct opener *opener = file->data;

    if (control->gone)
        return -ENODEV;
    opener->seen = control->version;
    return file_read_computed(file, p, len, pos);
}

static bool is_namespace_root(const struct opener *opener, const struct group *group)
{
    const struct world *world = group->hierarchy->world;

    return opener->cgroup_namespace && opener->cgroup_namespace != world->namespaces.cgroup &&
           namespace_group(opener->cgroup_namespace, group->hierarchy) == group;
}

static ssize_t control_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct control *control = file->inode->data;

    if (len == 0)
        return 0;
    if (len > WRITE_MAX)
        return -E2BIG;
    if (control->gone)
        return -ENODEV;
    if (!control->file->store)
        return -EINVAL;
    if (control->group->hierarchy->nsdelegate && !(control->file->flags & CONTROL_DELEGATED) &&
        is_namespace_root(file->data, control->group))
        return -EPERM;
    control->writer = file;
    ssize_t r = file_write_computed(file, p, len, pos);
    control->writer = NULL;
    return r;
}

static uint32_t control_poll(struct file *file)
{
    const struct control *control = file->inode->data;
    const struct opener *opener = file->data;
    uint32_t changed = opener->seen != control->version ? EPOLLPRI | EPOLLERR : 0;

    return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | changed;
}

static void control_close(struct file *file)
{
    struct opener *opener = file->data;

    if (!opener)
        return;
    cred_done(&opener->cred);
    if (opener->cgroup_namespace)
        simple_namespace_unref(opener->cgroup_namespace);
    free(opener);
}

static const struct file_ops control_file_ops = {
    .read = control_read,
    .write = control_write,
    .poll = control_poll,
    .release = control_close,
};

static int control_open(struct inode *inode, struct file *file)
{
    const struct control *control = inode->data;
    const struct task *task = current();

    if (control->gone)
        return -ENODEV;
    struct opener *opener = zalloc(sizeof(*opener));
    if (task) {
        cred_copy(&opener->cred, &task->cred);
        opener->cgroup_namespace = task->namespaces.cgroup ? simple_namespace_ref(task->namespaces.cgroup) : NULL;
    }
    opener->seen = control->version;
    file->ops = &control_file_ops;
    file->data = opener;
    return 0;
}

int control_as_opener(struct control *control, int (*fn)(void *arg), void *arg)
{
    struct task *task = current();

    if (!task || !control->writer)
        return fn(arg);
    struct opener *opener = control->writer->data;
    struct cred saved = task->cred;
    task->cred = opener->cred;
    int r = fn(arg);
    task->cred = saved;
    return r;
}

const struct simple_namespace *control_namespace(const struct control *control)
{
    const struct opener *opener = control->writer ? control->writer->data : NULL;
    return opener ? opener->cgroup_namespace : NULL;
}

static int control_show(struct inode *inode, struct buf *out)
{
    struct control *control = inode->data;
    return control->file->show ? control->file->show(control, out) : -EINVAL;
}

static char *strip(char *text)
{
    static const char blanks[] = " \t\n\v\f\r";
    size_t len;

    text += strspn(text, blanks);
    for (len = strlen(text); len > 0 && strchr(blanks, text[len - 1]); len--)
        ;
    text[len] = '\0';
    return text;
}

static int control_store(struct inode *inode, const char *text, size_t len)
{
    struct control *control = inode->data;

    if (!control->file->store)
        return -EINVAL;
    char *copy = strndup(text, len);
    int r = control->file->store(control, strip(copy));
    free(copy);
    return r;
}

static void control_release(struct inode *inode)
{
    struct control *control = inode->data;

    list_remove(&control->link);
    group_unref(control->group);
    free(control);
}

static void control_stat(struct inode *inode, struct stat *st)
{
    (void)inode;
    st->st_size = 0;
    st->st_blocks = 0;
}

static bool control_valid(struct inode *inode)
{
    return !((const struct control *)inode->data)->gone;
}

static const struct inode_ops control_ops = {
    .valid = control_valid,
    .open = control_open,
    .show = control_show,
    .store = control_store,
    .stat = control_stat,
    .release = control_release,
};

struct control *control_of(const struct inode *inode)
{
    return inode->ops == &control_ops ? inode->data : NULL;
}

/* ---- changes ---- */

void control_notify(struct group *group, const struct control_file *file)
{
    struct control *control = control_find(group, file);

    if (!control)
        return; /* nobody can watch what nobody has looked for */
    control->version++;
    inotify_event(control->inode, IN_MODIFY, NULL);
}

void control_notify_name(struct group *group, const char *name)
{
    const struct control_file *file = find_file(group, name, true);
    if (file)
        control_notify(group, file);
}
