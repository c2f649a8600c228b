/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/tests/vsock_frontend.h"

static struct frontend frontend;
static struct vhost_user *session;
static struct timer stop;
static unsigned int kicked, forgotten, lost;
static int lost_r;
static char lost_text[ERROR_TEXT_MAX];

static void on_kicked(void *context)
{
    (void)context;
    kicked++;
}

static void on_forgotten(void *context)
{
    (void)context;
    forgotten++;
}

static void on_lost(void *context, int r, const char *text)
{
    (void)context;
    lost++;
    lost_r = r;
    strcpy(lost_text, text);
}

static void on_stop(struct timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

static void settle(void)
{
    for (int i = 0; i < 5; i++) {
        timer_start(loop, &stop, loop_now(loop));
        run_loop();
    }
}

static int setup(void **state)
{
    static const struct vhost_user_handler handler = {.kicked = on_kicked, .forgotten = on_forgotten, .lost = on_lost};
    int fd;

    loop_setup(state);
    kicked = forgotten = lost = 0;
    stop.expired = on_stop;
    frontend_init(&frontend, &fd);
    return vhost_user_new(loop, GUEST_CID, fd, &handler, &session, NULL);
}

static int teardown(void **state)
{
    vhost_user_free(session);
    frontend_done(&frontend);
    return loop_teardown(state);
}

/* Asks for an acknowledgement of what has just been said. */
static uint64_t acknowledged(uint32_t request)
{
    union vhost_payload answer;

    settle();
    assert_int_equal(frontend_answer(&frontend, request, &answer), 8);
    return answer.number;
}

static void the_first_words_of_qemu_are_answered_byte_by_byte(void **state)
{
    static const struct {
        const char *label;
        unsigned char said[40], answer[40];
        size_t said_len, answer_len;
    } rows[] = {
        {"GET_FEATURES", {1, 0, 0, 0, 1}, {1, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x60, 1}, 12, 20},
        {"GET_PROTOCOL_FEATURES", {15, 0, 0, 0, 1}, {15, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 0x09, 0x82}, 12, 20},
        {"GET_QUEUE_NUM", {17, 0, 0, 0, 1}, {17, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 2}, 12, 20},
        {"GET_MAX_MEM_SLOTS", {36, 0, 0, 0, 1}, {36, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 32}, 12, 20},
        {"GET_CONFIG",
         {24, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 8},
         {24, 0, 0, 0, 5, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 42},
         32,
         32},
        {"GET_CONFIG of the upper half",
         {24, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 4},
         {24, 0, 0, 0, 5, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 4},
         28,
         28},
        {"GET_CONFIG beyond the end", {24, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 8}, {24, 0, 0, 0, 5}, 32, 12},
        {"GET_CONFIG that overflows",
         {24, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 8},
         {24, 0, 0, 0, 5},
         32,
         12},
        {"SET_OWNER", {3, 0, 0, 0, 1}, {0}, 12, 0},
        {"SET_PROTOCOL_FEATURES", {16, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0x08, 0x02}, {0}, 20, 0},
        {"SET_OWNER, acknowledged", {3, 0, 0, 0, 9}, {3, 0, 0, 0, 5, 0, 0, 0, 8}, 12, 20},
        {"GET_FEATURES needs no second answer",
         {1, 0, 0, 0, 9},
         {1, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x60, 1},
         12,
         20},
    };
    unsigned char got[64];
    (void)state;

    FOR_ROWS (row, rows) {
        for (size_t i = 0; i < row->said_len; i++) { /* arrives as it likes */
            frontend_raw(&frontend, row->said + i, 1, NULL, 0);
            settle();
        }
        ssize_t r = recv(frontend.fd, got, sizeof(got), MSG_DONTWAIT);
        check_int(row->label, r < 0 ? 0 : r, row->answer_len);
        check_int(row->label, memcmp(got, row->answer, row->answer_len), 0);
    }
    assert_int_equal(lost, 0);
}

static void rings_run_when_they_have_all_they_need(void **state)
{
    (void)state;
    frontend_hello(&frontend);
    frontend_memory(&frontend, NEED_REPLY);
    assert_int_equal(acknowledged(SET_MEM_TABLE), 0);
    frontend_ring(&frontend, GUEST_RX, 0);
    frontend_ring(&frontend, GUEST_TX, 0);
    settle();
    assert_int_equal(session->rings[GUEST_RX].queue.size, 0); /* not enabled */
    frontend_state(&frontend, SET_VRING_ENABLE, GUEST_TX, 1);
    settle();
    assert_int_equal(session->rings[GUEST_TX].queue.size, 128);
    assert_true(session->rings[GUEST_TX].queue.event_idx);
    assert_int_equal(session->rings[GUEST_RX].queue.size, 0);
    assert_int_equal(kicked, 1);
    frontend_kick(&frontend, GUEST_TX);
    settle();
    assert_int_equal(kicked, 2);
    frontend_kick(&frontend, GUEST_RX); /* nobody listens */
    settle();
    assert_int_equal(kicked, 2);
    vhost_ring_signal(&session->rings[GUEST_TX]);
    assert_true(frontend_called(&frontend, GUEST_TX));
    frontend_state(&frontend, SET_VRING_ENABLE, GUEST_TX, 0);
    frontend_kick(&frontend, GUEST_TX);
    settle();
    assert_int_equal(session->rings[GUEST_TX].queue.size, 0);
    assert_int_equal(kicked, 2);
    assert_int_equal(lost, 0);
}

static void without_protocol_features_rings_are_enabled_from_the_start(void **state)
{
    (void)state;
    frontend_number(&frontend, SET_FEATURES, VHOST_VERSION, UINT64_C(1) << 32, -1);
    frontend_memory(&frontend, VHOST_VERSION);
    frontend_ring(&frontend, GUEST_RX, 0);
    settle();
    assert_int_equal(session->rings[GUEST_RX].queue.size, 128);
    assert_false(session->rings[GUEST_RX].queue.event_idx);
}

static void a_ring_goes_on_where_it_stopped_unless_the_guest_starts_anew(void **state)
{
    union vhost_payload answer;
    struct iovec iov[4];
    struct chain chain;
    (void)state;

    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    settle();
    guest_send(&frontend.guest, &(struct packet){0}, NULL, 0);
    struct virtqueue *queue = &session->rings[GUEST_TX].queue;
    assert_int_equal(virtqueue_peek(queue, 0, CHAIN_READ, iov, 4, &chain), 1);
    virtqueue_use(queue, &chain, 0);
    frontend_state(&frontend, GET_VRING_BASE, GUEST_TX, 0);
    settle();
    assert_int_equal(frontend_answer(&frontend, GET_VRING_BASE, &answer), 8);
    assert_int_equal(answer.state.index, GUEST_TX);
    assert_int_equal(answer.state.num, 1);
    assert_int_equal(le16toh(frontend.guest.rings[GUEST_TX].used->idx), 1); /* what was used is shown before the stop */
    assert_true(frontend_called(&frontend, GUEST_TX));
    assert_int_equal(queue->size, 0);

    frontend_ring(&frontend, GUEST_TX, 1);
    settle();
    assert_int_equal(queue->last_avail, 1);
    assert_int_equal(queue->size, 128);
    assert_int_equal(forgotten, 0);
    frontend_state(&frontend, GET_VRING_BASE, GUEST_TX, 0);
    frontend_ring(&frontend, GUEST_TX, 0);
    settle();
    assert_int_equal(queue->last_avail, 0);
    assert_int_equal(forgotten, 1);
}

static unsigned int count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned int n = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        n += strstr(line, "memfd:guest") != NULL;
    fclose(maps);
    return n;
}

