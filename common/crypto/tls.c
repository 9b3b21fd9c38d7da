/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/tls.h"

#include "base/err.h"
#include "base/secret.h"
#include "crypto/extkey.h"
#include "crypto/tls_int.h"
#include "crypto/tls_scheme.h"

#include <openssl/async.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tls_because(struct dbr_tls *t, const char *fmt, ...)
{
    if (t->why || !(t->why = OPENSSL_malloc(DBR_TLS_WHY_MAX)))
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->why, DBR_TLS_WHY_MAX, fmt, ap);
    va_end(ap);
}

static int fail(struct dbr_tls *t, int err)
{
    if (!t->failure)
        t->failure = err;
    return t->failure;
}

/* ---- signatures that others make ---- */

static _Thread_local struct dbr_tls *driven; /* whose handshake runs */

static int drive(struct dbr_tls *t)
{
    driven = t;
    ERR_clear_error();
    int ret = SSL_do_handshake(t->ssl);
    driven = NULL;
    if (t->signed_once && !t->signing)
        SSL_clear_mode(t->ssl, SSL_MODE_ASYNC); /* what comes needs no job, nor has only a job's stack */
    return ret;
}

static int prepare_ask(struct dbr_tls *t, struct tls_signing *s, const struct dbr_to_sign *what)
{
    const struct dbr_tls_scheme *scheme = dbr_tls_scheme_find(what->kind, what->digest, what->pss);
    if (!scheme || what->salt_len >= 0)
        return DBR_ERR_CRYPTO;
    s->what = (struct dbr_tls_to_sign){scheme->number, t->ctx->key_id, what->message, what->n};
    return 0;
}

/* Runs in the job of a handshake, with 32 KiB of stack. */
size_t tls_ask_signature(const struct dbr_to_sign *what, uint8_t *sig, size_t cap)
{
    struct dbr_tls *t = driven;
    struct tls_signing *s = t && ASYNC_get_current_job() ? OPENSSL_zalloc(sizeof *s) : NULL;
    if (!s)
        return 0;
    int err = t->ctx->ask ? prepare_ask(t, s, what) : dbr_sign_request(&s->request, what, t->ctx->signer);
    if (err == DBR_ERR_NOTFOUND)
        tls_because(t,
                    "TLS failed: the signer cannot make this signature (%s); add nopadding or pss to "
                    "management-external-key, where its program can do it",
                    what->pss ? "RSA-PSS" : what->digest);
    s->to_sign = what;
    t->signing = err ? NULL : s;
    while (t->signing && !s->answered)
        if (!ASYNC_pause_job())
            break;
    size_t n = t->signing && s->answered && s->n <= cap ? s->n : 0;
    memcpy(sig, s->sig, n);
    t->signed_once = true;
    if (t->signing && !n)
        tls_because(t, "TLS failed: nobody made the signature");
    t->signing = NULL;
    OPENSSL_clear_free(s, sizeof *s);
    return n;
}

bool dbr_tls_wants_signature(const struct dbr_tls *tls)
{
    return tls->signing && !tls->signing->answered;
}

bool dbr_tls_wants_signature_of(const struct dbr_tls *tls, const uint8_t *message, size_t n)
{
    return dbr_tls_wants_signature(tls) && tls->signing->what.n == n &&
           memcmp(tls->signing->what.message, message, n) == 0;
}

int dbr_tls_signed(struct dbr_tls *tls, const uint8_t *sig, size_t n)
{
    if (!dbr_tls_wants_signature(tls))
        return DBR_ERR_STATE;
    tls->signing->n = n <= sizeof tls->signing->sig ? n : 0;
    memcpy(tls->signing->sig, sig, tls->signing->n);
    tls->signing->answered = true;
    return 0;
}

/* A job that waits holds its stack: it runs to its end, without a signature. */
static void end_job(struct dbr_tls *t)
{
    if (!t->signing)
        return;
    t->signing->answered = true;
    t->signing->n = 0;
    drive(t);
}

/* ---- birth and death ---- */

