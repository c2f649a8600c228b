/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a frontend into the vsock device, as frontend_recite() has them. */
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
    for (size_t at = 0; frontend_recite(&frontend, data, size, &at);) {
        timer_start(loop, &timer, loop_now(loop));
        loop_run(loop, NULL);
    }
    vsock_device_free(device);
    loop_free(loop);
    frontend_done(&frontend);
    MUST(count_fds() == before);
    return 0;
}
