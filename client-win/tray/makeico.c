/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Run by the build, on the machine that builds: makeico LOOK FILE writes one of the four icons (off, working,
 * connected, trouble) to FILE.
 */
#include "client-win/tray/icon.h"

#include <stdio.h>
#include <string.h>

static const char *const names[DBR_LOOKS] = {"off", "working", "connected", "trouble"};

static int write_icon(enum dbr_tray_look look, const char *path)
{
    static uint8_t file[1u << 20];
    size_t n = dbr_icon_file(look, file, sizeof(file));
    FILE *f = fopen(path, "wb");
    if (n == 0 || f == NULL)
        return fprintf(stderr, "makeico: cannot write %s\n", path), 1;
    size_t done = fwrite(file, 1, n, f);
    if (fclose(f) != 0 || done != n)
        return fprintf(stderr, "makeico: %s is incomplete: is the disk full?\n", path), 1;
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 0; argc == 3 && i < DBR_LOOKS; i++)
        if (strcmp(argv[1], names[i]) == 0)
            return write_icon((enum dbr_tray_look)i, argv[2]);
    fprintf(stderr, "usage: makeico off|working|connected|trouble FILE\n");
    return 1;
}
