/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/sweep_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/sanitize.h"

#define CALLS_MAX 500000 /* more of them in one run: the agent turns in circles */
#define CALLS_SHOWN 12   /* of those */
#define REPORTS_MAX 20
#define FAILURES_PER_CALL 2 /* then the rest of its errnos is left out */

struct position {
    uint64_t call; /* among those of the operation, from 1 */
    size_t errnum; /* place in the table's row */
    bool for_ever;
};

/* ---- for the kinds ---- */

static struct sweep_run *run_of(struct rig *rig)
{
    return sim_client_of(rig)->guest->context;
}

int sweep_errnum(struct rig *rig, enum sys_call call)
{
    const struct sweep_run *run = run_of(rig);

    if (run->at && sim_fault_struck(run->guest->sim)) /* still during act() */
        return run->wanted_call == call ? run->wanted_errnum : 0;
    return run->struck_call == call ? run->struck_errnum : 0;
}

const struct error *sweep_error(struct rig *rig)
{
    return &run_of(rig)->err;
}

bool sweep_was_for_ever(struct rig *rig)
{
    return run_of(rig)->for_ever;
}

void sweep_live(struct rig *rig)
{
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 3"), NULL, NULL), 3);
}

void sweep_remove_c1(struct rig *rig)
{
    struct error err;

    (void)rig_remove(rig, "c1", &err);
}

/* A lost connection is a possible answer; the next story wants a new one. */
void sweep_serve(struct rig *rig)
{
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
    struct error err;

    arena_reset(rig->arena);
    if (rig_call_service(rig, "grpc.Health", "Check", &request.base, 0, NULL, &err) == STATUS_OK)
        return;
    sim_reconnect(rig);
    enum status_code status = rig_call_service(rig, "grpc.Health", "Check", &request.base, 0, NULL, &err);
    if (status != STATUS_OK)
        fail_msg("the agent does not serve: %s: %s", status_name(status), err.text);
}

/* Before each call. What was called before in this guest can move the numbers a little (caches, descriptors): a call of another
 * kind in the place is left alone. The last calls of an agent that turns in circles are shown. */
static void before_call(void *arg, uint64_t n)
{
    struct sweep_run *run = arg;
    struct sim_call call;

    if (n == run->at && sim_call_at(run->guest->sim, n, &call) && call.call != run->wanted_call)
        sim_set_fault(run->guest->sim, &(struct sim_fault){.at = 0});
    if (n + CALLS_SHOWN == run->limit)
        sim_set_trace(run->guest->sim, &run->circle);
    if (n > run->limit)
        fail_msg("the agent makes more than %d calls:\n%s", CALLS_MAX, run->circle.data);
}

void sweep_watch(struct sweep_run *run)
{
    run->guest->context = run;
    run->limit = UINT64_MAX;
    sim_set_hook(run->guest->sim, before_call, run);
}

void sweep_set_fault(struct sweep_run *run, uint64_t first, const struct sweep_fault *fault)
{
    run->limit = first + CALLS_MAX;
    run->at = first + fault->call;
    run->wanted_errnum = fault->errnum;
    run->for_ever = fault->for_ever;
    run->struck_call = CALL_MAX;
    sim_set_fault(run->guest->sim, &(struct sim_fault){.at = run->at, .errnum = fault->errnum, .for_ever = fault->for_ever});
}

bool sweep_clear_fault(struct sweep_run *run, uint64_t first)
{
    struct sim *sim = run->guest->sim;
    struct sim_call call = {.call = CALL_MAX};

    bool struck = sim_fault_struck(sim);
    if (struck) {
        fault_log_add(run->log, sim, first, sweep_outcome(run));
        (void)sim_call_at(sim, run->at, &call);
    }
    run->struck_call = call.call;
    run->struck_errnum = run->wanted_errnum;
    sim_set_fault(sim, &(struct sim_fault){.at = 0});
    run->limit = UINT64_MAX;
    run->at = 0;
    return struck;
}

