/* SPDX-License-Identifier: Apache-2.0 */
/* Names of system calls for the rules of test profiles. */
#pragma once
#include "base/macros.h"
#include "base/strlist.h"

static UNUSED char *one_name[] = {"getppid", NULL};
static UNUSED char *two_names[] = {"getppid", "getpgid", NULL};

/* A NULL-terminated list; NULL is empty. */
static inline struct strlist words(char **items)
{
    struct strlist list = {.items = items};
    while (items && items[list.n])
        list.n++;
    return list;
}
