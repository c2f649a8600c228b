/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of container-jail sheet 7.2: how each kind of value is read from the command line and from the file. */
#include "agent/guest/config_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/guest/config_url.h"
#include "base/log.h"

#define TEXT_MAX 256

/* A value on its way into the configuration: where it goes, and what is wrong with it. */
struct slot {
    struct arena *arena;
    const struct config_key *key;
    void *target;
    char problem[TEXT_MAX];
};

static int refuse(struct slot *slot, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int refuse(struct slot *slot, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(slot->problem, sizeof(slot->problem), fmt, args);
    va_end(args);
    return -EINVAL;
}

/* ---- numbers ---- */

struct number {
    bool negative;
    uint64_t magnitude;
};

static const struct {
    int64_t min;
    uint64_t max;
} ranges[CONFIG_KIND_MAX] = {
    [CONFIG_SECONDS] = {0, UINT64_MAX}, [CONFIG_I32] = {INT32_MIN, INT32_MAX}, [CONFIG_I64] = {INT64_MIN, INT64_MAX},
    [CONFIG_U8] = {0, UINT8_MAX},       [CONFIG_U64] = {0, UINT64_MAX},
};

/* Sign and decimal digits, nothing else. NULL, or what is wrong. */
static const char *number_parse(const char *text, struct number *ret)
{
    uint64_t sum = 0;
    const char *p = text + (*text == '+' || *text == '-');

    if (*p == '\0')
        return "no digits";
    for (; *p; p++) {
        if (*p < '0' || *p > '9')
            return "invalid digit";
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum))
            return "number too large";
    }
    *ret = (struct number){*text == '-' && sum > 0, sum};
    return NULL;
}

static const char *number_check(struct number number, enum config_kind kind)
{
    if (number.negative && number.magnitude > 0 - (uint64_t)ranges[kind].min)
        return "number too small";
    if (!number.negative && number.magnitude > ranges[kind].max)
        return "number too large";
    return NULL;
}

static void number_store(struct number number, enum config_kind kind, void *target)
{
    uint64_t value = number.negative ? 0 - number.magnitude : number.magnitude;

    if (kind == CONFIG_U8)
        *(uint8_t *)target = (uint8_t)value;
    else if (kind == CONFIG_I32)
        *(int32_t *)target = (int32_t)value;
    else if (kind == CONFIG_I64)
        *(int64_t *)target = (int64_t)value;
    else
        *(uint64_t *)target = value;
}

static bool number_is_below(struct number number, int64_t lowest)
{
    if (lowest < 0)
        return number.negative && number.magnitude > 0 - (uint64_t)lowest;
    return number.negative || number.magnitude < (uint64_t)lowest;
}

static bool bool_rule(const char *value)
{
    struct number number;

    if (strcmp(value, "true") == 0)
        return true;
    return !number_parse(value, &number) && !number.negative && number.magnitude != 0;
}

/* ---- strings ---- */

static int store_string(struct slot *slot, const char *text)
{
    const char *copy = arena_strdup(slot->arena, text);
    if (!copy)
        return -ENOBUFS;
    *(const char **)slot->target = copy;
    return 0;
}

static int store_choice(struct slot *slot, const char *text)
{
    for (const char *const *choice = slot->key->choices; *choice; choice++) {
        if (strcmp(*choice, text) == 0) {
            *(const char **)slot->target = *choice;
            return 0;
        }
    }
    return refuse(slot, "%s", slot->key->bad_value);
}

static int store_level(struct slot *slot, const char *text)
{
    int level = log_level_parse(text);
    if (level < 0)
        return refuse(slot, "%s", slot->key->bad_value);
    *(int *)slot->target = level;
    return 0;
}

/* ---- command line: word is NAME=VALUE, or NAME alone for a key that allows it ---- */

static int check_one_equals_sign(struct slot *slot, const char *word, const char *value)
{
    if (!strchr(value, '='))
        return 0;
    return slot->key->bad_format ? refuse(slot, "%s", slot->key->bad_format) : refuse(slot, "format of %s is invalid", word);
}

static int word_flag(struct slot *slot, const char *word, const char *value)
{
    (void)word;
    (void)value;
    *(bool *)slot->target = true;
    return 0;
}

static int word_bool(struct slot *slot, const char *word, const char *value)
{
    (void)word;
    *(bool *)slot->target = !value || bool_rule(value);
    return 0;
}

