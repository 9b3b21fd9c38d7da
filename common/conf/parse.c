/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "conf/lex.h"
#include "conf/shape.h"

/* ---- complaints ---- */

static void say(struct parse *p, enum dbr_conf_severity severity, const char *word, const char *fmt,
                va_list ap)
{
    char line[1024], *end = line + sizeof line;
    if (!p->diag || !p->diag->say)
        return;
    char *at = line + snprintf(line, 400, "%.300s:", p->file);
    if (p->line)
        at += snprintf(at, 16, "%u:", p->line);
    at += snprintf(at, 80, " %.60s: ", word);
    vsnprintf(at, (size_t)(end - at), fmt, ap);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || (p->reading == READ_PUSHED && (unsigned char)*c > 0x7f))
            *c = '?';
    p->diag->say(p->diag->arg, severity, line);
}

static int say_error(struct parse *p, const char *word, const char *fmt, va_list ap)
{
    p->errors++;
    say(p, p->reading == READ_PUSHED ? DBR_CONF_WARNING : DBR_CONF_ERROR, word, fmt, ap);
    return DBR_ERR_CONFIG;
}

int conf_error(struct parse *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = say_error(p, conf_row(p)->info.keyword, fmt, ap);
    va_end(ap);
    return rc;
}

int conf_error_about(struct parse *p, const char *word, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = say_error(p, word, fmt, ap);
    va_end(ap);
    return rc;
}

void conf_warn(struct parse *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(p, DBR_CONF_WARNING, conf_row(p)->info.keyword, fmt, ap);
    va_end(ap);
}

void conf_warn_about(struct parse *p, const char *word, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(p, DBR_CONF_WARNING, word, fmt, ap);
    va_end(ap);
}

int conf_result(const struct parse *p)
{
    return p->nomem ? DBR_ERR_NOMEM : p->errors ? DBR_ERR_CONFIG : 0;
}

/* ---- memory ---- */