static void memory_that_is_replaced_is_unmapped(void **state)
{
    (void)state;
    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    settle();
    unsigned int before = count_mappings();
    for (int i = 0; i < 10; i++) {
        frontend_memory(&frontend, NEED_REPLY);
        assert_int_equal(acknowledged(SET_MEM_TABLE), 0);
    }
    assert_int_equal(count_mappings(), before);
}

static void memory_may_grow_and_move_under_running_rings(void **state)
{
    struct {
        uint32_t n, padding;
        struct vhost_region regions[2];
    } table = {2, 0, {{GUEST_BASE, GUEST_BYTES, USER_BASE, 0}, {UINT64_C(1) << 40, 4096, 4096, 0}}};
    const int fds[2] = {frontend.guest.memfd, frontend.guest.memfd};
    struct {
        uint64_t padding;
        struct vhost_region region;
    } slot = {0, {UINT64_C(1) << 41, 4096, 65536, 0}};
    (void)state;

    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    frontend_say(&frontend, SET_MEM_TABLE, NEED_REPLY, &table, sizeof(table), fds, 2);
    assert_int_equal(acknowledged(SET_MEM_TABLE), 0);
    assert_int_equal(session->memory.n, 2);
    assert_int_equal(session->rings[GUEST_TX].queue.size, 128);
    frontend_kick(&frontend, GUEST_TX);
    kicked = 0;
    settle();
    assert_int_equal(kicked, 1);

    frontend_say(&frontend, ADD_MEM_REG, NEED_REPLY, &slot, sizeof(slot), fds, 1);
    assert_int_equal(acknowledged(ADD_MEM_REG), 0);
    assert_int_equal(session->memory.n, 3);
    frontend_say(&frontend, ADD_MEM_REG, NEED_REPLY, &slot, sizeof(slot), fds, 1);
    assert_int_equal(acknowledged(ADD_MEM_REG), 1); /* overlaps itself */
    frontend_say(&frontend, REM_MEM_REG, NEED_REPLY, &slot, sizeof(slot), fds, 1);
    assert_int_equal(acknowledged(REM_MEM_REG), 0);
    frontend_say(&frontend, REM_MEM_REG, NEED_REPLY, &slot, sizeof(slot), NULL, 0);
    assert_int_equal(acknowledged(REM_MEM_REG), 1);
    assert_int_equal(session->rings[GUEST_TX].queue.size, 128);

    table.regions[0].size = 0; /* refused as a whole: the old one stays */
    frontend_say(&frontend, SET_MEM_TABLE, NEED_REPLY, &table, sizeof(table), fds, 2);
    assert_int_equal(acknowledged(SET_MEM_TABLE), 1);
    assert_int_equal(session->memory.n, 2);
    assert_int_equal(session->rings[GUEST_TX].queue.size, 128);

    slot.region = (struct vhost_region){GUEST_BASE, GUEST_BYTES, USER_BASE, 0}; /* that of the rings */
    frontend_say(&frontend, REM_MEM_REG, NEED_REPLY, &slot, sizeof(slot), NULL, 0);
    assert_int_equal(acknowledged(REM_MEM_REG), 1);
    assert_int_equal(session->rings[GUEST_TX].queue.size, 0);
    assert_int_equal(session->rings[GUEST_RX].queue.size, 0);
    assert_int_equal(lost, 0);
}

