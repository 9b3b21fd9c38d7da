/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes with a struct of their own: each a setter, a line of the dump and, where it owns memory, a free.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/shape.h"

/* ---- compression framing ---- */

/* Words of comp-lzo and compress. lz4 would have to be decoded, and that is not built. */
static const struct {
    enum dbr_directive which;
    const char *word;
    int comp; /* -1: not built */
} comps[] = {
    {DBR_D_comp_lzo, "yes", DBR_COMP_LZO},
    {DBR_D_comp_lzo, "no", DBR_COMP_LZO},
    {DBR_D_comp_lzo, "adaptive", DBR_COMP_LZO},
    {DBR_D_compress, "lzo", DBR_COMP_LZO},
    {DBR_D_compress, "stub", DBR_COMP_STUB},
    {DBR_D_compress, "stub-v2", DBR_COMP_STUB_V2},
    {DBR_D_compress, "", DBR_COMP_STUB},
    {DBR_D_compress, "migrate", DBR_COMP_MIGRATE},
    {DBR_D_comp_lzo, "", DBR_COMP_LZO},
    {DBR_D_compress, "lz4", -1},
    {DBR_D_compress, "lz4-v2", -1},
    {DBR_D_compress, "snappy", -1},
};

static int set_comp(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const char *word = argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof comps / sizeof comps[0]; i++) {
        if (comps[i].which != p->which || strcmp(comps[i].word, word) != 0)
            continue;
        if (comps[i].comp < 0)
            return conf_error(p, "%s is not built; use `compress migrate`, or remove it on both ends", word);
        *(int *)member = comps[i].comp;
        return 0;
    }
    return conf_error(p, "'%.64s' is not one of its words; remove it on both ends", word);
}

static void show_comp(struct show *s, const void *member)
{
    static const char *const words[] = {NULL, "lzo", "stub", "stub-v2", "migrate"};
    int comp = *(const int *)member;
    if (comp == DBR_COMP_NONE)
        return;
    conf_show_begin(s);
    conf_show_word(s, &s->cfg->comp_lzo == member ? "no" : words[comp]);
    conf_show_end(s);
}

static int set_allow_comp(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int index = 0;
    int rc = argc ? conf_take_choice(p, argv[0], "asym|no|yes", &index) : 0;
    if (rc != 0)
        return rc;
    if (index == 2)
        conf_warn(p, "frames are never compressed (VORACLE); yes is taken as asym");
    *(int *)member = index == 1 ? DBR_ALLOW_COMP_NO : DBR_ALLOW_COMP_ASYM;
    return 0;
}

static void show_allow_comp(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_word(s, *(const int *)member == DBR_ALLOW_COMP_NO ? "no" : "asym");
    conf_show_end(s);
}

/* ---- numbers with a second value ---- */

static int set_tls_version(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const char *v = argv[0];
    bool known = v[0] == '1' && v[1] == '.' && v[2] >= '0' && v[2] <= '3' && !v[3];
    int index;
    if (argc > 1 && conf_take_choice(p, argv[1], "or-highest", &index) != 0)
        return DBR_ERR_CONFIG;
    if (!known && argc < 2)
        return conf_error(p, "'%.64s' is no TLS version; give 1.2 or 1.3", v);
    *(int *)member = known ? DBR_TLS_1_0 + (v[2] - '0') : DBR_TLS_1_3;
    return 0;
}

static void show_tls_version(struct show *s, const void *member)
{
    int v = *(const int *)member;
    if (!v)
        return;
    conf_show_begin(s);
    conf_show_format(s, " 1.%d", v - DBR_TLS_1_0);
    conf_show_end(s);
}

/* reneg-sec MAX [MIN]: finish() fills in a MIN that was not given. */
static int set_reneg_sec(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int max, min = -1;
    int rc = conf_take_int(p, argv[0], &max);
    if (rc == 0 && argc > 1)
        rc = conf_take_int(p, argv[1], &min);
    if (rc == 0 && min > max)
        return conf_error(p, "%d to %d is no range; write the longer time first", max, min);
    if (rc != 0)
        return rc;
    *(int *)member = max;
    p->cfg->reneg_sec_min = min;
    return 0;
}

