/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/blockdev.h"

#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

#define LIST_MAX (64 * 1024)
#define HEAD "Block devices:"

bool blockdev_has_driver(int64_t major)
{
    _buf_ struct buf text = BUF_INIT(LIST_MAX);

    const char *head = file_read_at(AT_FDCWD, "/proc/devices", &text) == 0 && text.len > 0 ? strstr(text.data, HEAD) : NULL;
    if (!head)
        return true;
    for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n')) {
        char *end;
        if (strtoll(line + 1, &end, 10) == major && end > line + 1)
            return true;
    }
    return false;
}
