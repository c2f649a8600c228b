/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls on processes: births, ends, signals, stops, waits in all their forms, descriptors of processes, orphans.
 *
 * The process of the case directs workers, each of which reads its orders from a pipe of its own and answers through a common
 * one; workers have workers. After each order everything comes to rest before the next, so that schedules make no difference.
 */
#include <sys/prctl.h>

#include "mocks/tests/support/random.h"

#define WORKERS 6
#define DIRECTOR WORKERS
#define PIDFDS 2
#define REST_NS 200000
#define REST_TRIES 20000

struct state;

struct order {
    const struct state *s;
    int (*does)(const struct order *order);
    int a, b, c;
};

struct worker {
    const struct state *s;
    int orders[2];
    int pid; /* 0: never born */
};

struct state {
    struct random random;
    struct worker workers[WORKERS];
    int answers[2];
    int pidfds[PIDFDS];
};

/* ---- what workers do ---- */

static int work(void *arg)
{
    const struct worker *self = arg;
    struct order order;
    while (sys_read(self->orders[0], &order, sizeof(order)) == sizeof(order)) {
        int result = order.does(&order);
        if (sys_write(self->s->answers[1], &result, sizeof(result)) != sizeof(result))
            abort();
    }
    return 0;
}

static int order_spawn(const struct order *order)
{
    return spawn(work, (void *)&order->s->workers[order->a]);
}

static int order_kill(const struct order *order)
{
    return sys_kill(order->a, order->b);
}

/* What the kernel tells is said at once: nobody else speaks meanwhile. */
static int order_wait(const struct order *order)
{
    siginfo_t info = {0};
    int r = sys_waitid(order->a, order->b, &info, order->c);
    say("    signal %d code %d pid %d status %d", info.si_signo, info.si_code, info.si_pid, info.si_status);
    return r;
}

static int order_block(const struct order *order)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, order->b);
    return sys_sigprocmask(order->a, &set, NULL);
}

static int order_disposition(const struct order *order)
{
    return sys_signal(order->a, order->b ? SIG_IGN : SIG_DFL);
}

static int order_prctl(const struct order *order)
{
    return sys_prctl(order->a, (unsigned long)order->b, 0, 0, 0);
}

static int order_session(const struct order *order)
{
    (void)order;
    return sys_setsid();
}

static int order_exit(const struct order *order)
{
    sys_exit(order->a);
}

/* ---- rest ---- */

struct status {
    char letter; /* 'S', 'T', 'Z', or '-' when there is no such process */
    int parent;
    uint64_t pending, blocked, ignored;
};

static uint64_t mask_after(const char *text, const char *key)
{
    const char *found = strstr(text, key);
    return found ? strtoull(found + strlen(key), NULL, 16) : 0;
}

static struct status look(int pid)
{
    char path[32], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    int fd = pid > 0 ? sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
    ssize_t n = fd < 0 ? -1 : sys_read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        sys_close(fd);
    if (n <= 0)
        return (struct status){.letter = '-'};
    text[n] = '\0';
    const char *letter = strstr(text, "State:\t"), *parent = strstr(text, "PPid:\t");
    return (struct status){.letter = letter ? letter[7] : '?',
                           .parent = parent ? (int)strtol(parent + 6, NULL, 10) : 0,
                           .pending = mask_after(text, "ShdPnd:\t") | mask_after(text, "SigPnd:\t"),
                           .blocked = mask_after(text, "SigBlk:\t"),
                           .ignored = mask_after(text, "SigIgn:\t")};
}

/* Nothing will happen to it unless somebody does something. Process 1 collects its dead. */
static bool rests(const struct status *status)
{
    static const uint64_t wakes_stopped = 1ull << (SIGKILL - 1) | 1ull << (SIGCONT - 1);
    if (status->letter == 'T')
        return (status->pending & wakes_stopped) == 0;
    if (status->letter == 'Z')
        return status->parent != 1;
    return status->letter == '-' || (status->letter == 'S' && (status->pending & ~status->blocked) == 0);
}

static void come_to_rest(const struct state *s)
{
    unsigned int quiet = 0;
    for (unsigned int i = 0; quiet < 2 && i < REST_TRIES; i++) {
        bool all = true;
        for (unsigned int k = 0; all && k < WORKERS; k++) {
            struct status status = look(s->workers[k].pid);
            all = rests(&status);
        }
        quiet = all ? quiet + 1 : 0;
        if (quiet < 2)
            sys_nanosleep(REST_NS);
    }
    if (quiet < 2)
        say("%s", "no rest");
}