enum fault_outcome sweep_outcome(const struct sweep_run *run)
{
    if (run->status == STATUS_OK)
        return FAULT_UNAFFECTED;
    return run->status == STATUS_UNAVAILABLE ? FAULT_LOST : FAULT_REFUSED;
}

void sweep_count(struct sweep_run *run, bool struck)
{
    if (run->status == STATUS_OK)
        run->unaffected += struck;
    else
        run->refused++;
    if (run->status != STATUS_OK && !run->err.text[0])
        fail_msg("the answer %s has no text", status_name(run->status));
}

void sweep_tell_if(struct sweep_run *run, void (*story)(struct rig *rig))
{
    if (story)
        sim_agent_tell(run->guest, story);
}

bool sweep_same_world(const struct sweep_run *run)
{
    _buf_ struct buf now = sim_agent_snapshot(run->guest);

    return now.len == run->before.len && memcmp(now.data, run->before.data, now.len) == 0;
}

void sweep_expect_same_world(const struct sweep_run *run)
{
    if (sweep_same_world(run))
        return;
    sim_agent_show_descriptors(run->guest);
    struct buf after = sim_agent_snapshot(run->guest);
    sim_expect_same(&run->before, &after, "afterwards");
    buf_done(&after);
}

/* ---- all runs, in order ---- */

static const struct sweep_kind *kind_of(const struct sweep_run *run)
{
    static const struct sweep_kind *const kinds[] = {
        [SWEEP_CALL] = &sweep_of_call,
        [SWEEP_START] = &sweep_of_start,
        [SWEEP_END] = &sweep_of_end,
    };

    return kinds[run->sweep->kind];
}

/* What the operation calls when nothing fails, from place 1 on. Must be free'd. */
static enum sys_call *list_calls(struct sweep_run *run, uint64_t *ret_n)
{
    uint64_t first, n;

    run->struck_call = CALL_MAX;
    kind_of(run)->rehearse(run, &first, &n);
    fault_log_add(run->log, run->guest->sim, first, sweep_outcome(run));
    if (run->status != STATUS_OK)
        fail_msg("%s without a fault: %s: %s", run->sweep->name, status_name(run->status), run->err.text);

    enum sys_call *calls = calloc(n + 1, sizeof(*calls));
    for (uint64_t i = 1; i <= n; i++) {
        struct sim_call call;
        if (sim_call_at(run->guest->sim, first + i, &call))
            calls[i] = call.call;
    }
    kind_of(run)->settle(run);
    run->refused = run->unaffected = 0;
    *ret_n = n;
    return calls;
}

/* A call that would have to be made again can fail so only once: for ever, the caller would be right to try for ever. When all
 * readers of pipes are gone, so is that of the log; and there is an end to the connections that break before they are accepted.
 */
static bool is_sensible(enum sys_call call, int errnum, bool for_ever)
{
    bool only_once =
        errnum == EAGAIN || (call == CALL_write && errnum == EPIPE) || (call == CALL_accept4 && errnum == ECONNABORTED);

    return !for_ever || !only_once;
}

/* Slow builds take a sample. */
#ifdef SANITIZE_ADDRESS
#define SAMPLE 11
#else
#define SAMPLE 1
#endif

static bool is_sampled(const struct position *position)
{
    return (position->call * 7 + position->errnum * 3 + position->for_ever) % SAMPLE == 0;
}

static void position_next(struct position *position, size_t n_errnums)
{
    position->for_ever = !position->for_ever;
    if (!position->for_ever)
        position->errnum++;
    if (position->errnum < n_errnums)
        return;
    position->errnum = 0;
    position->call++;
}

