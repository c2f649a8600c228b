/* SPDX-License-Identifier: Apache-2.0 */
/* A spec goes through all its forms and stays what it is. First byte: '0' the wire message, '1' config.json, which says more.
 */
#include "fuzz/fuzz.h"
#include "oci/json.h"
#include "oci/wire.h"
#include "proto/proto.h"

#define BUDGET (16 * 1024 * 1024)

static int read_spec(struct arena *a, bool is_wire, const uint8_t *data, size_t size, struct oci_spec **ret_spec)
{
    ProtobufCMessage *wire;
    if (!is_wire)
        return oci_spec_from_json(a, (const char *)data, size, ret_spec, NULL, NULL);
    int r = proto_unpack(a, &grpc__spec__descriptor, data, size, &wire, NULL);
    return r < 0 ? r : oci_spec_from_wire(a, (Grpc__Spec *)(void *)wire, ret_spec, NULL);
}

static const char *show(const struct oci_spec *spec, struct buf *out)
{
    MUST(oci_spec_to_json(spec, out, NULL) == 0);
    return out->data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf text = BUF_INIT(BUDGET), by_json = BUF_INIT(BUDGET), by_wire = BUF_INIT(BUDGET);
    struct oci_spec *spec, *copy;
    Grpc__Spec *wire;
    bool is_wire = size > 0 && data[0] % 2 == 0;
    if (size == 0 || read_spec(a, is_wire, data + 1, size - 1, &spec) < 0)
        return 0;
    (void)show(spec, &text);
    MUST(oci_spec_from_json(a, text.data, text.len, &copy, NULL, NULL) == 0);
    MUST(strcmp(show(copy, &by_json), text.data) == 0 && oci_spec_to_wire(a, spec, &wire, NULL) == 0);
    MUST(oci_spec_from_wire(a, wire, &copy, NULL) == 0 && (strcmp(show(copy, &by_wire), text.data) == 0 || !is_wire));
    return 0;
}
