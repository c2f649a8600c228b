/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/peer.h"

#include <linux/vm_sockets.h>

#include "sys/sys.h"

bool peer_is_host(int fd)
{
    struct sockaddr_vm peer;
    socklen_t len = sizeof(peer);

    return sys_getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.svm_family == AF_VSOCK &&
           peer.svm_cid == VMADDR_CID_HOST;
}
