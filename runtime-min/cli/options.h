/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: what words a command takes, as data.
 *
 * Both --name VALUE and --name=VALUE are read, and -name too, because callers write it (go-runc's -no-subreaper). Those of a
 * command may stand behind its words, as other runtimes have it, unless it has a tail: what follows the id of exec belongs to
 * the program there. Nothing behind "--" is an option. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/strlist.h"

enum option_kind {
    OPTION_FLAG,         /* bool; also --name=false */
    OPTION_TEXT,         /* const char *; NULL when absent, the last one counts */
    OPTION_LIST,         /* struct strlist, one item each time */
    OPTION_IGNORED_FLAG, /* accepted, because a virtual machine has no use for it */
    OPTION_IGNORED_TEXT,
};

struct option {
    const char *name;
    char letter; /* short form, or 0 */
    enum option_kind kind;
    uint16_t offset;   /* of the value in the command's struct */
    const char *value; /* word for the value in the help, NULL for flags */
    const char *help;
};

struct option_table {
    const struct option *options;
    size_t n;
};

#define OPTION_TABLE(rows) ((struct option_table){(rows), ARRAY_SIZE(rows)})

/* Reads the options at the front of args into values, a zeroed struct. ret_help is set when --help or -h comes first of what
 * fails or ends the reading. Returns the number of words taken, or -EINVAL with the word in err. Texts are not copied. */
int options_parse(const struct option_table *table, struct arena *a, void *values, char *const *args, int n_args,
                  bool *ret_help, struct error *err);
/* The same wherever options stand, up to "--". Moves the other words to the front of args, with NULL behind them, and returns
 * their number. */
int options_gather(const struct option_table *table, struct arena *a, void *values, char **args, int n_args, bool *ret_help,
                   struct error *err);
/* Appends a line for each option. */
void options_print(const struct option_table *table, struct buf *out);
