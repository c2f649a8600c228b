/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <cmocka.h>

#include "sys/sys.h"
#include "ttrpc/address.h"

#define PATH_107 "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct sockaddr_un *un(const struct address *address)
{
    return (const struct sockaddr_un *)&address->sa;
}

static void unix_addresses_are_parsed(void **state)
{
    struct address address;

    (void)state;
    assert_int_equal(address_parse("unix:///run/x.sock", &address, NULL), 0);
    assert_int_equal(address.kind, ADDRESS_UNIX);
    assert_int_equal(un(&address)->sun_family, AF_UNIX);
    assert_string_equal(un(&address)->sun_path, "/run/x.sock");
    assert_int_equal(address.len, 2 + 11 + 1);

    assert_int_equal(address_parse("unix://@name", &address, NULL), 0);
    assert_memory_equal(un(&address)->sun_path, "\0name", 6);
    assert_int_equal(address.len, 2 + 1 + 4);

    assert_int_equal(strlen(PATH_107), 107);
    assert_int_equal(address_parse("unix://" PATH_107, &address, NULL), 0);
    assert_string_equal(un(&address)->sun_path, PATH_107);
    assert_int_equal(address.len, 2 + 108);
}

static void vsock_addresses_are_parsed(void **state)
{
    static const struct {
        const char *text;
        unsigned int cid, port;
    } rows[] = {
        {"vsock://-1:1024", VMADDR_CID_ANY, 1024},
        {"vsock://:1024", VMADDR_CID_ANY, 1024},
        {"vsock://2:0", 2, 0},
        {"vsock://4294967295:4294967295", UINT32_MAX, UINT32_MAX},
        {"vsock://0000000003:0000001024", 3, 1024},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct address address;
        const struct sockaddr_vm *vm = (const struct sockaddr_vm *)&address.sa;
        if (address_parse(row->text, &address, NULL) != 0)
            fail_msg("%s: refused", row->text);
        assert_int_equal(address.kind, ADDRESS_VSOCK);
        assert_int_equal(vm->svm_family, AF_VSOCK);
        assert_int_equal(vm->svm_cid, row->cid);
        assert_int_equal(vm->svm_port, row->port);
        assert_int_equal(address.len, sizeof(*vm));
    }
}

static void malformed_addresses_are_refused_by_name(void **state)
{
    static const char *const rows[] = {
        "",
        "/run/x.sock",
        "unix:/run/x.sock",
        "unix://",
        "unix:///",
        "unix://relative",
        "unix://@",
        "unix://" PATH_107 "b",
        "UNIX:///run/x",
        "vsock://",
        "vsock://3",
        "vsock://3:",
        "vsock://3:x",
        "vsock://x:1024",
        "vsock://3:-1",
        "vsock://-2:1024",
        "vsock://3:4294967296",
        "vsock://3:10000000000",
        "vsock://3:1024:5",
        "vsock:// 3:1024",
        "Vsock://3:1024",
        "tcp://127.0.0.1:1024",
        "fd://",
        "fd://-1",
        "fd://x",
        "fd://2147483648",
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct address address = {.fd = 77};
        struct error err;
        if (address_parse(*row, &address, &err) != -EINVAL)
            fail_msg("'%s': not refused", *row);
        assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, *row));
        assert_int_equal(address.fd, 77);
    }
}

/* ---- sockets ---- */

