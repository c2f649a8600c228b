/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macros.h"

struct wait {
    struct loop *loop;
    int fd;
    uint64_t deadline;
    bool takes_descriptor;
    int received;
    int result;
    struct error err;
};

static void wait_ready(void *arg)
{
    struct wait *wait = arg;

    wait->result = sync_wait_ready(wait->loop, NULL, wait->fd, wait->deadline, wait->takes_descriptor ? &wait->received : NULL,
                                   &wait->err);
}

/* What the agent makes of bytes that a child sends; NULL: the child closes its end. */
static struct wait receive(const void *bytes, size_t len)
{
    struct wait wait = {.deadline = NO_DEADLINE};
    struct error err;
    int child;

    assert_int_equal(loop_new(&wait.loop, &err), 0);
    assert_int_equal(sync_pair(&wait.fd, &child, &err), 0);
    assert_int_equal(fiber_start(wait.loop, "wait", wait_ready, &wait, NULL), 0);
    if (bytes)
        assert_int_equal(send(child, bytes, len, 0), len);
    close(child);
    assert_int_equal(loop_run(wait.loop, &err), 0);
    close(wait.fd);
    loop_free(wait.loop);
    return wait;
}

static void agent_sees_ready_error_and_death(void **state)
{
    const uint32_t ready[] = {SYNC_READY, 0, 0};
    const struct {
        uint32_t header[3];
        char text[5];
    } error = {{SYNC_ERROR, STATUS_NOT_FOUND, ENOENT}, "gone!"};
    (void)state;

    assert_int_equal(receive(ready, sizeof(ready)).result, 0);
    assert_int_equal(receive(NULL, 0).result, -EPIPE);
    struct wait wait = receive(&error, 12 + 5);
    assert_int_equal(wait.result, -ENOENT);
    assert_int_equal(wait.err.status, STATUS_NOT_FOUND);
    assert_string_equal(wait.err.text, "gone!");
}

static void malformed_messages_from_a_child_are_errors(void **state)
{
    static char large[ERROR_TEXT_MAX + 64];
    const struct {
        const char *label;
        uint32_t words[4];
        size_t len;
    } rows[] = {
        {"short header", {SYNC_READY}, 11},
        {"unknown type", {99, 0, 0}, 12},
        {"a message for the child", {SYNC_GO, 0, 0}, 12},
        {"ready with a text", {SYNC_READY, 0, 0, 0x41414141}, 16},
        {"error without status", {SYNC_ERROR, 0, EIO}, 12},
        {"error with unknown status", {SYNC_ERROR, STATUS_MAX, EIO}, 12},
        {"error without errno", {SYNC_ERROR, STATUS_INTERNAL, 0}, 12},
        {"error with huge errno", {SYNC_ERROR, STATUS_INTERNAL, 4096}, 12},
        {"error text with NUL", {SYNC_ERROR, STATUS_INTERNAL, EIO, 0x00004141}, 16},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct wait wait = receive(row->words, row->len);
        if (wait.result != -EBADMSG || wait.err.text[0] == '\0')
            fail_msg("%s: %d '%s'", row->label, wait.result, wait.err.text);
    }
    memcpy(large, (uint32_t[]){SYNC_ERROR, STATUS_INTERNAL, EIO}, 12);
    memset(large + 12, 'x', sizeof(large) - 12);
    assert_int_equal(receive(large, sizeof(large)).result, -EBADMSG);
}

static void error_of_the_child_arrives_as_it_was(void **state)
{
    struct wait wait = {.deadline = NO_DEADLINE};
    struct error err, sent;
    int child;
    (void)state;

    error_set(&sent, -EACCES, "mount %s", "/proc");
    assert_int_equal(loop_new(&wait.loop, &err), 0);
    assert_int_equal(sync_pair(&wait.fd, &child, &err), 0);
    sync_send_error(child, &sent);
    assert_int_equal(fiber_start(wait.loop, "wait", wait_ready, &wait, NULL), 0);
    assert_int_equal(loop_run(wait.loop, &err), 0);
    assert_int_equal(wait.result, -EACCES);
    assert_string_equal(wait.err.text, "mount /proc: EACCES: Permission denied");
    close(child);
    close(wait.fd);
    loop_free(wait.loop);
}

/* What the agent makes of a child that sends a descriptor with a message of that type, or without one, and then READY. */
static struct wait receive_descriptor(bool takes_descriptor, enum sync_type type, bool with_descriptor)
{
    struct wait wait = {.deadline = NO_DEADLINE, .takes_descriptor = takes_descriptor, .received = -1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    uint32_t header[3] = {type};
    struct iovec iov = {header, sizeof(header)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct error err;
    int child;