static void show_reneg_sec(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %d", *(const int *)member);
    if (s->cfg->reneg_sec_min >= 0)
        conf_show_format(s, " %d", s->cfg->reneg_sec_min);
    conf_show_end(s);
}

static int set_inactive(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int secs;
    int64_t bytes = 0;
    int rc = conf_take_int(p, argv[0], &secs);
    if (rc == 0 && argc > 1)
        rc = conf_take_number(p, argv[1], &bytes);
    if (rc != 0)
        return rc;
    *(int *)member = secs;
    p->cfg->inactive_bytes = (uint64_t)bytes;
    return 0;
}

static void show_inactive(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %d", *(const int *)member);
    if (s->cfg->inactive_bytes)
        conf_show_format(s, " %llu", (unsigned long long)s->cfg->inactive_bytes);
    conf_show_end(s);
}

static int set_tun_mtu(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int mtu, occ = 0;
    int rc = conf_take_int(p, argv[0], &mtu);
    if (rc == 0 && argc > 1)
        rc = conf_take_int(p, argv[1], &occ);
    if (rc != 0)
        return rc;
    *(int *)member = mtu;
    p->cfg->occ_mtu = occ;
    return 0;
}

static void show_tun_mtu(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %d", *(const int *)member);
    if (s->cfg->occ_mtu)
        conf_show_format(s, " %d", s->cfg->occ_mtu);
    conf_show_end(s);
}

/* The second number keeps its default where it is not given. */
static int set_count(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_count *count = member, v = *count;
    int rc = conf_take_int(p, argv[0], &v.n);
    if (rc == 0 && argc > 1)
        rc = conf_take_int(p, argv[1], &v.secs);
    if (rc == 0)
        *count = v;
    return rc;
}

static void show_count(struct show *s, const void *member)
{
    const struct dbr_conf_count *count = member;
    if (count->n == 0 && count->secs == 0 && s->cfg->set[s->row - table_rows].line == 0)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d %d", count->n, count->secs);
    conf_show_end(s);
}

static int set_keepalive(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_keepalive v;
    (void)argc;
    int rc = conf_take_int(p, argv[0], &v.ping);
    if (rc == 0)
        rc = conf_take_int(p, argv[1], &v.restart);
    if (rc != 0)
        return rc;
    if (v.restart < 2 * (int64_t)v.ping)
        return conf_error(p,
                          "the restart time must be at least twice the ping time; write: keepalive %d %lld",
                          v.ping, 6LL * v.ping);
    *(struct dbr_conf_keepalive *)member = v;
    return 0;
}

static void show_keepalive(struct show *s, const void *member)
{
    const struct dbr_conf_keepalive *v = member;
    if (v->ping == 0)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d %d", v->ping, v->restart);
    conf_show_end(s);
}

/* ---- scripts' environment, pushed options, key usage ---- */

static int set_setenv(struct parse *p, void *member, size_t argc, char *const *argv)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (!*argv[0] || argv[0][strspn(argv[0], letters)] || (argv[0][0] >= '0' && argv[0][0] <= '9'))
        return conf_error(p, "'%.64s' is no name of a variable; use letters, digits and '_'", argv[0]);
    if (argc > 1 && strcmp(argv[0], "FORWARD_COMPATIBLE") == 0 && strcmp(argv[1], "1") == 0)
        p->cfg->forward_compatible = true;
    return conf_list_add(p, member, conf_join(p, argc, argv));
}

static void show_setenv(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    for (size_t i = 0; i < list->n; i++) {
        const char *space = strchr(list->v[i], ' ');
        conf_show_begin(s);
        conf_show_format(s, " %.*s", (int)strcspn(list->v[i], " "), list->v[i]);
        if (space)
            conf_show_word(s, "[hidden]");
        conf_show_end(s);
    }
}

/* What clients would not take is worth a warning: it is a mistake, or for programs we do not know. */
static void warn_if_not_pushable(struct parse *p, const char *option)
{
    char keyword[64];
    snprintf(keyword, sizeof keyword, "%.*s", (int)strcspn(option, " \t"), option);
    int which = dbr_directive_find(keyword);
    if (which >= 0 && !table_in_scope(&table_rows[which], 'p'))
        conf_warn(p, "clients do not take %s from a server; put it into their file", keyword);
}

