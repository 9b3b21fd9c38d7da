/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/lex.h"
#include "conf/parse.h"
#include "conf/shape.h"

/* ---- birth and death ---- */

/* What "not given" is for shapes where zero means something. */
static void set_absent(struct dbr_config *cfg, const struct directive *row)
{
    if (row->shape == SHAPE_ENUM || row->shape == SHAPE_INT || row->shape == SHAPE_OPT1)
        *(int *)table_member(cfg, row) = -1;
}

static int set_default(struct parse *p, enum dbr_directive which)
{
    const char *dflt = table_rows[which].info.dflt, *why;
    struct lex_words words;
    if (!dflt || table_rows[which].shape == SHAPE_ALIAS)
        return 0;
    if (lex_line(dflt, strlen(dflt), &words, &why) != 1)
        return DBR_ERR_CONFIG;
    return conf_directive(p, which, words.argc, words.argv);
}

int dbr_config_init(struct dbr_config *cfg)
{
    struct parse p = {.cfg = cfg, .reading = READ_DEFAULTS, .file = "default"};
    int rc = 0;
    memset(cfg, 0, sizeof *cfg);
    cfg->tls_auth.direction = -1;
    cfg->mssfix.size = 1492;
    for (int i = 0; i < DBR_D_COUNT && rc == 0; i++) {
        set_absent(cfg, &table_rows[i]);
        rc = set_default(&p, (enum dbr_directive)i);
    }
    return rc;
}

void dbr_config_free(struct dbr_config *cfg)
{
    for (int i = 0; i < DBR_D_COUNT; i++) {
        void (*drop)(void *) = conf_shape(table_rows[i].shape)->drop;
        if (drop)
            drop(table_member(cfg, &table_rows[i]));
    }
    conf_list_free(&cfg->files);
}

/* ---- reading ---- */

static int parse_file(struct dbr_config *cfg, enum reading reading, const char *file_name, const char *text,
                      size_t len, const struct dbr_conf_diag *diag)
{
    struct parse p = {.cfg = cfg, .diag = diag, .reading = reading, .file = file_name, .which = DBR_D_config};
    if (conf_enter_file(&p, file_name) == 0)
        conf_text(&p, text, len, 0);
    return conf_result(&p);
}

int dbr_config_parse(struct dbr_config *cfg, const char *file_name, const char *text, size_t len,
                     const struct dbr_conf_diag *diag)
{
    return parse_file(cfg, READ_FILE, file_name, text, len, diag);
}

static bool is_option(const char *arg)
{
    return strncmp(arg, "--", 2) == 0 && arg[2];
}

/* The option at argv[0] and what follows up to the next one; returns how many arguments that was. */
static int take_option(struct parse *p, int argc, char *const *argv)
{
    char *words[LEX_ARGS_MAX];
    int n = 1;
    while (n < argc && !is_option(argv[n]))
        n++;
    if (n > LEX_ARGS_MAX) {
        conf_error_about(p, argv[0] + 2, "too many arguments; %d at most", LEX_ARGS_MAX - 1);
        return n;
    }
    words[0] = argv[0] + 2;
    for (int i = 1; i < n; i++)
        words[i] = argv[i];
    conf_words(p, (size_t)n, words);
    return n;
}

int dbr_config_args(struct dbr_config *cfg, int argc, char *const *argv, const struct dbr_conf_diag *diag)
{
    struct parse p = {
        .cfg = cfg, .diag = diag, .reading = READ_ARGS, .file = "command line", .which = DBR_D_config};
    if (conf_enter_file(&p, "command line") != 0)
        return conf_result(&p);
    p.line = 1;
    if (argc == 1 && !is_option(argv[0])) {
        conf_directive(&p, DBR_D_config, 1, argv);
        return conf_result(&p);
    }
    for (int i = 0; i < argc && !p.nomem;) {
        p.line = (unsigned)i + 1;
        if (is_option(argv[i])) {
            i += take_option(&p, argc - i, argv + i);
        } else {
            conf_error_about(&p, argv[i], "does not begin with --; write --DIRECTIVE or a sole FILE");
            i++;
        }
    }
    return conf_result(&p);
}

const char *dbr_config_where(const struct dbr_config *cfg, enum dbr_directive which, unsigned *line)
{
    const struct dbr_conf_where *at = &cfg->set[which];
    *line = at->line;
    return at->line && at->file < cfg->files.n ? cfg->files.v[at->file] : "";
}

/* ---- a client's file ---- */

/* Moves what the file said out of the whole configuration that it was read into. */
static void take_client(struct dbr_client_config *cc, struct dbr_config *from)
{
#define X(id)                                                                                                \
    cc->id = from->id;                                                                                       \
    cc->has.id = DBR_IS_SET(from, id);                                                                       \
    memset(&from->id, 0, sizeof from->id);
    DBR_CCD_LIST(X)
#undef X
    cc->inactive_bytes = from->inactive_bytes;
}

