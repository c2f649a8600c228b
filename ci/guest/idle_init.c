/* SPDX-License-Identifier: Apache-2.0 */
/* PID 1 that does nothing but what every guest has to: it loads the modules of the image, in the agent's order, then answers
 * the first connection on the agent's port with the bytes that came. The agent's share of a boot is measured against it. With
 * the word "first" it loads no module that the answer does not need. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "agent/guest/modules.h"

#define PORT 1024

static int fail(const char *what)
{
    perror(what);
    return 1;
}

int main(int argc, char **argv)
{
    const struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT};
    struct buf problems = BUF_INIT(MODULES_PROBLEMS_MAX);
    char bytes[4096];

    mkdir("/proc", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL) < 0)
        return fail("mount /proc");
    modules_load_list(MODULES_FIRST, &problems);
    if (argc < 2 || strcmp(argv[1], "first") != 0)
        modules_load_list(MODULES_LATER, &problems);
    if (problems.data)
        printf("%s", problems.data);
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
        return fail("listen");
    for (;;) {
        int client = accept(fd, NULL, NULL);
        ssize_t n = client < 0 ? -1 : read(client, bytes, sizeof(bytes));
        if (n > 0 && write(client, bytes, (size_t)n) < 0)
            perror("write");
        close(client);
    }
}
