/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/vhost_request.h"

#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "sys/fd.h"

#define FEATURE(bit) (UINT64_C(1) << (bit))
#define VHOST_USER_F_PROTOCOL_FEATURES 30

#define FEATURES (FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_RING_F_EVENT_IDX) | FEATURE(VHOST_USER_F_PROTOCOL_FEATURES))
#define PROTOCOL_FEATURES                                                                                                      \
    (FEATURE(VHOST_USER_PROTOCOL_MQ) | FEATURE(VHOST_USER_PROTOCOL_REPLY_ACK) | FEATURE(VHOST_USER_PROTOCOL_CONFIG) |          \
     FEATURE(VHOST_USER_PROTOCOL_MEM_SLOTS))

/* With a descriptor: its ring is in the low bits, the next one says that there is no descriptor. */
#define RING_INDEX_MASK 0xffu
#define RING_NO_FD 0x100u

/* One request that was checked as far as its row of the table says. */
struct call {
    struct vhost_user *session;
    const union vhost_payload *asked;
    uint32_t size;           /* bytes of it */
    struct vhost_ring *ring; /* that it is about */
    int fd;                  /* for that ring, or -1: who keeps it takes it */
    struct vhost_message *answer;
    struct error *err;
};

static int refuse(struct call *call, const char *why)
{
    return error_status(call->err, STATUS_INVALID_ARGUMENT, "%s", why);
}

static int answer_number(struct call *call, uint64_t number)
{
    call->answer->header.size = sizeof(number);
    call->answer->payload.number = number;
    return 1;
}

/* ---- features ---- */

static int get_features(struct call *call)
{
    return answer_number(call, FEATURES);
}

static int set_features(struct call *call)
{
    if (call->asked->number & ~FEATURES)
        return refuse(call, "features that were not offered");
    call->session->features = call->asked->number;
    if (!(call->asked->number & FEATURE(VHOST_USER_F_PROTOCOL_FEATURES))) {
        FOR_ROWS (ring, call->session->rings)
            ring->enabled = true;
    }
    return 0;
}

static int get_protocol_features(struct call *call)
{
    return answer_number(call, PROTOCOL_FEATURES);
}

static int set_protocol_features(struct call *call)
{
    if (call->asked->number & ~PROTOCOL_FEATURES)
        return refuse(call, "protocol features that were not offered");
    call->session->protocol_features = call->asked->number;
    return 0;
}

static int get_queue_num(struct call *call)
{
    return answer_number(call, VHOST_USER_RINGS);
}

static int get_max_mem_slots(struct call *call)
{
    return answer_number(call, GUEST_REGIONS_MAX);
}

static int set_owner(struct call *call)
{
    (void)call;
    return 0;
}

static int reset_owner(struct call *call)
{
    FOR_ROWS (ring, call->session->rings) {
        vhost_ring_halt(ring);
        ring->enabled = false;
    }
    return 0;
}

/* The configuration is the guest's address, 8 bytes. An error is an answer without payload. */
static int get_config(struct call *call)
{
    const struct vhost_config *asked = &call->asked->config;
    const uint64_t cid = htole64(call->session->guest_cid);

    if (asked->offset > sizeof(cid) || asked->size > sizeof(cid) - asked->offset ||
        call->size != offsetof(struct vhost_config, data) + asked->size)
        return 1;
    call->answer->header.size = call->size;
    call->answer->payload.config = *asked;
    memcpy(call->answer->payload.config.data, (const char *)&cid + asked->offset, asked->size);
    return 1;
}

/* ---- memory ---- */

static struct guest_region region_of(const struct vhost_region *region)
{
    return (struct guest_region){region->guest, region->size, region->user, region->offset};
}

static int set_mem_table(struct call *call)
{
    struct vhost_user *session = call->session;
    struct guest_memory memory = {.n = 0}, old = session->memory;
    const uint32_t n = call->asked->table.n;

    if (n > VHOST_USER_FDS_MAX || n != session->n_fds ||
        call->size != offsetof(union vhost_payload, table.regions) + n * sizeof(struct vhost_region))
        return refuse(call, "a memory table whose regions, size and descriptors do not match");
    for (uint32_t i = 0; i < n; i++) {
        const struct guest_region region = region_of(&call->asked->table.regions[i]);
        int r = guest_memory_add(&memory, &region, session->fds[i], call->err);
        if (r < 0) {
            guest_memory_done(&memory);
            return r;
        }
    }
    session->memory = memory;
    int r = vhost_rings_move(session, call->err);
    guest_memory_done(&old);
    return r;
}