static int attach(struct dbr_tls *t)
{
    const BIO_METHOD *method = tls_pipe_method();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return DBR_ERR_NOMEM;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    if (!SSL_set_app_data(t->ssl, t))
        return DBR_ERR_NOMEM;
    if (t->ctx->server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return 0;
}

int dbr_tls_new(struct dbr_tls **out, struct dbr_tls_ctx *ctx, void *session_arg)
{
    *out = NULL;
    struct dbr_tls *t = OPENSSL_zalloc(sizeof *t);
    if (!t)
        return DBR_ERR_NOMEM;
    t->ctx = dbr_tls_ctx_get(ctx);
    t->session_arg = session_arg;
    t->alert = -1;
    t->ssl = SSL_new(ctx->ssl_ctx);
    int err = t->ssl ? attach(t) : DBR_ERR_NOMEM;
    if (err) {
        dbr_tls_free(t);
        ERR_clear_error();
        return err;
    }
    *out = t;
    return 0;
}

void dbr_tls_free(struct dbr_tls *tls)
{
    if (!tls)
        return;
    end_job(tls);
    SSL_free(tls->ssl);
    dbr_tls_ctx_put(tls->ctx);
    pipe_fini(&tls->in);
    pipe_fini(&tls->out);
    dbr_x509_fini(&tls->peer);
    OPENSSL_free(tls->why);
    OPENSSL_clear_free(tls, sizeof *tls);
    ERR_clear_error();
}

void dbr_tls_set_time(struct dbr_tls *tls, int64_t unix_s)
{
    X509_VERIFY_PARAM_set_time(SSL_get0_param(tls->ssl), (time_t)unix_s);
}

/* ---- what the library tells us on the way ---- */

void tls_on_info(const SSL *ssl, int where, int ret)
{
    struct dbr_tls *t = SSL_get_app_data(ssl);
    if (!(where & SSL_CB_ALERT))
        return;
    int level = ret >> 8, alert = ret & 0xff;
    if (where & SSL_CB_READ && level == SSL3_AL_FATAL)
        t->alert = alert;
    /* OpenSSL answers a renegotiation with this warning and goes on; we do not serve it at all. */
    if (where & SSL_CB_WRITE && alert == SSL_AD_NO_RENEGOTIATION) {
        t->stop = true;
        tls_because(t, "peer asked for TLS renegotiation");
    }
}

void tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl, void *unused)
{
    (void)version, (void)data, (void)unused;
    struct dbr_tls *t = SSL_get_app_data(ssl);
    if (sent || type != SSL3_RT_HANDSHAKE || !len || !t->done || ++t->late_messages <= LATE_MESSAGES_MAX)
        return;
    t->stop = true;
    tls_because(t, "peer sent over %d handshake messages after the handshake", LATE_MESSAGES_MAX);
}

/* ---- outcome of a library call ---- */

static int explain(struct dbr_tls *t, int ssl_error)
{
    if (t->alert >= 0)
        tls_because(t, "peer sent alert: %s", SSL_alert_desc_string_long(t->alert));
    else if (ssl_error == SSL_ERROR_ZERO_RETURN)
        tls_because(t, "closed by the peer");
    else
        tls_because(t, "TLS failed: %s", library_reason());
    return fail(t, DBR_ERR_TLS);
}

/* 0, DBR_ERR_AGAIN or the failure after a call that returned ret. */
static int settle(struct dbr_tls *t, int ret)
{
    int ssl_error = ret > 0 && !t->stop ? SSL_ERROR_NONE : SSL_get_error(t->ssl, ret);
    int err = 0;
    const bool wait = ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_ASYNC;
    if (t->stop || (ssl_error != SSL_ERROR_NONE && !wait))
        err = explain(t, ssl_error);
    else if (wait)
        err = DBR_ERR_AGAIN;
    ERR_clear_error();
    return err;
}

/* ---- bytes ---- */

static bool too_much(struct dbr_tls *t, size_t n)
{
    if (t->in.len + n > UNREAD_MAX || n > UNREAD_MAX)
        return true;
    t->handshake_bytes += t->done ? 0 : n;
    return t->handshake_bytes > HANDSHAKE_MAX;
}

int dbr_tls_feed(struct dbr_tls *tls, const uint8_t *data, size_t n)
{
    if (tls->failure)
        return tls->failure;
    if (too_much(tls, n)) {
        tls_because(tls, "peer sent too many bytes");
        return fail(tls, DBR_ERR_LIMIT);
    }
    return pipe_push(&tls->in, data, n) ? 0 : fail(tls, DBR_ERR_NOMEM);
}

