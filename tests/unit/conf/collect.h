/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the tests of the configuration share: complaints are kept for inspection, files come from a table.
 */
#ifndef DBR_TESTS_COLLECT_H
#define DBR_TESTS_COLLECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"

enum { COLLECT_MAX = 512 };

struct collect {
    int n, errors, warnings;
    char *lines[COLLECT_MAX];
    enum dbr_conf_severity severity[COLLECT_MAX];
    struct dbr_conf_diag diag;
};

static inline void collect_say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    struct collect *c = arg;
    if (severity == DBR_CONF_ERROR)
        c->errors++;
    else
        c->warnings++;
    if (c->n == COLLECT_MAX)
        return;
    c->severity[c->n] = severity;
    c->lines[c->n++] = strdup(line);
}

static inline void collect_init(struct collect *c)
{
    memset(c, 0, sizeof *c);
    c->diag = (struct dbr_conf_diag){.say = collect_say, .arg = c};
}

static inline void collect_fini(struct collect *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->lines[i]);
    c->n = c->errors = c->warnings = 0;
}

/* True if one complaint holds all the words, given as "a|b|c". */
static inline bool collect_has(const struct collect *c, const char *words)
{
    for (int i = 0; i < c->n; i++) {
        char copy[512], *save = NULL;
        bool all = true;
        snprintf(copy, sizeof copy, "%s", words);
        for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
            all = all && strstr(c->lines[i], w);
        if (all)
            return true;
    }
    return false;
}

static inline void collect_print(const struct collect *c)
{
    for (int i = 0; i < c->n; i++)
        print_error("  %s\n", c->lines[i]);
}

/* One text into a fresh configuration; the caller frees both. */
static inline int parse_into(struct dbr_config *cfg, struct collect *c, const char *text)
{
    collect_init(c);
    assert_int_equal(dbr_config_init(cfg), 0);
    return dbr_config_parse(cfg, "t.conf", text, strlen(text), &c->diag);
}

/* The dump as one text. */
struct dump {
    size_t len;
    char text[65536];
};

static inline void dump_line(void *arg, const char *line)
{
    struct dump *d = arg;
    d->len += (size_t)snprintf(d->text + d->len, sizeof d->text - d->len, "%s\n", line);
    assert_true(d->len < sizeof d->text);
}

/* The line of the dump that begins with the keyword; "" when there is none. Static buffer. */
static inline const char *dumped(const struct dbr_config *cfg, const char *keyword)
{
    static struct dump d;
    static char line[4096];
    size_t n = strlen(keyword);
    d.len = 0;
    d.text[0] = 0;
    dbr_config_show(cfg, dump_line, &d);
    for (const char *p = d.text; *p; p = strchr(p, '\n') + 1) {
        if (strncmp(p, keyword, n) != 0 || (p[n] != ' ' && p[n] != '\n'))
            continue;
        snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
        return line;
    }
    return "";
}

#endif
