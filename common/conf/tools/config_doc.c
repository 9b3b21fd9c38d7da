/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writes the reference of the directive table: config_doc > docs/config.md, config_doc --man, and
 * config_doc --check FILE, which ends with 1 when FILE is not what the table says now.
 */
#include <stdio.h>
#include <string.h>

#include "conf/config.h"

static void print(void *arg, const char *line)
{
    fprintf(arg, "%s\n", line);
}

struct check {
    FILE *file;
    unsigned line;
    int differs;
};

static void compare(void *arg, const char *line)
{
    struct check *check = arg;
    char is[4096];
    check->line++;
    if (check->differs)
        return;
    if (!fgets(is, sizeof is, check->file))
        is[0] = 0;
    is[strcspn(is, "\n")] = 0;
    if (strcmp(is, line) == 0)
        return;
    check->differs = 1;
    fprintf(stderr, "line %u differs from the directive table; run: config_doc > docs/config.md\n",
            check->line);
}

static int check_file(const char *name)
{
    struct check check = {.file = fopen(name, "r")};
    if (!check.file) {
        perror(name);
        return 1;
    }
    dbr_config_markdown(compare, &check);
    if (!check.differs && fgetc(check.file) != EOF) {
        fprintf(stderr, "%s goes on behind the directive table; run: config_doc > docs/config.md\n", name);
        check.differs = 1;
    }
    fclose(check.file);
    return check.differs;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check_file(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--man") == 0)
        dbr_config_man(print, stdout);
    else
        dbr_config_markdown(print, stdout);
    return 0;
}
