/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/frame.h"

static uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

void frame_read_header(const uint8_t p[FRAME_HEADER_SIZE], struct frame *frame)
{
    frame->length = get_be32(p);
    frame->stream = get_be32(p + 4);
    frame->type = p[8];
    frame->flags = p[9];
}

void frame_write_header(uint8_t p[FRAME_HEADER_SIZE], const struct frame *frame)
{
    put_be32(p, frame->length);
    put_be32(p + 4, frame->stream);
    p[8] = frame->type;
    p[9] = frame->flags;
}