/* A request and what it carries when it is right. */
static const struct {
    uint32_t request, size;
    unsigned int fds;
} shapes[] = {
    {GET_FEATURES, 0, 0},          {SET_FEATURES, 8, 0},          {SET_OWNER, 0, 0},       {RESET_OWNER, 0, 0},
    {SET_MEM_TABLE, 40, 1},        {SET_VRING_NUM, 8, 0},         {SET_VRING_ADDR, 40, 0}, {SET_VRING_BASE, 8, 0},
    {GET_VRING_BASE, 8, 0},        {SET_VRING_KICK, 8, 1},        {SET_VRING_CALL, 8, 1},  {SET_VRING_ERR, 8, 1},
    {GET_PROTOCOL_FEATURES, 0, 0}, {SET_PROTOCOL_FEATURES, 8, 0}, {GET_QUEUE_NUM, 0, 0},   {SET_VRING_ENABLE, 8, 0},
    {GET_MAX_MEM_SLOTS, 0, 0},     {ADD_MEM_REG, 40, 1},          {REM_MEM_REG, 40, 0},
};

static void again(void **state)
{
    teardown(state);
    setup(state);
}

static void a_size_that_is_wrong_by_one_ends_the_session(void **state)
{
    char payload[VHOST_USER_PAYLOAD_MAX] = {0};

    FOR_ROWS (shape, shapes) {
        for (int off = shape->size ? -1 : 1; off <= 1; off += 2) {
            char label[32];
            snprintf(label, sizeof(label), "request %u%+d", shape->request, off);
            frontend_say(&frontend, shape->request, VHOST_VERSION, payload, shape->size + (uint32_t)off, NULL, 0);
            settle();
            check_int(label, lost, 1);
            check_int(label, lost_r < 0 && lost_text[0], 1);
            again(state);
        }
    }
}

static void descriptors_that_do_not_belong_are_closed(void **state)
{
    static const int extra[16];
    char payload[VHOST_USER_PAYLOAD_MAX] = {0};

    FOR_ROWS (shape, shapes) {
        const unsigned int wrong[] = {shape->fds + 1, shape->fds ? shape->fds - 1 : VHOST_USER_FDS_MAX, VHOST_USER_FDS_MAX};
        for (unsigned int i = shape->request == REM_MEM_REG ? 1 : 0; i < ARRAY_SIZE(wrong); i++) {
            char label[48];
            snprintf(label, sizeof(label), "request %u with %u descriptors", shape->request, wrong[i]);
            frontend_number(&frontend, SET_PROTOCOL_FEATURES, VHOST_VERSION, 8, -1);
            settle();
            int before = count_fds();
            frontend_say(&frontend, shape->request, NEED_REPLY, payload, shape->size, extra, wrong[i]);
            check_int(label, acknowledged(shape->request), 1);
            check_int(label, lost, 0);
            check_int(label, count_fds(), before);
            again(state);
        }
        frontend_number(&frontend, SET_PROTOCOL_FEATURES, VHOST_VERSION, 8, -1);
        settle();
        int before = count_fds();
        frontend_say(&frontend, shape->request, NEED_REPLY, payload, shape->size, extra, 16);
        settle();
        assert_int_equal(lost, 1); /* more than any message has */
        assert_int_equal(count_fds(), before - 1);
        again(state);
    }
}

