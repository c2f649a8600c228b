/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/route.h"

#include <stdlib.h>
#include <string.h>

/* By length first: most names differ there already, and a NUL inside a name is a byte like any other. */
static int bytes_compare(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.p, b.p, a.len) : 0;
}

static int route_compare(const void *left, const void *right)
{
    const struct route *a = left, *b = right;
    int r = bytes_compare(a->service, b->service);

    return r ? r : bytes_compare(a->name, b->name);
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){.p = (const uint8_t *)text, .len = strlen(text)};
}

static void routes_add(struct routes *routes, const struct ttrpc_method *method, const struct ttrpc_stream_method *stream)
{
    routes->items[routes->n++] = (struct route){
        .service = bytes_of(method->service),
        .name = bytes_of(method->name),
        .method = method,
        .stream = stream,
    };
}

int routes_init(struct routes *routes, const struct ttrpc_server_options *options, struct error *err)
{
    const size_t n = options->n_methods + options->n_stream_methods;

    *routes = (struct routes){.items = calloc(n + 1, sizeof(*routes->items))};
    if (!routes->items)
        abort();
    for (size_t i = 0; i < options->n_methods; i++)
        routes_add(routes, &options->methods[i], NULL);
    for (size_t i = 0; i < options->n_stream_methods; i++)
        routes_add(routes, &options->stream_methods[i].method, &options->stream_methods[i]);
    qsort(routes->items, n, sizeof(*routes->items), route_compare);

    for (size_t i = 1; i < n; i++) {
        const struct ttrpc_method *method = routes->items[i].method;
        if (route_compare(&routes->items[i - 1], &routes->items[i]) != 0)
            continue;
        routes_done(routes);
        return error_status(err, STATUS_INVALID_ARGUMENT, "method %s/%s is listed twice", method->service, method->name);
    }
    return 0;
}

void routes_done(struct routes *routes)
{
    free(routes->items);
    *routes = (struct routes){.n = 0};
}

/* Index of the first route that is not less than key. */
static size_t routes_lower_bound(const struct routes *routes, const struct route *key)
{
    size_t low = 0, high = routes->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (route_compare(&routes->items[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool routes_has_service(const struct routes *routes, struct bytes service)
{
    const struct route key = {.service = service};
    size_t i = routes_lower_bound(routes, &key);

    return i < routes->n && bytes_compare(routes->items[i].service, service) == 0;
}

const struct route *routes_find(const struct routes *routes, struct bytes service, struct bytes name)
{
    const struct route key = {.service = service, .name = name};
    size_t i = routes_lower_bound(routes, &key);

    return i < routes->n && route_compare(&routes->items[i], &key) == 0 ? &routes->items[i] : NULL;
}
