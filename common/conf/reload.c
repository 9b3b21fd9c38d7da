/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/reload.h"

#include <stdlib.h>
#include <string.h>

enum kind { TAKEN, REVOCATION };

/* What may change while clients are up. */
static const struct {
    enum dbr_directive which;
    enum kind kind;
    size_t offset, size;
} rows[] = {
#define ROW(id, kind)                                                                                        \
    {                                                                                                        \
        DBR_D_##id, kind, offsetof(struct dbr_config, id), sizeof(((struct dbr_config *)0)->id)              \
    }
    /* the log */
    ROW(verb, TAKEN),
    ROW(mute, TAKEN),
    ROW(status_version, TAKEN),
    /* what new clients are told, and how long they may be silent */
    ROW(push, TAKEN),
    ROW(keepalive, TAKEN),
    ROW(ping, TAKEN),
    ROW(ping_restart, TAKEN),
    ROW(ping_exit, TAKEN),
    ROW(inactive, TAKEN),
    ROW(session_timeout, TAKEN),
    ROW(explicit_exit_notify, TAKEN),
    /* who may enter, and what he may do */
    ROW(duplicate_cn, TAKEN),
    ROW(ccd_exclusive, TAKEN),
    ROW(port_kind, TAKEN),
    ROW(tunnel, TAKEN),
    ROW(mac_limit, TAKEN),
    ROW(source_guard, TAKEN),
    ROW(storm_limit, TAKEN),
    ROW(remote_cert_tls, TAKEN),
    ROW(remote_cert_ku, TAKEN),
    ROW(remote_cert_eku, TAKEN),
    ROW(ns_cert_type, TAKEN),
    ROW(verify_x509_name, TAKEN),
    /* keys, certificates, TLS */
    ROW(ca, TAKEN),
    ROW(cert, TAKEN),
    ROW(key, TAKEN),
    ROW(pkcs12, TAKEN),
    ROW(peer_fingerprint, TAKEN),
    ROW(verify_hash, TAKEN),
    ROW(extra_certs, TAKEN),
    ROW(askpass, TAKEN),
    ROW(tls_auth, TAKEN),
    ROW(tls_crypt, TAKEN),
    ROW(tls_crypt_v2, TAKEN),
    ROW(tls_crypt_v2_withdrawn, TAKEN),
    ROW(tls_crypt_v2_max_age, TAKEN),
    ROW(tls_auth_old, TAKEN),
    ROW(key_direction, TAKEN),
    ROW(tls_version_min, TAKEN),
    ROW(tls_version_max, TAKEN),
    ROW(tls_cipher, TAKEN),
    ROW(tls_ciphersuites, TAKEN),
    ROW(tls_groups, TAKEN),
    ROW(tls_cert_profile, TAKEN),
    ROW(reneg_sec, TAKEN),
    ROW(hand_window, TAKEN),
    ROW(tran_window, TAKEN),
    ROW(tls_timeout, TAKEN),
    /* revocation */
    ROW(crl_stale, TAKEN),
    ROW(crl_verify, REVOCATION),
    ROW(crl_url, REVOCATION),
    ROW(capath, REVOCATION),
    ROW(ocsp, REVOCATION),
#undef ROW
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---- what differs ---- */

/* The lines of --show-config about each directive, one behind the other. */
struct shown {
    char *text[DBR_D_COUNT];
    bool nomem;
};

static void keep_line(void *arg, const char *line)
{
    struct shown *s = arg;
    char keyword[64];
    size_t n = strcspn(line, " ");
    if (n >= sizeof keyword)
        return;
    memcpy(keyword, line, n);
    keyword[n] = 0;
    int which = dbr_directive_find(keyword);
    if (which < 0)
        return;
    size_t had = s->text[which] ? strlen(s->text[which]) : 0, len = strlen(line);
    char *more = realloc(s->text[which], had + len + 2);
    if (!more) {
        s->nomem = true;
        return;
    }
    memcpy(more + had, line, len);
    memcpy(more + had + len, "\n", 2);
    s->text[which] = more;
}

static void free_shown(struct shown *s)
{
    for (int i = 0; i < DBR_D_COUNT; i++)
        free(s->text[i]);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- taking ---- */

static void swap_bytes(void *a, void *b, size_t n)
{
    unsigned char *p = a, *q = b;
    for (size_t i = 0; i < n; i++) {
        unsigned char t = p[i];
        p[i] = q[i];
        q[i] = t;
    }
}

static bool may_take(enum dbr_directive which, bool revocation, size_t *row)
{
    for (*row = 0; *row < ROWS; ++*row)
        if (rows[*row].which == which)
            return rows[*row].kind == TAKEN || revocation;
    return false;
}

static void take_row(struct dbr_config *live, struct dbr_config *fresh, size_t row)
{
    const size_t at = rows[row].offset;
    swap_bytes((char *)live + at, (char *)fresh + at, rows[row].size);
    swap_bytes(&live->set[rows[row].which], &fresh->set[rows[row].which], sizeof live->set[0]);
}

int dbr_config_take(struct dbr_config *live, struct dbr_config *fresh, bool revocation,
                    void (*report)(void *arg, const char *keyword, bool taken), void *arg)
{
    struct shown *was = calloc(2, sizeof *was), *is = was ? was + 1 : NULL;
    size_t row;
    if (!was)
        return DBR_ERR_NOMEM;
    dbr_config_show(live, keep_line, was);
    dbr_config_show(fresh, keep_line, is);
    int err = was->nomem || is->nomem ? DBR_ERR_NOMEM : 0;
    for (int i = 0; !err && i < DBR_D_COUNT; i++) {
        bool taken = may_take((enum dbr_directive)i, revocation, &row);
        if (taken)
            take_row(live, fresh, row);
        if (report && !same(was->text[i], is->text[i]))
            report(arg, dbr_directive_info((enum dbr_directive)i)->keyword, taken);
    }
    if (!err) {
        live->reneg_sec_min = fresh->reneg_sec_min;
        live->inactive_bytes = fresh->inactive_bytes;
        swap_bytes(&live->files, &fresh->files, sizeof live->files);
    }
    free_shown(was);
    free_shown(is);
    free(was);
    return err;
}

int dbr_config_files(const struct dbr_config *cfg,
                     int (*each)(void *arg, enum dbr_directive which, const char *path), void *arg)
{
    const struct {
        enum dbr_directive which;
        const char *path;
    } files[] = {
        {DBR_D_ca, cfg->ca.path},
        {DBR_D_cert, cfg->cert.path},
        {DBR_D_key, cfg->key.path},
        {DBR_D_pkcs12, cfg->pkcs12.path},
        {DBR_D_extra_certs, cfg->extra_certs.path},
        {DBR_D_askpass, cfg->askpass.name},
        {DBR_D_tls_auth, cfg->tls_auth.path},
        {DBR_D_tls_crypt, cfg->tls_crypt.path},
        {DBR_D_tls_crypt_v2, cfg->tls_crypt_v2.path},
        {DBR_D_tls_crypt_v2_withdrawn, cfg->tls_crypt_v2_withdrawn},
        {DBR_D_tls_auth_old, cfg->tls_auth_old.path},
    };
    int err = 0;
    for (size_t i = 0; !err && i < sizeof files / sizeof files[0]; i++)
        if (files[i].path)
            err = each(arg, files[i].which, files[i].path);
    return err;
}
