/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a process means for its terminal. */
#pragma once

struct task;

/* The leader of a session ends: the group in front gets SIGHUP, the session has no terminal any more. */
void tty_session_ends(struct task *leader);