static int set_push(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const char *option = argv[0];
    (void)argc;
    if (!option[strspn(option, " \t")])
        return conf_error(p, "empty; write: push \"OPTION\"");
    if (strchr(option, ','))
        return conf_error(p, "a comma would cut the option in two; write one push per option");
    if (strlen(option) > 255)
        return conf_error(p, "longer than the 255 bytes that clients take; shorten it");
    for (const unsigned char *c = (const unsigned char *)option; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return conf_error(p, "control characters may not be pushed; remove them");
    warn_if_not_pushable(p, option);
    return conf_list_add(p, member, conf_keep(p, option));
}

static void show_push(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    for (size_t i = 0; i < list->n; i++) {
        conf_show_begin(s);
        conf_show_word(s, list->v[i]);
        conf_show_end(s);
    }
}

/* The last line counts: a second one may not widen the first. Without a value: some key usage must be there.
 */
static int set_key_usage(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_list list = {0};
    int rc = 0;
    for (size_t i = 0; i < argc && rc == 0; i++) {
        size_t n = strlen(argv[i]);
        if (n < 1 || n > 4 || argv[i][strspn(argv[i], "0123456789abcdefABCDEF")])
            rc = conf_error(p, "'%.64s' is no key usage; write it in hexadecimal, like a0", argv[i]);
        else
            rc = conf_list_add(p, &list, conf_keep(p, argv[i]));
    }
    if (rc != 0) {
        conf_list_free(&list);
        return rc;
    }
    conf_list_free(member);
    *(struct dbr_conf_list *)member = list;
    return 0;
}

static void show_key_usage(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    if (!DBR_IS_SET(s->cfg, remote_cert_ku))
        return;
    conf_show_begin(s);
    for (size_t i = 0; i < list->n; i++)
        conf_show_word(s, list->v[i]);
    conf_show_end(s);
}

/* ---- mssfix ---- */

static int set_mssfix(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_mssfix v = {DBR_MSSFIX_DEFAULT, 1492};
    int index = -1;
    int rc = argc ? conf_take_int(p, argv[0], &v.size) : 0;
    if (rc == 0 && argc > 1)
        rc = conf_take_choice(p, argv[1], "mtu|fixed", &index);
    if (rc != 0)
        return rc;
    if (argc && v.size != 0 && v.size < 68)
        return conf_error(p, "%d bytes are too few; give at least 68, or 0 for off", v.size);
    if (argc)
        v.kind = v.size == 0  ? DBR_MSSFIX_OFF
                 : index == 0 ? DBR_MSSFIX_MTU
                 : index == 1 ? DBR_MSSFIX_FIXED
                              : DBR_MSSFIX_UDP;
    *(struct dbr_conf_mssfix *)member = v;
    return 0;
}

static void show_mssfix(struct show *s, const void *member)
{
    static const char *const kinds[] = {" mtu", "", "", " mtu", " fixed"};
    const struct dbr_conf_mssfix *v = member;
    conf_show_begin(s);
    conf_show_format(s, " %d%s", v->size, kinds[v->kind]);
    conf_show_end(s);
}

/* ---- fragment ---- */

static int set_fragment(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_fragment v = {0};
    int index = -1;
    int rc = conf_take_int(p, argv[0], &v.size);
    if (rc == 0 && argc > 1)
        rc = conf_take_choice(p, argv[1], "mtu", &index);
    if (rc != 0)
        return rc;
    v.mtu = index == 0;
    *(struct dbr_conf_fragment *)member = v;
    return 0;
}

static void show_fragment(struct show *s, const void *member)
{
    const struct dbr_conf_fragment *v = member;
    if (!v->size)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d%s", v->size, v->mtu ? " mtu" : "");
    conf_show_end(s);
}

static int set_inner_mtu(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc;
    if (strcmp(argv[0], "auto") == 0) {
        *(int *)member = DBR_INNER_MTU_AUTO;
        return 0;
    }
    if (strcmp(argv[0], "off") == 0) {
        *(int *)member = DBR_INNER_MTU_OFF;
        return 0;
    }
    return conf_take_int(p, argv[0], member);
}

static void show_inner_mtu(struct show *s, const void *member)
{
    int v = *(const int *)member;
    conf_show_begin(s);
    if (v == DBR_INNER_MTU_AUTO || v == DBR_INNER_MTU_OFF)
        conf_show_format(s, " %s", v == DBR_INNER_MTU_OFF ? "off" : "auto");
    else
        conf_show_format(s, " %d", v);
    conf_show_end(s);
}

/* ---- a string and a value ---- */

/* As a default there are only the SECONDS. */
static int set_file(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_file *file = member;
    if (p->reading == READ_DEFAULTS)
        return conf_take_int(p, argv[0], &file->secs);
    if (!*argv[0])
        return conf_error(p, "empty; write: %s %s", conf_row(p)->info.keyword, conf_row(p)->info.args);
    int secs = file->secs;
    int rc = argc > 1 ? conf_take_int(p, argv[1], &secs) : 0;
    if (rc == 0)
        rc = conf_take_string(p, &file->path, argv[0]);
    if (rc == 0)
        file->secs = secs;
    return rc;
}

static void show_file(struct show *s, const void *member)
{
    const struct dbr_conf_file *file = member;
    if (!file->path)
        return;
    conf_show_begin(s);
    conf_show_word(s, file->path);
    conf_show_format(s, " %d", file->secs);
    conf_show_end(s);
}

static void drop_file(void *member)
{
    conf_drop_string(&((struct dbr_conf_file *)member)->path);
}

static int set_option(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_option *v = member;
    int rc = argc ? conf_take_string(p, &v->name, argv[0]) : 0;
    if (rc == 0)
        v->on = true;
    return rc;
}

static void show_option(struct show *s, const void *member)
{
    const struct dbr_conf_option *v = member;
    if (!v->on)
        return;
    conf_show_begin(s);
    if (v->name)
        conf_show_word(s, v->name);
    conf_show_end(s);
}

static void drop_option(void *member)
{
    struct dbr_conf_option *v = member;
    conf_drop_string(&v->name);
    v->on = false;
}

static const char x509_types[] = "subject|name|name-prefix";

static int set_x509_name(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_x509_name *v = member;
    int type = DBR_X509_NAME_SUBJECT;
    if (!*argv[0])
        return conf_error(p, "empty; every certificate would fit, give the name");
    int rc = argc > 1 ? conf_take_choice(p, argv[1], x509_types, &type) : 0;
    if (rc == 0)
        rc = conf_take_string(p, &v->name, argv[0]);
    if (rc == 0)
        v->type = (enum dbr_x509_name)type;
    return rc;
}

static void show_x509_name(struct show *s, const void *member)
{
    static const char *const types[] = {"subject", "name", "name-prefix"};
    const struct dbr_conf_x509_name *v = member;
    if (!v->name)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->name);
    conf_show_word(s, types[v->type]);
    conf_show_end(s);
}

