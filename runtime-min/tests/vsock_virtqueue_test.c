/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/tests/vsock_guest.h"

#include "runtime-min/vsock/iov.h"

static struct guest guest;
static struct iovec iov[CHAIN_SEGMENTS_MAX];
static struct chain chain;

static int setup(void **state)
{
    (void)state;
    guest_init(&guest);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guest_done(&guest);
    return 0;
}

static int peek(unsigned int ahead, enum chain_direction direction)
{
    return virtqueue_peek(&guest.queues[GUEST_TX], ahead, direction, iov, CHAIN_SEGMENTS_MAX, &chain);
}

/* Descriptors as a hostile guest may write them: what is wrong with each breaks the ring, and nothing outside is touched. */
static void a_chain_that_breaks_a_rule_breaks_the_ring(void **state)
{
    enum { NEXT = VRING_DESC_F_NEXT, WRITE = VRING_DESC_F_WRITE, INDIRECT = VRING_DESC_F_INDIRECT };
    const uint64_t ok = GUEST_BASE + TX_AT;
    const struct {
        const char *label;
        enum chain_direction direction;
        uint16_t head;
        struct {
            uint64_t addr;
            uint32_t len;
            uint16_t flags, next;
        } desc[3];
        int r;
        size_t bytes;
    } rows[] = {
        {"one descriptor", CHAIN_READ, 0, {{ok, 44, 0, 0}}, 1, 44},
        {"three", CHAIN_READ, 0, {{ok, 44, NEXT, 1}, {ok, 1, NEXT, 2}, {ok, 9, 0, 0}}, 1, 54},
        {"empty ones are skipped", CHAIN_READ, 0, {{ok, 0, NEXT, 1}, {0, 0, NEXT, 2}, {ok, 9, 0, 0}}, 1, 9},
        {"nothing but an empty one", CHAIN_READ, 0, {{ok, 0, 0, 0}}, 1, 0},
        {"unknown flags are ignored", CHAIN_READ, 0, {{ok, 44, 0xfff8, 0}}, 1, 44},
        {"points to itself", CHAIN_READ, 0, {{ok, 44, NEXT, 0}}, -EPROTO, 0},
        {"points back", CHAIN_READ, 0, {{ok, 44, NEXT, 1}, {ok, 1, NEXT, 0}}, -EPROTO, 0},
        {"an endless chain of empty ones", CHAIN_READ, 0, {{ok, 0, NEXT, 1}, {ok, 0, NEXT, 0}}, -EPROTO, 0},
        {"next beyond the table", CHAIN_READ, 0, {{ok, 44, NEXT, 8}}, -EPROTO, 0},
        {"head beyond the table", CHAIN_READ, 8, {{ok, 44, 0, 0}}, -EPROTO, 0},
        {"head far beyond", CHAIN_READ, 65535, {{ok, 44, 0, 0}}, -EPROTO, 0},
        {"indirect", CHAIN_READ, 0, {{ok, 64, INDIRECT, 0}}, -EPROTO, 0},
        {"indirect and next", CHAIN_READ, 0, {{ok, 64, INDIRECT | NEXT, 1}, {ok, 1, 0, 0}}, -EPROTO, 0},
        {"indirect and writable", CHAIN_WRITE, 0, {{ok, 64, INDIRECT | WRITE, 1}}, -EPROTO, 0},
        {"writable where the device reads", CHAIN_READ, 0, {{ok, 44, WRITE, 0}}, -EPROTO, 0},
        {"writable behind readable", CHAIN_READ, 0, {{ok, 44, NEXT, 1}, {ok, 1, WRITE, 0}}, -EPROTO, 0},
        {"readable where the device writes", CHAIN_WRITE, 0, {{ok, 44, 0, 0}}, -EPROTO, 0},
        {"readable behind writable", CHAIN_WRITE, 0, {{ok, 44, WRITE | NEXT, 1}, {ok, 1, 0, 0}}, -EPROTO, 0},
        {"address of nothing", CHAIN_READ, 0, {{0, 44, 0, 0}}, -EPROTO, 0},
        {"address and length overflow", CHAIN_READ, 0, {{UINT64_MAX - 10, 44, 0, 0}}, -EPROTO, 0},
        {"one byte beyond memory", CHAIN_READ, 0, {{GUEST_BASE + GUEST_BYTES - 43, 44, 0, 0}}, -EPROTO, 0},
        {"to the last byte of memory", CHAIN_READ, 0, {{GUEST_BASE + GUEST_BYTES - 44, 44, 0, 0}}, 1, 44},
        {"4 GiB", CHAIN_READ, 0, {{ok, UINT32_MAX, 0, 0}}, -EPROTO, 0},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        guest_start(&guest, GUEST_TX, 8, 0, false);
        for (unsigned int i = 0; i < 3; i++)
            guest_describe(&guest.rings[GUEST_TX], i, row->desc[i].addr, row->desc[i].len, row->desc[i].flags,
                           row->desc[i].next);
        guest_offer(&guest.rings[GUEST_TX], row->head);
        check_int(row->label, peek(0, row->direction), row->r);
        check_int(row->label, guest.queues[GUEST_TX].broken, row->r < 0);
        if (row->r > 0) {
            check_int(row->label, chain.bytes, row->bytes);
            check_int(row->label, iov_bytes(iov, chain.n), row->bytes);
            continue;
        }
        guest_describe(&guest.rings[GUEST_TX], 0, ok, 44, 0, 0);
        guest_offer(&guest.rings[GUEST_TX], 0);
        check_int(row->label, peek(0, row->direction), -EPROTO);
    }
}