struct place {
    char directory[32];
    char text[64];
    const char *path;
    struct address address;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    strcpy(place->directory, "/tmp/tatami-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->text, sizeof(place->text), "unix://%s/s", place->directory);
    place->path = place->text + strlen("unix://");
    assert_int_equal(address_parse(place->text, &place->address, NULL), 0);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    unlink(place->path);
    rmdir(place->directory);
    free(place);
    return 0;
}

static void path_sockets_are_private_and_close_on_exec(void **state)
{
    struct place *place = *state;
    struct stat st;
    mode_t mask = umask(0027);
    int fd = address_listen(&place->address, NULL);

    assert_int_equal(umask(mask), 0027);
    assert_true(fd >= 0);
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    assert_true(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);

    int peer = address_connect(&place->address, NULL);
    assert_true(peer >= 0);
    assert_int_equal(sys_fcntl(peer, F_GETFD, 0), FD_CLOEXEC);
    assert_true(sys_fcntl(peer, F_GETFL, 0) & O_NONBLOCK);
    int accepted = sys_accept4(fd, NULL, NULL, 0);
    assert_true(accepted >= 0);
    close(accepted);
    close(peer);
    close(fd);
}

static void stale_sockets_are_replaced_and_live_ones_kept(void **state)
{
    struct place *place = *state;
    struct error err;
    char text[128];
    int first = address_listen(&place->address, NULL);

    assert_int_equal(address_listen(&place->address, &err), -EADDRINUSE);
    snprintf(text, sizeof(text), "bind %s: EADDRINUSE: Address already in use", place->text);
    assert_string_equal(err.text, text);
    close(first);
    int second = address_listen(&place->address, &err);
    assert_true(second >= 0);
    int peer = address_connect(&place->address, &err);
    assert_true(peer >= 0);
    close(peer);
    close(second);
    assert_int_equal(address_connect(&place->address, &err), -ECONNREFUSED);
    snprintf(text, sizeof(text), "connect to %s: ECONNREFUSED: Connection refused", place->text);
    assert_string_equal(err.text, text);
}

static void files_that_are_no_sockets_are_kept(void **state)
{
    struct place *place = *state;
    struct error err;
    struct stat st;
    int file = open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    close(file);
    assert_int_equal(address_listen(&place->address, &err), -EADDRINUSE);
    assert_int_equal(stat(place->path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void abstract_sockets_work_for_tests(void **state)
{
    struct address address;
    char text[64];
    struct error err;

    (void)state;
    snprintf(text, sizeof(text), "unix://@tatami-test-%d", getpid());
    assert_int_equal(address_parse(text, &address, NULL), 0);
    int fd = address_listen(&address, NULL);
    assert_true(fd >= 0);
    assert_int_equal(address_listen(&address, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, text));
    int peer = address_connect(&address, NULL);
    assert_true(peer >= 0);
    close(peer);
    close(fd);
}

static void inherited_listeners_are_checked(void **state)
{
    struct place *place = *state;
    struct address address;
    struct error err;
    char text[32];
    int fd = address_listen(&place->address, NULL);

    sys_fcntl(fd, F_SETFD, 0);
    sys_fcntl(fd, F_SETFL, 0);
    snprintf(text, sizeof(text), "fd://%d", fd);
    assert_int_equal(address_parse(text, &address, NULL), 0);
    assert_int_equal(address.kind, ADDRESS_FD);
    assert_int_equal(address_listen(&address, &err), fd);
    assert_int_equal(sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    assert_true(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
    assert_int_equal(address_connect(&address, &err), -EINVAL);

    int other = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.fd = other;
    assert_int_equal(address_listen(&address, &err), -EINVAL);
    assert_non_null(strstr(err.text, "is not a listening socket"));
    close(other);
    assert_int_equal(address_listen(&address, &err), -EBADF);
    close(fd);
}

static void vsock_errors_name_the_address(void **state)
{
    struct address address;
    struct error err;

    (void)state;
    /* CID 77 is nobody's: no socket family, no device, or no route, as the machine may be. */
    assert_int_equal(address_parse("vsock://77:1", &address, NULL), 0);
    assert_true(address_listen(&address, &err) < 0);
    assert_non_null(strstr(err.text, "vsock://77:1"));
    assert_true(address_connect(&address, &err) < 0);
    assert_non_null(strstr(err.text, "vsock://77:1"));
}

/* CVE-2020-15257: the API must not be reachable for everybody in the network namespace, nor for other users. */
static void immune_26_no_abstract_socket_and_no_other_user(void **state)
{
    struct place *place = *state;
    int fd = address_listen(&place->address, NULL), status;
    char line[512], needle[80];

    assert_true(fd >= 0);
    snprintf(needle, sizeof(needle), "@%s", place->path);
    FILE *file = fopen("/proc/net/unix", "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        assert_null(strstr(line, needle));
    fclose(file);
    if (geteuid() != 0) {
        print_message("not root: no other user tried\n");
        close(fd);
        return;
    }

    chmod(place->directory, 0755);
    pid_t pid = fork();
    if (pid == 0) {
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
            _exit(2);
        _exit(address_connect(&place->address, NULL) == -EACCES ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unix_addresses_are_parsed),
        cmocka_unit_test(vsock_addresses_are_parsed),
        cmocka_unit_test(malformed_addresses_are_refused_by_name),
        cmocka_unit_test_setup_teardown(path_sockets_are_private_and_close_on_exec, make_place, remove_place),
        cmocka_unit_test_setup_teardown(stale_sockets_are_replaced_and_live_ones_kept, make_place, remove_place),
        cmocka_unit_test_setup_teardown(files_that_are_no_sockets_are_kept, make_place, remove_place),
        cmocka_unit_test(abstract_sockets_work_for_tests),
        cmocka_unit_test_setup_teardown(inherited_listeners_are_checked, make_place, remove_place),
        cmocka_unit_test(vsock_errors_name_the_address),
        cmocka_unit_test_setup_teardown(immune_26_no_abstract_socket_and_no_other_user, make_place, remove_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
