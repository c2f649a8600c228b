/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "sys/sys.h"

#define CHUNK_SIZE 4096

static void chunk_free(char **chunk)
{
    free(*chunk);
}

int directory_read(int fd, directory_entry_fn entry_fn, void *arg)
{
    /* Not on the stack: who walks a tree comes here again for each level, maybe in a fiber. */
    CLEANUP(chunk_free) char *chunk = malloc(CHUNK_SIZE);
    ssize_t n;

    if (!chunk)
        abort();
    while ((n = sys_getdents64(fd, chunk, CHUNK_SIZE)) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const void *)(chunk + at);
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            int r = entry_fn(arg, entry->d_name, entry->d_type == DT_DIR);
            if (r < 0)
                return r;
        }
    }
    return n == -ENOENT ? 0 : (int)n;
}