static int add_mem_reg(struct call *call)
{
    const struct guest_region region = region_of(&call->asked->slot.region);

    return guest_memory_add(&call->session->memory, &region, call->session->fds[0], call->err);
}

static int rem_mem_reg(struct call *call)
{
    const struct guest_region region = region_of(&call->asked->slot.region);

    int r = guest_memory_remove(&call->session->memory, &region, call->err);
    return r < 0 ? r : vhost_rings_move(call->session, call->err);
}

/* ---- rings ---- */

static int set_vring_num(struct call *call)
{
    const uint32_t num = call->asked->state.num;

    if (call->ring->queue.size > 0)
        return refuse(call, "a new size for a ring that runs");
    if (num == 0 || num > VIRTQUEUE_SIZE_MAX || (num & (num - 1)) != 0)
        return error_status(call->err, STATUS_INVALID_ARGUMENT, "a ring of %u entries", num);
    call->ring->size = num;
    return vhost_ring_start(call->session, call->ring, call->err);
}

static int set_vring_addr(struct call *call)
{
    const struct vhost_ring_addresses *asked = &call->asked->addresses;

    call->ring->addresses = (struct virtqueue_addresses){asked->desc, asked->avail, asked->used};
    call->ring->has_addresses = true;
    return vhost_ring_restart(call->session, call->ring, call->err);
}

/* A frontend that goes on gives the index that it was given when the ring stopped. Any other one means a new start of the
 * guest. */
static int set_vring_base(struct call *call)
{
    const uint32_t base = call->asked->state.num;

    if (call->ring->queue.size > 0)
        return refuse(call, "a new index for a ring that runs");
    if (base > UINT16_MAX)
        return error_status(call->err, STATUS_INVALID_ARGUMENT, "%#x as the index of a ring", base);
    if (base != call->ring->queue.last_avail)
        call->session->handler.forgotten(call->session->handler.context);
    call->ring->queue.last_avail = (uint16_t)base;
    return 0;
}

static int get_vring_base(struct call *call)
{
    vhost_ring_halt(call->ring);
    fd_close(&call->ring->kick_fd);
    call->answer->header.size = sizeof(call->answer->payload.state);
    call->answer->payload.state = (struct vhost_ring_state){call->asked->state.index, call->ring->queue.last_avail};
    return 1;
}

static int set_vring_kick(struct call *call)
{
    if (call->fd < 0)
        return refuse(call, "a ring without kick would have to be polled");
    watch_stop(&call->ring->kick);
    fd_replace(&call->ring->kick_fd, fd_take(&call->fd));
    return vhost_ring_restart(call->session, call->ring, call->err);
}

/* What went to the old one may be lost. */
static int set_vring_call(struct call *call)
{
    fd_replace(&call->ring->call_fd, fd_take(&call->fd));
    call->ring->queue.must_signal = true;
    vhost_ring_signal(call->ring);
    return 0;
}

/* Where errors of the ring would be told. */
static int set_vring_err(struct call *call)
{
    (void)call;
    return 0;
}

static int set_vring_enable(struct call *call)
{
    if (call->asked->state.num > 1)
        return refuse(call, "a ring is enabled with 1 and disabled with 0");
    call->ring->enabled = call->asked->state.num == 1;
    if (call->ring->enabled)
        return vhost_ring_start(call->session, call->ring, call->err);
    vhost_ring_halt(call->ring);
    return 0;
}

/* ---- the table ---- */

#define CONFIG_HEAD offsetof(struct vhost_config, data)
#define TABLE_HEAD offsetof(union vhost_payload, table.regions)
#define SLOT_SIZE sizeof(((union vhost_payload *)0)->slot)

enum subject {
    DEVICE,
    RING,         /* the payload begins with its index */
    RING_WITH_FD, /* the payload is a number that holds it, and may announce a descriptor */
};

/* What a request may carry: bytes and descriptors, at least and at most. By number; a row without function is no request here.
 */
