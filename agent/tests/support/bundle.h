/* SPDX-License-Identifier: Apache-2.0 */
/* Busybox root file systems and what a test must leave behind: nothing. */
#pragma once

/* A root file system with busybox-static and links for its applets, /etc/passwd, /tmp. Fails the test without busybox. */
void bundle_make_rootfs(const char *path);
/* Removes a test's directory recursively. */
void bundle_remove(const char *dir);
/* Fails the test when a cgroup below the name ("/tatami-test-1") is left in any hierarchy; removes the empty parents. */
void bundle_check_cgroup_gone(const char *name);
