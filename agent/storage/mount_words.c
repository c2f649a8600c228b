/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/mount_words.h"

#include <string.h>
#include <sys/mount.h>

#include "base/macros.h"
#include "base/strlist.h"

#define DATA_MAX 4096

static const struct {
    const char *word;
    unsigned long set, clear;
} table[] = {
    {"defaults", 0, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"atime", 0, MS_NOATIME},
    {"bind", MS_BIND, 0},
    {"dev", 0, MS_NODEV},
    {"diratime", 0, MS_NODIRATIME},
    {"dirsync", MS_DIRSYNC, 0},
    {"exec", 0, MS_NOEXEC},
    {"iversion", MS_I_VERSION, 0},
    {"loud", 0, MS_SILENT},
    {"mand", MS_MANDLOCK, 0},
    {"noatime", MS_NOATIME, 0},
    {"nodev", MS_NODEV, 0},
    {"nodiratime", MS_NODIRATIME, 0},
    {"noexec", MS_NOEXEC, 0},
    {"noiversion", 0, MS_I_VERSION},
    {"nomand", 0, MS_MANDLOCK},
    {"norelatime", 0, MS_RELATIME},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"nosuid", MS_NOSUID, 0},
    {"private", MS_PRIVATE, 0},
    {"rbind", MS_BIND | MS_REC, 0},
    {"relatime", MS_RELATIME, 0},
    {"remount", MS_REMOUNT, 0},
    {"ro", MS_RDONLY, 0},
    {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"rshared", MS_SHARED | MS_REC, 0},
    {"rslave", MS_SLAVE | MS_REC, 0},
    {"runbindable", MS_UNBINDABLE | MS_REC, 0},
    {"rw", 0, MS_RDONLY},
    {"shared", MS_SHARED, 0},
    {"silent", MS_SILENT, 0},
    {"slave", MS_SLAVE, 0},
    {"strictatime", MS_STRICTATIME, 0},
    {"suid", 0, MS_NOSUID},
    {"sync", MS_SYNCHRONOUS, 0},
    {"unbindable", MS_UNBINDABLE, 0},
};

/* Whether the word is a flag, which is then applied. */
static bool apply_word(const char *word, unsigned long *flags)
{
    FOR_ROWS (row, table) {
        if (strcmp(row->word, word) != 0)
            continue;
        *flags = (*flags | row->set) & ~row->clear;
        return true;
    }
    return false;
}

int mount_words_parse(struct arena *a, char *const *words, size_t n, unsigned long *ret_flags, const char **ret_data,
                      struct error *err)
{
    struct strlist data = {0};
    int r = 0;

    *ret_flags = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        if (strcmp(words[i], "loop") == 0)
            return error_status(err, STATUS_INTERNAL, "Invalid mount option: loop");
        if (!apply_word(words[i], ret_flags))
            r = strlist_add(a, &data, words[i]);
    }
    *ret_data = r == 0 ? strlist_join(a, &data, ",") : NULL;
    if (!*ret_data)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "mount options are too large");
    if (strlen(*ret_data) > DATA_MAX)
        return error_status(err, STATUS_INTERNAL, "Mount option exceeds 4K size");
    return 0;
}
