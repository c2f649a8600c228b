/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a host program to the hybrid vsock socket: the line that says which port it wants, in pieces of the first byte's
 * size. */
#include "fuzz/fuzz.h"
#include "runtime-min/tests/vsock_mux.h"
#include "runtime-min/vsock/hybrid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(address);
    struct hybrid *hybrid;
    uint32_t port;

    if (size < 2 || size > 256 || loop_new(&loop, NULL) < 0)
        return 0;
    const char *line = (const char *)data + 1, *end = memchr(line, '\n', size - 1);
    bench = (struct bench){.work.expired = bench_work, .stop.expired = bench_stop};
    bench.mux = mux_new(loop, &(struct mux_options){GUEST_CID, "/nowhere/v", bench_wake, NULL, &bench.anomalies});
    int front = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(bind(front, (void *)&address, sizeof(sa_family_t)) == 0 && listen(front, 1) == 0);
    MUST(getsockname(front, (void *)&address, &len) == 0 && connect(client, (void *)&address, len) == 0);
    hybrid_new(bench.mux, front, &hybrid, NULL);
    for (size_t at = 1, piece; at < size; at += piece) {
        piece = data[0] && data[0] < size - at ? data[0] : size - at;
        (void)send(client, data + at, piece, MSG_NOSIGNAL);
        settle();
    }
    bool is_request = end && end - line < 64 && hybrid_parse(line, (size_t)(end - line), &port) == 0;
    MUST(bench.mux->n_connections == is_request);
    MUST(recv(client, &port, sizeof(port), MSG_DONTWAIT) <= 0); /* the guest has not said a word */
    hybrid_free(hybrid);
    bench_end();
    close(client);
    return 0;
}
