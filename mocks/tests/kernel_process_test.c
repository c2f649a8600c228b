/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: creation, numbers, sessions, the end. */
#include "mocks/tests/conform.h"

static int return_value(void *arg)
{
    return *(int *)arg;
}

static const struct exit_row {
    const char *label;
    int value, status;
} exits[] = {
    {"zero", 0, 0}, {"one", 1, 1}, {"255", 255, 255}, {"256 is cut to its low byte", 256, 0}, {"negative", -1, 255},
};

CONFORM_CASE(a_child_exits_with_what_its_function_returns)
{
    FOR_CASES(row, exits)
    expect(in_child(return_value, (void *)&row->value), row->status);
}

static int call_exit(void *arg)
{
    sys_exit(*(int *)arg);
}

CONFORM_CASE(a_child_exits_with_what_it_says)
{
    FOR_CASES(row, exits)
    expect(in_child(call_exit, (void *)&row->value), row->status);
}
