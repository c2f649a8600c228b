/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a ring between the requests that set it up. */
#include "runtime-min/vsock/vhost_request.h"

#include <errno.h>
#include <linux/virtio_ring.h>

#include "sys/fd.h"

static void kick_ready(struct watch *watch, uint32_t events)
{
    struct vhost_ring *ring = CONTAINER_OF(watch, struct vhost_ring, kick);
    struct vhost_user *session = ring->session;
    uint64_t count;

    (void)events;
    ssize_t r = sys_read(ring->kick_fd, &count, sizeof(count));
    /* No eventfd: it would be ready for ever. */
    if (r != sizeof(count) && r != -EAGAIN)
        watch_stop(watch);
    session->handler.kicked(session->handler.context);
}

void vhost_rings_init(struct vhost_user *session)
{
    FOR_ROWS (ring, session->rings) {
        ring->session = session;
        ring->kick_fd = ring->call_fd = -1;
        ring->kick.ready = kick_ready;
    }
}

int vhost_ring_start(struct vhost_user *session, struct vhost_ring *ring, struct error *err)
{
    if (ring->queue.size > 0 || ring->size == 0 || !ring->has_addresses || ring->kick_fd < 0 || !ring->enabled)
        return 0;

    const bool event_idx = session->features >> VIRTIO_RING_F_EVENT_IDX & 1;
    struct virtqueue queue;
    int r = virtqueue_start(&queue, &session->memory, &ring->addresses, ring->size, ring->queue.last_avail, event_idx, err);
    if (r < 0)
        return r;
    r = watch_start(session->loop, &ring->kick, ring->kick_fd, EPOLLIN);
    if (r < 0)
        return error_set(err, r, "watch the kick descriptor of a ring");
    ring->queue = queue;
    session->handler.kicked(session->handler.context);
    return 0;
}

void vhost_ring_halt(struct vhost_ring *ring)
{
    watch_stop(&ring->kick);
    if (ring->queue.size > 0)
        vhost_ring_signal(ring);
    (void)virtqueue_stop(&ring->queue);
}

void vhost_rings_stop(struct vhost_user *session)
{
    FOR_ROWS (ring, session->rings) {
        vhost_ring_halt(ring);
        fd_close(&ring->kick_fd);
        fd_close(&ring->call_fd);
        ring->has_addresses = ring->enabled = false;
        ring->size = 0;
    }
}

/* Not by halting it: that would touch memory which may be gone. */
int vhost_ring_restart(struct vhost_user *session, struct vhost_ring *ring, struct error *err)
{
    watch_stop(&ring->kick);
    (void)virtqueue_stop(&ring->queue);
    return vhost_ring_start(session, ring, err);
}

int vhost_rings_move(struct vhost_user *session, struct error *err)
{
    int result = 0;

    FOR_ROWS (ring, session->rings) {
        int r = vhost_ring_restart(session, ring, err);
        result = r < 0 ? r : result;
    }
    return result;
}

void vhost_ring_signal(struct vhost_ring *ring)
{
    static const uint64_t one = 1;

    if (virtqueue_publish(&ring->queue) && ring->call_fd >= 0)
        (void)sys_write(ring->call_fd, &one, sizeof(one));
}
