/* SPDX-License-Identifier: Apache-2.0 */
/* Names of system calls for the rules of test profiles. */
#pragma once
#include "base/strlist.h"

static char *one_name[] = {"getppid", NULL};
static char *two_names[] = {"getppid", "getpgid", NULL};

/* A NULL-terminated list; NULL is empty. */
static inline struct strlist words(char **items)
{
    struct strlist list = {.items = items};
    while (items && items[list.n])
        list.n++;
    return list;
}