static void an_index_that_jumps_further_than_the_ring_breaks_it(void **state)
{
    static const struct {
        const char *label;
        uint16_t jump;
        int r;
    } rows[] = {{"none", 0, 0}, {"all", 8, 1}, {"one too many", 9, -EPROTO}, {"backwards", UINT16_MAX, -EPROTO}};
    (void)state;

    FOR_ROWS (row, rows) {
        guest_start(&guest, GUEST_TX, 8, 65533, false);
        for (unsigned int i = 0; i < 8; i++)
            guest_describe(&guest.rings[GUEST_TX], i, guest_address(TX_AT), 44, 0, 0);
        guest.rings[GUEST_TX].avail->idx = htole16((uint16_t)(65533 + row->jump));
        check_int(row->label, peek(0, CHAIN_READ), row->r);
    }
}

static void a_buffer_across_two_regions_is_two_segments(void **state)
{
    const struct guest_region behind = {GUEST_BASE + GUEST_BYTES, 4096, USER_BASE + 2 * GUEST_BYTES, 0};
    (void)state;

    assert_int_equal(guest_memory_add(&guest.memory, &behind, guest.memfd, NULL), 0);
    guest_start(&guest, GUEST_TX, 2, 0, false);
    guest_describe(&guest.rings[GUEST_TX], 0, GUEST_BASE + GUEST_BYTES - 10, 44, 0, 0);
    guest_offer(&guest.rings[GUEST_TX], 0);
    assert_int_equal(peek(0, CHAIN_READ), 1);
    assert_int_equal(chain.n, 2);
    assert_int_equal(iov[0].iov_len, 10);
    assert_int_equal(iov[1].iov_len, 34);
    memcpy(guest.mem, "second", 6);
    assert_memory_equal(iov[1].iov_base, "second", 6);

    guest_describe(&guest.rings[GUEST_TX], 1, GUEST_BASE + GUEST_BYTES - 10, 4096 + 11, 0, 0);
    guest_offer(&guest.rings[GUEST_TX], 1);
    assert_int_equal(peek(1, CHAIN_READ), -EPROTO);
}

static void sizes_and_addresses_of_rings_are_checked(void **state)
{
    static const struct {
        const char *label;
        unsigned int size;
        int64_t desc, avail, used; /* moved by */
        int r;
    } rows[] = {
        {"as laid out", 8, 0, 0, 0, 0},
        {"of one entry", 1, 0, 0, 0, 0},
        {"as large as can be", 32768, 0, 0, 0, 0},
        {"none", 0, 0, 0, 0, -EINVAL},
        {"no power of two", 100, 0, 0, 0, -EINVAL},
        {"too large", 65536, 0, 0, 0, -EINVAL},
        {"descriptors not aligned", 8, 8, 0, 0, -EINVAL},
        {"available ring not aligned", 8, 0, 1, 0, -EINVAL},
        {"used ring not aligned", 8, 0, 0, 2, -EINVAL},
        {"descriptors before memory", 8, -16, 0, 0, -EINVAL},
        {"used ring beyond memory", 8, 0, 0, GUEST_BYTES, -EINVAL},
        {"available ring ends beyond memory", 32768, 0, GUEST_BYTES - RING_BYTES / 2 - 1024, 0, -EINVAL},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct virtqueue queue;
        struct error err = {0};
        guest_lay_ring(&guest, 0, row->size);
        struct virtqueue_addresses at = guest.rings[0].addresses;
        at.desc += (uint64_t)row->desc;
        at.avail += (uint64_t)row->avail;
        at.used += (uint64_t)row->used;
        check_int(row->label, virtqueue_start(&queue, &guest.memory, &at, row->size, 0, true, &err), row->r);
    }
}

