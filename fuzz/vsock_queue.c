/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a guest into the vsock device: the input is what it holds. The first byte says how many chains each ring offers
 * in a turn (low and high half), the next how the rings run, whether the host reads and when it ends. A host program has one
 * connection and talks. */
#include "fuzz/fuzz.h"
#include "runtime-min/tests/vsock_mux.h"

#define BYTES 8192
#define SIZE 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *mem = aligned_alloc(4096, BYTES), drain[4096];
    int fds[2];

    if (size < 2 || loop_new(&loop, NULL) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        return free(mem), 0;
    memset(mem, 0, BYTES);
    memcpy(mem, data + 2, size - 2 < BYTES ? size - 2 : BYTES);
    bench_lay(mem, BYTES, SIZE, (bool[]){data[1] & 1, data[1] & 2});
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)); /* little: the device has to keep the rest */
    mux_connect(bench.mux, GUEST_PORT, fds[1]);
    for (unsigned int turn = 0; turn < 4; turn++) {
        settle();
        (void)send(fds[0], data, size, MSG_NOSIGNAL);
        while (data[1] & 4 && read(fds[0], drain, sizeof(drain)) > 0)
            ;
        if (data[1] >> 3 == turn + 1)
            shutdown(fds[0], data[1] % 3);
        bench_offer(GUEST_RX, data[0] & 15);
        bench_offer(GUEST_TX, data[0] >> 4);
        MUST(bench.mux->n_connections <= MUX_CONNECTIONS_MAX && bench.mux->n_replies <= MUX_REPLIES_MAX);
    }
    mux_drop_all(bench.mux);
    MUST(!list_is_empty(&bench.mux->draining) || bench.mux->n_connections == 0);
    bench_end();
    close(fds[0]);
    free(mem);
    return 0;
}
