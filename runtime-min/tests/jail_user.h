/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a jail makes its program: tests. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "runtime-min/jail/jail.h"

/* Nobody where a user namespace lacks the number that belongs to the starter's pid. */
static inline unsigned int jail_user(int starter)
{
    const unsigned int user = JAIL_UID_FIRST + (unsigned int)starter;
    unsigned int first, outside, n;
    bool has_it = false;

    FILE *map = fopen("/proc/self/uid_map", "re");
    while (map && fscanf(map, "%u %u %u", &first, &outside, &n) == 3)
        has_it = has_it || (user >= first && user - first < n);
    if (map)
        fclose(map);
    return has_it ? user : JAIL_UID_NOBODY;
}
