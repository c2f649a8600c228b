/* SPDX-License-Identifier: Apache-2.0 */
/* A listening socket of the server: accepts, checks the peer, and backs off when the machine has no descriptors left. */
#pragma once
#include "ttrpc/server_private.h"

/* Takes over fd (also when it fails); the listener belongs to the server. */
int listener_new(struct ttrpc_server *server, int fd, bool (*peer_allowed)(int fd), struct error *err);
void listeners_free(struct ttrpc_server *server);
