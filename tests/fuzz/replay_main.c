/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A main for fuzz targets built without libFuzzer: replays each file of the folders named, then feeds RUNS
 * seeded random mutations of them (or of random bytes). Usage: target RUNS [FOLDER...]
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST_INPUT = 8192, MAX_SEEDS = 256 };
static struct {
    uint8_t *data;
    size_t len;
} seeds[MAX_SEEDS];
static size_t nseeds;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void load_folder(const char *folder)
{
    struct dirent **list;
    int n =
        scandir(folder, &list, NULL, alphasort); /* the same mutations whatever the file system's order is */
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        FILE *f = list[i]->d_name[0] == '.' || nseeds == MAX_SEEDS ? NULL : fopen(path, "rb");
        free(list[i]);
        if (!f)
            continue;
        uint8_t *data = malloc(LONGEST_INPUT);
        size_t len = fread(data, 1, LONGEST_INPUT, f);
        fclose(f);
        LLVMFuzzerTestOneInput(data, len);
        seeds[nseeds].data = data;
        seeds[nseeds++].len = len;
    }
    if (n >= 0)
        free(list);
}

static size_t mutate(uint8_t *buf, uint64_t *rng)
{
    size_t len;
    if (nseeds && next_random(rng) % 8) {
        size_t i = next_random(rng) % nseeds;
        len = seeds[i].len;
        memcpy(buf, seeds[i].data, len);
    } else {
        len = next_random(rng) % 300;
        for (size_t i = 0; i < len; i++)
            buf[i] = (uint8_t)next_random(rng);
    }
    for (size_t n = next_random(rng) % 8; n && len; n--) {
        size_t at = next_random(rng) % len;
        switch (next_random(rng) % 5) {
        case 0: buf[at] ^= (uint8_t)(1u << (next_random(rng) % 8)); break;
        case 1: buf[at] = (uint8_t)next_random(rng); break;
        case 2: len = at; break;
        case 3: buf[at] = 0xff; break;
        case 4:
            if (len + 1 < LONGEST_INPUT) {
                memmove(buf + at + 1, buf + at, len - at);
                len++;
            }
            break;
        }
    }
    return len;
}

int main(int argc, char **argv)
{
    long runs = argc > 1 ? atol(argv[1]) : 1000;
    for (int i = 2; i < argc; i++)
        load_folder(argv[i]);
    uint64_t rng = 0x9e3779b97f4a7c15u;
    static uint8_t scratch[LONGEST_INPUT];
    for (long i = 0; i < runs; i++) {
        size_t len = mutate(scratch, &rng);
        uint8_t *exact = malloc(len ? len : 1); /* its own block, so that ASan sees an over-read */
        memcpy(exact, scratch, len);
        LLVMFuzzerTestOneInput(exact, len);
        free(exact);
    }
    printf("%ld inputs, %zu seeds\n", runs, nseeds);
    for (size_t i = 0; i < nseeds; i++)
        free(seeds[i].data);
    return 0;
}
