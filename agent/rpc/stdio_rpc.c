/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams and terminals of processes. */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container/container.h"
#include "agent/rpc/rpc.h"

/* WriteStdin words failed look-ups in its own way. */
static struct process *process_to_write(struct ttrpc_call *call, const Grpc__WriteStreamRequest *write, struct error *err)
{
    struct process *process = rpc_process(call, write->container_id, write->exec_id, err);
    if (process)
        return process;
    if (err->status == STATUS_INVALID_ARGUMENT)
        error_status(err, STATUS_INTERNAL, "Invalid container id");
    else if (*write->exec_id == '\0')
        error_status(err, STATUS_INTERNAL, "Process not found: init process missing");
    else
        error_status(err, STATUS_INTERNAL, "Process not found: invalid exec id");
    return NULL;
}

RPC_HANDLER(rpc_write_stdin)
{
    const Grpc__WriteStreamRequest *write = (const void *)request;
    Grpc__WriteStreamResponse *response = (void *)reply;
    _process_ struct process *process = process_to_write(call, write, err);

    if (!process)
        return -err->errnum;
    if (write->data.len == 0) {
        stdio_close_stdin(&process->stdio);
        return 0;
    }
    int r = stdio_write(call->loop, &process->stdio, write->data.data, write->data.len, err);
    if (r == 0)
        response->len = (uint32_t)write->data.len;
    return r;
}

static uint8_t *reply_bytes(void *call, size_t len)
{
    return ttrpc_reply_bytes(call, len);
}

static int read_stream(struct ttrpc_call *call, const Grpc__ReadStreamRequest *read, bool want_stderr,
                       Grpc__ReadStreamResponse *response, struct error *err)
{
    _process_ struct process *process = rpc_process(call, read->container_id, read->exec_id, err);

    if (!process)
        return -err->errnum;
    return stdio_read(call->loop, &process->stdio, want_stderr, read->len, &(struct stdio_memory){reply_bytes, call},
                      &response->data.data, &response->data.len, err);
}

RPC_HANDLER(rpc_read_stdout)
{
    return read_stream(call, (const void *)request, false, (void *)reply, err);
}

RPC_HANDLER(rpc_read_stderr)
{
    return read_stream(call, (const void *)request, true, (void *)reply, err);
}

RPC_HANDLER(rpc_close_stdin)
{
    const Grpc__CloseStdinRequest *close = (const void *)request;
    _process_ struct process *process = rpc_process(call, close->container_id, close->exec_id, err);
    (void)reply;

    if (!process)
        return -err->errnum;
    stdio_close_stdin(&process->stdio);
    return 0;
}

RPC_HANDLER(rpc_tty_win_resize)
{
    const Grpc__TtyWinResizeRequest *resize = (const void *)request;
    _process_ struct process *process = rpc_process(call, resize->container_id, resize->exec_id, err);
    (void)reply;

    return process ? stdio_resize(&process->stdio, resize->row, resize->column, err) : -err->errnum;
}