char *conf_keep_bytes(struct parse *p, const char *s, size_t n)
{
    char *copy = malloc(n + 1);
    if (!copy) {
        p->nomem = true;
        return NULL;
    }
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

char *conf_keep(struct parse *p, const char *s)
{
    return conf_keep_bytes(p, s, strlen(s));
}

void *conf_array_grow(struct parse *p, void **v, size_t *n, size_t size)
{
    if (*n >= CONF_LIST_MAX) {
        conf_error(p, "given too often; %d times at most", CONF_LIST_MAX);
        return NULL;
    }
    if ((*n & (*n - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
        void *bigger = realloc(*v, (*n ? 2 * *n : 1) * size);
        if (!bigger) {
            p->nomem = true;
            return NULL;
        }
        *v = bigger;
    }
    void *element = (char *)*v + (*n)++ * size;
    memset(element, 0, size);
    return element;
}

int conf_list_add(struct parse *p, struct dbr_conf_list *list, char *s)
{
    if (!s)
        return DBR_ERR_NOMEM;
    char **place = conf_array_grow(p, (void **)&list->v, &list->n, sizeof *list->v);
    if (!place) {
        free(s);
        return p->nomem ? DBR_ERR_NOMEM : DBR_ERR_CONFIG;
    }
    *place = s;
    return 0;
}

void conf_list_free(struct dbr_conf_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    free(list->v);
    *list = (struct dbr_conf_list){0};
}

/* ---- one directive ---- */

static const struct {
    const char *letters, *way_out;
} places[] = {
    [READ_FILE] = {"sc", "not for a configuration file; put it into the client's file (client-config-dir)"},
    [READ_ARGS] = {"sca", "not for the command line; put it into the client's file (client-config-dir)"},
    [READ_CCD] = {"k", "not for a client's file; put it into the main configuration"},
    [READ_CONNECTION] = {"n", "not inside <connection>; put it in front of the block"},
    [READ_PUSHED] = {"p", "a server may not push it; ignored"},
};

static bool fits_place(const struct directive *row, enum reading reading)
{
    return strpbrk(row->info.scope, places[reading].letters) != NULL;
}

static void mark(struct parse *p, enum dbr_directive which)
{
    if (p->reading == READ_DEFAULTS)
        return;
    p->cfg->set[which].line = p->line ? p->line : 1;
    p->cfg->set[which].file = p->file_index;
}

/* 1: go on, 0: skip without a word, negative: refused behind a complaint. */
static int admit(struct parse *p, const struct directive *row)
{
    if (p->reading == READ_DEFAULTS)
        return 1;
    if (p->reading == READ_PUSHED) {
        if (!fits_place(row, READ_PUSHED))
            return conf_error(p, "%s", places[READ_PUSHED].way_out);
        if (row->info.status == DBR_IGNORE) {
            mark(p, p->which); /* what has no effect here may have one on another system */
            return 0;
        }
        return row->info.status == DBR_HONOUR ? 1 : conf_error(p, "%s; ignored", row->info.reason);
    }
    if (row->info.status == DBR_REFUSE || row->info.status == DBR_LATER)
        return conf_error(p, "%s; %s", row->info.reason, row->info.way_out);
    if (!fits_place(row, p->reading)) {
        if (strcmp(row->info.scope, "p") == 0)
            return conf_error(p, "only a server may say it; remove the line");
        return conf_error(p, "%s", places[p->reading].way_out);
    }
    if (p->block && !table_in_scope(row, 'i'))
        return conf_error(p, "may not be given as a block; write it as a line");
    return 1;
}

static int check_arity(struct parse *p, const struct directive *row, size_t argc)
{
    size_t fewest, most;
    table_arity(row->info.args, &fewest, &most);
    if (row->shape == SHAPE_SEEN || p->block || (argc >= fewest && argc <= most))
        return 0;
    return conf_error(p, "%s; write: %s%s%s", argc < fewest ? "too few arguments" : "too many arguments",
                      row->info.keyword, *row->info.args ? " " : "", row->info.args);
}

int conf_directive(struct parse *p, enum dbr_directive which, size_t argc, char *const *argv)
{
    const struct directive *row = &table_rows[which];
    p->which = which;
    int rc = admit(p, row);
    if (rc <= 0)
        return rc;
    rc = check_arity(p, row, argc);
    if (rc == 0)
        rc = conf_shape(row->shape)->set(p, table_member(p->cfg, row), argc, argv);
    p->which = which; /* an included file has moved on */
    if (rc != 0)
        return rc;
    if (row->info.status == DBR_IGNORE && p->cfg->set[which].line == 0)
        conf_warn(p, "has no effect: %s; %s", row->info.reason, row->info.way_out);
    mark(p, which);
    return 0;
}

/* ---- one line ---- */

static bool may_be_unknown(const struct parse *p, const char *word)
{
    const struct dbr_conf_list *list = &p->cfg->ignore_unknown_option;
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], word) == 0)
            return true;
    return p->soft || p->cfg->forward_compatible || p->reading == READ_PUSHED;
}

static int unknown(struct parse *p, const char *word)
{
    if (may_be_unknown(p, word)) {
        conf_warn_about(p, word, "not known; ignored");
        return 0;
    }
    const char *near = table_nearest(word);
    if (near)
        return conf_error_about(p, word, "unknown directive; did you mean %s?", near);
    return conf_error_about(p, word, "unknown directive; see docs/config.md for those there are");
}

/* setenv opt DIRECTIVE ... is DIRECTIVE that may be unknown; setenv FORWARD_COMPATIBLE 1 allows all. A server
 * does not say so: what it pushes may be unknown anyhow, and pull-filter looks at how it begins. */
static bool is_setenv_opt(const struct parse *p, size_t argc, char *const *argv)
{
    return p->reading != READ_PUSHED && argc > 2 && strcmp(argv[0], "setenv") == 0 &&
           strcmp(argv[1], "opt") == 0;
}

int conf_words(struct parse *p, size_t argc, char *const *argv)
{
    p->soft = is_setenv_opt(p, argc, argv);
    if (p->soft) {
        argc -= 2;
        argv += 2;
    }
    int which = dbr_directive_find(argv[0]);
    if (which < 0)
        return unknown(p, argv[0]);
    return conf_directive(p, (enum dbr_directive)which, argc - 1, argv + 1);
}

/* ---- blocks ---- */

