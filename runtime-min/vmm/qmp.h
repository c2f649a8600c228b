/* SPDX-License-Identifier: Apache-2.0 */
/* QMP: the control connection of QEMU, JSON objects in lines. qemu.git docs/interop/qmp-spec.
 *
 * Every line is an event, the greeting or a reply, in any order. Lines are bounded, commands have deadlines, and a connection
 * that broke stays broken: each later call says why. */
#pragma once
#include "base/error.h"
#include "loop/loop.h"

#define QMP_LINE_MAX (256 * 1024)
#define QMP_MAJOR_MIN 5 /* oldest QEMU whose answers are understood */

struct json_object;
struct qmp;

/* Takes over fd: a connected stream socket that does not block. on_event may be NULL; it must not call qmp_execute(). */
int qmp_new(struct loop *loop, int fd, void (*on_event)(void *context, const char *name, struct json_object *data),
            void *context, struct qmp **ret_qmp, struct error *err);
/* No call may be in progress. Accepts NULL. */
void qmp_free(struct qmp *qmp);
/* Reads the greeting, checks the version, leaves the negotiation mode. From a fiber, once. */
int qmp_handshake(struct qmp *qmp, uint64_t deadline, struct error *err);
/* One command, from a fiber; commands of other fibers wait for their turn. arguments: JSON text of an object, or NULL.
 * *ret_value (may be NULL) is what "return" holds; json_object_put() it. -ETIMEDOUT at the deadline; -EPIPE for a connection
 * that is closed; QEMU's refusals are -EPROTO with its description. */
int qmp_execute(struct qmp *qmp, const char *command, const char *arguments, uint64_t deadline, struct json_object **ret_value,
                struct error *err);
