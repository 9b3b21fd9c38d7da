/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files into gate, TLS contexts and the configuration that the sessions share.
 */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY = 512, FILE_MAX = 1 << 20, HAND_WINDOW_S = 60, TRAN_WINDOW_S = 3600, TLS_TIMEOUT_S = 2 };

static char *read_text(const char *path, size_t *len)
{
    FILE *in = path ? fopen(path, "re") : NULL;
    char *text = in ? calloc(1, FILE_MAX) : NULL;
    if (text)
        *len = fread(text, 1, FILE_MAX - 1, in);
    if (!text)
        fprintf(stderr, "fleet: cannot read %s\n", path ? path : "a file that is not named");
    if (in)
        fclose(in);
    return text;
}

static int setup_gate(struct fleet *f)
{
    char why[WHY] = "out of memory";
    size_t len;
    if (!f->opt.static_key)
        return dbr_gate_new(&f->gate, DBR_GATE_NONE, NULL, -1, NULL) ? -1 : 0;
    char *text = read_text(f->opt.static_key, &len);
    int err = text ? dbr_static_key_parse(f->static_key, text, len, why, sizeof why) : -1;
    free(text);
    if (!err)
        err = dbr_gate_new(&f->gate, f->opt.crypt ? DBR_GATE_TLS_CRYPT : DBR_GATE_TLS_AUTH, f->static_key, 1,
                           f->opt.auth);
    if (err)
        fprintf(stderr, "fleet: %s: %s\n", f->opt.static_key, why);
    return err ? -1 : 0;
}

static int setup_tls(struct fleet *f, size_t i, const char *ca, size_t ca_len)
{
    char why[WHY] = "";
    struct dbr_tls_config t = {.ca = ca, .ca_len = ca_len};
    char *cert = read_text(f->opt.cert[i], &t.cert_len), *key = read_text(f->opt.key[i], &t.key_len);
    t.cert = cert;
    t.key = key;
    int err = cert && key ? dbr_tls_ctx_new(&f->cfg[i].tls, &t, why, sizeof why) : -1;
    if (*why)
        fprintf(stderr, "fleet: %s\n", why);
    free(cert);
    free(key);
    return err ? -1 : 0;
}

static void setup_session(struct fleet *f, struct dbr_session_config *c)
{
    c->gate = f->gate;
    c->static_key = f->opt.static_key ? f->static_key : NULL;
    c->data_ciphers = f->opt.ciphers;
    c->auth = f->opt.auth;
    c->key_direction = f->opt.crypt ? -1 : 1;
    c->tun_mtu = FRAME_MAX;
    c->hand_window_s = HAND_WINDOW_S;
    c->tran_window_s = TRAN_WINDOW_S;
    c->tls_timeout_s = TLS_TIMEOUT_S;
    c->platform = "linux";
    c->ops = &member_ops;
    c->arg = f;
}

int fleet_setup(struct fleet *f)
{
    size_t ca_len;
    int err = setup_gate(f);
    char *ca = err ? NULL : read_text(f->opt.ca, &ca_len);
    if (!ca)
        return -1;
    for (size_t i = 0; !err && i < f->opt.n_certs; i++) {
        setup_session(f, &f->cfg[i]);
        err = setup_tls(f, i, ca, ca_len);
    }
    free(ca);
    f->aead = dbr_aead_backend_best();
    f->members = err ? NULL : calloc(f->opt.count, sizeof *f->members);
    for (uint32_t i = 0; f->members && i < f->opt.count; i++)
        f->members[i].fleet = f;
    dbr_heap_init(&f->timers);
    return f->members ? 0 : -1;
}

void fleet_teardown(struct fleet *f)
{
    for (uint32_t i = 0; f->members && i < f->opt.count; i++)
        member_free(&f->members[i]);
    free(f->members);
    dbr_heap_fini(&f->timers);
    for (size_t i = 0; i < f->opt.n_certs; i++)
        dbr_tls_ctx_put(f->cfg[i].tls);
    dbr_gate_free(f->gate);
}
