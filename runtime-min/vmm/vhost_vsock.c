/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vmm/vhost_vsock.h"

#include <linux/vhost.h>
#include <linux/vm_sockets.h>

#include "sys/fd.h"

#define DEVICE "/dev/vhost-vsock"
#define FIRST_CID (VMADDR_CID_HOST + 1)
#define CIDS (VMADDR_CID_ANY - FIRST_CID)
#define TRIES 64 /* so many neighbours would have to be met by chance */

static int open_device(struct error *err)
{
    int fd = sys_openat(AT_FDCWD, DEVICE, O_RDWR | O_CLOEXEC, 0);

    if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
        return error_text(err, fd, "%s (%s): `modprobe vhost_vsock` on the host", DEVICE, errno_name(-fd));
    if (fd == -EACCES || fd == -EPERM)
        return error_text(err, fd, "%s may not be opened (%s): be root, and in a container allow the device", DEVICE,
                          errno_name(-fd));
    return fd < 0 ? error_set(err, fd, "open %s", DEVICE) : fd;
}

/* Where a filter of system calls keeps these sockets away, the device alone is of no use. */
static int check_sockets(struct error *err)
{
    _close_ int fd = sys_socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? error_text(err, fd, "no AF_VSOCK sockets (%s): allow them, `modprobe vsock` on the host", errno_name(-fd))
                  : 0;
}

/* The kernel knows which ones are taken. */
static int take_cid(int fd, unsigned int *ret_cid, struct error *err)
{
    int r = -EADDRINUSE;

    for (int i = 0; i < TRIES && r == -EADDRINUSE; i++) {
        uint64_t random, cid;
        ssize_t n = sys_getrandom(&random, sizeof(random), 0);
        if (n != sizeof(random))
            return error_set(err, n < 0 ? (int)n : -EIO, "choose a context id");
        cid = FIRST_CID + random % CIDS;
        r = sys_ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid);
        *ret_cid = (unsigned int)cid;
    }
    if (r == -EADDRINUSE)
        return error_text(err, r, "%s: the context ids that %d tries chose are all taken", DEVICE, TRIES);
    return r < 0 ? error_set(err, r, "%s: take context id %u", DEVICE, *ret_cid) : 0;
}

int vhost_vsock_open(unsigned int *ret_cid, struct error *err)
{
    unsigned int cid = 0;

    _close_ int fd = open_device(err);
    int r = fd < 0 ? fd : check_sockets(err);
    if (r == 0)
        r = take_cid(fd, &cid, err);
    if (r < 0)
        return r;
    *ret_cid = cid;
    return fd_take(&fd);
}