static void drop_x509_name(void *member)
{
    conf_drop_string(&((struct dbr_conf_x509_name *)member)->name);
}

static const char *const pull_actions[] = {"accept", "ignore", "reject"};

static int set_filter(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_filters *list = member;
    int action;
    (void)argc;
    int rc = conf_take_choice(p, argv[0], "accept|ignore|reject", &action);
    if (rc != 0)
        return rc;
    char *text = conf_keep(p, argv[1]);
    struct dbr_conf_filter *f = text ? conf_array_grow(p, (void **)&list->v, &list->n, sizeof *f) : NULL;
    if (!f) {
        free(text);
        return DBR_ERR_NOMEM;
    }
    *f = (struct dbr_conf_filter){(enum dbr_pull_action)action, text};
    return 0;
}

static void show_filters(struct show *s, const void *member)
{
    const struct dbr_conf_filters *list = member;
    for (size_t i = 0; i < list->n; i++) {
        conf_show_begin(s);
        conf_show_word(s, pull_actions[list->v[i].action]);
        conf_show_word(s, list->v[i].text);
        conf_show_end(s);
    }
}

static void drop_filters(void *member)
{
    struct dbr_conf_filters *list = member;
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i].text);
    free(list->v);
    *list = (struct dbr_conf_filters){0};
}

