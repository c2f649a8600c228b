/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/kernel/calls.h"

static const char *const names[CALL_MAX] = {
#define SYS_CALL_NAME(name) [CALL_##name] = #name,
    SYS_CALLS(SYS_CALL_NAME)
#undef SYS_CALL_NAME
};

const char *sys_call_name(enum sys_call call)
{
    return call < CALL_MAX ? names[call] : "?";
}