size_t dbr_tls_drain(struct dbr_tls *tls, uint8_t *out, size_t cap)
{
    return pipe_pull(&tls->out, out, cap);
}

size_t dbr_tls_pending_out(const struct dbr_tls *tls)
{
    return tls->out.len;
}

int dbr_tls_step(struct dbr_tls *tls)
{
    if (tls->failure || tls->done)
        return tls->failure;
    int err = settle(tls, drive(tls));
    tls->done = !err;
    if (tls->signing && !tls->signing->said) {
        tls->signing->said = true;
        if (tls->ctx->ask)
            tls->ctx->ask(tls->ctx->arg, tls->session_arg, &tls->signing->what);
        else
            tls->ctx->sign(tls->ctx->arg, tls->session_arg, &tls->signing->request);
    }
    return err;
}

bool dbr_tls_done(const struct dbr_tls *tls)
{
    return tls->done;
}

int dbr_tls_read(struct dbr_tls *tls, uint8_t *buf, size_t cap, size_t *n)
{
    *n = 0;
    if (tls->failure || !tls->done)
        return tls->failure ? tls->failure : DBR_ERR_AGAIN;
    ERR_clear_error();
    int err = settle(tls, SSL_read_ex(tls->ssl, buf, cap, n));
    if (err)
        *n = 0;
    return err;
}

int dbr_tls_write(struct dbr_tls *tls, const uint8_t *buf, size_t n)
{
    if (tls->failure || !tls->done)
        return tls->failure ? tls->failure : DBR_ERR_STATE;
    if (!n)
        return 0;
    if (tls->out.len + n > OUT_MAX)
        return DBR_ERR_AGAIN;
    size_t written;
    ERR_clear_error();
    return settle(tls, SSL_write_ex(tls->ssl, buf, n, &written));
}

void dbr_tls_close(struct dbr_tls *tls)
{
    if (tls->failure || !tls->done)
        return;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

/* ---- questions ---- */

const char *dbr_tls_why(const struct dbr_tls *tls)
{
    return tls->why ? tls->why : "";
}

int dbr_tls_export(struct dbr_tls *tls, const char *label, uint8_t *out, size_t n)
{
    if (!tls->done)
        return DBR_ERR_STATE;
    ERR_clear_error();
    if (SSL_export_keying_material(tls->ssl, out, n, label, strlen(label), NULL, 0, 0) == 1)
        return 0;
    ERR_clear_error();
    dbr_wipe(out, n);
    return DBR_ERR_CRYPTO;
}

const struct dbr_x509 *dbr_tls_peer(const struct dbr_tls *tls)
{
    return tls->done ? &tls->peer : NULL;
}

/* The client's side of ML-KEM has no key of the server's to show: the group's name, then. */
static void exchange_text(SSL *ssl, char *out, size_t cap)
{
    EVP_PKEY *key = NULL;
    const char *group = SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl));
    SSL_get_peer_tmp_key(ssl, &key);
    if (key || !group)
        key_text(key, out, cap);
    else
        snprintf(out, cap, "%s", group);
    EVP_PKEY_free(key);
}

const char *dbr_tls_describe(struct dbr_tls *tls, char *out, size_t cap)
{
    char peer[96] = "unknown", temporary[96] = "unknown";
    const SSL_CIPHER *c = SSL_get_current_cipher(tls->ssl);
    if (!tls->done || !c) {
        say(out, cap, 0, "Control Channel: no TLS session");
        return out;
    }
    dbr_x509_key_text(&tls->peer, peer, sizeof peer);
    exchange_text(tls->ssl, temporary, sizeof temporary);
    say(out, cap, 0,
        "Control Channel: %s, cipher %s %s, peer certificate: %s, signature: %s, peer temporary key: %s",
        SSL_get_version(tls->ssl), SSL_CIPHER_get_version(c), SSL_CIPHER_get_name(c), peer,
        OBJ_nid2sn(X509_get_signature_nid(tls->peer.cert)), temporary);
    ERR_clear_error();
    return out;
}