static void a_chain_may_have_as_many_segments_as_one_read_takes(void **state)
{
    (void)state;
    guest_start(&guest, GUEST_TX, 2048, 0, false);
    for (unsigned int i = 0; i < 2048; i++)
        guest_describe(&guest.rings[GUEST_TX], i, guest_address(TX_AT), 1, i == 1023 ? 0 : VRING_DESC_F_NEXT,
                       (uint16_t)(i + 1));
    guest_offer(&guest.rings[GUEST_TX], 0);
    assert_int_equal(peek(0, CHAIN_READ), 1);
    assert_int_equal(chain.bytes, CHAIN_SEGMENTS_MAX);
    assert_int_equal(virtqueue_peek(&guest.queues[GUEST_TX], 0, CHAIN_READ, iov, 1000, &chain), -ENOBUFS);
    assert_int_equal(peek(0, CHAIN_READ), 1);
    guest_describe(&guest.rings[GUEST_TX], 1023, guest_address(TX_AT), 1, VRING_DESC_F_NEXT, 1024);
    guest_describe(&guest.rings[GUEST_TX], 1024, guest_address(TX_AT), 1, 0, 0);
    assert_int_equal(peek(0, CHAIN_READ), -EPROTO);
}

static void indexes_wrap_in_rings_of_every_size(void **state)
{
    static const unsigned int sizes[] = {1, 2, 128, 32768};
    (void)state;

    FOR_ROWS (size, sizes) {
        guest_start(&guest, GUEST_TX, *size, 65530, false);
        struct guest_ring *ring = &guest.rings[GUEST_TX];
        for (unsigned int i = 0; i < 20; i++) {
            uint16_t head = (uint16_t)(i % *size);
            guest_describe(ring, head, guest_address(TX_AT), 44 + i, 0, 0);
            guest_offer(ring, head);
            assert_int_equal(peek(0, CHAIN_READ), 1);
            assert_int_equal(chain.bytes, 44 + i);
            virtqueue_use(&guest.queues[GUEST_TX], &chain, i);
            virtqueue_publish(&guest.queues[GUEST_TX]);
            assert_int_equal(le16toh(ring->used->idx), (uint16_t)(65530 + i + 1));
            assert_int_equal(le32toh(ring->used->ring[(uint16_t)(65530 + i) % *size].id), head);
            assert_int_equal(le32toh(ring->used->ring[(uint16_t)(65530 + i) % *size].len), i);
        }
        assert_int_equal(virtqueue_stop(&guest.queues[GUEST_TX]), (uint16_t)(65530 + 20));
    }
}

static void what_was_only_looked_at_stays_available(void **state)
{
    (void)state;
    guest_start(&guest, GUEST_TX, 4, 0, false);
    for (uint16_t i = 0; i < 2; i++) {
        guest_describe(&guest.rings[GUEST_TX], i, guest_address(TX_AT), i + 1u, 0, 0);
        guest_offer(&guest.rings[GUEST_TX], i);
    }
    assert_int_equal(peek(1, CHAIN_READ), 1);
    assert_int_equal(chain.bytes, 2);
    assert_int_equal(peek(2, CHAIN_READ), 0);
    assert_int_equal(peek(0, CHAIN_READ), 1);
    assert_int_equal(chain.bytes, 1);
    assert_int_equal(virtqueue_stop(&guest.queues[GUEST_TX]), 0);
}

/* Uses n chains and says whether the guest is to be interrupted. */
static bool use(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        guest_describe(&guest.rings[GUEST_TX], i, guest_address(TX_AT), 44, 0, 0);
        guest_offer(&guest.rings[GUEST_TX], (uint16_t)i);
        assert_int_equal(peek(0, CHAIN_READ), 1);
        virtqueue_use(&guest.queues[GUEST_TX], &chain, 0);
    }
    return virtqueue_publish(&guest.queues[GUEST_TX]);
}