/* ---- orders ---- */

static int pid_of(const struct state *s, unsigned int i)
{
    return i == DIRECTOR ? sys_getpid() : s->workers[i].pid;
}

/* Gives an order to a worker, or does it itself; false: the worker cannot hear. */
static bool give(const struct state *s, unsigned int to, struct order order, int *ret_result)
{
    order.s = s;
    if (to == DIRECTOR) {
        *ret_result = order.does(&order);
        return true;
    }
    if (look(s->workers[to].pid).letter != 'S')
        return false;
    bool silent = order.does == order_exit;
    if (sys_write(s->workers[to].orders[1], &order, sizeof(order)) != sizeof(order))
        abort();
    *ret_result = 0;
    return silent || sys_read(s->answers[0], ret_result, sizeof(*ret_result)) == sizeof(*ret_result);
}

static unsigned int somebody(struct state *s)
{
    return chance(&s->random, 50) ? DIRECTOR : below(&s->random, WORKERS);
}

static void do_spawn(struct state *s)
{
    unsigned int who = somebody(s), slot = below(&s->random, WORKERS);
    char letter = look(s->workers[slot].pid).letter;
    int pid;
    if (letter != '-' && letter != 'Z')
        return;
    if (!give(s, who, (struct order){.does = order_spawn, .a = (int)slot}, &pid))
        return;
    s->workers[slot].pid = pid < 0 ? 0 : pid;
    SAY_RESULT(pid, "%u spawns %u", who, slot);
}

static void do_exit(struct state *s)
{
    static const int statuses[] = {0, 1, 42, 255, 256, -1};
    unsigned int who = below(&s->random, WORKERS);
    int result, status = pick(&s->random, statuses);
    if (give(s, who, (struct order){.does = order_exit, .a = status}, &result))
        say("%u exits with %d", who, status);
}

static const int some_signals[] = {0,      SIGTERM, SIGKILL, SIGSTOP, SIGSTOP, SIGCONT, SIGCONT, SIGUSR1,
                                   SIGHUP, SIGCHLD, SIGTSTP, SIGURG,  40,      SIGQUIT, 65};

/* The answer of one who kills itself may be missing: nobody is told to. */
static void do_kill(struct state *s)
{
    unsigned int who = somebody(s), whom = below(&s->random, WORKERS);
    int result, sig = pick(&s->random, some_signals), pid = s->workers[whom].pid;
    if (who == whom || pid == 0)
        return;
    bool group = chance(&s->random, 10) && who == DIRECTOR;
    if (give(s, who, (struct order){.does = order_kill, .a = group ? -pid : pid, .b = sig}, &result))
        SAY_RESULT(result, "%u kills %s%u with %d", who, group ? "the group of " : "", whom, sig);
}

static void do_wait(struct state *s)
{
    static const int kinds[] = {WEXITED, WEXITED, WEXITED, WSTOPPED, WCONTINUED, WNOWAIT | WEXITED, 0, WEXITED | 0x40000000};
    unsigned int who = somebody(s), whom = below(&s->random, WORKERS + 1);
    bool any = chance(&s->random, 30);
    int result, options = WNOHANG | pick(&s->random, kinds) | (chance(&s->random, 30) ? pick(&s->random, kinds) : 0);
    struct order order = {.does = order_wait, .a = any ? P_ALL : P_PID, .b = any ? 0 : pid_of(s, whom), .c = options};
    if (!any && order.b == 0)
        return;
    if (give(s, who, order, &result))
        SAY_RESULT(result, "%u waits for %d, options %#x", who, order.b, (unsigned int)options);
}

static void do_block(struct state *s)
{
    static const int hows[] = {SIG_BLOCK, SIG_UNBLOCK};
    unsigned int who = below(&s->random, WORKERS);
    int result, how = pick(&s->random, hows), sig = pick(&s->random, some_signals);
    if (sig <= 0 || sig > 64)
        return;
    /* What it unblocks may end it before it answers. */
    if (how == SIG_UNBLOCK && look(pid_of(s, who)).pending != 0)
        return;
    if (give(s, who, (struct order){.does = order_block, .a = how, .b = sig}, &result))
        SAY_RESULT(result, "%u masks %d: %d", who, sig, how);
}

static void do_disposition(struct state *s)
{
    unsigned int who = somebody(s);
    int result, sig = chance(&s->random, 40) ? SIGCHLD : pick(&s->random, some_signals), ignore = chance(&s->random, 60);
    if (give(s, who, (struct order){.does = order_disposition, .a = sig, .b = ignore}, &result))
        SAY_RESULT(result, "%u %s %d", who, ignore ? "ignores" : "does not ignore", sig);
}

