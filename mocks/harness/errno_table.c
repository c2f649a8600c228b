/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/errno_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define TABLE "mocks/kernel/errnos.tsv"

int errno_by_name(const char *name)
{
    for (int errnum = 1; errnum <= ERRNO_LAST; errnum++) {
        const char *known = strerrorname_np(errnum);
        if (known && strcmp(known, name) == 0)
            return errnum;
    }
    return 0;
}

static int call_by_name(const char *name)
{
    for (int call = 0; call < CALL_MAX; call++) {
        if (strcmp(sys_call_name((enum sys_call)call), name) == 0)
            return call;
    }
    return -1;
}

static void load_line(struct errno_table *table, char *line)
{
    char *state = NULL;
    char *word = strtok_r(line, "\t \n", &state);

    if (!word || word[0] == '#')
        return;
    int call = call_by_name(word);
    if (call < 0)
        fail_msg("%s: no call '%s'", TABLE, word);
    while ((word = strtok_r(NULL, "\t \n", &state)) != NULL) {
        int errnum = errno_by_name(word);
        if (errnum == 0 || table->calls[call].n == ERRNOS_PER_CALL)
            fail_msg("%s: '%s' of %s", TABLE, word, sys_call_name((enum sys_call)call));
        table->calls[call].errnums[table->calls[call].n++] = errnum;
    }
}

void errno_table_load(struct errno_table *table)
{
    char line[512];

    memset(table, 0, sizeof(*table));
    FILE *file = fopen(TABLE, "re");
    if (!file)
        fail_msg("%s is missing: run in the top directory", TABLE);
    while (fgets(line, sizeof(line), file))
        load_line(table, line);
    fclose(file);
}
