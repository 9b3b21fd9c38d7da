/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

#include "base/err.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct dbr_tls_ctx *wire_ctx(bool server, const struct pki_id *ca, const struct pki_id *own,
                             const struct dbr_tls_config *config)
{
    struct dbr_tls_config c = config ? *config : (struct dbr_tls_config){0};
    struct dbr_tls_ctx *ctx;
    char why[256] = "";
    c.server = server;
    c.ca = ca->pem;
    c.ca_len = ca->pem_len;
    if (!c.cert) {
        c.cert = own->pem;
        c.cert_len = own->pem_len;
    }
    c.key = own->key_pem;
    c.key_len = own->key_pem_len;
    if (dbr_tls_ctx_new(&ctx, &c, why, sizeof why))
        fail_msg("context: %s", why);
    return ctx;
}

struct dbr_tls *wire_session(struct dbr_tls_ctx *ctx, void *session_arg)
{
    struct dbr_tls *t;
    if (dbr_tls_new(&t, ctx, session_arg))
        fail_msg("no session");
    return t;
}

size_t wire_move(struct dbr_tls *from, struct dbr_tls *to, size_t chunk)
{
    uint8_t buf[4096];
    size_t all = 0;
    for (size_t n; (n = dbr_tls_drain(from, buf, chunk < sizeof buf ? chunk : sizeof buf)); all += n)
        dbr_tls_feed(to, buf, n);
    return all;
}

struct wire_result wire_handshake(struct dbr_tls *client, struct dbr_tls *server, size_t chunk)
{
    struct wire_result r;
    size_t moved;
    do {
        r.client = dbr_tls_step(client);
        moved = wire_move(client, server, chunk);
        r.server = dbr_tls_step(server);
        moved += wire_move(server, client, chunk);
    } while (moved);
    return r;
}

void wire_must_connect(struct dbr_tls *client, struct dbr_tls *server)
{
    struct wire_result r = wire_handshake(client, server, 1200);
    if (r.client || r.server)
        fail_msg("handshake: client \"%s\", server \"%s\"", dbr_tls_why(client), dbr_tls_why(server));
}

SSL *raw_end(bool server, const struct pki_id *ca, const struct pki_id *own, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    if (own && (!SSL_CTX_use_certificate(ctx, own->cert) || !SSL_CTX_use_PrivateKey(ctx, own->key)))
        fail_msg("raw end: certificate");
    if (ca)
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca->cert);
    if (server)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL *raw = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_bio(raw, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (server)
        SSL_set_accept_state(raw);
    else
        SSL_set_connect_state(raw);
    return raw;
}

void raw_free(SSL *raw)
{
    SSL_free(raw);
    ERR_clear_error();
}

size_t raw_to_ours(SSL *raw, struct dbr_tls *ours)
{
    uint8_t buf[4096];
    size_t all = 0;
    for (int n; (n = BIO_read(SSL_get_wbio(raw), buf, sizeof buf)) > 0; all += (size_t)n)
        dbr_tls_feed(ours, buf, (size_t)n);
    return all;
}

size_t ours_to_raw(struct dbr_tls *ours, SSL *raw)
{
    uint8_t buf[4096];
    size_t all = 0;
    for (size_t n; (n = dbr_tls_drain(ours, buf, sizeof buf)); all += n)
        BIO_write(SSL_get_rbio(raw), buf, (int)n);
    return all;
}

int raw_handshake(SSL *raw, struct dbr_tls *ours)
{
    int err;
    size_t moved;
    do {
        SSL_do_handshake(raw);
        ERR_clear_error();
        moved = raw_to_ours(raw, ours);
        err = dbr_tls_step(ours);
        moved += ours_to_raw(ours, raw);
    } while (moved);
    return err;
}
