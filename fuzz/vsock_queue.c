/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a guest into the vsock device: the input is what it holds. The first byte says how many chains each ring offers
 * in a turn (low and high half), the next how the rings run, whether the host reads and when it ends. A host program has one
 * connection and talks. */
#include "fuzz/fuzz.h"
#include "runtime-min/tests/vsock_mux.h"

#define BYTES 8192
#define SIZE 8

static void offer(char *mem, unsigned int at, unsigned int more)
{
    struct vring_avail *avail = (void *)(mem + at + SIZE * sizeof(struct vring_desc));
    avail->idx = htole16((uint16_t)(le16toh(avail->idx) + more));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *mem = aligned_alloc(4096, BYTES), drain[4096];
    int fds[2];

    if (size < 2 || loop_new(&loop, NULL) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        return free(mem), 0;
    memset(mem, 0, BYTES);
    memcpy(mem, data + 2, size - 2 < BYTES ? size - 2 : BYTES);
    bench = (struct bench){.work.expired = bench_work, .stop.expired = bench_stop};
    bench.guest.memory = (struct guest_memory){.n = 1, .mappings = {{{0, BYTES, 0, 0}, mem, BYTES}}};
    bench.mux = mux_new(loop, &(struct mux_options){GUEST_CID, "/nowhere/v", bench_wake, NULL, &bench.anomalies});
    for (unsigned int i = 0; i < 2; i++)
        virtqueue_start(&bench.guest.queues[i], &bench.guest.memory,
                        &(struct virtqueue_addresses){i * 512, i * 512 + 128, i * 512 + 256}, SIZE, 0, data[1] >> i & 1, NULL);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)); /* little: the device has to keep the rest */
    mux_connect(bench.mux, GUEST_PORT, fds[1]);
    for (unsigned int turn = 0; turn < 4; turn++) {
        settle();
        (void)send(fds[0], data, size, MSG_NOSIGNAL);
        while (data[1] & 4 && read(fds[0], drain, sizeof(drain)) > 0)
            ;
        if (data[1] >> 3 == turn + 1)
            shutdown(fds[0], data[1] % 3);
        offer(mem, 0, data[0] & 15);
        offer(mem, 512, data[0] >> 4);
        MUST(bench.mux->n_connections <= MUX_CONNECTIONS_MAX && bench.mux->n_replies <= MUX_REPLIES_MAX);
    }
    mux_drop_all(bench.mux);
    MUST(!list_is_empty(&bench.mux->draining) || bench.mux->n_connections == 0);
    timer_stop(&bench.work);
    mux_free(bench.mux);
    loop_free(loop);
    close(fds[0]);
    free(mem);
    return 0;
}