int dbr_config_parse_ccd(struct dbr_client_config *cc, const char *file_name, const char *text, size_t len,
                         const struct dbr_conf_diag *diag)
{
    memset(cc, 0, sizeof *cc);
    struct dbr_config *whole = malloc(sizeof *whole);
    if (!whole)
        return DBR_ERR_NOMEM;
    int rc = dbr_config_init(whole);
    if (rc == 0)
        rc = parse_file(whole, READ_CCD, file_name, text, len, diag);
    take_client(cc, whole);
    dbr_config_free(whole);
    free(whole);
    return rc;
}

static void drop_member(enum dbr_directive which, void *member)
{
    void (*drop)(void *) = conf_shape(table_rows[which].shape)->drop;
    if (drop)
        drop(member);
}

void dbr_client_config_free(struct dbr_client_config *cc)
{
#define X(id) drop_member(DBR_D_##id, &cc->id);
    DBR_CCD_LIST(X)
#undef X
}

/* ---- pushed options ---- */

enum { PUSHED_MAX = 1024 }; /* options in one reply */

/* What route-nopull keeps out. */
static const enum dbr_directive routes[] = {
    DBR_D_route,
    DBR_D_route_ipv6,
    DBR_D_route_metric,
    DBR_D_redirect_gateway,
    DBR_D_redirect_private,
    DBR_D_dhcp_option,
    DBR_D_dns,
    DBR_D_block_outside_dns,
    DBR_D_register_dns,
    DBR_D_block_ipv6,
};

static bool is_route(const char *keyword)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(table_rows[routes[i]].info.keyword, keyword) == 0)
            return true;
    return false;
}

/* The first pull-filter whose text begins the option; ACCEPT when there is none. */
static enum dbr_pull_action filtered(const struct dbr_config *own, const char *option, size_t len)
{
    for (size_t i = 0; i < own->pull_filter.n; i++) {
        const struct dbr_conf_filter *f = &own->pull_filter.v[i];
        size_t n = strlen(f->text);
        if (n <= len && memcmp(f->text, option, n) == 0)
            return f->action;
    }
    return DBR_PULL_ACCEPT;
}

/* The words with one blank between them: quotes and backslashes of a server do not lead past a filter. */
static size_t plain_text(const struct lex_words *words, char out[LEX_LINE_MAX + LEX_ARGS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < words->argc; i++) {
        size_t len = strlen(words->argv[i]);
        memcpy(out + n, words->argv[i], len);
        n += len;
        out[n++] = ' ';
    }
    return n ? n - 1 : 0;
}

static int take_pushed(struct parse *p, const struct dbr_config *own, const char *option, size_t len)
{
    struct lex_words words;
    char plain[LEX_LINE_MAX + LEX_ARGS_MAX];
    const char *why;
    while (len && *option == ' ') {
        option++;
        len--;
    }
    int got = lex_line(option, len, &words, &why);
    enum dbr_pull_action action = filtered(own, option, len);
    if (action == DBR_PULL_ACCEPT && got > 0)
        action = filtered(own, plain, plain_text(&words, plain));
    switch (action) {
    case DBR_PULL_ACCEPT: break;
    case DBR_PULL_IGNORE: return 0;
    case DBR_PULL_REJECT:
        conf_warn_about(p, "pull-filter", "rejects what the server pushed; change the filter or the server");
        return DBR_ERR_NEGOTIATE;
    }
    if (got < 0)
        conf_warn_about(p, "option", "%s; ignored", why);
    if (got <= 0 || (own->route_nopull && is_route(words.argv[0])))
        return 0;
    conf_words(p, words.argc, words.argv);
    return p->nomem ? DBR_ERR_NOMEM : 0;
}

int dbr_config_parse_pushed(struct dbr_config *pulled, const struct dbr_config *own, const char *options,
                            size_t len, const struct dbr_conf_diag *diag)
{
    struct parse p = {
        .cfg = pulled, .diag = diag, .reading = READ_PUSHED, .file = "pushed", .which = DBR_D_pull};
    int rc = pulled->files.n ? 0 : conf_enter_file(&p, "pushed");
    const char *nul = len ? memchr(options, 0, len) : NULL;
    const char *end = len ? options + len : options;
    if (nul)
        end = nul;
    while (rc == 0 && options < end) {
        const char *comma = memchr(options, ',', (size_t)(end - options));
        const char *stop = comma ? comma : end;
        if (++p.line > PUSHED_MAX)
            return DBR_ERR_LIMIT;
        rc = take_pushed(&p, own, options, (size_t)(stop - options));
        options = comma ? comma + 1 : end;
    }
    return rc;
}

/* ---- the dump ---- */

void dbr_config_show(const struct dbr_config *cfg, void (*emit)(void *arg, const char *line), void *arg)
{
    struct show s = {.emit = emit, .arg = arg, .cfg = cfg};
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct directive *row = &table_rows[i];
        void (*show)(struct show *, const void *) = conf_shape(row->shape)->show;
        s.row = row;
        if (show && row->info.status == DBR_HONOUR)
            show(&s, (const char *)cfg + row->offset);
    }
}
