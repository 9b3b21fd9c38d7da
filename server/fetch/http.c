/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch/http.h"
#include "base/err.h"
#include "base/log.h"
#include "fetch/patient.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CHUNK = 65536,
    LINE_MAX_BYTES = 4096,
    CONNECT_MS = 5000,
    CONNECT_NAP_MS = 20,
    OK = 200,
    NOT_MODIFIED = 304
};

/* A URL taken apart, and what the connection needs to know of it. */
struct target {
    char *host, *port, *path, *query, *user, *whole;
    int tls;
    SSL_CTX *pinned;
};

static int say(int err, char *why, size_t cap, const char *text)
{
    snprintf(why, cap, "%s", text);
    return err;
}

/* ---- the URL ---- */

static void free_target(struct target *t)
{
    OPENSSL_free(t->host);
    OPENSSL_free(t->port);
    OPENSSL_free(t->path);
    OPENSSL_free(t->query);
    OPENSSL_free(t->user);
    free(t->whole);
}

static bool plain(const char *url)
{
    for (; *url; url++)
        if ((unsigned char)*url <= ' ' || (unsigned char)*url > '~')
            return false;
    return true;
}

static int take_apart(struct target *t, const char *url, char *why, size_t cap)
{
    memset(t, 0, sizeof *t);
    bool scheme = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    if (!scheme || !plain(url) ||
        !OSSL_HTTP_parse_url(url, &t->tls, &t->user, &t->host, &t->port, NULL, &t->path, &t->query, NULL) ||
        !t->host || !*t->host) {
        ERR_clear_error();
        return say(DBR_ERR_CONFIG, why, cap, "not a URL of the form http://HOST[:PORT]/PATH or https://...");
    }
    if (t->user && *t->user)
        return say(DBR_ERR_CONFIG, why, cap, "user names in URLs are refused: lists and answers are public");
    size_t n = strlen(t->path) + (t->query ? strlen(t->query) : 0) + 2;
    t->whole = malloc(n);
    if (!t->whole)
        return say(DBR_ERR_NOMEM, why, cap, "out of memory");
    bool asks = t->query && *t->query;
    snprintf(t->whole, n, "%s%s%s", t->path, asks ? "?" : "", asks ? t->query : "");
    return 0;
}

int http_url_ok(const char *url, char *why, size_t cap)
{
    struct target t;
    int err = take_apart(&t, url, why, cap);
    free_target(&t);
    return err;
}

/* ---- TLS ---- */

struct ssl_ctx_st *http_pin(const void *ca, size_t len)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    BIO *in = BIO_new_mem_buf(ca, (int)len);
    X509 *cert;
    int n = 0;
    while (ctx && in && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
        X509_free(cert);
    }
    BIO_free(in);
    ERR_clear_error();
    if (!ctx || !n) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    return ctx;
}

static bool is_address(const char *host)
{
    return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);
}

static BIO *put_tls_on(BIO *bio, const struct target *t)
{
    SSL *ssl = SSL_new(t->pinned);
    BIO *filter = BIO_new(BIO_f_ssl());
    bool named =
        ssl && (is_address(t->host)
                    ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), t->host) == 1
                    : SSL_set1_host(ssl, t->host) == 1 && SSL_set_tlsext_host_name(ssl, t->host) == 1);
    if (!named || !filter) {
        SSL_free(ssl);
        BIO_free(filter);
        return NULL;
    }
    SSL_set_connect_state(ssl);
    BIO_set_ssl(filter, ssl, BIO_CLOSE);
    return BIO_push(filter, bio);
}

/* ---- the exchange ---- */

/* The library's complaint in one line without foreign bytes: what TLS says, else the first one with details,
 * which is the cause of the others. */
