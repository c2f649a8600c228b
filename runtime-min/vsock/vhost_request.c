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

typedef int request_fn(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                       struct error *err);

static int refuse(struct error *err, const char *why)
{
    return error_status(err, STATUS_INVALID_ARGUMENT, "%s", why);
}

static int answer_number(struct vhost_message *ret_answer, uint64_t number)
{
    ret_answer->header.size = sizeof(number);
    ret_answer->payload.number = number;
    return 1;
}

static struct vhost_ring *ring_at(struct vhost_user *session, uint32_t index, struct error *err)
{
    if (index < VHOST_USER_RINGS)
        return &session->rings[index];
    (void)error_status(err, STATUS_INVALID_ARGUMENT, "there is no ring %u", index);
    return NULL;
}

static int take_fd(struct vhost_user *session)
{
    return session->n_fds > 0 ? fd_take(&session->fds[--session->n_fds]) : -1;
}

/* ---- features ---- */

static int get_features(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                        struct error *err)
{
    (void)session, (void)request, (void)err;
    return answer_number(ret_answer, FEATURES);
}

static int set_features(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                        struct error *err)
{
    (void)ret_answer;
    if (request->payload.number & ~FEATURES)
        return refuse(err, "features that were not offered");
    session->features = request->payload.number;
    if (!(session->features & FEATURE(VHOST_USER_F_PROTOCOL_FEATURES))) {
        FOR_ROWS (ring, session->rings)
            ring->enabled = true;
    }
    return 0;
}

static int get_protocol_features(struct vhost_user *session, const struct vhost_message *request,
                                 struct vhost_message *ret_answer, struct error *err)
{
    (void)session, (void)request, (void)err;
    return answer_number(ret_answer, PROTOCOL_FEATURES);
}

static int set_protocol_features(struct vhost_user *session, const struct vhost_message *request,
                                 struct vhost_message *ret_answer, struct error *err)
{
    (void)ret_answer;
    if (request->payload.number & ~PROTOCOL_FEATURES)
        return refuse(err, "protocol features that were not offered");
    session->protocol_features = request->payload.number;
    return 0;
}

static int get_queue_num(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                         struct error *err)
{
    (void)session, (void)request, (void)err;
    return answer_number(ret_answer, VHOST_USER_RINGS);
}

static int get_max_mem_slots(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                             struct error *err)
{
    (void)session, (void)request, (void)err;
    return answer_number(ret_answer, GUEST_REGIONS_MAX);
}

static int nothing(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                   struct error *err)
{
    (void)session, (void)request, (void)ret_answer, (void)err;
    return 0;
}

static int reset_owner(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                       struct error *err)
{
    (void)request, (void)ret_answer, (void)err;
    FOR_ROWS (ring, session->rings) {
        vhost_ring_halt(ring);
        ring->enabled = false;
    }
    return 0;
}

/* The configuration is the guest's address, 8 bytes. An error is an answer without payload. */
static int get_config(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                      struct error *err)
{
    const struct vhost_config *asked = &request->payload.config;
    const uint64_t cid = htole64(session->guest_cid);

    (void)err;
    if (asked->offset > sizeof(cid) || asked->size > sizeof(cid) - asked->offset ||
        request->header.size != offsetof(struct vhost_config, data) + asked->size)
        return 1;
    ret_answer->header.size = request->header.size;
    ret_answer->payload.config = *asked;
    memcpy(ret_answer->payload.config.data, (const char *)&cid + asked->offset, asked->size);
    return 1;
}

/* ---- memory ---- */

static struct guest_region region_of(const struct vhost_region *region)
{
    return (struct guest_region){region->guest, region->size, region->user, region->offset};
}

static int set_mem_table(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                         struct error *err)
{
    struct guest_memory memory = {.n = 0}, old = session->memory;
    const uint32_t n = request->payload.table.n;

    (void)ret_answer;
    if (n > VHOST_USER_FDS_MAX || n != session->n_fds ||
        request->header.size != offsetof(union vhost_payload, table.regions) + n * sizeof(struct vhost_region))
        return refuse(err, "a memory table whose regions, size and descriptors do not match");
    for (uint32_t i = 0; i < n; i++) {
        const struct guest_region region = region_of(&request->payload.table.regions[i]);
        int r = guest_memory_add(&memory, &region, session->fds[i], err);
        if (r < 0) {
            guest_memory_done(&memory);
            return r;
        }
    }
    session->memory = memory;
    int r = vhost_rings_move(session, err);
    guest_memory_done(&old);
    return r;
}

