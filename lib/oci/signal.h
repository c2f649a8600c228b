/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Beside the number in a SignalProcess request: this signal and no other. Without it the first process of a container gets
 * KILL for a TERM that it does not handle, because the kernel would drop it and Kata's callers wait for the end. */
#define OCI_SIGNAL_EXACT 0x40000000
