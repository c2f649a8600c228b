/* SPDX-License-Identifier: Apache-2.0 */
/* Routing: from the service and method names of a request to the method, without formatting or allocating. */
#pragma once
#include "ttrpc/server.h"
#include "ttrpc/wire.h"

struct route {
    struct bytes service;
    struct bytes name;
    const struct ttrpc_method *method;
    const struct ttrpc_stream_method *stream; /* NULL: unary */
};

struct routes {
    struct route *items; /* sorted by service, then name */
    size_t n;
};

/* INVALID_ARGUMENT when two methods have the same name. */
int routes_init(struct routes *routes, const struct ttrpc_server_options *options, struct error *err);
void routes_done(struct routes *routes);
bool routes_has_service(const struct routes *routes, struct bytes service);
const struct route *routes_find(const struct routes *routes, struct bytes service, struct bytes name);
