/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime-min/vsock/hybrid.h"
#include "runtime-min/vsock/mux.h"
#include "runtime-min/vsock/vhost_user.h"
#include "sys/fd.h"

/* Chains of each ring before the loop looks at everything else. */
#define BUDGET 256

enum {
    RING_RX, /* the guest receives */
    RING_TX,
};

struct vsock_device {
    struct loop *loop;
    struct vsock_device_options options;
    struct anomalies anomalies;
    struct mux *mux;
    struct hybrid *hybrid;
    struct watch listener; /* until the frontend has come */
    int listen_fd;
    struct vhost_user *session;
    struct timer work; /* due at once: runs when all events of the turn are known */
};

static void wake(void *context)
{
    struct vsock_device *device = context;

    if (device->work.slot == 0)
        timer_start(device->loop, &device->work, loop_now(device->loop));
}

static void work(struct timer *timer)
{
    struct vsock_device *device = CONTAINER_OF(timer, struct vsock_device, work);
    struct vhost_ring *rings = device->session ? device->session->rings : NULL;

    if (!rings)
        return;
    bool more = mux_receive(device->mux, &rings[RING_TX].queue, BUDGET);
    more |= mux_send(device->mux, &rings[RING_RX].queue, BUDGET);
    vhost_ring_signal(&rings[RING_TX]);
    vhost_ring_signal(&rings[RING_RX]);
    if (more)
        wake(device);
}

static void forgotten(void *context)
{
    mux_drop_all(((struct vsock_device *)context)->mux);
}

static void lost(void *context, int r, const char *text)
{
    struct vsock_device *device = context;

    mux_drop_all(device->mux);
    device->options.on_lost(device->options.context, r, text);
}

static int serve(struct vsock_device *device, int fd, struct error *err)
{
    const struct vhost_user_handler handler = {.kicked = wake, .forgotten = forgotten, .lost = lost, .context = device};

    int r = vhost_user_new(device->loop, device->options.guest_cid, fd, &handler, &device->session, err);
    if (r == 0 && device->options.on_connected)
        device->options.on_connected(device->options.context);
    return r;
}

/* One frontend only: its end is the end of the device. */
static void frontend_ready(struct watch *watch, uint32_t events)
{
    struct vsock_device *device = CONTAINER_OF(watch, struct vsock_device, listener);
    struct error err = {.errnum = 0};

    (void)events;
    int fd = sys_accept4(device->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -EAGAIN || fd == -ECONNABORTED)
        return;
    watch_stop(&device->listener);
    fd_close(&device->listen_fd);
    int r = fd < 0 ? error_set(&err, fd, "accept the vhost-user frontend") : serve(device, fd, &err);
    if (r < 0)
        lost(device, r, err.text);
}

static int start_frontend(struct vsock_device *device, struct error *err)
{
    int listening;
    socklen_t len = sizeof(listening);

    int r = sys_getsockopt(device->listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
    if (r < 0)
        return error_set(err, r, "vhost-user socket");
    if (!listening)
        return serve(device, fd_take(&device->listen_fd), err);
    r = sys_fcntl(device->listen_fd, F_SETFL, O_NONBLOCK);
    if (r == 0)
        r = watch_start(device->loop, &device->listener, device->listen_fd, EPOLLIN);
    return r < 0 ? error_set(err, r, "watch the vhost-user socket") : 0;
}

static int check(const struct vsock_device_options *options, struct error *err)
{
    if (options->guest_cid <= CID_HOST || options->guest_cid >= UINT32_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%" PRIu64 " is no address of a guest: 3 to 4294967294",
                            options->guest_cid);
    if (strlen(options->path) > HYBRID_PATH_MAX || options->path[0] == '\0')
        return error_status(err, STATUS_INVALID_ARGUMENT, "'%s' is no path of 1 to %d bytes", options->path, HYBRID_PATH_MAX);
    return 0;
}

int vsock_device_new(struct loop *loop, const struct vsock_device_options *options, struct vsock_device **ret_device,
                     struct error *err)
{
    struct vsock_device *device = calloc(1, sizeof(*device));
    if (!device)
        abort();

    device->loop = loop;
    device->options = *options;
    device->anomalies = (struct anomalies){.report = options->on_anomaly, .context = options->context};
    device->listen_fd = options->frontend_fd;
    device->listener.ready = frontend_ready;
    device->work.expired = work;
    _close_ int hybrid_fd = options->hybrid_fd;
    int r = check(options, err);
    if (r == 0) {
        const struct mux_options mux_options = {.guest_cid = options->guest_cid,
                                                .path = options->path,
                                                .wake = wake,
                                                .context = device,
                                                .anomalies = &device->anomalies};
        device->mux = mux_new(loop, &mux_options);
        r = hybrid_new(device->mux, fd_take(&hybrid_fd), &device->hybrid, err);
    }
    if (r == 0)
        r = start_frontend(device, err);
    if (r < 0) {
        vsock_device_free(device);
        return r;
    }
    *ret_device = device;
    return 0;
}

void vsock_device_free(struct vsock_device *device)
{
    if (!device)
        return;
    watch_stop(&device->listener);
    fd_close(&device->listen_fd);
    vhost_user_free(device->session);
    hybrid_free(device->hybrid);
    mux_free(device->mux);
    timer_stop(&device->work);
    free(device);
}
