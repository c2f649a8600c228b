/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of a connection, conn.c and conn_host.c, know of each other. */
#pragma once
#include "runtime-min/vsock/conn.h"

/* ---- conn.c ---- */

/* A packet without data is to be sent. */
void conn_send(struct conn *conn, enum conn_pending what);
/* There is something for the guest. */
void conn_make_ready(struct conn *conn);
/* So many bytes of the guest need no room any more. The guest is told when it matters to it. */
void conn_note_taken(struct conn *conn, size_t len);
/* Nothing of the guest waits for the host: what the guest has ended, ends. */
void conn_all_written(struct conn *conn);
/* The host's end is gone. The guest is told, and has CONN_CLOSE_NS to answer. */
void conn_host_closed(struct conn *conn);
/* Ends what the guest has not accepted yet. May free it. */
void conn_give_up(struct conn *conn);
/* Ends it at once: the host's end is closed, the guest gets an RST. */
void conn_reset(struct conn *conn);

/* ---- conn_host.c ---- */

void conn_host_ready(struct watch *watch, uint32_t events);
/* Bytes of the guest: what the host does not take now waits. */
void conn_write_host(struct conn *conn, struct iovec *iov, unsigned int n);
/* A line of the device itself; false unless the host's socket took it at once. */
bool conn_tell_host(struct conn *conn, const char *line, size_t len);
/* The guest wants no more. */
void conn_stop_reading(struct conn *conn);