static int library_error(char *why, size_t cap)
{
    const char *data = NULL;
    char text[512] = "", safe[512];
    int flags = 0, err = DBR_ERR_IO;
    bool tls = false, detailed = false;
    unsigned long e;
    while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        int code = ERR_GET_REASON(e), lib = ERR_GET_LIB(e);
        const char *reason = ERR_reason_error_string(e), *more = flags & ERR_TXT_STRING ? data : "";
        if (lib == ERR_LIB_BIO && (code == BIO_R_TRANSFER_TIMEOUT || code == BIO_R_CONNECT_TIMEOUT))
            err = DBR_ERR_TIMEOUT;
        if (lib == ERR_LIB_ASN1 && code == ASN1_R_TOO_LONG)
            err = DBR_ERR_LIMIT;
        if (tls || (detailed && lib != ERR_LIB_SSL))
            continue;
        tls = lib == ERR_LIB_SSL;
        detailed = *more;
        snprintf(text, sizeof text, "%s%s%s", reason ? reason : "failed", *more ? ": " : "", more);
    }
    snprintf(why, cap, "%s",
             *text ? dbr_log_escape(safe, sizeof safe, text, strlen(text))
                   : "no connection, or it was closed without an answer");
    return err;
}

static int make_room(struct http_body *b, size_t *cap_bytes)
{
    if (b->len + CHUNK <= *cap_bytes)
        return 0;
    size_t more = *cap_bytes ? *cap_bytes * 2 : (size_t)4 * CHUNK;
    uint8_t *p = realloc(b->bytes, more);
    if (!p)
        return DBR_ERR_NOMEM;
    b->bytes = p;
    *cap_bytes = more;
    return 0;
}

/* Reads to the end. A body that was cut off is found out by whoever parses it: all we fetch is signed. */
static int read_body(struct http_body *b, BIO *from, const struct http_limits *l, uint64_t end_ms, char *why,
                     size_t cap)
{
    size_t room = 0;
    for (;;) {
        if (make_room(b, &room))
            return say(DBR_ERR_NOMEM, why, cap, "out of memory");
        int n = BIO_read(from, b->bytes + b->len, CHUNK);
        if (http_now_ms() >= end_ms)
            return say(DBR_ERR_TIMEOUT, why, cap, "the server is too slow");
        if (n <= 0)
            return 0;
        b->len += (size_t)n;
        if (b->len > l->max_bytes)
            return say(DBR_ERR_LIMIT, why, cap, "the answer is longer than allowed");
    }
}

/* One attempt at each address of the host; the library's own connecting would try again and again. */
static BIO *connect_to(const struct target *t, uint64_t end_ms)
{
    char host[256];
    bool bare6 = strchr(t->host, ':') && *t->host != '[';
    BIO *bio = BIO_new(BIO_s_connect());
    snprintf(host, sizeof host, "%s%s%s", bare6 ? "[" : "", t->host, bare6 ? "]" : "");
    if (!bio || BIO_set_conn_hostname(bio, host) != 1 || BIO_set_conn_port(bio, t->port) != 1) {
        BIO_free(bio);
        return NULL;
    }
    BIO_set_nbio(bio, 1);
    while (BIO_do_connect(bio) <= 0) {
        if (!BIO_should_retry(bio) || http_now_ms() >= end_ms) {
            if (BIO_should_retry(bio))
                ERR_raise(ERR_LIB_BIO, BIO_R_CONNECT_TIMEOUT);
            BIO_free(bio);
            return NULL;
        }
        BIO_wait(bio, time(NULL) + 2, CONNECT_NAP_MS);
    }
    BIO *top = t->tls ? put_tls_on(bio, t) : bio;
    if (!top)
        BIO_free(bio);
    return top;
}

/* The headers that show a tag; NULL if there is nothing to show. */
static STACK_OF(CONF_VALUE) * conditions(const struct http_tag *tag)
{
    STACK_OF(CONF_VALUE) *list = NULL;
    if (tag && *tag->etag)
        X509V3_add_value("If-None-Match", tag->etag, &list);
    if (tag && *tag->modified)
        X509V3_add_value("If-Modified-Since", tag->modified, &list);
    return list;
}