static void headers_of_no_message_end_the_session(void **state)
{
    static const struct {
        const char *label;
        struct vhost_header header;
    } rows[] = {
        {"version 0", {GET_FEATURES, 0, 0}},
        {"version 2", {GET_FEATURES, 2, 0}},
        {"an answer", {GET_FEATURES, VHOST_VERSION | VHOST_FLAG_REPLY, 0}},
        {"longer than any", {250, VHOST_VERSION, VHOST_USER_PAYLOAD_MAX + 1}},
        {"4 GiB", {SET_MEM_TABLE, VHOST_VERSION, UINT32_MAX}},
        {"not known", {0, VHOST_VERSION, 0}},
        {"not known, and large", {UINT32_MAX, VHOST_VERSION, 0}},
        {"of another device", {31, VHOST_VERSION, 0}},
    };

    FOR_ROWS (row, rows) {
        frontend_raw(&frontend, &row->header, sizeof(row->header), NULL, 0);
        settle();
        check_int(row->label, lost, 1);
        check_int(row->label, lost_r < 0, 1);
        again(state);
    }
}

/* With REPLY_ACK the frontend hears of it and goes on; without it the session is over. */
static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *label;
        uint32_t request, size;
        uint64_t words[5];
    } rows[] = {
        {"features that were not offered", SET_FEATURES, 8, {OFFERED | 2}},
        {"protocol features that were not offered", SET_PROTOCOL_FEATURES, 8, {0x400}},
        {"a ring without entries", SET_VRING_NUM, 8, {1}},
        {"a ring of 100", SET_VRING_NUM, 8, {1 | UINT64_C(100) << 32}},
        {"a ring of 65536", SET_VRING_NUM, 8, {1 | UINT64_C(65536) << 32}},
        {"the size of a third ring", SET_VRING_NUM, 8, {2 | UINT64_C(128) << 32}},
        {"an index of 17 bits", SET_VRING_BASE, 8, {UINT64_C(65536) << 32}},
        {"the index of a third ring", SET_VRING_BASE, 8, {2}},
        {"enabled by 2", SET_VRING_ENABLE, 8, {UINT64_C(2) << 32}},
        {"a third ring enabled", SET_VRING_ENABLE, 8, {2 | UINT64_C(1) << 32}},
        {"the base of ring 4294967295", GET_VRING_BASE, 8, {UINT32_MAX}},
        {"addresses of a third ring", SET_VRING_ADDR, 40, {2}},
        {"a kick without descriptor", SET_VRING_KICK, 8, {0x100}},
        {"a call that announces one and has none", SET_VRING_CALL, 8, {0}},
        {"a call of a third ring", SET_VRING_CALL, 8, {0x102}},
        {"unknown bits", SET_VRING_ERR, 8, {0x300}},
        {"a table without its descriptors", SET_MEM_TABLE, 40, {1, 0, 4096, 4096, 0}},
        {"a table shorter than it says", SET_MEM_TABLE, 8, {1}},
        {"a table of 2^32-1", SET_MEM_TABLE, 8, {UINT32_MAX}},
        {"a region without its descriptor", ADD_MEM_REG, 40, {0, 0, 4096, 4096, 0}},
        {"a region that is not there", REM_MEM_REG, 40, {0, 0, 4096, 4096, 0}},
        {"the configuration", SET_CONFIG, 20, {0, 0, 0}},
        {"something newer", 100, 8, {0}},
    };

    FOR_ROWS (row, rows) {
        for (int wants_ack = 0; wants_ack < 2; wants_ack++) {
            frontend_number(&frontend, SET_PROTOCOL_FEATURES, VHOST_VERSION, 8, -1);
            frontend_say(&frontend, row->request, wants_ack ? NEED_REPLY : VHOST_VERSION, row->words, row->size, NULL, 0);
            settle();
            check_int(row->label, lost, !wants_ack);
            if (wants_ack)
                check_int(row->label, acknowledged(row->request), 1);
            else
                check_int(row->label, lost_r < 0 && lost_text[0], 1);
            again(state);
        }
    }
}

