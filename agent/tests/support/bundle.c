/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macros.h"

static const char *const applets[] = {
    "[",    "cat",   "chmod", "chown",   "cksum",    "cp",    "cut",  "dd",   "df",     "echo",   "env",       "expr",  "false",
    "fold", "grep",  "head",  "hexdump", "hostname", "id",    "kill", "ln",   "ls",     "md5sum", "mkdir",     "mknod", "mount",
    "mv",   "nproc", "ps",    "pwd",     "readlink", "rm",    "sed",  "seq",  "setsid", "sh",     "sha256sum", "sleep", "stat",
    "stty", "sync",  "tail",  "test",    "top",      "touch", "tr",   "true", "tty",    "umount", "uname",     "wc",    "yes",
};

static const char *const directories[] = {"bin", "dev", "etc", "proc", "sys", "tmp", "root", "home"};

static void write_file(const char *root, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void copy_busybox(const char *root)
{
    char path[256];
    struct stat st;

    int from = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
    if (from < 0)
        fail_msg("/bin/busybox: %s; install the Debian package busybox-static", strerror(errno));
    snprintf(path, sizeof(path), "%s/bin/busybox", root);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(to >= 0);
    assert_int_equal(fstat(from, &st), 0);
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(to, from, NULL, (size_t)left);
        assert_true(n > 0);
        left -= n;
    }
    close(from);
    close(to);
}

void bundle_make_rootfs(const char *root)
{
    char path[256];

    assert_int_equal(mkdir(root, 0755), 0);
    for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, directories[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    copy_busybox(root);
    for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
        snprintf(path, sizeof(path), "%s/bin/%s", root, applets[i]);
        assert_int_equal(symlink("busybox", path), 0);
    }
    snprintf(path, sizeof(path), "%s/tmp", root);
    assert_int_equal(chmod(path, 01777), 0);
    write_file(root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n");
    write_file(root, "etc/group", "root:x:0:\nuser:x:1000:\n");
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
    return remove(path);
}

void bundle_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int count_groups(const char *path, const struct stat *st UNUSED, int type, struct FTW *ftw)
{
    if (type == FTW_DP && ftw->level > 0)
        print_error("cgroup left behind: %s\n", path);
    if (type == FTW_DP)
        rmdir(path);
    return type == FTW_DP && ftw->level > 0;
}

void bundle_check_cgroup_gone(const char *name)
{
    char pattern[128];
    glob_t found;
    int left = 0;

    for (int depth = 0; depth < 2; depth++) {
        snprintf(pattern, sizeof(pattern), "/sys/fs/cgroup/%s%s", depth ? "*" : "", name);
        if (glob(pattern, 0, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc; i++)
            left += nftw(found.gl_pathv[i], count_groups, 8, FTW_DEPTH | FTW_PHYS);
        globfree(&found);
    }
    if (left)
        fail_msg("%d hierarchies still have cgroups of the test below %s", left, name);
}