static int word_strict_bool(struct slot *slot, const char *word, const char *value)
{
    int r = check_one_equals_sign(slot, word, value);
    if (r < 0)
        return r;
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return refuse(slot, "parse from %s failed: neither true nor false", value);
    *(bool *)slot->target = strcmp(value, "true") == 0;
    return 0;
}

static int word_number(struct slot *slot, const char *word, const char *value)
{
    const struct config_key *key = slot->key;
    struct number number = {0};
    int r = check_one_equals_sign(slot, word, value);
    if (r < 0)
        return r;

    const char *problem = number_parse(value, &number) ?: number_check(number, key->kind);
    if (problem && key->bad_value)
        return refuse(slot, "%s", key->bad_value);
    if (problem)
        return refuse(slot, "parse from %s failed: %s", value, problem);
    if (number_is_below(number, key->lowest))
        return key->too_low ? refuse(slot, "%s", key->too_low) : 0;
    number_store(number, key->kind, slot->target);
    return 0;
}

static int check_not_empty(struct slot *slot, const char *value)
{
    return *value ? 0 : refuse(slot, "name=value parameter missing value");
}

static int word_string(struct slot *slot, const char *word, const char *value)
{
    (void)word;
    int r = check_not_empty(slot, value);
    return r < 0 ? r : store_string(slot, value);
}

static int word_url(struct slot *slot, const char *word, const char *value)
{
    const char *problem = NULL;
    (void)word;
    int r = check_not_empty(slot, value);
    if (r < 0)
        return r;

    const char *url = config_url_normalise(slot->arena, value, &problem);
    if (!url)
        return problem ? refuse(slot, "%s", problem) : -ENOBUFS;
    *(const char **)slot->target = url;
    return 0;
}

static int word_level(struct slot *slot, const char *word, const char *value)
{
    int r = check_one_equals_sign(slot, word, value);
    return r < 0 ? r : store_level(slot, value);
}

static int word_choice(struct slot *slot, const char *word, const char *value)
{
    (void)word;
    return store_choice(slot, value);
}

static int word_all(struct slot *slot, const char *word, const char *value)
{
    (void)word;
    int r = check_not_empty(slot, value);
    if (r < 0)
        return r;
    *(bool *)slot->target = strcmp(value, "all") == 0;
    return 0;
}

/* ---- file: the value has the type that the kind demands ---- */

static int file_bool(struct slot *slot, const struct toml_value *value)
{
    *(bool *)slot->target = value->boolean;
    return 0;
}

static struct number number_from(int64_t value)
{
    return (struct number){value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value};
}

static int file_number(struct slot *slot, const struct toml_value *value)
{
    struct number number = number_from(value->integer);
    const char *problem = number_check(number, slot->key->kind);
    if (problem)
        return refuse(slot, "%lld: %s", (long long)value->integer, problem);
    number_store(number, slot->key->kind, slot->target);
    return 0;
}

/* { secs = N, nanos = N }; a started second counts as a whole one. */
static int file_seconds(struct slot *slot, const struct toml_value *value)
{
    const int64_t nanos_per_second = 1000000000;
    int64_t secs = 0, nanos = 0;
    struct error err;

    int r = toml_get_integer(value, "secs", &secs, &err);
    if (r == 0)
        return refuse(slot, "secs is missing");
    if (r > 0)
        r = toml_get_integer(value, "nanos", &nanos, &err);
    if (r < 0)
        return refuse(slot, "%.200s", err.text);
    if (secs < 0)
        return refuse(slot, "secs = %lld is negative", (long long)secs);
    if (nanos < 0 || nanos > UINT32_MAX)
        return refuse(slot, "nanos = %lld is not between 0 and 4294967295", (long long)nanos);
    *(uint64_t *)slot->target = (uint64_t)secs + (uint64_t)((nanos + nanos_per_second - 1) / nanos_per_second);
    return 0;
}

static int file_string(struct slot *slot, const struct toml_value *value)
{
    return store_string(slot, value->string.text);
}

static int file_level(struct slot *slot, const struct toml_value *value)
{
    return store_level(slot, value->string.text);
}

static int file_choice(struct slot *slot, const struct toml_value *value)
{
    return store_choice(slot, value->string.text);
}

/* ---- kinds ---- */