static void do_prctl(struct state *s)
{
    static const int options[] = {PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG};
    static const int signals[] = {SIGTERM, SIGKILL, SIGSTOP, 0, 65};
    unsigned int who = below(&s->random, WORKERS + 1);
    int result, option = pick(&s->random, options);
    int value = option == PR_SET_PDEATHSIG ? pick(&s->random, signals) : (int)below(&s->random, 2);
    if (who == DIRECTOR && option == PR_SET_PDEATHSIG)
        return;
    if (give(s, who, (struct order){.does = order_prctl, .a = option, .b = value}, &result))
        SAY_RESULT(result, "%u prctl(%d, %d)", who, option, value);
}

static void do_session(struct state *s)
{
    unsigned int who = below(&s->random, WORKERS);
    int result;
    if (give(s, who, (struct order){.does = order_session}, &result))
        SAY_RESULT(result, "%u setsid()", who);
}

static void do_pidfd(struct state *s)
{
    unsigned int i = below(&s->random, PIDFDS), whom = below(&s->random, WORKERS), what = below(&s->random, 4);
    int sig = pick(&s->random, some_signals), pid = s->workers[whom].pid;
    struct pollfd poll = {.fd = s->pidfds[i], .events = POLLIN};
    siginfo_t info = {0};
    if (what == 0) {
        int fd = sys_pidfd_open(pid, 0);
        SAY_RESULT(fd < 0 ? fd : 0, "pidfd %u of %d", i, pid);
        if (fd >= 0 && s->pidfds[i] >= 0)
            sys_close(s->pidfds[i]);
        s->pidfds[i] = fd < 0 ? s->pidfds[i] : fd;
    } else if (what == 1) {
        SAY_RESULT(sys_pidfd_send_signal(s->pidfds[i], sig), "pidfd %u: signal %d", i, sig);
    } else if (what == 2) {
        int r = sys_poll(&poll, 1, 0);
        /* Not whether it hung up: kernels before 6.9 do not tell. */
        SAY_RESULT(r, "pidfd %u: poll, %#x", i, (unsigned int)(poll.revents & ~POLLHUP));
    } else {
        int r = sys_waitid(P_PIDFD, s->pidfds[i], &info, WEXITED | WNOHANG);
        SAY_RESULT(r, "pidfd %u: wait, pid %d code %d status %d", i, info.si_pid, info.si_code, info.si_status);
    }
}

static void (*const operations[])(struct state *s) = {
    do_spawn, do_spawn, do_spawn, do_spawn,       do_exit,  do_exit,  do_kill,    do_kill,  do_kill,  do_wait,
    do_wait,  do_wait,  do_block, do_disposition, do_prctl, do_prctl, do_session, do_pidfd, do_pidfd,
};

/* ---- the case ---- */

static void say_processes(const struct state *s)
{
    for (unsigned int i = 0; i < WORKERS; i++) {
        struct status status = look(s->workers[i].pid);
        /* The signals that a zombie still has are those that ended it, in a form that only the kernel knows. */
        say("    %u is %d: %c of %d pending %lx blocked %lx ignored %lx", i, s->workers[i].pid, status.letter, status.parent,
            status.letter == 'Z' ? 0 : (long)status.pending, (long)status.blocked, (long)status.ignored);
    }
}

static void start(struct state *s)
{
    for (unsigned int i = 0; i < WORKERS; i++) {
        s->workers[i].s = s;
        expect(sys_pipe2(s->workers[i].orders, O_CLOEXEC), 0);
    }
    expect(sys_pipe2(s->answers, O_CLOEXEC), 0);
}

/* Workers use the memory of the case: none outlives it. */
static void finish(const struct state *s)
{
    sys_signal(SIGCHLD, SIG_IGN);
    for (unsigned int i = 0; i < WORKERS; i++)
        if (s->workers[i].pid > 0)
            sys_kill(s->workers[i].pid, SIGKILL);
    come_to_rest(s);
}

CONFORM_CASE(sequence)
{
    struct state s = {.pidfds = {-1, -1}};
    unsigned long n = number_of("OPS", 100);

    start(&s);
    for (unsigned int i = 0; i < n; i++) {
        if (!random_operation(&s.random, i))
            continue;
        pick(&s.random, operations)(&s);
        come_to_rest(&s);
    }
    say("%s", "final state");
    say_processes(&s);
    finish(&s);
}
