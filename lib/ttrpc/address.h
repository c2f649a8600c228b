/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses: unix://PATH, unix://@ABSTRACT, vsock://CID:PORT (CID -1 or empty: any), fd://N (inherited listener). */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"

enum address_kind {
    ADDRESS_UNIX,
    ADDRESS_VSOCK,
    ADDRESS_FD,
};

struct address {
    enum address_kind kind;
    struct sockaddr_storage sa; /* unix and vsock */
    socklen_t len;
    int fd; /* ADDRESS_FD */
};

/* INVALID_ARGUMENT with text and value on anything that is not of the forms above. */
int address_parse(const char *text, struct address *ret_address, struct error *err);
/* Bound, listening, close-on-exec, non-blocking socket (backlog 128). A path socket is made with mode 0600; a stale one that
 * nobody listens on is replaced. ADDRESS_FD: checks that the descriptor is a listening socket and returns it. */
int address_listen(const struct address *address, struct error *err);
/* Connected, close-on-exec, non-blocking socket; blocks while connecting to a path, not longer than the kernel does. */
int address_connect(const struct address *address, struct error *err);