static void run_from(struct sweep_run *run, struct position position, bool alone, int progress_fd)
{
    const struct sweep_kind *kind = kind_of(run);
    uint64_t n;
    enum sys_call *calls = list_calls(run, &n);
    bool booted = false;

    while (position.call <= n) {
        enum sys_call call = calls[position.call];
        size_t n_errnums = run->table->calls[call].n;
        if (n_errnums && position.errnum >= n_errnums) {
            position = (struct position){.call = position.call + 1};
            continue;
        }
        int errnum = n_errnums ? run->table->calls[call].errnums[position.errnum] : 0;
        if (n_errnums && is_sensible(call, errnum, position.for_ever) && (alone || is_sampled(&position))) {
            dprintf(progress_fd, "%llu %zu %d %s %s %zu %zu\n", (unsigned long long)position.call, position.errnum,
                    position.for_ever, sys_call_name(call), strerrorname_np(errnum), run->refused, run->unaffected);
            const struct sweep_fault fault = {position.call, errnum, position.for_ever};
            bool fresh = !booted;
            if (fresh)
                kind->open(run);
            booted = true;
            run->wanted_call = call;
            if (!kind->play(run, &fault) && !fresh) {
                kind->close(run);
                kind->open(run);
                (void)kind->play(run, &fault);
            }
        }
        uint64_t before = position.call;
        position_next(&position, n_errnums);
        if (booted && (alone || position.call != before)) {
            kind->close(run);
            booted = false;
        }
        if (alone)
            break;
    }
    fault_log_close(run->log);
    dprintf(progress_fd, "end %llu %zu %zu\n", (unsigned long long)n, run->refused, run->unaffected);
    free(calls);
}

/* ---- the worker: this program again ---- */

static bool parse_place(const char *text, const struct sweep_run *run, struct position *ret_position, bool *ret_alone)
{
    unsigned long long call;
    size_t place;
    int for_ever;

    /* From a place on, for the sweep itself; or one run by name, for people. */
    if (sscanf(text, "%llu+%zu+%d", &call, &place, &for_ever) == 3) {
        *ret_position = (struct position){call, place, for_ever};
        *ret_alone = false;
        return true;
    }
    char name[32], how[16];
    if (sscanf(text, "%llu:%31[A-Z0-9]:%15s", &call, name, how) != 3)
        return false;
    *ret_position = (struct position){.call = call, .for_ever = strcmp(how, "ever") == 0};
    struct sweep_run list = *run;
    uint64_t n;
    enum sys_call *calls = list_calls(&list, &n);
    int errnum = errno_by_name(name);
    for (size_t i = 0; call >= 1 && call <= n && i < run->table->calls[calls[call]].n; i++) {
        if (run->table->calls[calls[call]].errnums[i] == errnum)
            ret_position->errnum = i;
    }
    free(calls);
    *ret_alone = true;
    return true;
}

static void replay(const struct sweep *sweeps, size_t n)
{
    const char *wanted = getenv("TATAMI_SWEEP"), *fd = getenv("TATAMI_SWEEP_FD");
    struct errno_table table;

    if (!wanted)
        return;
    errno_table_load(&table);
    size_t name = strcspn(wanted, ":");
    for (size_t i = 0; i < n; i++) {
        struct sweep_run run = {.sweep = &sweeps[i], .table = &table, .circle = BUF_INIT(65536)};
        struct position position;
        bool alone = false;
        if (strlen(sweeps[i].name) != name || strncmp(sweeps[i].name, wanted, name) != 0)
            continue;
        if (!parse_place(wanted + name + 1, &run, &position, &alone))
            fail_msg("TATAMI_SWEEP=NAME:CALL:ERRNO:once|ever, not '%s'", wanted);
        run.log = alone ? NULL : fault_log_new(run.sweep->name);
        run_from(&run, position, alone, fd ? atoi(fd) : 2);
        exit(0);
    }
    fail_msg("no sweep '%.*s'", (int)name, wanted);
}

/* ---- the parent ---- */

struct progress {
    struct position position;
    char call[32], errnum[32];
    uint64_t n_calls;
    size_t refused, unaffected;
    bool started, ended;
};

