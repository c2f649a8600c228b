/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/extension.h"

#include <inttypes.h>
#include <string.h>

#define OCTAL_DIGITS_MAX 4

int oci_extension_write(struct arena *a, struct oci_spec *spec, struct error *err)
{
    const struct opt_u64 *umask = &spec->process->user.umask;
    struct oci_map *map = &spec->annotations;

    if (!umask->set)
        return 0;
    struct oci_pair *items = arena_calloc(a, map->n + 1, sizeof(*items));
    char *value = arena_printf(a, "%03" PRIo64, umask->value);
    if (!items || !value)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "annotations: %zu are too many", map->n);
    for (size_t i = 0; i < map->n; i++)
        items[i] = map->items[i];
    items[map->n] = (struct oci_pair){arena_strdup(a, OCI_EXTENSION_UMASK), value};
    *map = (struct oci_map){items, map->n + 1};
    return 0;
}

static int read_octal(const struct oci_pair *pair, struct opt_u64 *ret_value, struct error *err)
{
    size_t len = strspn(pair->value, "01234567");
    uint64_t value = 0;

    if (len == 0 || len > OCTAL_DIGITS_MAX || pair->value[len])
        return error_status(err, STATUS_INVALID_ARGUMENT, "annotation %s: '%s' is not 1 to %d octal digits", pair->key,
                            pair->value, OCTAL_DIGITS_MAX);
    for (size_t i = 0; i < len; i++)
        value = value * 8 + (uint64_t)(pair->value[i] - '0');
    *ret_value = (struct opt_u64){.set = true, .value = value};
    return 0;
}

int oci_extension_read(struct oci_spec *spec, struct error *err)
{
    struct oci_map *map = &spec->annotations;
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; i < map->n && r == 0; i++) {
        if (!spec->process || strcmp(map->items[i].key, OCI_EXTENSION_UMASK) != 0)
            map->items[kept++] = map->items[i];
        else
            r = read_octal(&map->items[i], &spec->process->user.umask, err);
    }
    map->n = kept;
    return r;
}
