/* SPDX-License-Identifier: Apache-2.0 */
/* ttrpc frames: ten bytes of header, then the payload. Nothing here touches a socket. */
#pragma once
#include <stdint.h>

#define FRAME_HEADER_SIZE 10
/* Longest payload that is accepted or sent. */
#define FRAME_PAYLOAD_MAX UINT32_C(4194304)
/* First byte of the length not zero: reserved. It is no frame, the peer speaks something else. */
#define FRAME_LENGTH_RESERVED UINT32_C(0x1000000)

enum frame_type {
    FRAME_REQUEST = 1,
    FRAME_RESPONSE = 2,
    FRAME_DATA = 3,
};

enum frame_flags {
    FRAME_REMOTE_CLOSED = 0x01, /* the sender sends nothing more on this stream */
    FRAME_REMOTE_OPEN = 0x02,   /* the sender will send DATA */
    FRAME_NO_DATA = 0x04,       /* the frame carries no message */
};

struct frame {
    uint32_t length; /* of the payload, as on the wire */
    uint32_t stream;
    uint8_t type; /* enum frame_type, or anything */
    uint8_t flags;
    const uint8_t *payload; /* not part of the header; NULL until it is known */
};

/* Leaves frame->payload alone. */
void frame_read_header(const uint8_t p[FRAME_HEADER_SIZE], struct frame *frame);
void frame_write_header(uint8_t p[FRAME_HEADER_SIZE], const struct frame *frame);
