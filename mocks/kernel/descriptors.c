/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of descriptors: small numbers for open files, the lowest free one first (open(2), dup(2)). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/task.h"

#define FIRST_SIZE 16

static void grow(struct descriptors *table, size_t n)
{
    size_t size = table->n ? table->n : FIRST_SIZE;
    while (size < n)
        size *= 2;
    table->items = realloc(table->items, size * sizeof(*table->items));
    if (!table->items)
        abort();
    memset(table->items + table->n, 0, (size - table->n) * sizeof(*table->items));
    table->n = size;
}

int fd_install(struct task *task, struct file *file, int min, bool cloexec)
{
    struct descriptors *table = &task->descriptors;
    size_t fd = (size_t)min;

    while (fd < table->n && table->items[fd].file)
        fd++;
    if (fd >= task->rlimits[RLIMIT_NOFILE].rlim_cur)
        return -EMFILE;
    if (fd >= table->n)
        grow(table, fd + 1);
    table->items[fd] = (struct descriptor){file, cloexec};
    return (int)fd;
}

int fd_replace_at(struct task *task, struct file *file, int fd, bool cloexec)
{
    struct descriptors *table = &task->descriptors;

    if (fd < 0 || (rlim_t)fd >= task->rlimits[RLIMIT_NOFILE].rlim_cur)
        return -EBADF;
    if ((size_t)fd >= table->n)
        grow(table, (size_t)fd + 1);
    struct file *old = table->items[fd].file;
    table->items[fd] = (struct descriptor){file, cloexec};
    if (old)
        file_unref(old);
    return fd;
}

struct descriptor *fd_entry(struct task *task, int fd)
{
    struct descriptors *table = &task->descriptors;

    return fd >= 0 && (size_t)fd < table->n && table->items[fd].file ? &table->items[fd] : NULL;
}

struct file *fd_get(struct task *task, int fd)
{
    struct descriptor *entry = fd_entry(task, fd);

    return entry ? entry->file : NULL;
}

int fd_uninstall(struct task *task, int fd)
{
    struct descriptor *entry = fd_entry(task, fd);

    if (!entry)
        return -EBADF;
    struct file *file = entry->file;
    *entry = (struct descriptor){.file = NULL};
    file_unref(file);
    return 0;
}

void descriptors_copy(struct descriptors *to, const struct descriptors *from)
{
    size_t used = from->n;
    while (used > 0 && !from->items[used - 1].file)
        used--;

    *to = (struct descriptors){.items = NULL};
    if (used == 0)
        return;
    grow(to, used);
    for (size_t fd = 0; fd < used; fd++) {
        to->items[fd] = from->items[fd];
        if (to->items[fd].file)
            file_ref(to->items[fd].file);
    }
}

void descriptors_exec(struct task *task)
{
    struct descriptors *table = &task->descriptors;

    for (size_t fd = 0; fd < table->n; fd++) {
        if (table->items[fd].file && table->items[fd].cloexec)
            fd_uninstall(task, (int)fd);
    }
}

void descriptors_done(struct task *task)
{
    struct descriptors *table = &task->descriptors;

    for (size_t fd = 0; fd < table->n; fd++)
        fd_uninstall(task, (int)fd);
    free(table->items);
    *table = (struct descriptors){.items = NULL};
}