static const struct {
    int (*from_word)(struct slot *slot, const char *word, const char *value);
    int (*from_file)(struct slot *slot, const struct toml_value *value);
    enum toml_type file_type;
} kinds[CONFIG_KIND_MAX] = {
    [CONFIG_FLAG] = {word_flag, file_bool, TOML_BOOLEAN},
    [CONFIG_BOOL] = {word_bool, file_bool, TOML_BOOLEAN},
    [CONFIG_STRICT_BOOL] = {word_strict_bool, file_bool, TOML_BOOLEAN},
    [CONFIG_SECONDS] = {word_number, file_seconds, TOML_TABLE},
    [CONFIG_I32] = {word_number, file_number, TOML_INTEGER},
    [CONFIG_I64] = {word_number, file_number, TOML_INTEGER},
    [CONFIG_U8] = {word_number, file_number, TOML_INTEGER},
    [CONFIG_U64] = {word_number, file_number, TOML_INTEGER},
    [CONFIG_STRING] = {word_string, file_string, TOML_STRING},
    [CONFIG_URL] = {word_url, file_string, TOML_STRING},
    [CONFIG_LEVEL] = {word_level, file_level, TOML_STRING},
    [CONFIG_CHOICE] = {word_choice, file_choice, TOML_STRING},
    [CONFIG_WORD_ALL] = {word_all, NULL, TOML_STRING},
};

static struct slot slot_of(struct arena *a, const struct config_key *key, struct config *config)
{
    return (struct slot){.arena = a, .key = key, .target = (char *)config + key->offset};
}

static int slot_result(const struct slot *slot, int r, const char *where, struct error *err)
{
    if (r == -ENOBUFS)
        error_status(err, STATUS_RESOURCE_EXHAUSTED, "%.200s: out of memory", where);
    else if (r < 0)
        error_status(err, STATUS_INVALID_ARGUMENT, "%.200s: %s", where, slot->problem);
    return r;
}

void config_value_default(const struct config_key *key, struct config *config)
{
    void *target = (char *)config + key->offset;

    switch (kinds[key->kind].file_type) {
    case TOML_BOOLEAN:
        *(bool *)target = key->number != 0;
        break;
    case TOML_STRING:
        if (key->kind == CONFIG_LEVEL)
            *(int *)target = (int)key->number;
        else if (key->kind == CONFIG_WORD_ALL)
            *(bool *)target = false;
        else
            *(const char **)target = key->text;
        break;
    default:
        number_store(number_from(key->number), key->kind, target);
    }
}

bool config_value_matches(const struct config_key *key, const char *word)
{
    size_t len = key->word ? strlen(key->word) : 0;

    if (len == 0 || strncmp(word, key->word, len) != 0)
        return false;
    return word[len] == '\0' ? key->bare : word[len] == '=' && key->kind != CONFIG_FLAG;
}

int config_value_from_word(struct arena *a, const struct config_key *key, const char *word, struct config *config,
                           struct error *err)
{
    struct slot slot = slot_of(a, key, config);
    const char *equals = strchr(word, '=');
    char where[TEXT_MAX];

    int r = kinds[key->kind].from_word(&slot, word, equals ? equals + 1 : NULL);
    snprintf(where, sizeof(where), "'%.128s'", word);
    return slot_result(&slot, r, where, err);
}

int config_value_from_file(struct arena *a, const struct config_key *key, const struct toml_value *value, struct config *config,
                           struct error *err)
{
    struct slot slot = slot_of(a, key, config);
    enum toml_type want = kinds[key->kind].file_type;
    char where[TEXT_MAX];
    int r;

    if (value->type == TOML_STRING && strlen(value->string.text) != value->string.len)
        r = refuse(&slot, "the string holds a NUL character");
    else if (value->type == want)
        r = kinds[key->kind].from_file(&slot, value);
    else
        r = refuse(&slot, "expected %s%s, found %s", toml_type_name(want),
                   key->kind == CONFIG_SECONDS ? " { secs = N, nanos = N }" : "", toml_type_name(value->type));
    if (value->type == TOML_STRING)
        snprintf(where, sizeof(where), "%s (line %u) '%.128s'", key->file_key, value->line, value->string.text);
    else
        snprintf(where, sizeof(where), "%s (line %u)", key->file_key, value->line);
    return slot_result(&slot, r, where, err);
}

int config_value_from_variable(struct arena *a, const struct config_key *key, const char *value, struct config *config,
                               struct error *err)
{
    struct slot slot = slot_of(a, key, config);

    if (key->kind == CONFIG_STRING)
        return slot_result(&slot, store_string(&slot, value), key->variable, err);
    if (key->kind == CONFIG_BOOL)
        return word_bool(&slot, key->variable, value);
    store_level(&slot, value);
    return 0;
}
