/* SPDX-License-Identifier: Apache-2.0 */
/* The generated descriptors against the tables of the wire in fixtures/spec, row by row and in both directions. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/agent.pb-c.h"
#include "proto/confidential_data_hub.pb-c.h"
#include "proto/types.pb-c.h"

#define TYPES_MAX 256
#define ROWS_MAX 512
#define COLUMNS_MAX 6

static const ProtobufCServiceDescriptor *const services[] = {
    &grpc__agent_service__descriptor,        &grpc__health__descriptor,
    &api__sealed_secret_service__descriptor, &api__secure_mount_service__descriptor,
    &api__get_resource_service__descriptor,  &api__image_pull_service__descriptor,
};

/* ---- tables ---- */

struct table {
    char text[64 * 1024];
    char *rows[ROWS_MAX][COLUMNS_MAX];
    size_t n;
};

static void table_split_row(struct table *table, char *line)
{
    for (size_t column = 0; column < COLUMNS_MAX && line; column++)
        table->rows[table->n][column] = strsep(&line, "\t");
    table->n++;
}

static struct table *table_load(const char *path)
{
    struct table *table = test_calloc(1, sizeof(*table));
    FILE *file = fopen(path, "r");

    if (!file)
        fail_msg("%s: cannot open; run from the top of the source tree", path);
    size_t len = fread(table->text, 1, sizeof(table->text) - 1, file);
    fclose(file);
    assert_true(len < sizeof(table->text) - 1);

    char *rest = table->text;
    strsep(&rest, "\n"); /* head */
    for (char *line; (line = strsep(&rest, "\n")) && line[0];) {
        assert_true(table->n < ROWS_MAX);
        table_split_row(table, line);
    }
    return table;
}

/* ---- all descriptors, found from the services ---- */

struct types {
    const ProtobufCMessageDescriptor *messages[TYPES_MAX];
    size_t n_messages;
    const ProtobufCEnumDescriptor *enums[TYPES_MAX];
    size_t n_enums;
};

static void add_enum(struct types *types, const ProtobufCEnumDescriptor *type)
{
    for (size_t i = 0; i < types->n_enums; i++) {
        if (types->enums[i] == type)
            return;
    }
    assert_true(types->n_enums < TYPES_MAX);
    types->enums[types->n_enums++] = type;
}

static void add_message(struct types *types, const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < types->n_messages; i++) {
        if (types->messages[i] == type)
            return;
    }
    assert_true(types->n_messages < TYPES_MAX);
    types->messages[types->n_messages++] = type;
    for (size_t i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            add_message(types, type->fields[i].descriptor);
        else if (type->fields[i].type == PROTOBUF_C_TYPE_ENUM)
            add_enum(types, type->fields[i].descriptor);
    }
}

static struct types *types_collect(void)
{
    struct types *types = test_calloc(1, sizeof(*types));

    FOR_ROWS (service, services) {
        for (size_t i = 0; i < (*service)->n_methods; i++) {
            add_message(types, (*service)->methods[i].input);
            add_message(types, (*service)->methods[i].output);
        }
    }
    return types;
}

static const ProtobufCMessageDescriptor *find_message(const struct types *types, const char *package, const char *name)
{
    char full[128];
    snprintf(full, sizeof(full), "%s.%s", package, name);
    for (size_t i = 0; i < types->n_messages; i++) {
        if (strcmp(types->messages[i]->name, full) == 0)
            return types->messages[i];
    }
    fail_msg("no message %s", full);
    return NULL;
}

/* ---- how a descriptor reads in the words of the tables ---- */

static bool is_map_entry(const ProtobufCMessageDescriptor *type)
{
    return strlen(type->name) > 5 && strcmp(type->name + strlen(type->name) - 5, "Entry") == 0 && strchr(type->name, '.') &&
           strchr(strchr(type->name, '.') + 1, '.');
}

static void type_words(const ProtobufCFieldDescriptor *field, char *text, size_t size)
{
    static const char *const scalars[] = {
        [PROTOBUF_C_TYPE_INT32] = "int32",   [PROTOBUF_C_TYPE_INT64] = "int64", [PROTOBUF_C_TYPE_UINT32] = "uint32",
        [PROTOBUF_C_TYPE_UINT64] = "uint64", [PROTOBUF_C_TYPE_BOOL] = "bool",   [PROTOBUF_C_TYPE_STRING] = "string",
        [PROTOBUF_C_TYPE_BYTES] = "bytes",
    };

    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        snprintf(text, size, "%s", ((const ProtobufCEnumDescriptor *)field->descriptor)->name);
    } else if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
        assert_true(field->type < ARRAY_SIZE(scalars) && scalars[field->type]);
        snprintf(text, size, "%s", scalars[field->type]);
    } else if (is_map_entry(field->descriptor)) {
        const ProtobufCMessageDescriptor *entry = field->descriptor;
        char key[32], value[64];
        type_words(&entry->fields[0], key, sizeof(key));
        type_words(&entry->fields[1], value, sizeof(value));
        snprintf(text, size, "map<%s,%s>", key, value);
    } else {
        snprintf(text, size, "%s", ((const ProtobufCMessageDescriptor *)field->descriptor)->name);
    }
}

static const char *label_word(const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return field->type == PROTOBUF_C_TYPE_MESSAGE && is_map_entry(field->descriptor) ? "map" : "repeated";
    return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? "optional" : "singular";
}

/* ---- tests ---- */