static int add_mem_reg(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                       struct error *err)
{
    const struct guest_region region = region_of(&request->payload.slot.region);

    (void)ret_answer;
    return guest_memory_add(&session->memory, &region, session->fds[0], err);
}

static int rem_mem_reg(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                       struct error *err)
{
    const struct guest_region region = region_of(&request->payload.slot.region);

    (void)ret_answer;
    int r = guest_memory_remove(&session->memory, &region, err);
    return r < 0 ? r : vhost_rings_move(session, err);
}

/* ---- rings ---- */

static int set_vring_num(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                         struct error *err)
{
    struct vhost_ring *ring = ring_at(session, request->payload.state.index, err);
    const uint32_t num = request->payload.state.num;

    (void)ret_answer;
    if (!ring)
        return -EINVAL;
    if (ring->queue.size > 0)
        return refuse(err, "a new size for a ring that runs");
    if (num == 0 || num > VIRTQUEUE_SIZE_MAX || (num & (num - 1)) != 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "a ring of %u entries", num);
    ring->size = num;
    return vhost_ring_start(session, ring, err);
}

static int set_vring_addr(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                          struct error *err)
{
    const struct vhost_ring_addresses *addresses = &request->payload.addresses;
    struct vhost_ring *ring = ring_at(session, addresses->index, err);

    (void)ret_answer;
    if (!ring)
        return -EINVAL;
    ring->addresses = (struct virtqueue_addresses){addresses->desc, addresses->avail, addresses->used};
    ring->has_addresses = true;
    return vhost_ring_restart(session, ring, err);
}

/* A frontend that goes on gives the index that it was given when the ring stopped. Any other one means a new start of the
 * guest. */
