/* SPDX-License-Identifier: Apache-2.0 */
/* The front: a unix socket whose clients say `CONNECT <port>\n` and, once the guest has accepted, read `OK <host port>\n`.
 * The text protocol of Firecracker's and Cloud Hypervisor's "hybrid vsock". */
#pragma once
#include "base/error.h"
#include "runtime-min/vsock/mux.h"

struct hybrid;

/* Accepts on fd (a listening stream socket; owned from here on, also after a failure). 0 or -errno. */
int hybrid_new(struct mux *mux, int fd, struct hybrid **ret_hybrid, struct error *err);
/* Closes the socket and the clients that have not said what they want. Accepts NULL. */
void hybrid_free(struct hybrid *hybrid);

/* Reads the request line without its newline: 0, or -EINVAL. */
int hybrid_parse(const char *line, size_t len, uint32_t *ret_port);