static void a_running_ring_keeps_its_size_and_index(void **state)
{
    (void)state;
    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    frontend_say(&frontend, SET_VRING_NUM, NEED_REPLY, &(struct vhost_ring_state){0, 64}, 8, NULL, 0);
    assert_int_equal(acknowledged(SET_VRING_NUM), 1);
    frontend_say(&frontend, SET_VRING_BASE, NEED_REPLY, &(struct vhost_ring_state){0, 64}, 8, NULL, 0);
    assert_int_equal(acknowledged(SET_VRING_BASE), 1);
    assert_int_equal(session->rings[GUEST_RX].queue.size, 128);

    const struct vhost_ring_addresses nowhere = {GUEST_RX, 0, 16, 16, 16, 0};
    frontend_say(&frontend, SET_VRING_ADDR, NEED_REPLY, &nowhere, sizeof(nowhere), NULL, 0);
    assert_int_equal(acknowledged(SET_VRING_ADDR), 1);
    assert_int_equal(session->rings[GUEST_RX].queue.size, 0);
}

static void a_new_call_is_used_at_once(void **state)
{
    (void)state;
    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    settle();
    vhost_ring_signal(&session->rings[GUEST_TX]);
    assert_true(frontend_called(&frontend, GUEST_TX));
    frontend_number(&frontend, SET_VRING_CALL, VHOST_VERSION, GUEST_TX, frontend.call[GUEST_RX]);
    settle();
    assert_true(frontend_called(&frontend, GUEST_RX));
    frontend_number(&frontend, SET_VRING_CALL, VHOST_VERSION, GUEST_TX | 0x100, -1); /* none: the guest polls */
    settle();
    assert_false(frontend_called(&frontend, GUEST_RX));
    assert_int_equal(lost, 0);
}

static void a_kick_that_is_no_eventfd_is_not_polled_for_ever(void **state)
{
    int pipe_fds[2];
    (void)state;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    frontend_number(&frontend, SET_VRING_KICK, NEED_REPLY, GUEST_TX, pipe_fds[0]);
    assert_int_equal(acknowledged(SET_VRING_KICK), 0);
    close(pipe_fds[1]);
    kicked = 0;
    settle();
    settle();
    assert_int_equal(kicked, 1);
    frontend_number(&frontend, SET_VRING_KICK, NEED_REPLY, GUEST_TX, frontend.guest.memfd); /* no readiness at all */
    assert_int_equal(acknowledged(SET_VRING_KICK), 1);
    close(pipe_fds[0]);
}

static void the_end_of_the_frontend_is_noticed_at_every_byte(void **state)
{
    const uint32_t message[5] = {SET_FEATURES, VHOST_VERSION, 8, 0, 0};

    for (size_t len = 0; len <= 20; len++) {
        if (len > 0)
            frontend_raw(&frontend, message, len, NULL, 0);
        settle();
        assert_int_equal(lost, 0);
        shutdown(frontend.fd, SHUT_RDWR);
        settle();
        assert_int_equal(lost, 1);
        assert_int_equal(lost_r, len % 20 == 0 ? 0 : -ECONNRESET);
        again(state);
    }
}

static void reset_owner_stops_the_rings(void **state)
{
    (void)state;
    frontend_hello(&frontend);
    frontend_start(&frontend, 0, 0);
    frontend_say(&frontend, RESET_OWNER, NEED_REPLY, NULL, 0, NULL, 0);
    assert_int_equal(acknowledged(RESET_OWNER), 0);
    assert_int_equal(session->rings[GUEST_TX].queue.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_words_of_qemu_are_answered_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(rings_run_when_they_have_all_they_need, setup, teardown),
        cmocka_unit_test_setup_teardown(without_protocol_features_rings_are_enabled_from_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ring_goes_on_where_it_stopped_unless_the_guest_starts_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_is_replaced_is_unmapped, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_grow_and_move_under_running_rings, setup, teardown),
        cmocka_unit_test_setup_teardown(a_size_that_is_wrong_by_one_ends_the_session, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_that_do_not_belong_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_of_no_message_end_the_session, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_running_ring_keeps_its_size_and_index, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_call_is_used_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kick_that_is_no_eventfd_is_not_polled_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_frontend_is_noticed_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_owner_stops_the_rings, setup, teardown),
    };
    return cmocka_run_group_tests_name("vsock_vhost_user", tests, NULL, NULL);
}