static int set_vring_base(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                          struct error *err)
{
    struct vhost_ring *ring = ring_at(session, request->payload.state.index, err);
    const uint32_t base = request->payload.state.num;

    (void)ret_answer;
    if (!ring)
        return -EINVAL;
    if (ring->queue.size > 0)
        return refuse(err, "a new index for a ring that runs");
    if (base > UINT16_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%#x as the index of a ring", base);
    if (base != ring->queue.last_avail)
        session->handler.forgotten(session->handler.context);
    ring->queue.last_avail = (uint16_t)base;
    return 0;
}

static int get_vring_base(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                          struct error *err)
{
    struct vhost_ring *ring = ring_at(session, request->payload.state.index, err);

    if (!ring)
        return -EINVAL;
    vhost_ring_halt(ring);
    fd_close(&ring->kick_fd);
    ret_answer->header.size = sizeof(ret_answer->payload.state);
    ret_answer->payload.state = (struct vhost_ring_state){request->payload.state.index, ring->queue.last_avail};
    return 1;
}

/* The ring that a request with a descriptor is about, and the descriptor, or -1 for none. */
static struct vhost_ring *ring_and_fd(struct vhost_user *session, const struct vhost_message *request, int *ret_fd,
                                      struct error *err)
{
    const uint64_t number = request->payload.number;
    struct vhost_ring *ring = ring_at(session, number & RING_INDEX_MASK, err);

    if (!ring)
        return NULL;
    const unsigned int expected = number & RING_NO_FD ? 0 : 1;
    if ((number & ~(uint64_t)(RING_INDEX_MASK | RING_NO_FD)) || session->n_fds != expected) {
        (void)refuse(err, "a ring's descriptor that is missing or not announced");
        return NULL;
    }
    *ret_fd = take_fd(session);
    if (*ret_fd >= 0)
        (void)sys_fcntl(*ret_fd, F_SETFL, O_NONBLOCK);
    return ring;
}

static int set_vring_kick(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                          struct error *err)
{
    int fd;
    struct vhost_ring *ring = ring_and_fd(session, request, &fd, err);

    (void)ret_answer;
    if (!ring)
        return -EINVAL;
    if (fd < 0)
        return refuse(err, "a ring without kick would have to be polled");
    watch_stop(&ring->kick);
    fd_replace(&ring->kick_fd, fd);
    return vhost_ring_restart(session, ring, err);
}

static int set_vring_call(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                          struct error *err)
{
    int fd;
    struct vhost_ring *ring = ring_and_fd(session, request, &fd, err);

    (void)ret_answer;
    if (!ring)
        return -EINVAL;
    fd_replace(&ring->call_fd, fd);
    return 0;
}

static int set_vring_err(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                         struct error *err)
{
    _close_ int fd = -1;

    (void)ret_answer;
    return ring_and_fd(session, request, &fd, err) ? 0 : -EINVAL;
}

static int set_vring_enable(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                            struct error *err)
{
    struct vhost_ring *ring = ring_at(session, request->payload.state.index, err);

    (void)ret_answer;
    if (!ring)
        return -EINVAL;
    if (request->payload.state.num > 1)
        return refuse(err, "a ring is enabled with 1 and disabled with 0");
    ring->enabled = request->payload.state.num == 1;
    if (ring->enabled)
        return vhost_ring_start(session, ring, err);
    vhost_ring_halt(ring);
    return 0;
}

/* ---- the table ---- */

#define CONFIG_HEAD offsetof(struct vhost_config, data)
#define TABLE_HEAD offsetof(union vhost_payload, table.regions)
#define SLOT_SIZE sizeof(((union vhost_payload *)0)->slot)

/* What a request may carry: bytes and descriptors, at least and at most. By number; a row without function is no request here.
 */
static const struct {
    request_fn *run;
    uint32_t size_min, size_max;
    unsigned int fds_min, fds_max;
} requests[] = {
    [1] = {get_features, 0, 0, 0, 0},
    [2] = {set_features, 8, 8, 0, 0},
    [3] = {nothing, 0, 0, 0, 0}, /* SET_OWNER */
    [4] = {reset_owner, 0, 0, 0, 0},
    [5] = {set_mem_table, TABLE_HEAD, TABLE_HEAD + VHOST_USER_FDS_MAX * sizeof(struct vhost_region), 0, VHOST_USER_FDS_MAX},
    [8] = {set_vring_num, 8, 8, 0, 0},
    [9] = {set_vring_addr, 40, 40, 0, 0},
    [10] = {set_vring_base, 8, 8, 0, 0},
    [11] = {get_vring_base, 8, 8, 0, 0},
    [12] = {set_vring_kick, 8, 8, 0, 1},
    [13] = {set_vring_call, 8, 8, 0, 1},
    [14] = {set_vring_err, 8, 8, 0, 1},
    [15] = {get_protocol_features, 0, 0, 0, 0},
    [16] = {set_protocol_features, 8, 8, 0, 0},
    [17] = {get_queue_num, 0, 0, 0, 0},
    [18] = {set_vring_enable, 8, 8, 0, 0},
    [24] = {get_config, CONFIG_HEAD, sizeof(struct vhost_config), 0, 0},
    [36] = {get_max_mem_slots, 0, 0, 0, 0},
    [37] = {add_mem_reg, SLOT_SIZE, SLOT_SIZE, 1, 1},
    [38] = {rem_mem_reg, SLOT_SIZE, SLOT_SIZE, 0, 1},
};

static bool is_known(uint32_t request)
{
    return request < ARRAY_SIZE(requests) && requests[request].run;
}

int vhost_request_check(const struct vhost_header *header, struct error *err)
{
    const uint32_t request = header->request;

    if ((header->flags & VHOST_FLAG_VERSION) != VHOST_VERSION || (header->flags & VHOST_FLAG_REPLY) ||
        header->size > VHOST_USER_PAYLOAD_MAX)
        return error_text(err, -EPROTO, "vhost-user request %u with flags %#x and %u bytes is none", request, header->flags,
                          header->size);
    if (is_known(request) && (header->size < requests[request].size_min || header->size > requests[request].size_max))
        return error_text(err, -EPROTO, "vhost-user request %u has %u bytes, not %u to %u", request, header->size,
                          requests[request].size_min, requests[request].size_max);
    return 0;
}

int vhost_request(struct vhost_user *session, const struct vhost_message *request, struct vhost_message *ret_answer,
                  struct error *err)
{
    const uint32_t number = request->header.request;

    if (!is_known(number))
        return error_status(err, STATUS_UNIMPLEMENTED, "vhost-user request %u is not known", number);
    if (session->n_fds < requests[number].fds_min || session->n_fds > requests[number].fds_max)
        return error_status(err, STATUS_INVALID_ARGUMENT, "vhost-user request %u has %u descriptors, not %u to %u", number,
                            session->n_fds, requests[number].fds_min, requests[number].fds_max);
    int r = requests[number].run(session, request, ret_answer, err);
    return r < 0 ? error_wrap(err, "vhost-user request %u", number) : r;
}
