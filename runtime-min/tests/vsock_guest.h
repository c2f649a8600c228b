/* SPDX-License-Identifier: Apache-2.0 */
/* The guest, for tests of the device: memory of a memfd, and the driver's side of two split rings in it. */
#pragma once
#include "lib/tests/loop_fixture.h"

#include <linux/virtio_ring.h>
#include <sys/mman.h>

#include "runtime-min/vsock/memory.h"
#include "runtime-min/vsock/packet.h"
#include "runtime-min/vsock/virtqueue.h"

#define OP(name) VIRTIO_VSOCK_OP_##name

#define GUEST_CID 42
#define GUEST_BUFFER 262144u
#define GUEST_BASE UINT64_C(0x100000) /* guest physical address of the first byte */
#define USER_BASE UINT64_C(0x7f0000000000)
#define GUEST_BYTES (16 * 1024 * 1024)
#define RING_BYTES (1024 * 1024)
#define RX_AT (2 * RING_BYTES)
#define RX_BYTES 4096
#define TX_AT (4 * 1024 * 1024)
#define TX_BYTES (80 * 1024)

enum {
    GUEST_RX,
    GUEST_TX,
};

/* The driver's side. */
struct guest_ring {
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    struct virtqueue_addresses addresses;
    unsigned int size;
    uint16_t added, seen;
};

struct guest {
    int memfd;
    char *mem;
    struct guest_memory memory;
    struct guest_ring rings[2];
    struct virtqueue queues[2]; /* the device's side, for tests without vhost-user */
};

static inline uint64_t guest_address(size_t at)
{
    return GUEST_BASE + at;
}

static inline void guest_lay_ring(struct guest *guest, int which, unsigned int size)
{
    struct guest_ring *ring = &guest->rings[which];
    size_t at = (size_t)which * RING_BYTES, avail = at + size * sizeof(struct vring_desc),
           used = at + RING_BYTES / 2 + 65536 * 2;

    if (ring->desc) /* fresh memory is zero already */
        memset(guest->mem + at, 0, RING_BYTES);
    *ring = (struct guest_ring){
        .desc = (void *)(guest->mem + at),
        .avail = (void *)(guest->mem + avail),
        .used = (void *)(guest->mem + used),
        .addresses = {USER_BASE + at, USER_BASE + avail, USER_BASE + used},
        .size = size,
    };
}

static inline void guest_start(struct guest *guest, int which, unsigned int size, uint16_t base, bool event_idx)
{
    struct error err = {0};

    guest_lay_ring(guest, which, size);
    struct guest_ring *ring = &guest->rings[which];
    ring->added = ring->seen = base;
    ring->avail->idx = ring->used->idx = htole16(base);
    if (virtqueue_start(&guest->queues[which], &guest->memory, &ring->addresses, size, base, event_idx, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void guest_init(struct guest *guest)
{
    struct error err = {0};
    const struct guest_region region = {GUEST_BASE, GUEST_BYTES, USER_BASE, 0};

    *guest = (struct guest){.memfd = memfd_create("guest", MFD_CLOEXEC)};
    assert_int_equal(ftruncate(guest->memfd, GUEST_BYTES), 0);
    guest->mem = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memfd, 0);
    assert_ptr_not_equal(guest->mem, MAP_FAILED);
    if (guest_memory_add(&guest->memory, &region, guest->memfd, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void guest_done(struct guest *guest)
{
    guest_memory_done(&guest->memory);
    munmap(guest->mem, GUEST_BYTES);
    close(guest->memfd);
}

static inline void guest_describe(struct guest_ring *ring, unsigned int index, uint64_t addr, uint32_t len, uint16_t flags,
                                  uint16_t next)
{
    ring->desc[index % ring->size] = (struct vring_desc){htole64(addr), htole32(len), htole16(flags), htole16(next)};
}

static inline void guest_offer(struct guest_ring *ring, uint16_t head)
{
    ring->avail->ring[ring->added % ring->size] = htole16(head);
    __atomic_store_n(&ring->avail->idx, htole16(++ring->added), __ATOMIC_RELEASE);
}

/* Gives the device n buffers of len bytes (at most RX_BYTES) to write to. */
static inline void guest_give(struct guest *guest, unsigned int n, uint32_t len)
{
    struct guest_ring *ring = &guest->rings[GUEST_RX];

    for (; n > 0; n--) {
        uint16_t head = ring->added % ring->size;
        guest_describe(ring, head, guest_address(RX_AT + head * RX_BYTES), len, VRING_DESC_F_WRITE, 0);
        guest_offer(ring, head);
    }
}

static inline struct packet guest_packet(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
    return (struct packet){.src_cid = GUEST_CID,
                           .dst_cid = CID_HOST,
                           .src_port = guest_port,
                           .dst_port = host_port,
                           .type = VIRTIO_VSOCK_TYPE_STREAM,
                           .op = op,
                           .buf_alloc = GUEST_BUFFER};
}

/* Offers a packet: header and payload in a descriptor each. */
static inline void guest_send(struct guest *guest, const struct packet *packet, const void *payload, size_t len)
{
    struct guest_ring *ring = &guest->rings[GUEST_TX];
    const struct virtio_vsock_hdr header = packet_encode(packet);
    uint16_t head = ring->added * 2 % ring->size;
    size_t at = TX_AT + head / 2 * TX_BYTES;

    assert_true(at + TX_BYTES <= GUEST_BYTES && len <= TX_BYTES - sizeof(header));
    memcpy(guest->mem + at, &header, sizeof(header));
    if (len > 0)
        memcpy(guest->mem + at + sizeof(header), payload, len);
    guest_describe(ring, head, guest_address(at), sizeof(header), len ? VRING_DESC_F_NEXT : 0, head + 1);
    guest_describe(ring, head + 1, guest_address(at + sizeof(header)), (uint32_t)len, 0, 0);
    guest_offer(ring, head);
}

/* The next packet that the device has sent: false when there is none. *ret_payload points into guest memory. */
static inline bool guest_receive(struct guest *guest, struct packet *ret_packet, const char **ret_payload)
{
    struct guest_ring *ring = &guest->rings[GUEST_RX];
    struct virtio_vsock_hdr header;

    while (ring->seen != le16toh(__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE))) {
        const vring_used_elem_t *used = &ring->used->ring[ring->seen++ % ring->size];
        const char *p = guest->mem + RX_AT + le32toh(used->id) * RX_BYTES;
        if (le32toh(used->len) == 0)
            continue;
        memcpy(&header, p, sizeof(header));
        *ret_packet = packet_decode(&header);
        check_int("used length", le32toh(used->len), sizeof(header) + ret_packet->len);
        if (ret_payload)
            *ret_payload = p + sizeof(header);
        return true;
    }
    return false;
}
