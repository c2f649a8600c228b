/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once over each file of the directories that are named: NAME_replay DIRECTORY... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)ftell(file);
    uint8_t *data = malloc(size + 1); /* a copy of its own, so that the sanitizers see a read beyond it */
    rewind(file);
    if (!data || fread(data, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static unsigned int replay_directory(const char *directory)
{
    struct dirent **entries;
    unsigned int n = 0;

    int found = scandir(directory, &entries, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            replay_file(path);
            n++;
        }
        free(entries[i]);
    }
    if (found >= 0)
        free(entries);
    return n;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        unsigned int n = replay_directory(argv[i]);
        printf("%s: %u inputs\n", argv[i], n);
        if (n == 0)
            return 1;
    }
    return 0;
}
