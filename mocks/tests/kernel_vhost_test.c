/* SPDX-License-Identifier: Apache-2.0 */
/* The device through which a host gives its guests their vsock, before there is a guest: context ids, the owner, and
 * connections to a guest that has not started. */
#include "mocks/tests/conform.h"

#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

/* Whoever has machines on this host will hardly have these. */
#define ONE UINT64_C(3134580001)
#define OTHER UINT64_C(3134580002)

static int device(void)
{
    int fd = sys_openat(AT_FDCWD, "/dev/vhost-vsock", O_RDWR | O_CLOEXEC, 0);

    if (fd == -ENOENT || fd == -ENODEV)
        conform_not_runnable("this kernel has no /dev/vhost-vsock");
    expect_true(fd >= 0);
    return fd;
}

static int set_cid(int fd, uint64_t cid)
{
    return sys_ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid);
}

CONFORM_CASE(the_device_of_vsock)
{
    struct stat st;

    sys_close(device());
    expect(sys_fstatat(AT_FDCWD, "/dev/vhost-vsock", &st, 0), 0);
    expect(st.st_mode & S_IFMT, S_IFCHR);
    expect(st.st_rdev, makedev(10, 241));
}

CONFORM_CASE(context_ids_of_guests)
{
    static const struct {
        const char *label;
        uint64_t cid;
        int result;
    } rows[] = {
        {"none", 0, -EINVAL},
        {"the machine's own", VMADDR_CID_LOCAL, -EINVAL},
        {"the host's", VMADDR_CID_HOST, -EINVAL},
        {"a guest's", ONE, 0},
        {"the same again", ONE, 0},
        {"the last one", VMADDR_CID_ANY - 1, 0},
        {"any", VMADDR_CID_ANY, -EINVAL},
        {"more than there are", UINT64_C(1) << 32 | 77, -EINVAL},
    };
    int fd = device();

    FOR_CASES(row, rows)
    expect(set_cid(fd, row->cid), row->result);
}

CONFORM_CASE(a_context_id_is_taken_as_long_as_its_device_is_open)
{
    int first = device(), second = device();

    expect(set_cid(first, ONE), 0);
    expect(set_cid(second, ONE), -EADDRINUSE);
    expect(set_cid(second, OTHER), 0);
    expect(set_cid(first, OTHER), -EADDRINUSE);
    sys_close(second);
    expect(set_cid(first, OTHER), 0);
    second = device();
    expect(set_cid(second, ONE), 0);
    int copy = sys_fcntl(first, F_DUPFD_CLOEXEC, 0);
    sys_close(first);
    expect(set_cid(second, OTHER), -EADDRINUSE);
    sys_close(copy);
    expect(set_cid(second, OTHER), 0);
}

CONFORM_CASE(a_vhost_device_serves_its_owner)
{
    uint64_t features = 0;
    int running = 1, fd = device();

    expect(sys_ioctl(fd, VHOST_GET_FEATURES, &features), 0);
    expect_true(features & UINT64_C(1) << VIRTIO_F_VERSION_1);
    expect(sys_ioctl(fd, VHOST_GET_FEATURES, NULL), -EFAULT);
    expect(sys_ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, NULL), -EFAULT);
    expect(sys_ioctl(fd, VHOST_VSOCK_SET_RUNNING, &running), -EPERM);
    expect(sys_ioctl(fd, TCGETS, &features), -EPERM);
    expect(sys_ioctl(fd, VHOST_SET_OWNER, NULL), 0);
    expect(sys_ioctl(fd, VHOST_SET_OWNER, NULL), -EBUSY);
    expect(set_cid(fd, ONE), 0);
}

static int opens_as_user(void *arg)
{
    (void)arg;
    if (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    return -sys_openat(AT_FDCWD, "/dev/vhost-vsock", O_RDWR | O_CLOEXEC, 0);
}

CONFORM_CASE(a_vhost_device_is_the_roots)
{
    struct stat st;

    sys_close(device());
    expect(sys_fstatat(AT_FDCWD, "/dev/vhost-vsock", &st, 0), 0);
    if (st.st_mode & 06)
        conform_not_runnable("this machine lets everybody have /dev/vhost-vsock");
    expect(in_child(opens_as_user, NULL), EACCES);
}

/* ---- connections ---- */

static int connect_to(int fd, unsigned int cid)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = 1024};

    return sys_connect(fd, (struct sockaddr *)&vm, sizeof(vm));
}

CONFORM_CASE(a_guest_that_has_not_started_keeps_callers_waiting)
{
    const struct timeval limit = {.tv_usec = 100000};
    int guest = device(), fd = sys_socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    expect(connect_to(fd, ONE), -ENODEV);
    expect(set_cid(guest, ONE), 0);
    expect(sys_setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof(limit)), 0);
    uint64_t before = sys_monotonic_ns();
    expect(connect_to(fd, ONE), -ETIMEDOUT);
    expect_true(sys_monotonic_ns() - before >= 90000000);
    sys_close(guest);
    expect(connect_to(fd, ONE), -ENODEV);
}

CONFORM_CASE(how_long_a_vsock_connects)
{
    static const struct {
        const char *label;
        struct timeval limit;
        socklen_t len;
        int name, result;
    } rows[] = {
        {"seconds", {5, 0}, sizeof(struct timeval), SO_VM_SOCKETS_CONNECT_TIMEOUT, 0},
        {"none: the usual time", {0, 0}, sizeof(struct timeval), SO_VM_SOCKETS_CONNECT_TIMEOUT, 0},
        {"short", {1, 0}, sizeof(struct timeval) - 1, SO_VM_SOCKETS_CONNECT_TIMEOUT, -EINVAL},
        {"negative", {-1, 0}, sizeof(struct timeval), SO_VM_SOCKETS_CONNECT_TIMEOUT, -ERANGE},
        {"too many microseconds", {1, 1000000}, sizeof(struct timeval), SO_VM_SOCKETS_CONNECT_TIMEOUT, -ERANGE},
        {"for ever", {INT64_MAX, 0}, sizeof(struct timeval), SO_VM_SOCKETS_CONNECT_TIMEOUT, -ERANGE},
        {"no such option", {1, 0}, sizeof(struct timeval), 77, -ENOPROTOOPT},
    };
    int fd = sys_socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    FOR_CASES(row, rows)
    expect(sys_setsockopt(fd, AF_VSOCK, row->name, &row->limit, row->len), row->result);
}