static const struct row {
    int (*run)(struct call *call);
    enum subject subject;
    uint32_t size_min, size_max;
    unsigned int fds_min, fds_max;
} requests[] = {
    [1] = {get_features, DEVICE, 0, 0, 0, 0},
    [2] = {set_features, DEVICE, 8, 8, 0, 0},
    [3] = {set_owner, DEVICE, 0, 0, 0, 0},
    [4] = {reset_owner, DEVICE, 0, 0, 0, 0},
    [5] = {set_mem_table, DEVICE, TABLE_HEAD, TABLE_HEAD + VHOST_USER_FDS_MAX * sizeof(struct vhost_region), 0,
           VHOST_USER_FDS_MAX},
    [8] = {set_vring_num, RING, 8, 8, 0, 0},
    [9] = {set_vring_addr, RING, 40, 40, 0, 0},
    [10] = {set_vring_base, RING, 8, 8, 0, 0},
    [11] = {get_vring_base, RING, 8, 8, 0, 0},
    [12] = {set_vring_kick, RING_WITH_FD, 8, 8, 0, 1},
    [13] = {set_vring_call, RING_WITH_FD, 8, 8, 0, 1},
    [14] = {set_vring_err, RING_WITH_FD, 8, 8, 0, 1},
    [15] = {get_protocol_features, DEVICE, 0, 0, 0, 0},
    [16] = {set_protocol_features, DEVICE, 8, 8, 0, 0},
    [17] = {get_queue_num, DEVICE, 0, 0, 0, 0},
    [18] = {set_vring_enable, RING, 8, 8, 0, 0},
    [24] = {get_config, DEVICE, CONFIG_HEAD, sizeof(struct vhost_config), 0, 0},
    [36] = {get_max_mem_slots, DEVICE, 0, 0, 0, 0},
    [37] = {add_mem_reg, DEVICE, SLOT_SIZE, SLOT_SIZE, 1, 1},
    [38] = {rem_mem_reg, DEVICE, SLOT_SIZE, SLOT_SIZE, 0, 1},
};

static const struct row *find_row(uint32_t request)
{
    return request < ARRAY_SIZE(requests) && requests[request].run ? &requests[request] : NULL;
}

int vhost_request_check(const struct vhost_header *header, struct error *err)
{
    const struct row *row = find_row(header->request);

    if ((header->flags & VHOST_FLAG_VERSION) != VHOST_VERSION || (header->flags & VHOST_FLAG_REPLY) ||
        header->size > VHOST_USER_PAYLOAD_MAX)
        return error_text(err, -EPROTO, "vhost-user request %u with flags %#x and %u bytes is none", header->request,
                          header->flags, header->size);
    if (row && (header->size < row->size_min || header->size > row->size_max))
        return error_text(err, -EPROTO, "vhost-user request %u has %u bytes, not %u to %u", header->request, header->size,
                          row->size_min, row->size_max);
    return 0;
}

static int find_ring(struct call *call, uint32_t index)
{
    if (index >= VHOST_USER_RINGS)
        return error_status(call->err, STATUS_INVALID_ARGUMENT, "there is no ring %u", index);
    call->ring = &call->session->rings[index];
    return 0;
}

/* Nobody waits for such a descriptor: it is made so that nobody can. */
static int find_ring_and_fd(struct call *call)
{
    const uint64_t number = call->asked->number;
    const unsigned int announced = number & RING_NO_FD ? 0 : 1;

    if ((number & ~(uint64_t)(RING_INDEX_MASK | RING_NO_FD)) || call->session->n_fds != announced)
        return refuse(call, "a ring's descriptor that is missing or not announced");
    int r = find_ring(call, number & RING_INDEX_MASK);
    if (r < 0 || announced == 0)
        return r;
    call->session->n_fds = 0;
    call->fd = call->session->fds[0];
    (void)sys_fcntl(call->fd, F_SETFL, O_NONBLOCK);
    return 0;
}

static int run(const struct row *row, struct call *call)
{
    if (call->session->n_fds < row->fds_min || call->session->n_fds > row->fds_max)
        return error_status(call->err, STATUS_INVALID_ARGUMENT, "%u descriptors, not %u to %u", call->session->n_fds,
                            row->fds_min, row->fds_max);
    int r = 0;
    if (row->subject == RING)
        r = find_ring(call, call->asked->state.index);
    else if (row->subject == RING_WITH_FD)
        r = find_ring_and_fd(call);
    return r < 0 ? r : row->run(call);
}

int vhost_request(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                  struct error *err)
{
    const struct row *row = find_row(request->header.request);
    struct call call = {.session = session,
                        .asked = &request->payload,
                        .size = request->header.size,
                        .fd = -1,
                        .answer = ret_answer,
                        .err = err};

    if (!row)
        return error_status(err, STATUS_UNIMPLEMENTED, "vhost-user request %u is not known", request->header.request);
    int r = run(row, &call);
    fd_close(&call.fd);
    return r < 0 ? error_wrap(err, "vhost-user request %u", request->header.request) : r;
}
