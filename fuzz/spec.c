/* SPDX-License-Identifier: Apache-2.0 */
/* A spec goes through all its forms and stays what it is. The first byte chooses the form that is read: '0' the wire message,
 * '1' config.json. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "oci/json.h"
#include "oci/wire.h"
#include "proto/proto.h"

#define BUDGET (16 * 1024 * 1024)

static bool read_wire(struct arena *a, const uint8_t *data, size_t size, struct oci_spec **ret_spec)
{
    ProtobufCMessage *wire;

    return proto_unpack(a, &grpc__spec__descriptor, data, size, &wire, NULL) == 0 &&
           oci_spec_from_wire(a, (Grpc__Spec *)(void *)wire, ret_spec, NULL) == 0;
}

static struct buf show(const struct oci_spec *spec)
{
    struct buf text = BUF_INIT(BUDGET);

    MUST(oci_spec_to_json(spec, &text, NULL) == 0);
    return text;
}

/* The wire has no word for some things that JSON says: only what came over it goes back over it unchanged. */
static void go_over_wire(struct arena *a, const struct oci_spec *spec, const struct buf *text, bool came_over_it)
{
    struct oci_spec *copy;
    Grpc__Spec *wire;

    MUST(oci_spec_to_wire(a, spec, &wire, NULL) == 0 && oci_spec_from_wire(a, wire, &copy, NULL) == 0);
    _buf_ struct buf again = show(copy);
    MUST(!came_over_it || strcmp(again.data, text->data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct oci_spec *spec, *copy;
    bool is_wire = size > 0 && data[0] % 2 == 0;

    if (size == 0 || (is_wire ? !read_wire(a, data + 1, size - 1, &spec)
                              : oci_spec_from_json(a, (const char *)data + 1, size - 1, &spec, NULL, NULL) < 0))
        return 0;
    _buf_ struct buf text = show(spec);
    go_over_wire(a, spec, &text, is_wire);
    MUST(oci_spec_from_json(a, text.data, text.len, &copy, NULL, NULL) == 0);
    _buf_ struct buf again = show(copy);
    MUST(strcmp(again.data, text.data) == 0);
    return 0;
}
