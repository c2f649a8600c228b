/* SPDX-License-Identifier: Apache-2.0 */
/* A simulation that is put back to a moment it has lived through goes on from there as if nothing had been. */
#include <stdio.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/rewind.h"
#include "mocks/harness/sim_agent.h"

#define TRACE_MAX (8 * 1024 * 1024)

/* Outside of what is put back. */
static char first[TRACE_MAX], again[TRACE_MAX];

static struct sim_agent *boot(const struct sim_setup *setup)
{
    struct sim_agent *guest = sim_agent_boot(setup);

    sim_agent_tell(guest, rig_create_sandbox);
    return guest;
}

static void leave_container_running(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "sleep 1000"), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
}

/* Keeps the calls of the story and what is there after it. */
static void tell_and_keep(struct sim_agent *guest, char *kept)
{
    struct buf trace = BUF_INIT(TRACE_MAX / 2);

    sim_set_trace(guest->sim, &trace);
    sim_agent_tell(guest, leave_container_running);
    sim_set_trace(guest->sim, NULL);
    struct buf snapshot = sim_agent_snapshot(guest);
    assert_true(trace.len > 10000);
    snprintf(kept, TRACE_MAX, "%s%s", trace.data, snapshot.data);
    buf_done(&trace);
    buf_done(&snapshot);
}

static void require_rewind(void)
{
    if (rewind_begin())
        return;
    print_message("this program is not linked with $(REWIND)\n");
    skip();
}

static void the_same_story_makes_the_same_calls(void **state)
{
    static const struct sim_setup setups[] = {{.seed = 3}, {.seed = 3, .preempt = true}, {.seed = 3, .as_init = true}};

    (void)state;
    require_rewind();
    FOR_ROWS (setup, setups) {
        struct sim_agent *guest = boot(setup);
        const struct moment *booted = rewind_mark();
        tell_and_keep(guest, first);
        for (int i = 0; i < 3; i++) {
            rewind_to(booted);
            tell_and_keep(guest, again);
            assert_string_equal(first, again);
        }
        rewind_to(NULL);
    }
    rewind_end();
}

static void a_guest_that_was_put_back_is_like_one_that_booted(void **state)
{
    static const struct sim_setup setup = {.seed = 4};

    (void)state;
    struct sim_agent *fresh = boot(&setup);
    tell_and_keep(fresh, first);
    sim_agent_stop(fresh);
    sim_agent_free(fresh);

    require_rewind();
    struct sim_agent *guest = boot(&setup);
    const struct moment *booted = rewind_mark();
    tell_and_keep(guest, again);
    rewind_to(booted);
    tell_and_keep(guest, again);
    assert_string_equal(first, again);
    sim_agent_stop(guest);
    sim_agent_free(guest);
    rewind_end();
}

static void moments_of_two_guests_do_not_disturb_each_other(void **state)
{
    (void)state;
    require_rewind();
    struct sim_agent *one = boot(&(struct sim_setup){.seed = 5});
    const struct moment *booted_one = rewind_mark();
    struct sim_agent *two = boot(&(struct sim_setup){.seed = 6, .cgroups = WORLD_CGROUP_V1});
    const struct moment *booted_two = rewind_mark();

    tell_and_keep(one, first);
    rewind_to(booted_two);
    tell_and_keep(two, again);
    assert_string_not_equal(first, again);
    rewind_to(booted_one);
    tell_and_keep(one, again);
    assert_string_equal(first, again);
    rewind_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_story_makes_the_same_calls),
        cmocka_unit_test(a_guest_that_was_put_back_is_like_one_that_booted),
        cmocka_unit_test(moments_of_two_guests_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
