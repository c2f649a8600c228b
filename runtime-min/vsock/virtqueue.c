/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/virtqueue.h"

#include <endian.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>

#define DESC_ALIGN 16
#define USED_ALIGN 4
#define AVAIL_ALIGN 2

/* Words of the ring are shared with a processor that does as it likes: one access each. */
static uint16_t load16(const void *p)
{
    return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static void store16(void *p, uint16_t value)
{
    __atomic_store_n((uint16_t *)p, htole16(value), __ATOMIC_RELAXED);
}

/* The two words of EVENT_IDX lie behind the entries of the rings. */
static void *used_event(const struct virtqueue *queue)
{
    return &queue->avail->ring[queue->size];
}

static void *avail_event(const struct virtqueue *queue)
{
    return &queue->used->ring[queue->size];
}

static void *ring_part(const struct guest_memory *memory, uint64_t user, uint64_t len, uintptr_t align)
{
    void *p = guest_memory_user(memory, user, len);
    return (uintptr_t)p % align == 0 ? p : NULL;
}

int virtqueue_start(struct virtqueue *queue, const struct guest_memory *memory, const struct virtqueue_addresses *addresses,
                    unsigned int size, uint16_t base, bool event_idx, struct error *err)
{
    if (size == 0 || size > VIRTQUEUE_SIZE_MAX || (size & (size - 1)) != 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%u is no size of a split ring: a power of two up to %d", size,
                            VIRTQUEUE_SIZE_MAX);

    const size_t words = sizeof(uint16_t) * (size + 1);
    struct vring_desc *desc = ring_part(memory, addresses->desc, sizeof(*desc) * size, DESC_ALIGN);
    struct vring_avail *avail = ring_part(memory, addresses->avail, sizeof(*avail) + words, AVAIL_ALIGN);
    struct vring_used *used =
        ring_part(memory, addresses->used, sizeof(*used) + sizeof(used->ring[0]) * size + sizeof(uint16_t), USED_ALIGN);
    if (!desc || !avail || !used)
        return error_status(err, STATUS_INVALID_ARGUMENT, "a ring of %u entries is not aligned or not in guest memory", size);

    *queue = (struct virtqueue){
        .memory = memory,
        .desc = desc,
        .avail = avail,
        .used = used,
        .size = (uint16_t)size,
        .last_avail = base,
        .seen_avail = base,
        .next_used = base,
        .published = base,
        .event_idx = event_idx,
        .must_signal = true,
    };
    return 0;
}

uint16_t virtqueue_stop(struct virtqueue *queue)
{
    uint16_t base = queue->last_avail;

    *queue = (struct virtqueue){.last_avail = base};
    return base;
}

static int give_up(struct virtqueue *queue)
{
    queue->broken = true;
    return -EPROTO;
}

/* How many chains wait, or -EPROTO. */
static int available(struct virtqueue *queue, unsigned int wanted)
{
    if (queue->broken)
        return -EPROTO;
    if (queue->size == 0)
        return 0;
    uint16_t n = queue->seen_avail - queue->last_avail;
    if (n > wanted)
        return n;
    queue->seen_avail = load16(&queue->avail->idx);
    /* The entries and what they lead to are read after the index. */
    atomic_thread_fence(memory_order_acquire);
    n = queue->seen_avail - queue->last_avail;
    return n > queue->size ? give_up(queue) : n;
}

/* One descriptor; a buffer may lie in several regions. Returns 0, -ENOBUFS or -EPROTO. */
static int add_segments(struct virtqueue *queue, const struct vring_desc *desc, struct iovec *iov, unsigned int max,
                        struct chain *chain)
{
    uint64_t guest = le64toh(desc->addr), left = le32toh(desc->len);

    while (left > 0) {
        void *p;
        if (chain->n == max)
            return max < CHAIN_SEGMENTS_MAX ? -ENOBUFS : give_up(queue);
        uint64_t len = guest_memory_at(queue->memory, guest, left, &p);
        if (len == 0)
            return give_up(queue);
        iov[chain->n++] = (struct iovec){p, len};
        chain->bytes += len;
        guest += len;
        left -= len;
    }
    return 0;
}

static struct vring_desc read_descriptor(const struct virtqueue *queue, uint16_t index)
{
    const volatile struct vring_desc *desc = &queue->desc[index];

    return (struct vring_desc){.addr = desc->addr, .len = desc->len, .flags = desc->flags, .next = desc->next};
}

int virtqueue_peek(struct virtqueue *queue, unsigned int ahead, enum chain_direction direction, struct iovec *iov,
                   unsigned int max, struct chain *ret_chain)
{
    int n = available(queue, ahead);
    if (n <= (int)ahead)
        return n < 0 ? n : 0;

    uint16_t index = load16(&queue->avail->ring[(uint16_t)(queue->last_avail + ahead) % queue->size]);
    struct chain chain = {.head = index};
    const uint16_t wanted = direction == CHAIN_WRITE ? VRING_DESC_F_WRITE : 0;
    for (unsigned int steps = 0;; steps++) {
        if (index >= queue->size || steps == queue->size)
            return give_up(queue);
        struct vring_desc desc = read_descriptor(queue, index);
        uint16_t flags = le16toh(desc.flags);
        if ((flags & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) != wanted)
            return give_up(queue);
        int r = add_segments(queue, &desc, iov, max, &chain);
        if (r < 0)
            return r;
        if (!(flags & VRING_DESC_F_NEXT))
            break;
        index = le16toh(desc.next);
    }
    *ret_chain = chain;
    return 1;
}

void virtqueue_use(struct virtqueue *queue, const struct chain *chain, uint32_t len)
{
    vring_used_elem_t *entry = &queue->used->ring[queue->next_used % queue->size];

    entry->id = htole32(chain->head);
    entry->len = htole32(len);
    queue->next_used++;
    queue->last_avail++;
}

/* Between two of the device's indexes, has it passed the one that the guest asked to hear of? */
static bool wants_signal(const struct virtqueue *queue, uint16_t old)
{
    if (!queue->event_idx)
        return !(load16(&queue->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
    return vring_need_event(load16(used_event(queue)), queue->published, old);
}

bool virtqueue_publish(struct virtqueue *queue)
{
    const uint16_t old = queue->published;

    if (queue->size == 0 || (queue->next_used == old && !queue->must_signal))
        return false;
    queue->published = queue->next_used;
    __atomic_store_n(&queue->used->idx, htole16(queue->published), __ATOMIC_RELEASE);
    /* The guest reads the index after it changed what it wants to hear, so the device has to look in the other order. */
    atomic_thread_fence(memory_order_seq_cst);
    bool signal = queue->must_signal || wants_signal(queue, old);
    queue->must_signal = false;
    return signal;
}

void virtqueue_disable_kick(struct virtqueue *queue)
{
    if (queue->size > 0 && !queue->event_idx)
        store16(&queue->used->flags, VRING_USED_F_NO_NOTIFY);
}

bool virtqueue_enable_kick(struct virtqueue *queue)
{
    if (queue->size == 0 || queue->broken)
        return false;
    if (queue->event_idx)
        store16(avail_event(queue), queue->last_avail);
    else
        store16(&queue->used->flags, 0);
    atomic_thread_fence(memory_order_seq_cst);
    return available(queue, 0) != 0;
}
