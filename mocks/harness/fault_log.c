/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/fault_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/errno_table.h"

#define SITES_MAX 2048
#define LINES_MAX (1024 * 1024)

struct site {
    const void *address; /* NULL: a free place */
    enum sys_call call;
    uint64_t reached, sure;
    unsigned int failed[ERRNO_LAST + 1][FAULT_OUTCOMES];
};

struct fault_log {
    const char *sweep, *path;
    struct site sites[SITES_MAX];
    size_t n;
};

struct fault_log *fault_log_new(const char *sweep)
{
    const char *path = getenv("TATAMI_FAULT_LOG");
    if (!path)
        return NULL;
    struct fault_log *log = calloc(1, sizeof(*log));
    assert_non_null(log);
    log->sweep = sweep;
    log->path = path;
    return log;
}

static struct site *find_site(struct fault_log *log, const struct sim_call *call)
{
    size_t at = (uintptr_t)call->site % SITES_MAX;

    while (log->sites[at].address && log->sites[at].address != call->site)
        at = (at + 1) % SITES_MAX;
    struct site *site = &log->sites[at];
    if (!site->address) {
        assert_true(++log->n < SITES_MAX);
        site->address = call->site;
        site->call = call->call;
    }
    return site;
}

void fault_log_add(struct fault_log *log, const struct sim *sim, uint64_t first, enum fault_outcome outcome)
{
    struct sim_call call;
    bool struck = false;

    for (uint64_t n = first + 1; log && sim_call_at(sim, n, &call); n++) {
        struct site *site = find_site(log, &call);
        site->reached++;
        site->sure += call.sure;
        if (call.errnum > 0)
            site->failed[call.errnum][struck ? FAULT_LATER : outcome]++;
        struck |= call.errnum > 0;
    }
}

/* What the loader added to the addresses that the program file has. */
static int find_bias(struct dl_phdr_info *info, size_t size UNUSED, void *arg)
{
    *(uintptr_t *)arg = info->dlpi_addr;
    return 1; /* the program itself comes first */
}

static void print_site(struct buf *out, const struct site *site)
{
    for (int errnum = 1; errnum <= ERRNO_LAST; errnum++) {
        const unsigned int *ends = site->failed[errnum];
        if (ends[FAULT_REFUSED] || ends[FAULT_UNAFFECTED] || ends[FAULT_LOST] || ends[FAULT_LATER])
            buf_printf(out, "\t%s:%u:%u:%u:%u", strerrorname_np(errnum), ends[FAULT_REFUSED], ends[FAULT_UNAFFECTED],
                       ends[FAULT_LOST], ends[FAULT_LATER]);
    }
    buf_append_str(out, "\n");
}

void fault_log_close(struct fault_log *log)
{
    _buf_ struct buf lines = BUF_INIT(LINES_MAX);
    char program[256] = "";
    uintptr_t bias = 0;

    if (!log)
        return;
    assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
    dl_iterate_phdr(find_bias, &bias);
    for (size_t i = 0; i < SITES_MAX; i++) {
        const struct site *site = &log->sites[i];
        if (!site->address)
            continue;
        buf_printf(&lines, "%s\t%s\t%s\t0x%" PRIxPTR "\t%" PRIu64 "\t%" PRIu64, program, log->sweep, sys_call_name(site->call),
                   (uintptr_t)site->address - bias, site->reached, site->sure);
        print_site(&lines, site);
    }
    int fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666); /* one write: another program may append, too */
    assert_true(fd >= 0 && write(fd, lines.data, lines.len) == (ssize_t)lines.len);
    close(fd);
    free(log);
}
