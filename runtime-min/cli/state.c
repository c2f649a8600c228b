/* SPDX-License-Identifier: Apache-2.0 */
/* state ID, list. */
#include <json-c/json.h>
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/state.h"
#include "runtime-min/container/text.h"

#define OUTPUT_MAX (16 * 1024 * 1024)
#define SPEC_ARENA_BYTES (32 * 1024 * 1024)
#define COLUMNS 6
#define COLUMN_MAX 8192

/* Damage of the saved configuration costs the annotations alone. */
static json_object *describe(const struct slot *slot, const struct record *record)
{
    _arena_ struct arena *a = arena_new(SPEC_ARENA_BYTES);
    struct oci_spec *spec = NULL;

    bool has_spec = state_read_spec(a, slot, &spec, NULL) == 0;
    return state_to_json(record, record_status(record), has_spec ? &spec->annotations : NULL, true);
}

static int print_json(struct cli *cli, json_object *json, int style)
{
    _buf_ struct buf text = BUF_INIT(OUTPUT_MAX);

    int r = buf_printf(&text, "%s\n", json_object_to_json_string_ext(json, style | JSON_C_TO_STRING_NOSLASHESCAPE));
    return r < 0 ? error_set(&cli->err, r, "format the output") : cli_print(cli, &text);
}

static int run_state(struct cli *cli)
{
    _container_ struct container container = CONTAINER_INIT(cli->arena);

    int r = cli_open(cli, false, &container);
    if (r < 0)
        return r;
    json_object *json = describe(&container.slot, &container.record);
    r = print_json(cli, json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
    json_object_put(json);
    return r;
}

const struct command command_state = {
    .name = "state",
    .arguments = "ID",
    .help = "print the state of a container as JSON",
    .min_args = 1,
    .max_args = 1,
    .failure_code = 1,
    .run = run_state,
};

/* ---- list ---- */

struct list_options {
    const char *format;
    bool quiet;
};

static const struct option list_options[] = {
    {"format", 'f', OPTION_TEXT, offsetof(struct list_options, format), "FORMAT", "table or json"},
    {"quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL, "ids only"},
};

static const char *text_of(json_object *json, const char *key)
{
    json_object *value = NULL;

    return json_object_object_get_ex(json, key, &value) ? json_object_get_string(value) : "";
}

static const char *const columns[COLUMNS][2] = {{"ID", "id"},         {"PID", "pid"},         {"STATUS", "status"},
                                                {"BUNDLE", "bundle"}, {"CREATED", "created"}, {"OWNER", "owner"}};

static void widen(size_t widths[COLUMNS], json_object *row)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t len = strlen(row ? text_of(row, columns[i][1]) : columns[i][0]);
        widths[i] = len > widths[i] ? len : widths[i];
    }
}

static void print_row(const size_t widths[COLUMNS], json_object *row, struct buf *out)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        char text[COLUMN_MAX];

        text_make_line(row ? text_of(row, columns[i][1]) : columns[i][0], text, sizeof(text));
        (void)buf_printf(out, i + 1 < COLUMNS ? "%-*s  " : "%.0d%s\n", i + 1 < COLUMNS ? (int)widths[i] : 0, text);
    }
}

static int print_table(struct cli *cli, json_object *rows)
{
    _buf_ struct buf text = BUF_INIT(OUTPUT_MAX);
    size_t widths[COLUMNS] = {0}, n = json_object_array_length(rows);

    widen(widths, NULL);
    for (size_t i = 0; i < n; i++)
        widen(widths, json_object_array_get_idx(rows, i));
    print_row(widths, NULL, &text);
    for (size_t i = 0; i < n; i++)
        print_row(widths, json_object_array_get_idx(rows, i), &text);
    return cli_print(cli, &text);
}

static int print_ids(struct cli *cli, json_object *rows)
{
    _buf_ struct buf text = BUF_INIT(OUTPUT_MAX);

    for (size_t i = 0; i < json_object_array_length(rows); i++)
        (void)buf_printf(&text, "%s\n", text_of(json_object_array_get_idx(rows, i), "id"));
    return text.len ? cli_print(cli, &text) : 0;
}

/* One that cannot be read is left out. Its reason must not mix with JSON: callers parse both streams together. */
static void collect(struct cli *cli, const struct store *store, const char *id, bool notes, json_object *rows)
{
    _buf_ struct buf note = BUF_INIT(4096);
    _slot_ struct slot slot = SLOT_INIT;
    struct error err = {.errnum = 0};
    char text[ERROR_TEXT_MAX];
    struct record record;

    int r = slot_open(store, id, &slot, &err);
    if (r == 0)
        r = slot_read_record(cli->arena, &slot, &record, &err);
    if (r == 0) {
        json_object_array_add(rows, describe(&slot, &record));
        return;
    }
    report_warning(cli, &err);
    text_make_line(err.text, text, sizeof(text));
    if (notes && buf_printf(&note, "tatami: %s\n", text) == 0)
        (void)fd_write_all(2, note.data, note.len);
}

static int run_list(struct cli *cli)
{
    const struct list_options *options = cli->options;
    const char *format = options->format ?: "table";
    struct strlist ids = {.n = 0}, strays = {.n = 0};
    struct store store;

    bool as_json = strcmp(format, "json") == 0;
    if (!as_json && strcmp(format, "table") != 0)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "invalid format option: '%s'; table and json are possible",
                            format);
    int r = cli_open_store(cli, false, &store);
    if (r < 0)
        return r;
    r = store_list(cli->arena, &store, &ids, &strays, &cli->err);
    json_object *rows = json_object_new_array();
    for (size_t i = 0; i < ids.n && r == 0; i++)
        collect(cli, &store, ids.items[i], !as_json, rows);
    if (r == 0)
        r = options->quiet ? print_ids(cli, rows)
            : as_json      ? print_json(cli, rows, JSON_C_TO_STRING_PLAIN)
                           : print_table(cli, rows);
    json_object_put(rows);
    store_close(&store);
    return r;
}

const struct command command_list = {
    .name = "list",
    .arguments = "",
    .help = "print all containers",
    .max_args = 0,
    .options = OPTION_TABLE(list_options),
    .options_size = sizeof(struct list_options),
    .failure_code = 1,
    .run = run_list,
};