static void every_field_of_the_table_is_in_its_message(void **state)
{
    struct table *table = table_load("fixtures/spec/messages.tsv");
    struct types *types = types_collect();

    (void)state;
    assert_true(table->n > 380);
    for (size_t i = 0; i < table->n; i++) {
        char **row = table->rows[i], label[128], words[128];
        const ProtobufCMessageDescriptor *type = find_message(types, row[0], row[1]);
        if (strcmp(row[2], "-") == 0) {
            check_int(row[1], type->n_fields, 0);
            continue;
        }
        snprintf(label, sizeof(label), "%s.%s", row[1], row[2]);
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, row[2]);
        if (!field)
            fail_msg("%s: missing", label);
        type_words(field, words, sizeof(words));
        check_int(label, field->id, atoi(row[3]));
        check_string(label, words, row[4]);
        check_string(label, label_word(field), row[5]);
    }
    test_free(types);
    test_free(table);
}

static void no_message_or_field_is_beyond_the_table(void **state)
{
    struct table *table = table_load("fixtures/spec/messages.tsv");
    struct types *types = types_collect();

    (void)state;
    for (size_t i = 0; i < types->n_messages; i++) {
        const ProtobufCMessageDescriptor *type = types->messages[i];
        size_t rows = 0, fields = 0;
        if (is_map_entry(type) || strcmp(type->name, "google.protobuf.Empty") == 0)
            continue;
        for (size_t j = 0; j < table->n; j++) {
            bool same = strcmp(table->rows[j][0], type->package_name) == 0 && strcmp(table->rows[j][1], type->short_name) == 0;
            rows += same;
            fields += same && strcmp(table->rows[j][2], "-") != 0;
        }
        check_int(type->name, rows > 0, 1);
        check_int(type->name, type->n_fields, fields);
    }
    test_free(types);
    test_free(table);
}

static const ProtobufCEnumDescriptor *find_enum(const struct types *types, const char *package, const char *name)
{
    char full[128];
    snprintf(full, sizeof(full), "%s.%s", package, name);
    for (size_t i = 0; i < types->n_enums; i++) {
        if (strcmp(types->enums[i]->name, full) == 0)
            return types->enums[i];
    }
    fail_msg("no enum %s", full);
    return NULL;
}

static void enums_equal_the_table(void **state)
{
    struct table *table = table_load("fixtures/spec/enums.tsv");
    struct types *types = types_collect();
    size_t values = 0;

    (void)state;
    for (size_t i = 0; i < table->n; i++) {
        char **row = table->rows[i];
        const ProtobufCEnumDescriptor *type = find_enum(types, row[0], row[1]);
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(type, row[2]);
        if (!value)
            fail_msg("%s.%s: missing", row[1], row[2]);
        check_int(row[2], value->value, atoi(row[3]));
    }
    for (size_t i = 0; i < types->n_enums; i++)
        values += types->enums[i]->n_value_names;
    assert_int_equal(values, table->n);
    test_free(types);
    test_free(table);
}

static const ProtobufCServiceDescriptor *find_service(const char *package, const char *name)
{
    FOR_ROWS (service, services) {
        if (strcmp((*service)->package, package) == 0 && strcmp((*service)->short_name, name) == 0)
            return *service;
    }
    fail_msg("no service %s.%s", package, name);
    return NULL;
}

static void services_equal_the_table(void **state)
{
    struct table *table = table_load("fixtures/spec/services.tsv");
    size_t methods = 0;

    (void)state;
    for (size_t i = 0; i < table->n; i++) {
        char **row = table->rows[i];
        const ProtobufCServiceDescriptor *service = find_service(row[0], row[1]);
        const ProtobufCMethodDescriptor *method = protobuf_c_service_descriptor_get_method_by_name(service, row[2]);
        if (!method)
            fail_msg("%s.%s: missing", row[1], row[2]);
        check_string(row[2], method->input->name, row[3]);
        check_string(row[2], method->output->name, row[4]);
        check_string(row[2], row[5], "no");
    }
    FOR_ROWS (service, services)
        methods += (*service)->n_methods;
    assert_int_equal(methods, table->n);
    test_free(table);
}

/* What no service reaches would escape the other tests: names of the source files are compared as well. */
static void no_definition_is_unreachable(void **state)
{
    static const char *const files[] = {"lib/proto/agent.proto", "lib/proto/types.proto",
                                        "lib/proto/confidential_data_hub.proto"};
    struct types *types = types_collect();
    size_t messages = 0, enums = 0, entries = 0;
    char line[256], kind[16];

    (void)state;
    FOR_ROWS (path, files) {
        FILE *file = fopen(*path, "r");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
            if (sscanf(line, " %15s", kind) != 1)
                continue;
            messages += strcmp(kind, "message") == 0;
            enums += strcmp(kind, "enum") == 0;
        }
        fclose(file);
    }
    for (size_t i = 0; i < types->n_messages; i++)
        entries += is_map_entry(types->messages[i]);
    assert_int_equal(messages, types->n_messages - entries - 1); /* google.protobuf.Empty is defined elsewhere */
    assert_int_equal(enums, types->n_enums);
    test_free(types);
}

/* proto_unpack() recurses into known messages: this bounds its stack. */
static size_t depth_of(const ProtobufCMessageDescriptor *type, size_t above)
{
    size_t deepest = above + 1;

    assert_true(above < 12);
    for (size_t i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        size_t depth = depth_of(type->fields[i].descriptor, above + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static void no_message_contains_itself(void **state)
{
    struct types *types = types_collect();

    (void)state;
    for (size_t i = 0; i < types->n_messages; i++)
        assert_true(depth_of(types->messages[i], 0) <= 12);
    test_free(types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_the_table_is_in_its_message),
        cmocka_unit_test(no_message_or_field_is_beyond_the_table),
        cmocka_unit_test(enums_equal_the_table),
        cmocka_unit_test(services_equal_the_table),
        cmocka_unit_test(no_definition_is_unreachable),
        cmocka_unit_test(no_message_contains_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
