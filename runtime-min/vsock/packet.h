/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a virtio-vsock packet in the machine's byte order (virtio 1.2, section 5.10.6). */
#pragma once
#include <endian.h>
#include <linux/virtio_vsock.h>
#include <stdint.h>

#define PACKET_HEADER_BYTES sizeof(struct virtio_vsock_hdr)
#define PACKET_PAYLOAD_MAX 65536
#define CID_HOST 2

struct packet {
    uint64_t src_cid, dst_cid;
    uint32_t src_port, dst_port;
    uint32_t len;
    uint16_t type, op;
    uint32_t flags;
    uint32_t buf_alloc, fwd_cnt;
};

static inline struct packet packet_decode(const struct virtio_vsock_hdr *header)
{
    return (struct packet){
        .src_cid = le64toh(header->src_cid),
        .dst_cid = le64toh(header->dst_cid),
        .src_port = le32toh(header->src_port),
        .dst_port = le32toh(header->dst_port),
        .len = le32toh(header->len),
        .type = le16toh(header->type),
        .op = le16toh(header->op),
        .flags = le32toh(header->flags),
        .buf_alloc = le32toh(header->buf_alloc),
        .fwd_cnt = le32toh(header->fwd_cnt),
    };
}

static inline struct virtio_vsock_hdr packet_encode(const struct packet *packet)
{
    return (struct virtio_vsock_hdr){
        .src_cid = htole64(packet->src_cid),
        .dst_cid = htole64(packet->dst_cid),
        .src_port = htole32(packet->src_port),
        .dst_port = htole32(packet->dst_port),
        .len = htole32(packet->len),
        .type = htole16(packet->type),
        .op = htole16(packet->op),
        .flags = htole32(packet->flags),
        .buf_alloc = htole32(packet->buf_alloc),
        .fwd_cnt = htole32(packet->fwd_cnt),
    };
}
