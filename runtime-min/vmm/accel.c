/* SPDX-License-Identifier: Apache-2.0 */
/* Choice of the acceleration; the verdict about KVM is kept until the next boot of the host. */
#include "runtime-min/vmm/accel.h"

#include <stdio.h>
#include <string.h>

#include "sys/fd.h"

#define KVM_DEVICE "/dev/kvm"
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define CACHE_NAME ".kvm-verdict"
#define CACHE_NEW ".kvm-verdict.new"
#define CACHE_MAX 512

/* The file: the boot's id with its newline, "yes " or "no ", why. Anything else is as good as none. */
static bool cache_read(int dirfd, const struct buf *boot_id, struct accel *ret_accel)
{
    _buf_ struct buf text = BUF_INIT(CACHE_MAX);
    if (file_read_at(dirfd, CACHE_NAME, &text) < 0 || text.len <= boot_id->len ||
        memcmp(text.data, boot_id->data, boot_id->len) != 0)
        return false;
    const char *verdict = text.data + boot_id->len;
    bool yes = strncmp(verdict, "yes ", 4) == 0;
    if (!yes && strncmp(verdict, "no ", 3) != 0)
        return false;
    ret_accel->kvm = yes;
    snprintf(ret_accel->why, sizeof(ret_accel->why), "%s", verdict + (yes ? 4 : 3));
    return true;
}

/* A verdict that cannot be kept is made again the next time. Two at once: the second finds the name taken. */
static void cache_write(int dirfd, const struct buf *boot_id, const struct accel *accel)
{
    _buf_ struct buf text = BUF_INIT(CACHE_MAX);
    _close_ int fd = sys_openat(dirfd, CACHE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    int r = buf_printf(&text, "%s%s %s", boot_id->data, accel->kvm ? "yes" : "no", accel->why);
    if (r >= 0)
        r = fd_write_all(fd, text.data, text.len);
    if (r >= 0)
        r = sys_renameat2(dirfd, CACHE_NEW, dirfd, CACHE_NAME, 0);
    if (r < 0)
        sys_unlinkat(dirfd, CACHE_NEW, 0);
}

static void verdict(const char *cache_dir, struct accel *ret_accel)
{
    _buf_ struct buf boot_id = BUF_INIT(64);
    _close_ int dirfd = cache_dir ? sys_openat(AT_FDCWD, cache_dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0) : -1;
    bool keeps = dirfd >= 0 && file_read_at(AT_FDCWD, BOOT_ID_PATH, &boot_id) >= 0 && boot_id.len > 0;
    if (keeps && cache_read(dirfd, &boot_id, ret_accel))
        return;
    kvm_test(KVM_DEVICE, ret_accel);
    if (keeps)
        cache_write(dirfd, &boot_id, ret_accel);
}

int accel_choose(const char *wanted, const char *cache_dir, struct accel *ret_accel, struct error *err)
{
    *ret_accel = (struct accel){.kvm = strcmp(wanted, "kvm") == 0, .why = "as configured"};
    if (ret_accel->kvm || strcmp(wanted, "tcg") == 0)
        return 0;
    if (strcmp(wanted, "auto") != 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "accel '%s': must be auto, kvm or tcg", wanted);
    verdict(cache_dir, ret_accel);
    return 0;
}