static void read_progress(int fd, struct progress *progress)
{
    FILE *lines = fdopen(fd, "re");
    char line[160];

    while (fgets(line, sizeof(line), lines)) {
        unsigned long long call;
        int for_ever;
        if (sscanf(line, "end %llu %zu %zu", &call, &progress->refused, &progress->unaffected) == 3) {
            progress->n_calls = call;
            progress->ended = true;
        } else if (sscanf(line, "%llu %zu %d %31s %31s %zu %zu", &call, &progress->position.errnum, &for_ever, progress->call,
                          progress->errnum, &progress->refused, &progress->unaffected) == 7) {
            progress->position.call = call;
            progress->position.for_ever = for_ever;
            progress->started = true;
        }
    }
    fclose(lines);
}

static void exec_worker(const struct sweep *sweep, const struct position *position, int fd)
{
    char place[128], number[16];

    snprintf(place, sizeof(place), "%s:%llu+%zu+%d", sweep->name, (unsigned long long)position->call, position->errnum,
             position->for_ever);
    snprintf(number, sizeof(number), "%d", fd);
    setenv("TATAMI_SWEEP", place, 1);
    setenv("TATAMI_SWEEP_FD", number, 1);
    execl("/proc/self/exe", "sim", (char *)NULL);
    _exit(99);
}

/* Runs from a position to the end, or to the first run that fails. Returns the worker's wait status. */
static int run_worker(const struct sweep *sweep, const struct position *position, struct progress *progress)
{
    int fds[2];
    int status = 0;

    fflush(NULL);
    assert_int_equal(pipe(fds), 0);
    int pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        exec_worker(sweep, position, fds[1]);
    }
    close(fds[1]);
    read_progress(fds[0], progress);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void report(const struct sweep *sweep, const struct progress *progress)
{
    char program[256] = "";

    if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
        program[0] = '\0';
    print_error("  ^ %s fails with %s; repeat: TATAMI_SWEEP=%s:%llu:%s:%s %s\n", progress->call, progress->errnum, sweep->name,
                (unsigned long long)progress->position.call, progress->errnum, progress->position.for_ever ? "ever" : "once",
                program);
}

static void sweep_bears_every_fault(void **state)
{
    const struct sweep *sweep = *state;
    struct position position = {.call = 1};
    size_t refused = 0, unaffected = 0, failed = 0, failures_of_call = 0;
    uint64_t failed_call = 0;

    for (;;) {
        struct progress progress = {.started = false};
        int status = run_worker(sweep, &position, &progress);
        refused += progress.refused;
        unaffected += progress.unaffected;
        if (status == 0 && progress.ended) {
            print_message("    %s: %llu calls, %zu faults: %zu refused, %zu without effect on the answer\n", sweep->name,
                          (unsigned long long)progress.n_calls, refused + unaffected + failed, refused, unaffected);
            break;
        }
        if (!progress.started)
            fail_msg("%s fails without a fault", sweep->name);
        report(sweep, &progress);
        if (++failed == REPORTS_MAX)
            fail_msg("%s: %d faults are not borne, and more may follow", sweep->name, REPORTS_MAX);
        position = progress.position;
        position_next(&position, SIZE_MAX);
        failures_of_call = position.call == failed_call ? failures_of_call + 1 : 1;
        failed_call = position.call;
        if (failures_of_call == FAILURES_PER_CALL)
            position = (struct position){.call = failed_call + 1};
    }
    if (failed > 0)
        fail_msg("%s: %zu faults are not borne", sweep->name, failed);
}

int fault_sweep_main(const struct sweep *sweeps, size_t n, int argc, char **argv)
{
    struct CMUnitTest *tests = calloc(n, sizeof(*tests));

    assert_non_null(tests);
    replay(sweeps, n);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){
            .name = sweeps[i].name, .test_func = sweep_bears_every_fault, .initial_state = (void *)(uintptr_t)&sweeps[i]};
    int failed = _cmocka_run_group_tests("sweeps", tests, n, NULL, NULL);
    free(tests);
    return failed;
}
