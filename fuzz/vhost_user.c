/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a frontend into the vsock device. Each is a byte for its descriptors (low bits: how many; the high bit: memory,
 * not events), one for its length, and the bytes themselves. */
#include "fuzz/fuzz.h"
#include "runtime-min/tests/vsock_frontend.h"
#include "runtime-min/vsock/device.h"

static void on_lost(void *context, int r, const char *text)
{
    (void)context, (void)r, (void)text;
}

static void stop(struct timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsock_device_options options = {.guest_cid = GUEST_CID, .path = "/nowhere/v", .on_lost = on_lost};
    struct timer timer = {.expired = stop};
    struct vsock_device *device;
    struct frontend frontend;
    int before = count_fds();

    loop_new(&loop, NULL);
    options.hybrid_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    frontend_init(&frontend, &options.frontend_fd);
    vsock_device_new(loop, &options, &device, NULL);
    for (size_t at = 0, len; at + 2 < size; at += 2 + len) {
        int fds[16];
        len = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        for (unsigned int i = 0; i < 16; i++)
            fds[i] = data[at] & 128 ? frontend.guest.memfd : frontend.kick[0];
        if (frontend_try(&frontend, data + at + 2, len, fds, data[at] & 15) < 0)
            break;
        timer_start(loop, &timer, loop_now(loop));
        loop_run(loop, NULL);
    }
    vsock_device_free(device);
    loop_free(loop);
    frontend_done(&frontend);
    MUST(count_fds() == before);
    return 0;
}