static void the_guest_is_interrupted_when_it_asked_for_it(void **state)
{
    struct guest_ring *ring = &guest.rings[GUEST_TX];
    (void)state;

    guest_start(&guest, GUEST_TX, 8, 0, false);
    assert_true(use(0)); /* after a start it may have missed one */
    assert_false(use(0));
    assert_true(use(2));
    ring->avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
    assert_false(use(2));

    guest_start(&guest, GUEST_TX, 8, 65534, true);
    assert_true(use(1));
    uint16_t *used_event = &ring->avail->ring[8];
    *used_event = htole16(2);
    assert_false(use(3)); /* now at 2 */
    assert_true(use(1));
    assert_false(use(1));
    *used_event = htole16(7);
    assert_true(use(8));
}

static void the_guest_kicks_when_the_device_asked_for_it(void **state)
{
    struct guest_ring *ring = &guest.rings[GUEST_TX];
    struct virtqueue *queue = &guest.queues[GUEST_TX];
    (void)state;

    guest_start(&guest, GUEST_TX, 8, 0, false);
    virtqueue_disable_kick(queue);
    assert_int_equal(le16toh(ring->used->flags), VRING_USED_F_NO_NOTIFY);
    assert_false(virtqueue_enable_kick(queue));
    assert_int_equal(le16toh(ring->used->flags), 0);
    guest_describe(ring, 0, guest_address(TX_AT), 44, 0, 0);
    guest_offer(ring, 0);
    assert_true(virtqueue_enable_kick(queue)); /* came before it was asked for */

    guest_start(&guest, GUEST_TX, 8, 5, true);
    use(2);
    assert_false(virtqueue_enable_kick(queue));
    assert_int_equal(le16toh(*(uint16_t *)&ring->used->ring[8]), 7);
}

static void a_stopped_ring_gives_nothing(void **state)
{
    struct virtqueue queue = {.last_avail = 7};
    (void)state;

    assert_int_equal(virtqueue_peek(&queue, 0, CHAIN_READ, iov, CHAIN_SEGMENTS_MAX, &chain), 0);
    assert_false(virtqueue_publish(&queue));
    virtqueue_disable_kick(&queue);
    assert_false(virtqueue_enable_kick(&queue));
    assert_int_equal(virtqueue_stop(&queue), 7);
}

static void scattered_bytes_are_cut_anywhere(void **state)
{
    char bytes[60], copy[60];
    (void)state;

    for (int i = 0; i < 60; i++)
        bytes[i] = (char)i;
    for (unsigned int piece = 1; piece <= 60; piece++) {
        for (size_t at = 0; at <= 60; at++) {
            struct iovec rest[60], head[60];
            unsigned int n = 0;
            for (size_t from = 0; from < 60; from += piece)
                rest[n++] = (struct iovec){bytes + from, from + piece < 60 ? piece : 60 - from};
            unsigned int n_head = iov_split(rest, &n, at, head);
            assert_int_equal(iov_bytes(head, n_head), at);
            assert_int_equal(iov_bytes(rest, n), 60 - at);
            memset(copy, -1, sizeof(copy));
            iov_read(head, copy, at);
            iov_read(rest, copy + at, 60 - at);
            assert_memory_equal(copy, bytes, 60);
            n = iov_limit(rest, n, 5);
            assert_int_equal(iov_bytes(rest, n), 60 - at < 5 ? 60 - at : 5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chain_that_breaks_a_rule_breaks_the_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(an_index_that_jumps_further_than_the_ring_breaks_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_buffer_across_two_regions_is_two_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_and_addresses_of_rings_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_may_have_as_many_segments_as_one_read_takes, setup, teardown),
        cmocka_unit_test_setup_teardown(indexes_wrap_in_rings_of_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_only_looked_at_stays_available, setup, teardown),
        cmocka_unit_test_setup_teardown(the_guest_is_interrupted_when_it_asked_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_guest_kicks_when_the_device_asked_for_it, setup, teardown),
        cmocka_unit_test(a_stopped_ring_gives_nothing),
        cmocka_unit_test(scattered_bytes_are_cut_anywhere),
    };
    return cmocka_run_group_tests_name("vsock_virtqueue", tests, NULL, NULL);
}