/* The name between the brackets, cut out in place, or NULL. */
static char *block_name(struct lex_words *words)
{
    size_t n = strlen(words->argv[0]);
    if (words->argc != 1 || n < 3 || words->argv[0][0] != '<' || words->argv[0][n - 1] != '>')
        return NULL;
    words->argv[0][n - 1] = 0;
    return words->argv[0] + 1;
}

static int set_block(struct parse *p, const char *name, const char *text, size_t len)
{
    int which = dbr_directive_find(name);
    if (which < 0)
        return unknown(p, name);
    p->block = text;
    p->block_len = len;
    int rc = conf_directive(p, (enum dbr_directive)which, 0, NULL);
    p->block = NULL;
    return rc;
}

static void take_block(struct parse *p, struct lex *lex, const char *name)
{
    const char *text, *why;
    size_t len;
    p->soft = false;
    if (lex_block(lex, name, &text, &len, &why) != 0)
        conf_error_about(p, name, "%s", why);
    else
        set_block(p, name, text, len);
}

/* ---- texts ---- */

static bool text_is_sound(struct parse *p, const char *text, size_t len)
{
    p->line = 0;
    if (len > LEX_TEXT_MAX) {
        conf_error_about(p, "file", "longer than 8 MiB; this is not a configuration");
        return false;
    }
    if (len && memchr(text, 0, len)) {
        conf_error_about(p, "file", "has a NUL byte; this is not a text file");
        return false;
    }
    return true;
}

int conf_text(struct parse *p, const char *text, size_t len, unsigned first)
{
    struct lex lex;
    struct lex_words words;
    const char *why;
    int got;
    if (!text_is_sound(p, text, len))
        return DBR_ERR_CONFIG;
    lex_open(&lex, text, len);
    while (!p->nomem && (got = lex_next(&lex, &words, &why)) != 0) {
        p->line = first + lex.line;
        if (got < 0) {
            conf_error_about(p, "line", "%s", why);
            continue;
        }
        char *name = block_name(&words);
        if (name)
            take_block(p, &lex, name);
        else
            conf_words(p, words.argc, words.argv);
    }
    return 0;
}

int conf_enter_file(struct parse *p, const char *name)
{
    struct dbr_conf_list *files = &p->cfg->files;
    if (files->n >= CONF_FILES_MAX)
        return conf_error(p, "too many files; %d at most", CONF_FILES_MAX);
    int rc = conf_list_add(p, files, conf_keep(p, name));
    if (rc != 0)
        return rc;
    p->file_index = (uint16_t)(files->n - 1);
    p->file = files->v[p->file_index];
    return 0;
}

/* The path as the program must open it: behind `cd` where it is relative. NULL: no memory. */
static char *full_path(struct parse *p, const char *path)
{
    const char *cd = p->cfg->cd;
    if (!cd || path[0] == '/')
        return conf_keep(p, path);
    size_t n = strlen(cd) + strlen(path) + 2;
    char *full = malloc(n);
    if (!full)
        p->nomem = true;
    else
        snprintf(full, n, "%s/%s", cd, path);
    return full;
}

static int include_text(struct parse *p, const char *path, const char *text, size_t len)
{
    struct parse outer = *p;
    int rc = conf_enter_file(p, path);
    if (rc == 0) {
        p->depth++;
        p->reading = p->reading == READ_ARGS ? READ_FILE : p->reading;
        rc = conf_text(p, text, len, 0);
    }
    outer.errors = p->errors;
    outer.nomem = p->nomem;
    *p = outer;
    return rc;
}

int conf_include(struct parse *p, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    if (!p->diag || !p->diag->read)
        return conf_error(p, "may not be used here; remove the line");
    if (p->depth >= CONF_DEPTH_MAX)
        return conf_error(p, "files include each other more than %d deep; break the circle", CONF_DEPTH_MAX);
    char *full = full_path(p, path);
    if (!full)
        return DBR_ERR_NOMEM;
    int rc = p->diag->read(p->diag->arg, full, &text, &len);
    if (rc != 0)
        rc = conf_error(p, "%.300s cannot be read (%s); check the name and who may read it", full,
                        dbr_err_text(rc));
    else
        rc = include_text(p, full, text, len);
    if (text)
        dbr_wipe(text, len);
    free(text);
    free(full);
    return rc;
}
