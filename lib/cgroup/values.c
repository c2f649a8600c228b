/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/values.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define BLKIO_WEIGHT_MIN 10
#define BLKIO_WEIGHT_MAX 1000
#define WEIGHT_MIN 1
#define WEIGHT_MAX 10000
#define PAGE_SIZE_DIGITS_MAX 10

uint64_t cpu_weight_from_shares(uint64_t shares)
{
    if (shares == 0)
        return 0;
    if (shares < SHARES_MIN)
        return WEIGHT_MIN;
    if (shares > SHARES_MAX)
        return WEIGHT_MAX;
    return WEIGHT_MIN + (shares - SHARES_MIN) * (WEIGHT_MAX - WEIGHT_MIN) / (SHARES_MAX - SHARES_MIN);
}

bool blkio_weight_is_valid(uint32_t weight)
{
    return weight >= BLKIO_WEIGHT_MIN && weight <= BLKIO_WEIGHT_MAX;
}

uint64_t io_weight_from_blkio(uint32_t weight)
{
    return WEIGHT_MIN +
           (uint64_t)(weight - BLKIO_WEIGHT_MIN) * (WEIGHT_MAX - WEIGHT_MIN) / (BLKIO_WEIGHT_MAX - BLKIO_WEIGHT_MIN);
}

int memory_limits_check(int64_t limit, int64_t swap, struct error *err)
{
    if (limit < -1)
        return error_text(err, -EINVAL, "invalid memory value: %" PRId64, limit);
    if (limit > 0 && swap != 0 && swap != -1 && swap < limit)
        return error_text(err, -EINVAL, "memory+swap limit should be >= memory limit");
    return 0;
}

int swap_max_from_sum(int64_t limit, int64_t swap, int64_t *ret_max, struct error *err)
{
    if (swap == 0 && limit != -1)
        return 0;
    if (swap == 0 || swap == -1) {
        *ret_max = -1;
        return 1;
    }
    if (limit <= 0)
        return error_text(err, -EINVAL, "unable to set swap limit without memory limit");
    *ret_max = swap - limit;
    return 1;
}

bool hugepage_size_is_valid(const char *size)
{
    size_t digits = strspn(size, "0123456789");
    if (digits == 0 || digits > PAGE_SIZE_DIGITS_MAX || size[0] == '0')
        return false;
    const char *unit = size + digits;
    return strchr("KMG", unit[0]) && unit[0] != '\0' && strcmp(unit + 1, "B") == 0;
}
