/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/terminal.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent/container/inroot.h"
#include "agent/container/mount_fd.h"
#include "sys/fd.h"

#define DEVPTS "/dev/pts"

bool terminal_is_of_container(const struct oci_spec *spec)
{
    const struct oci_namespace *mount = oci_namespace_find(spec->linux_, OCI_NS_MOUNT);

    if (!mount || (mount->path && *mount->path))
        return false;
    for (size_t i = 0; i < spec->n_mounts; i++) {
        const struct oci_mount *entry = &spec->mounts[i];
        char clean[PATH_MAX];
        if (entry->type && strcmp(entry->type, "devpts") == 0 && inroot_path_is_plain(entry->destination) &&
            inroot_path_clean(entry->destination, clean, sizeof(clean)) == 0 && strcmp(clean, DEVPTS) == 0)
            return true;
    }
    return false;
}

/* In a devpts nobody can put a file of his own in the place of ptmx; a mount on it is not followed. */
static int open_master(int root_fd, struct error *err)
{
    struct open_how how = {
        .flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    struct statfs st;

    _close_ int dir_fd = inroot_open(root_fd, DEVPTS, O_PATH | O_DIRECTORY, 0);
    int r = dir_fd < 0 ? dir_fd : sys_fstatfs(dir_fd, &st);
    if (r < 0)
        return error_set(err, r, "open " DEVPTS " of the container");
    if (st.f_type != DEVPTS_SUPER_MAGIC)
        return error_text(err, -ENODEV, DEVPTS " of the container is no devpts");
    int fd = sys_openat2(dir_fd, "ptmx", &how);
    return fd < 0 ? error_set(err, fd, "open " DEVPTS "/ptmx of the container") : fd;
}

/* The slave is opened through the master, so that no name is looked up a second time (TIOCGPTPEER, ioctl_tty(2)). */
int terminal_open(int root_fd, const struct oci_process *process, int *ret_master, int *ret_slave, struct error *err)
{
    struct winsize size = {.ws_row = (unsigned short)process->console_height, .ws_col = (unsigned short)process->console_width};
    int unlock = 0;

    _close_ int master = open_master(root_fd, err);
    if (master < 0)
        return master;
    int r = sys_ioctl(master, TIOCSPTLCK, &unlock);
    if (r < 0)
        return error_set(err, r, "unlock a pseudo-terminal");
    r = process->has_console_size ? sys_ioctl(master, TIOCSWINSZ, &size) : 0;
    if (r < 0)
        return error_set(err, r, "set the size of a pseudo-terminal");
    int slave = sys_ioctl(master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (slave < 0)
        return error_set(err, slave, "open the slave of a pseudo-terminal");
    *ret_master = fd_take(&master);
    *ret_slave = slave;
    return 0;
}

int terminal_place_console(int root_fd, int slave_fd, struct error *err)
{
    struct stat st;

    _close_ int tree = mount_fd_clone(slave_fd, "", false);
    if (tree < 0)
        return error_set(err, tree, "bind the terminal");
    _close_ int dir_fd = inroot_make_dir(root_fd, "/dev", 0);
    if (dir_fd < 0)
        return error_set(err, dir_fd, "open /dev of the container");
    _close_ int target = sys_openat(dir_fd, "console", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target == -EEXIST)
        target = sys_openat(dir_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    int r = target < 0 ? target : sys_fstat(target, &st);
    if (r < 0)
        return error_set(err, r, "make /dev/console");
    if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
        return error_text(err, -EEXIST, "/dev/console exists and is another file");
    r = mount_fd_attach(tree, target);
    return r < 0 ? error_set(err, r, "attach the terminal to /dev/console") : 0;
}

int terminal_take(bool is_terminal, struct error *err)
{
    int r = sys_setsid();
    if (r < 0)
        return error_set(err, r, "create a session");
    r = is_terminal ? sys_ioctl(0, TIOCSCTTY, NULL) : 0;
    return r < 0 ? error_set(err, r, "take the terminal") : 0;
}
