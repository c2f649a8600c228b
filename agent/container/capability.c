/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/capability.h"

#include <errno.h>
#include <sys/prctl.h>

#include "base/macros.h"
#include "oci/capability.h"
#include "sys/sys.h"

/* Capabilities fit into 64 bits by the kernel's own interface. */
#define NUMBER_MAX 64

static int set_parse(const char *field, const struct strlist *words, uint64_t *ret_set, struct error *err)
{
    uint64_t set = 0;

    for (size_t i = 0; i < words->n; i++) {
        int number = oci_capability_number(words->items[i]);
        if (number < 0)
            return error_status(err, STATUS_INVALID_ARGUMENT, "process.capabilities.%s: '%s' is not a capability", field,
                                words->items[i]);
        set |= UINT64_C(1) << number;
    }
    *ret_set = set;
    return 0;
}

/* The kernel would answer a bare EPERM. */
static int set_fits(const char *field, uint64_t set, const char *holder, uint64_t holder_set, struct error *err)
{
    uint64_t missing = set & ~holder_set;
    if (!missing)
        return 0;
    return error_status(err, STATUS_INVALID_ARGUMENT, "process.capabilities.%s: %s is not in the %s set", field,
                        oci_capability_name(__builtin_ctzll(missing)), holder);
}

int capability_sets_parse(const struct oci_capabilities *capabilities, struct capability_sets *ret_sets, struct error *err)
{
    struct capability_sets sets = {0};
    const struct {
        const char *field;
        const struct strlist *words;
        uint64_t *set;
    } lists[] = {
        {"bounding", &capabilities->bounding, &sets.bounding},
        {"effective", &capabilities->effective, &sets.effective},
        {"inheritable", &capabilities->inheritable, &sets.inheritable},
        {"permitted", &capabilities->permitted, &sets.permitted},
        {"ambient", &capabilities->ambient, &sets.ambient},
    };

    FOR_ROWS (list, lists) {
        int r = set_parse(list->field, list->words, list->set, err);
        if (r < 0)
            return r;
    }
    int r = set_fits("effective", sets.effective, "permitted", sets.permitted, err);
    if (r < 0)
        return r;
    r = set_fits("inheritable", sets.inheritable, "bounding", sets.bounding, err);
    if (r < 0)
        return r;
    *ret_sets = sets;
    return 0;
}

/* ---- in the child ---- */

static struct __user_cap_header_struct header_of_this_thread(void)
{
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

static int raise_effective(uint64_t *ret_held, struct error *err)
{
    struct __user_cap_header_struct header = header_of_this_thread();
    struct __user_cap_data_struct data[2] = {0};

    int r = sys_capget(&header, data);
    if (r < 0)
        return error_set(err, r, "read capability sets");
    *ret_held = data[0].permitted | (uint64_t)data[1].permitted << 32;

    for (size_t i = 0; i < ARRAY_SIZE(data); i++)
        data[i].effective = data[i].permitted;
    r = sys_capset(&header, data);
    if (r < 0)
        return error_set(err, r, "raise effective capabilities");
    return 0;
}

static int bounding_read(int number)
{
    return sys_prctl(PR_CAPBSET_READ, (unsigned long)number, 0, 0, 0);
}

/* Asks the kernel for each number until it knows no more: cap_last_cap in a procfs could be faked, and a kernel newer than the
 * names above must not keep what nobody listed. */
static int bounding_drop(uint64_t keep, struct error *err)
{
    int number = 0;

    for (; number < NUMBER_MAX; number++) {
        int r = bounding_read(number);
        if (r < 0)
            break;
        if (r == 0 || (keep >> number & 1))
            continue;
        r = sys_prctl(PR_CAPBSET_DROP, (unsigned long)number, 0, 0, 0);
        if (r < 0)
            return error_set(err, r, "drop capability %d from the bounding set", number);
        if (bounding_read(number) != 0)
            return error_text(err, -EPERM, "failed to remove disallowed capabilities from the bounding set");
    }
    if (number == 0)
        return error_text(err, -EINVAL, "failed to enumerate supported capabilities with PR_CAPBSET_READ");
    return 0;
}

int capability_confine(struct capability_sets *sets, struct error *err)
{
    uint64_t held;
    int r = raise_effective(&held, err);
    if (r < 0)
        return r;
    r = bounding_drop(sets->bounding, err);
    if (r < 0)
        return r;
    r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (r < 0)
        return error_set(err, r, "clear ambient capabilities");

    sets->effective &= held;
    sets->permitted &= held;
    sets->inheritable &= held;
    return 0;
}

int capability_apply(const struct capability_sets *sets, struct error *err)
{
    struct __user_cap_header_struct header = header_of_this_thread();
    struct __user_cap_data_struct data[2];

    for (unsigned int i = 0; i < ARRAY_SIZE(data); i++) {
        data[i].effective = (uint32_t)(sets->effective >> 32 * i);
        data[i].permitted = (uint32_t)(sets->permitted >> 32 * i);
        data[i].inheritable = (uint32_t)(sets->inheritable >> 32 * i);
    }
    int r = sys_capset(&header, data);
    if (r < 0)
        return error_set(err, r, "set capability sets");

    for (uint64_t left = sets->ambient; left; left &= left - 1)
        sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)__builtin_ctzll(left), 0, 0);
    return 0;
}
