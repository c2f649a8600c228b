/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the debug console, with every kernel call failing in every way: see harness/fault_sweep.h. */
#include "mocks/harness/fault_sweep.h"
#include "mocks/tests/console.h"

static enum status_code talk(struct rig *rig, struct error *err)
{
    static const char line[] = "hello\n";

    _close_ int fd = console_dial(err);
    if (fd < 0)
        return STATUS_UNAVAILABLE;
    if (sys_write(fd, line, strlen(line)) == (ssize_t)strlen(line) && console_hears(rig, fd, "you said: hello\r\n"))
        return STATUS_OK;
    (void)error_text(err, -EPIPE, "the console hung up");
    return STATUS_INTERNAL;
}

static const struct sweep sweeps[] = {
    {"console", {.seed = 1, .as_init = true, .config = CONSOLE_ENABLED, .shell = console_shell}, .act = talk},
};

int main(int argc, char **argv)
{
    return fault_sweep_main(sweeps, ARRAY_SIZE(sweeps), argc, argv);
}
