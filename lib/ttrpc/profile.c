/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/profile.h"

/* Agent: ttrpc-rust, asynchronous server. Shim: the Go server. */
static const struct profile profiles[] = {
    [TTRPC_PROFILE_AGENT] =
        {
            .explicit_ok = true,
            .oversize = STATUS_INVALID_ARGUMENT,
            .even_stream = "stream id must be odd",
            .stream_inactive = "Stream is no longer active",
            .timeout = "timeout",
            .envelope = {STATUS_INVALID_ARGUMENT, "", ""},
            .service = {STATUS_INVALID_ARGUMENT, "", " service does not exist"},
            .method = {STATUS_UNIMPLEMENTED, "", " method"},
            .payload = {STATUS_UNKNOWN, "ttrpc err: ", ""},
            .data = {STATUS_INVALID_ARGUMENT, "handling data error: ", ""},
            .data_names_stream = true,
        },
    [TTRPC_PROFILE_SHIM] =
        {
            .explicit_ok = false,
            .oversize = STATUS_RESOURCE_EXHAUSTED,
            .even_stream = "StreamID must be odd for client initiated streams",
            .stream_inactive = "StreamID is no longer active",
            .timeout = "context deadline exceeded",
            .envelope = {STATUS_INVALID_ARGUMENT, "unmarshal request error: ", ""},
            .service = {STATUS_UNIMPLEMENTED, "service ", ""},
            .method = {STATUS_UNIMPLEMENTED, "method ", ""},
            .payload = {STATUS_INTERNAL, "ttrpc: error unmarshalling payload: ", ""},
            .data = {STATUS_INVALID_ARGUMENT, "data handling error: ttrpc: ", ""},
        },
};

const struct profile *profile_get(enum ttrpc_profile which)
{
    return &profiles[which];
}