    assert_int_equal(loop_new(&wait.loop, &err), 0);
    assert_int_equal(sync_pair(&wait.fd, &child, &err), 0);
    memcpy(CMSG_DATA(&control.header), &child, sizeof(child));
    if (with_descriptor) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    assert_int_equal(sendmsg(child, &msg, 0), sizeof(header));
    assert_int_equal(sync_send(child, SYNC_READY), 0);
    assert_int_equal(fiber_start(wait.loop, "wait", wait_ready, &wait, NULL), 0);
    assert_int_equal(loop_run(wait.loop, &err), 0);
    close(child);
    close(wait.fd);
    loop_free(wait.loop);
    return wait;
}

static int count_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void descriptor_comes_before_ready_if_it_was_asked_for(void **state)
{
    struct error err;
    int agent, child, before = count_descriptors();
    (void)state;

    struct wait wait = {.deadline = NO_DEADLINE, .takes_descriptor = true, .received = -1};
    assert_int_equal(loop_new(&wait.loop, &err), 0);
    assert_int_equal(sync_pair(&agent, &child, &err), 0);
    wait.fd = agent;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(sync_send_descriptor(child, null, &err), 0);
    assert_int_equal(sync_send(child, SYNC_READY), 0);
    assert_int_equal(fiber_start(wait.loop, "wait", wait_ready, &wait, NULL), 0);
    assert_int_equal(loop_run(wait.loop, &err), 0);
    assert_int_equal(wait.result, 0);
    assert_int_equal(fcntl(wait.received, F_GETFD), FD_CLOEXEC);
    close(null);
    close(wait.received);
    close(agent);
    assert_int_equal(sync_send_descriptor(child, child, &err), -EPIPE);
    close(child);
    loop_free(wait.loop);
    assert_int_equal(count_descriptors(), before);
}

static void wrong_descriptors_are_errors_and_none_is_left(void **state)
{
    static const struct {
        const char *label;
        bool takes_descriptor, with_descriptor;
        enum sync_type type;
    } rows[] = {
        {"not asked for", false, true, SYNC_DESCRIPTOR},
        {"a descriptor with ready", false, true, SYNC_READY},
        {"no descriptor", true, false, SYNC_READY},
        {"the message without a descriptor", true, false, SYNC_DESCRIPTOR},
        {"a descriptor with another message", true, true, SYNC_START},
    };
    int before = count_descriptors();
    (void)state;

    FOR_ROWS (row, rows) {
        struct wait wait = receive_descriptor(row->takes_descriptor, row->type, row->with_descriptor);
        if (wait.result != -EBADMSG || wait.err.text[0] == '\0' || wait.received != -1 || count_descriptors() != before)
            fail_msg("%s: %d '%s'", row->label, wait.result, wait.err.text);
    }
}

static void waiting_ends_at_its_deadline(void **state)
{
    struct wait wait = {.deadline = 1};
    struct error err;
    int child;
    (void)state;

    assert_int_equal(loop_new(&wait.loop, &err), 0);
    assert_int_equal(sync_pair(&wait.fd, &child, &err), 0);
    assert_int_equal(fiber_start(wait.loop, "wait", wait_ready, &wait, NULL), 0);
    assert_int_equal(loop_run(wait.loop, &err), 0);
    assert_int_equal(wait.result, -ETIMEDOUT);
    close(child);
    close(wait.fd);
    loop_free(wait.loop);
}

static void child_accepts_only_the_message_it_expects(void **state)
{
    struct error err;
    int agent, child;
    (void)state;

    assert_int_equal(sync_pair(&agent, &child, &err), 0);
    assert_int_equal(sync_send(agent, SYNC_GO), 0);
    assert_int_equal(sync_expect(child, SYNC_GO), 0);
    assert_int_equal(sync_send(agent, SYNC_START), 0);
    assert_int_equal(sync_expect(child, SYNC_GO), -EBADMSG);
    error_text(&err, -EIO, "text");
    sync_send_error(agent, &err);
    assert_int_equal(sync_expect(child, SYNC_ERROR), -EBADMSG);
    close(agent);
    assert_int_equal(sync_expect(child, SYNC_GO), -EPIPE);
    assert_int_equal(sync_send(child, SYNC_READY), -EPIPE);
    close(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_sees_ready_error_and_death),
        cmocka_unit_test(malformed_messages_from_a_child_are_errors),
        cmocka_unit_test(error_of_the_child_arrives_as_it_was),
        cmocka_unit_test(descriptor_comes_before_ready_if_it_was_asked_for),
        cmocka_unit_test(wrong_descriptors_are_errors_and_none_is_left),
        cmocka_unit_test(waiting_ends_at_its_deadline),
        cmocka_unit_test(child_accepts_only_the_message_it_expects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