static BIO *send_and_await(const struct target *t, BIO *bio, BIO *request, const struct http_limits *limits,
                           const struct http_tag *tag)
{
    bool ocsp = request != NULL;
    STACK_OF(CONF_VALUE) *headers = conditions(tag);
    BIO *answer = OSSL_HTTP_transfer(NULL, t->host, t->port, t->whole, 0, NULL, NULL, bio, bio, NULL, NULL,
                                     LINE_MAX_BYTES, headers, ocsp ? "application/ocsp-request" : NULL,
                                     request, ocsp ? "application/ocsp-response" : NULL, ocsp,
                                     ocsp ? limits->max_bytes : 0, limits->seconds, 0);
    sk_CONF_VALUE_pop_free(headers, X509V3_conf_free);
    return answer;
}

/* OpenSSL 3.5 hands out an answer with a status from 400 on like any other; 3.0 does not. */
static int judge_status(int status, BIO *answer, const struct http_tag *tag, char *why, size_t cap)
{
    if (status == NOT_MODIFIED && tag && (*tag->etag || *tag->modified))
        return HTTP_SAME;
    if (!answer)
        return library_error(why, cap);
    if (status == OK)
        return 0;
    snprintf(why, cap, "status code unsupported: code=%d", status);
    return DBR_ERR_IO;
}

/* bio ends in a filter of p. */
static int transfer(struct http_body *out, const struct target *t, BIO *bio, struct patient *p, BIO *request,
                    const struct http_limits *limits, struct http_tag *tag, char *why, size_t cap)
{
    BIO *answer = send_and_await(t, bio, request, limits, tag);
    int err = judge_status(p->head.status, answer, tag, why, cap);
    if (!err && BIO_method_type(answer) == BIO_TYPE_MEM)
        BIO_set_mem_eof_return(answer, 0);
    if (!err)
        err = read_body(out, answer, limits, p->end_ms, why, cap);
    BIO_free_all(answer);
    if (!err && !out->len)
        err = say(DBR_ERR_IO, why, cap, "the answer is empty");
    if (!err && tag)
        *tag = p->head.tag;
    return err;
}

static int exchange(struct http_body *out, const struct target *t, BIO *request,
                    const struct http_limits *limits, struct http_tag *tag, char *why, size_t cap)
{
    uint64_t now = http_now_ms();
    struct patient p = {.end_ms = now + (uint64_t)limits->seconds * 1000};
    ERR_clear_error();
    BIO *bio = connect_to(t, now + CONNECT_MS < p.end_ms ? now + CONNECT_MS : p.end_ms), *filter = NULL;
    if (bio && (filter = patient_new(&p)))
        bio = BIO_push(filter, bio);
    int err = filter ? transfer(out, t, bio, &p, request, limits, tag, why, cap) : library_error(why, cap);
    BIO_free_all(bio);
    ERR_clear_error();
    if (err) {
        free(out->bytes);
        *out = (struct http_body){0};
    }
    return err;
}

static int run(struct http_body *out, const char *url, SSL_CTX *tls, BIO *request,
               const struct http_limits *limits, struct http_tag *tag, char *why, size_t cap)
{
    struct target t;
    *out = (struct http_body){0};
    int err = take_apart(&t, url, why, cap);
    t.pinned = tls;
    if (!err && t.tls && !tls)
        err = say(DBR_ERR_CONFIG, why, cap, "https needs the CA of the configuration (ca)");
    if (!err)
        err = exchange(out, &t, request, limits, tag, why, cap);
    free_target(&t);
    return err;
}

int http_get(struct http_body *out, const char *url, struct ssl_ctx_st *tls, const struct http_limits *limits,
             struct http_tag *tag, char *why, size_t cap)
{
    return run(out, url, tls, NULL, limits, tag, why, cap);
}

int http_post_ocsp(struct http_body *out, const char *url, struct ssl_ctx_st *tls, const void *request,
                   size_t n, const struct http_limits *limits, char *why, size_t cap)
{
    BIO *bio = BIO_new_mem_buf(request, (int)n);
    *out = (struct http_body){0};
    if (!bio)
        return say(DBR_ERR_NOMEM, why, cap, "out of memory");
    int err = run(out, url, tls, bio, limits, NULL, why, cap);
    BIO_free(bio);
    return err;
}
