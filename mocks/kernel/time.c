/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time, random numbers from the seed, and the power switch (clock_gettime(2), getrandom(2), reboot(2)). */
#include <errno.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/random.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define EPOCH_NS 1767225600000000000ULL /* 2026-01-01: when every machine was switched on */

uint64_t sys_monotonic_ns(void)
{
    (void)call_enter(CALL_SITE, CALL_monotonic_ns, " ");
    return (uint64_t)call_leave((long)sim_now_ns(task_sim(current())));
}

uint64_t sys_realtime_ns(void)
{
    (void)call_enter(CALL_SITE, CALL_realtime_ns, " ");
    return (uint64_t)call_leave((long)(EPOCH_NS + sim_now_ns(task_sim(current()))));
}

void sys_nanosleep(uint64_t ns)
{
    (void)call_enter(CALL_SITE, CALL_nanosleep, "%lu", ns);
    uint64_t end = sim_now_ns(task_sim(current())) + ns;
    while (task_block(NULL, NULL, end) == -EINTR)
        ;
    call_leave(0);
}

static ssize_t fill_random(char *p, size_t len, unsigned int flags)
{
    struct sim *sim = task_sim(current());

    if ((flags & ~(unsigned int)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t random = sim_random(sim);
        memcpy(p + at, &random, len - at < sizeof(random) ? len - at : sizeof(random));
    }
    return (ssize_t)len;
}

ssize_t sys_getrandom(void *p, size_t len, unsigned int flags)
{
    CALL_ENTER(getrandom, "%p, %zu, 0x%x", p, len, flags);
    return call_leave(fill_random(p, len, flags));
}

/* ---- power ---- */

static void power_off(struct world *world, int cmd)
{
    struct task *task;

    world->power = cmd;
    LIST_FOREACH (task, &world->tasks, link) {
        if (task != current() && task->state < TASK_ZOMBIE)
            task_exit(task, SIGKILL);
    }
    task_exit(current(), SIGKILL);
}

/* Inside a container: its init is told why it ends (pid_namespaces(7)). */
static int reboot_namespace(struct pid_namespace *namespace, unsigned int cmd)
{
    int sig = cmd == LINUX_REBOOT_CMD_RESTART || cmd == LINUX_REBOOT_CMD_RESTART2 ? SIGHUP
              : cmd == LINUX_REBOOT_CMD_POWER_OFF || cmd == LINUX_REBOOT_CMD_HALT ? SIGINT
                                                                                  : 0;
    if (sig == 0)
        return -EINVAL;
    namespace->reboot_signal = sig;
    if (namespace->init && namespace->init != current())
        task_signal_info(namespace->init, &(siginfo_t){.si_signo = SIGKILL, .si_code = SI_KERNEL});
    task_exit(current(), 0);
    return 0;
}

static int reboot_machine(unsigned int cmd)
{
    struct task *self = current();

    if (!capable_in(self, self->pid_namespace->owner, CAP_SYS_BOOT))
        return -EPERM;
    if (self->pid_namespace->parent)
        return reboot_namespace(self->pid_namespace, cmd);
    switch (cmd) {
    case LINUX_REBOOT_CMD_CAD_ON:
    case LINUX_REBOOT_CMD_CAD_OFF:
        self->world->ctrl_alt_del = cmd == LINUX_REBOOT_CMD_CAD_ON;
        return 0;
    case LINUX_REBOOT_CMD_RESTART:
    case LINUX_REBOOT_CMD_HALT:
    case LINUX_REBOOT_CMD_POWER_OFF:
        power_off(self->world, (int)cmd);
        return 0;
    default:
        return -EINVAL;
    }
}

int sys_reboot(unsigned int cmd)
{
    CALL_ENTER(reboot, "0x%x, 0x%x, 0x%x", LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, cmd);
    return (int)call_leave(reboot_machine(cmd));
}
