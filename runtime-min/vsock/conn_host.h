/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of a connection, conn.c and conn_host.c, know of each other. */
#pragma once
#include "runtime-min/vsock/conn.h"

/* conn.c */
void conn_send(struct conn *conn, enum conn_pending what);
void conn_note_taken(struct conn *conn, size_t len);
void conn_all_written(struct conn *conn);
void conn_host_closed(struct conn *conn);
void conn_give_up(struct conn *conn);
void conn_reset(struct conn *conn);
void conn_make_ready(struct conn *conn);

/* conn_host.c */
void conn_host_ready(struct watch *watch, uint32_t events);
void conn_write_host(struct conn *conn, struct iovec *iov, unsigned int n);
/* A line of the device itself; false unless the host's socket took it at once. */
bool conn_tell_host(struct conn *conn, const char *line, size_t len);
void conn_stop_reading(struct conn *conn);
