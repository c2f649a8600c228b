/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a QEMU that its guest has taken over, to the QMP client, which shakes hands and asks something. */
#include <json-c/json.h>

#include "fuzz/fuzz.h"
#include "runtime-min/vmm/qmp.h"
#include "sys/fd.h"

static void on_event(void *context, const char *name, struct json_object *data)
{
    (void)context, (void)data;
    MUST(name);
}

static void talk(void *arg)
{
    struct json_object *value = NULL;
    struct error err = {.errnum = 0};
    int r = qmp_handshake(arg, NO_DEADLINE, &err) ?: qmp_execute(arg, "query-status", NULL, NO_DEADLINE, &value, &err);
    MUST(r == 0 || err.text[0]);
    json_object_put(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct loop *loop;
    struct qmp *qmp;
    int pair[2];
    if (loop_new(&loop, NULL) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        return 0;
    qmp_new(loop, pair[0], on_event, NULL, &qmp, NULL);
    MUST(send(pair[1], data, size, 0) == (ssize_t)size && shutdown(pair[1], SHUT_WR) == 0);
    fiber_start(loop, "talk", talk, qmp, NULL);
    loop_run(loop, NULL);
    qmp_free(qmp);
    loop_free(loop);
    fd_close(&pair[1]);
    return 0;
}
