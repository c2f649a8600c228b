/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options of procfs: whose processes a mount shows to whom (proc(5): hidepid=, gid=, subset=). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/proc.h"
#include "mocks/kernel/vfs_private.h"

/* ---- reading them ---- */

static int set_gid(struct proc_options *options, const char *value)
{
    char *end;

    if (!value || *value < '0' || *value > '9')
        return -EINVAL;
    unsigned long gid = strtoul(value, &end, 0);
    if (*end || gid > UINT32_MAX)
        return -EINVAL;
    options->gid = current() ? id_to_world(current()->cred.user, true, (uint32_t)gid) : (uint32_t)gid;
    return 0;
}

static int set_hide(struct proc_options *options, const char *value)
{
    static const struct {
        const char *number, *name;
        enum proc_hide hide;
    } rows[] = {
        {"0", "off", PROC_HIDE_NOTHING},
        {"1", "noaccess", PROC_HIDE_CONTENTS},
        {"2", "invisible", PROC_HIDE_NAMES},
        {"4", "ptraceable", PROC_HIDE_UNTRACEABLE},
    };

    FOR_ROWS (row, rows) {
        if (!value || (strcmp(row->number, value) != 0 && strcmp(row->name, value) != 0))
            continue;
        options->hide = row->hide;
        return 0;
    }
    return -EINVAL;
}

static int set_subset(struct proc_options *options, const char *value)
{
    if (!value || strcmp(value, "pid") != 0)
        return -EINVAL;
    options->only_processes = true;
    return 0;
}

int proc_options_set(struct proc_options *options, const char *key, const char *value)
{
    if (strcmp(key, "gid") == 0)
        return set_gid(options, value);
    if (strcmp(key, "hidepid") == 0)
        return set_hide(options, value);
    return strcmp(key, "subset") == 0 ? set_subset(options, value) : -EINVAL;
}

int proc_options_parse(struct proc_options *options, const char *data)
{
    char *copy = strdup(data ? data : ""), *cursor = copy, *word;
    int r = 0;

    while (r == 0 && (word = strsep(&cursor, ","))) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (*word)
            r = proc_options_set(options, word, value);
    }
    free(copy);
    return r;
}

char *proc_options_text(const struct proc_options *options)
{
    static const char *const names[] = {[PROC_HIDE_CONTENTS] = ",hidepid=noaccess",
                                        [PROC_HIDE_NAMES] = ",hidepid=invisible",
                                        [PROC_HIDE_UNTRACEABLE] = ",hidepid=ptraceable"};
    char text[96] = "";

    if (options->gid)
        snprintf(text, sizeof(text), ",gid=%u", options->gid == UINT32_MAX ? 65534 : options->gid);
    if (options->hide)
        strcat(text, names[options->hide]);
    if (options->only_processes)
        strcat(text, ",subset=pid");
    return strdup(text);
}

/* ---- what they do ---- */

/* The group sees everything, but for the hide that asks for ptrace alone. */
bool proc_shows(const struct super *super, const struct task *task, enum proc_hide from)
{
    const struct proc_options *options = proc_options_of(super);
    const struct task *viewer = current();

    if (!viewer)
        return true;
    if (options->hide != PROC_HIDE_UNTRACEABLE && (options->hide < from || in_group(&viewer->cred, options->gid)))
        return true;
    return may_inspect(viewer, task);
}
