/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/cli/options.h"

#include <ctype.h>
#include <string.h>

struct parse {
    const struct option_table *table;
    struct arena *a;
    char *values;
    char *const *args;
    int n_args;
    int at; /* next word */
    struct error *err;
};

/* name of len bytes, without dashes; a single letter may be a short form. */
static const struct option *find(const struct option_table *table, const char *name, size_t len)
{
    for (const struct option *option = table->options; option < table->options + table->n; option++) {
        if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
            return option;
        if (len == 1 && option->letter == *name)
            return option;
    }
    return NULL;
}

static bool is_flag(const struct option *option)
{
    return option->kind == OPTION_FLAG || option->kind == OPTION_IGNORED_FLAG;
}

static int set_flag(struct parse *parse, const struct option *option, const char *text)
{
    bool on = !text || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

    if (!on && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return error_status(parse->err, STATUS_INVALID_ARGUMENT, "option --%s: '%s' is neither true nor false", option->name,
                            text);
    if (option->kind == OPTION_FLAG)
        *(bool *)(void *)(parse->values + option->offset) = on;
    return 0;
}

static int set_text(struct parse *parse, const struct option *option, const char *text)
{
    if (!text && parse->at < parse->n_args)
        text = parse->args[parse->at++];
    if (!text)
        return error_status(parse->err, STATUS_INVALID_ARGUMENT, "option --%s needs a value: %s", option->name, option->value);
    if (option->kind == OPTION_TEXT)
        *(const char **)(void *)(parse->values + option->offset) = text;
    else if (option->kind == OPTION_LIST && strlist_add(parse->a, (void *)(parse->values + option->offset), text) < 0)
        return error_status(parse->err, STATUS_RESOURCE_EXHAUSTED, "option --%s comes too often", option->name);
    return 0;
}

/* One word that begins with a dash. */
static int parse_option(struct parse *parse, const char *word, bool *ret_help)
{
    const char *name = word + 1 + (word[1] == '-');
    size_t len = strcspn(name, "=");
    const char *text = name[len] ? name + len + 1 : NULL;

    const struct option *option = find(parse->table, name, len);
    if (!option && (strcmp(name, "help") == 0 || strcmp(name, "h") == 0)) {
        *ret_help = true;
        return 0;
    }
    if (!option)
        return error_status(parse->err, STATUS_INVALID_ARGUMENT, "unknown option '%s'", word);
    return is_flag(option) ? set_flag(parse, option, text) : set_text(parse, option, text);
}

/* "-" is a word, and so is a number: who kills with -1 is told that there is no such signal. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]);
}

int options_parse(const struct option_table *table, struct arena *a, void *values, char *const *args, int n_args,
                  bool *ret_help, struct error *err)
{
    struct parse parse = {.table = table, .a = a, .values = values, .args = args, .n_args = n_args, .err = err};

    *ret_help = false;
    while (parse.at < n_args && is_option(args[parse.at]) && !*ret_help) {
        const char *word = args[parse.at++];
        if (strcmp(word, "--") == 0)
            break;
        int r = parse_option(&parse, word, ret_help);
        if (r < 0)
            return r;
    }
    return parse.at;
}

int options_gather(const struct option_table *table, struct arena *a, void *values, char **args, int n_args, bool *ret_help,
                   struct error *err)
{
    struct parse parse = {.table = table, .a = a, .values = values, .args = args, .n_args = n_args, .err = err};
    int n_words = 0, r = 0;

    *ret_help = false;
    while (parse.at < n_args && r == 0 && !*ret_help) {
        char *word = args[parse.at++];
        if (strcmp(word, "--") == 0)
            break;
        if (!is_option(word))
            args[n_words++] = word;
        else
            r = parse_option(&parse, word, ret_help);
    }
    if (r < 0)
        return r;
    while (parse.at < n_args)
        args[n_words++] = args[parse.at++];
    args[n_words] = NULL;
    return n_words;
}

void options_print(const struct option_table *table, struct buf *out)
{
    for (const struct option *option = table->options; option < table->options + table->n; option++) {
        char letter[] = {'-', option->letter, ',', ' ', '\0'};
        size_t width = strlen(option->name) + (option->value ? strlen(option->value) + 1 : 0);

        (void)buf_printf(out, "  %4s--%s%s%s%*s  %s\n", option->letter ? letter : "", option->name, option->value ? " " : "",
                         option->value ?: "", width < 24 ? (int)(24 - width) : 0, "", option->help);
    }
}
