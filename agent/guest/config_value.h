/* SPDX-License-Identifier: Apache-2.0 */
/* One key of the agent's configuration and the rules that turn text into its value; used by config.c only. */
#pragma once
#include "agent/guest/config.h"
#include "toml/toml.h"

enum config_kind {
    CONFIG_FLAG,        /* the bare word */
    CONFIG_BOOL,        /* true, false, or a number: not 0; anything else is false */
    CONFIG_STRICT_BOOL, /* true or false */
    CONFIG_SECONDS,     /* uint64_t */
    CONFIG_I32,
    CONFIG_I64,
    CONFIG_U8,
    CONFIG_U64,
    CONFIG_STRING,
    CONFIG_URL,      /* string; normalised when it comes from the command line */
    CONFIG_LEVEL,    /* int, enum log_level */
    CONFIG_CHOICE,   /* string out of choices */
    CONFIG_WORD_ALL, /* bool: the value is "all" */
    CONFIG_KIND_MAX,
};

struct config_key {
    const char *word;     /* name on the kernel command line, or NULL */
    const char *file_key; /* key in the configuration file, or NULL */
    const char *variable; /* environment variable, or NULL */
    enum config_kind kind;
    bool bare;                  /* the word without a value means true */
    size_t offset;              /* in struct config */
    int64_t number;             /* default of booleans, numbers and levels */
    const char *text;           /* default of strings */
    int64_t lowest;             /* command line: a number below it keeps what is there... */
    const char *too_low;        /* ...or is refused with this text */
    const char *bad_format;     /* command line: text for a second '='; NULL: the common one */
    const char *bad_value;      /* text for a value that cannot be read; NULL: the common one */
    const char *const *choices; /* NULL-terminated */
};

/* Writes the default of key into config. */
void config_value_default(const struct config_key *key, struct config *config);
/* Whether a word of the command line sets this key. */
bool config_value_matches(const struct config_key *key, const char *word);
/* Applies a word that matches. -EINVAL with "'WORD': TEXT". */
int config_value_from_word(struct arena *a, const struct config_key *key, const char *word, struct config *config,
                           struct error *err);
/* Applies a value of the configuration file. -EINVAL with "KEY (line N): TEXT". */
int config_value_from_file(struct arena *a, const struct config_key *key, const struct toml_value *value, struct config *config,
                           struct error *err);
/* Applies the value of an environment variable; a word that is not a level keeps what is there. */
int config_value_from_variable(struct arena *a, const struct config_key *key, const char *value, struct config *config,
                               struct error *err);
