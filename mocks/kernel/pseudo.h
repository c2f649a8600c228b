/* SPDX-License-Identifier: Apache-2.0 */
/* Text files that are computed: procfs, sysfs, cgroups. What a reader sees is made by inode_ops.show when it reads from the start (seq_file
 * does the same), and stays as it was until it reads from there again; a write hands its whole text to inode_ops.store. */
#pragma once
#include "mocks/kernel/cred.h"
#include "mocks/kernel/vfs.h"

#define PSEUDO_TEXT_MAX (16 * 1024 * 1024)

/* file->data of such a file. */
struct pseudo_file {
    struct buf text; /* as it was read */
    bool shown;
    struct cred opener; /* who opened it: some files judge a write by it, not by the writer */
    uint64_t seen;      /* version of the content that this file has read (pollable files) */
};

/* inode_ops.open of all of them: read, write by show and store. */
int pseudo_open(struct inode *inode, struct file *file);

/* The parts, for files that differ in one of them. */
void pseudo_attach(struct file *file, const struct file_ops *ops);
ssize_t pseudo_read(struct file *file, void *p, size_t len, off_t *pos);
ssize_t pseudo_write(struct file *file, const void *p, size_t len, off_t *pos);
void pseudo_release(struct file *file);
/* Runs fn with the credentials of who opened the file in place of the current task's. */
int pseudo_as_opener(struct file *file, int (*fn)(void *arg), void *arg);

/* Copies the part of text at *pos that fits and advances it. */
ssize_t pseudo_copy(const struct buf *text, void *p, size_t len, off_t *pos);
