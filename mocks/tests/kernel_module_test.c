/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules (finit_module(2)). Real ones are loaded in a VM only: they stay. */
#include "mocks/tests/capabilities.h"
#include "mocks/tests/files.h"

static int load(const char *path, int flags)
{
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    int r = sys_finit_module(fd, "", flags);
    (void)sys_close(fd);
    return r;
}

static void need_modules(void)
{
    if (sys_finit_module(-1, "", 0) == -ENOSYS)
        conform_not_runnable("kernel without modules");
}

CONFORM_CASE(what_is_no_module)
{
    static const struct {
        const char *label, *text;
        int flags, result;
    } rows[] = {
        {"empty", "", 0, -EINVAL},
        {"text", "hello\n", 0, -ENOEXEC},
        {"magic alone", "\177ELF", 0, -ENOEXEC},
        {"flag that is none", "hello\n", 0x100, -EINVAL},
    };

    need_modules();
    FOR_CASES(row, rows)
    {
        make_file("/tmp/module", row->text);
        expect(load("/tmp/module", row->flags), row->result);
    }
    expect(load("/tmp", 0), -EINVAL);
    expect(load("/dev/null", 0), -EINVAL);
    expect(load("/tmp/missing", 0), -EBADF);
}

CONFORM_CASE(file_that_can_be_written)
{
    need_modules();
    make_file("/tmp/module", "hello\n");
    int fd = sys_openat(AT_FDCWD, "/tmp/module", O_WRONLY | O_CLOEXEC, 0);
    expect(sys_finit_module(fd, "", 0), -EBADF);
    expect(load("/tmp/module", 0), -ETXTBSY);
    expect(sys_close(fd), 0);
    expect(load("/tmp/module", 0), -ENOEXEC);
}

static int load_without_capability(void *arg UNUSED)
{
    expect(caps_drop_to(0), 0);
    return -sys_finit_module(-1, "", 0x100);
}

CONFORM_CASE(without_the_capability)
{
    need_modules();
    expect(in_child(load_without_capability, NULL), EPERM);
}

/* ---- real ones ---- */

static int load_named(const char *name, const char *params)
{
    char release[128] = "", path[256];
    int fd = sys_openat(AT_FDCWD, "/proc/sys/kernel/osrelease", O_RDONLY | O_CLOEXEC, 0);

    (void)sys_read(fd, release, sizeof(release) - 1);
    (void)sys_close(fd);
    release[strcspn(release, "\n")] = '\0';
    snprintf(path, sizeof(path), CONFORM_MODULES "%s/kernel/%s", release, name);
    fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    int r = fd < 0 ? fd : sys_finit_module(fd, params, 0);
    (void)sys_close(fd);
    return r;
}

CONFORM_CASE(module_that_needs_another)
{
    need_modules();
    if (!conform_owns_machine())
        conform_not_runnable("a module would stay in the machine");
    expect(load_named("fs/fat/vfat.ko", ""), -ENOENT);
    expect(load_named("fs/fat/fat.ko", "unknown=1 other"), 0);
    expect(load_named("fs/fat/fat.ko", ""), -EEXIST);
    expect(load_named("fs/fat/vfat.ko", ""), 0);
    expect(load_named("fs/fat/vfat.ko", "unknown=1"), -EEXIST);
}

CONFORM_CASE(parameters_of_a_module)
{
    need_modules();
    if (!conform_owns_machine())
        conform_not_runnable("a module would stay in the machine");
    expect(load_named("drivers/net/dummy.ko", "numdummies=many"), -EINVAL);
    expect(load_named("drivers/net/dummy.ko", "numdummies="), -EINVAL);
    expect(load_named("drivers/net/dummy.ko", "speed=1 numdummies=0x"), -EINVAL);
    expect(load_named("drivers/net/dummy.ko", "  speed=1  numdummies=0 "), 0);
    expect(load_named("drivers/net/dummy.ko", "numdummies=many"), -EEXIST);
}
