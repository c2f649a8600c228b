/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/raw_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "sys/fd.h"
#include "ttrpc/envelope.h"
#include "ttrpc/frame.h"

#define ANSWER_TIMEOUT_MS 10000
#define BEGIN_NS (2 * NSEC_PER_MSEC)

static int connect_to(const struct rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig->socket);
    int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(sys_connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

int raw_send(const struct rig *rig, const struct raw_call *call)
{
    struct envelope_request request = {
        .service = bytes_of(call->service ?: "grpc.AgentService"),
        .method = bytes_of(call->method),
        .payload.len = call->message ? protobuf_c_message_get_packed_size(call->message) : call->payload_len,
        .timeout_ns = call->timeout_ns,
    };
    struct frame frame = {.length = (uint32_t)envelope_request_size(&request), .stream = 1, .type = FRAME_REQUEST};
    size_t total = FRAME_HEADER_SIZE + frame.length;
    uint8_t *bytes = malloc(total);
    assert_non_null(bytes);

    frame_write_header(bytes, &frame);
    uint8_t *payload = envelope_put_request(bytes + FRAME_HEADER_SIZE, &request);
    if (call->message)
        protobuf_c_message_pack(call->message, payload);
    else if (call->payload_len)
        memcpy(payload, call->payload, call->payload_len);

    int fd = connect_to(rig);
    assert_int_equal(fd_write_all(fd, bytes, total), 0);
    free(bytes);
    return fd;
}

static void receive_all(int fd, void *p, size_t len)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    for (size_t done = 0; done < len;) {
        ssize_t n = sys_poll(&ready, 1, ANSWER_TIMEOUT_MS) == 1 ? sys_read(fd, (char *)p + done, len - done) : 0;
        if (n <= 0)
            fail_msg("no answer of %zu bytes came", len);
        done += (size_t)n;
    }
}

enum status_code raw_finish(const struct rig *rig, const struct raw_call *call, int fd, char text[ERROR_TEXT_MAX])
{
    uint8_t header[FRAME_HEADER_SIZE];
    struct envelope_response response;
    const char *reason;
    struct frame frame;

    receive_all(fd, header, sizeof(header));
    frame_read_header(header, &frame);
    assert_int_equal(frame.type, FRAME_RESPONSE);
    assert_true(frame.length <= FRAME_PAYLOAD_MAX);
    uint8_t *payload = malloc(frame.length + 1);
    assert_non_null(payload);
    receive_all(fd, payload, frame.length);
    assert_int_equal(envelope_decode_response((struct bytes){payload, frame.length}, &response, &reason), 0);
    snprintf(text, ERROR_TEXT_MAX, "%.*s", (int)response.message.len, (const char *)response.message.p);
    free(payload);
    sys_close(fd);
    rig_note_outcome(rig, call->method, (enum status_code)response.code);
    return (enum status_code)response.code;
}

enum status_code raw_call(const struct rig *rig, const struct raw_call *call, char text[ERROR_TEXT_MAX])
{
    return raw_finish(rig, call, raw_send(rig, call), text);
}

void raw_abandon(const struct rig *rig, const struct raw_call *call)
{
    int fd = raw_send(rig, call);

    sys_nanosleep(BEGIN_NS);
    sys_close(fd);
    rig_note_outcome(rig, call->method, STATUS_CANCELLED);
}
