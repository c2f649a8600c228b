/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a vsock connection. */
#pragma once
#include <stdbool.h>

/* Only the host may speak to the agent, not a process of the guest through a vsock loopback. */
bool peer_is_host(int fd);