/* ---- stale lists, OCSP ---- */

static int set_stale(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_stale v = {0};
    int mode;
    int rc = conf_take_choice(p, argv[0], "refuse|grace|keep", &mode);
    if (rc != 0)
        return rc;
    v.mode = (enum dbr_crl_stale)mode;
    if ((v.mode == DBR_CRL_STALE_GRACE) != (argc == 2))
        return conf_error(p, "only grace takes SECONDS, and it must; write: crl-stale grace 86400");
    rc = argc > 1 ? conf_take_int(p, argv[1], &v.secs) : 0;
    if (rc == 0)
        *(struct dbr_conf_stale *)member = v;
    return rc;
}

static void show_stale(struct show *s, const void *member)
{
    static const char *const modes[] = {"refuse", "grace", "keep"};
    const struct dbr_conf_stale *v = member;
    conf_show_begin(s);
    conf_show_word(s, modes[v->mode]);
    if (v->mode == DBR_CRL_STALE_GRACE)
        conf_show_format(s, " %d", v->secs);
    conf_show_end(s);
}

static void drop_ocsp(void *member)
{
    struct dbr_conf_ocsp *v = member;
    conf_drop_string(&v->url);
    *v = (struct dbr_conf_ocsp){0};
}

static int set_ocsp(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_ocsp v = {.on = true};
    int index = 0;
    bool aia = strcmp(argv[0], "aia") == 0;
    int rc = argc > 1 ? conf_take_choice(p, argv[1], "soft|hard", &index) : 0;
    if (rc == 0 && !aia && strncmp(argv[0], "http://", 7) != 0 && strncmp(argv[0], "https://", 8) != 0)
        rc = conf_error(p, "'%.64s' is no URL; write http://HOST/PATH or aia", argv[0]);
    if (rc == 0 && !aia)
        rc = conf_take_string(p, &v.url, argv[0]);
    if (rc != 0)
        return rc;
    v.hard = index == 1;
    drop_ocsp(member);
    *(struct dbr_conf_ocsp *)member = v;
    return 0;
}

static void show_ocsp(struct show *s, const void *member)
{
    const struct dbr_conf_ocsp *v = member;
    if (!v->on)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->url ? v->url : "aia");
    conf_show_word(s, v->hard ? "hard" : "soft");
    conf_show_end(s);
}

/* ---- the table ---- */

const struct shape conf_composites[SHAPE_COUNT] = {
    [SHAPE_COMP] = {set_comp, show_comp, NULL},
    [SHAPE_ALLOW_COMP] = {set_allow_comp, show_allow_comp, NULL},
    [SHAPE_TLS_VERSION] = {set_tls_version, show_tls_version, NULL},
    [SHAPE_RENEG_SEC] = {set_reneg_sec, show_reneg_sec, NULL},
    [SHAPE_INACTIVE] = {set_inactive, show_inactive, NULL},
    [SHAPE_TUN_MTU] = {set_tun_mtu, show_tun_mtu, NULL},
    [SHAPE_SETENV] = {set_setenv, show_setenv, conf_drop_list},
    [SHAPE_PUSH] = {set_push, show_push, conf_drop_list},
    [SHAPE_KEY_USAGE] = {set_key_usage, show_key_usage, conf_drop_list},
    [SHAPE_KEEPALIVE] = {set_keepalive, show_keepalive, NULL},
    [SHAPE_FRAGMENT] = {set_fragment, show_fragment, NULL},
    [SHAPE_MSSFIX] = {set_mssfix, show_mssfix, NULL},
    [SHAPE_INNER_MTU] = {set_inner_mtu, show_inner_mtu, NULL},
    [SHAPE_PAIR] = {set_count, show_count, NULL},
    [SHAPE_FILE] = {set_file, show_file, drop_file},
    [SHAPE_OPTION] = {set_option, show_option, drop_option},
    [SHAPE_X509_NAME] = {set_x509_name, show_x509_name, drop_x509_name},
    [SHAPE_FILTERS] = {set_filter, show_filters, drop_filters},
    [SHAPE_STALE] = {set_stale, show_stale, NULL},
    [SHAPE_OCSP] = {set_ocsp, show_ocsp, drop_ocsp},
};
