/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ca serve: the CRL and OCSP answers over HTTP. Reads the CA's folder, never writes it, and holds
 * one private key only: that of the OCSP certificate. libmicrohttpd's thread answers; the main thread looks
 * once a second whether index.txt, crl.pem or the OCSP signer has been replaced and then swaps what is
 * served, under one lock.
 *
 * Bounds: 1,000 connections, 64 from one address, 10 s of silence, 32 KiB for each, requests of 16 KiB; a
 * list is in memory once, however many fetch it; statuses and kept answers are bounded by the index and a
 * fixed table.
 */
#include "ca_cli.h"
#include "ca_farewell.h"
#include "ca_signer.h"

#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"

enum { KEPT = 1024, SMALL_BODY = 512 };
enum { CONNECTIONS = 1000, PER_ADDRESS = 64, SILENCE_S = 10, CONNECTION_BYTES = 32768, MAX_AGE_CRL_S = 300 };

/* Bytes that the document and the answers under way share: a list may be long and its readers slow. */
struct body {
    atomic_uint refs;
    uint8_t *p;
};

/* A document that is served as it is. */
struct document {
    struct body *body;
    size_t n;
    int64_t changed, expires; /* unix seconds; expires 0: never */
    char etag[40];
};

enum { DOC_CRL_DER, DOC_CRL_PEM, DOC_CA, DOCUMENTS };

/* An OCSP answer with its headers, as it is sent throughout one second. A new one takes the place of the old.
 */
struct kept {
    struct MHD_Response *r; /* NULL: empty; a reference */
    const uint8_t *der;     /* r's memory */
    size_t len;
    int64_t second;       /* unix seconds: max-age and Expires are of this second */
    struct farewell last; /* the same for a connection that ends with it; made when the first such wants it */
};

struct server {
    struct call *call;
    pthread_mutex_t lock; /* guards docs and responder */
    struct document docs[DOCUMENTS];
    struct dbr_responder *responder; /* NULL: CRL only */
    struct kept kept[KEPT];          /* of libmicrohttpd's thread, and of nobody when that has ended */
    struct stat index_seen, crl_seen, cert_seen, key_seen;
    struct signer signer; /* of responder; the main thread's */
    char cert_path[DBR_STORE_PATH], key_path[DBR_STORE_PATH];
    bool tls;
};

/* --- what is served
 * ------------------------------------------------------------------------------------------- */

/* Keeps p, unless it returns NULL: out of memory. */
static struct body *body_new(uint8_t *p)
{
    struct body *b = malloc(sizeof *b);
    if (b)
        *b = (struct body){.refs = 1, .p = p};
    return b;
}

/* Of either thread. */
static void body_put(void *body)
{
    struct body *b = body;
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    free(b->p);
    free(b);
}

static void set_document(struct document *d, struct body *b, size_t n, int64_t changed, int64_t expires)
{
    uint8_t md[32];
    body_put(d->body);
    *d = (struct document){.body = b, .n = n, .changed = changed, .expires = expires};
    EVP_Digest(b->p, n, md, NULL, EVP_sha256(), NULL);
    d->etag[0] = '"';
    dbr_hex_text(md, 16, d->etag + 1, 33);
    strcat(d->etag, "\"");
}

struct fresh {
    uint8_t *der, *pem, *cert;
    size_t der_len, pem_len, cert_len;
    int64_t from, until;
};

static void free_fresh(struct fresh *f)
{
    free(f->der);
    free(f->pem);
    free(f->cert);
}

/* A CRL that does not verify is not served: the old one stays. */
static int verify_crl(const struct dbr_ca *ca, struct fresh *f, char *why)
{
    struct dbr_issuers *issuers = NULL;
    struct dbr_crl *crl = NULL;
    int err = dbr_issuers_parse(&issuers, f->cert, f->cert_len, why, WHY);
    if (!err)
        err = dbr_crl_parse(&crl, issuers, f->der, f->der_len, ca->now, why, WHY);
    if (!err) {
        f->from = dbr_crl_this_update(crl) + ca->conf.backdate_s;
        f->until = dbr_crl_next_update(crl);
    }
    dbr_crl_free(crl);
    dbr_issuers_free(issuers);
    return err;
}

static int read_fresh(const struct dbr_ca *ca, struct fresh *f, char *why)
{
    int err = dbr_store_read(ca->store, ca->conf.ca_cert, DBR_CERT_MAX, &f->cert, &f->cert_len, why, WHY);
    if (!err)
        err = dbr_store_read(ca->store, DBR_CA_CRL, DBR_CRL_MAX_BYTES, &f->pem, &f->pem_len, why, WHY);
    if (!err)
        err = crl_der(ca, &f->der, &f->der_len, why, WHY);
    return err ? err : verify_crl(ca, f, why);
}

/* Consumes what was read, in any case. */
static int swap(struct server *s, struct fresh *f, char *why)
{
    struct body *der = body_new(f->der), *pem = body_new(f->pem), *cert = body_new(f->cert);
    if (!der || !pem || !cert) {
        free_fresh(f);
        free(der);
        free(pem);
        free(cert);
        return dbr_say(DBR_ERR_NOMEM, why, WHY, "out of memory");
    }
    pthread_mutex_lock(&s->lock);
    set_document(&s->docs[DOC_CRL_DER], der, f->der_len, f->from, f->until);
    set_document(&s->docs[DOC_CRL_PEM], pem, f->pem_len, f->from, f->until);
    set_document(&s->docs[DOC_CA], cert, f->cert_len, f->from, 0);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static int load_statuses(struct server *s, const struct dbr_ca *ca, char *why)
{
    pthread_mutex_lock(&s->lock);
    int err = s->responder ? dbr_responder_load(s->responder, ca->index) : 0;
    pthread_mutex_unlock(&s->lock);
    return err ? dbr_say(err, why, WHY, "out of memory for the OCSP answers") : 0;
}

/* A changed signer takes over as a whole, with answers of its own; a bad one is refused and the old one
 * stays, which does not hold the rest up. */
static int load_signer(struct server *s, const struct dbr_ca *ca)
{
    char why[WHY];
    const char *name = s->call->o.signer;
    struct dbr_responder *fresh, *old = s->responder;
    int err = signer_load(&s->signer, s->call, ca, &fresh, why);
    if (err == DBR_ERR_EXISTS)
        return err;
    if (err) {
        fprintf(stderr,
                "drawbridge-ca: the OCSP signer %s has changed and is refused, the one before stays: %s\n",
                name, why);
        return err;
    }
    pthread_mutex_lock(&s->lock);
    s->responder = fresh;
    pthread_mutex_unlock(&s->lock);
    dbr_responder_free(old);
    fprintf(stderr, "drawbridge-ca: the OCSP signer %s is new, valid until %s\n", name,
            dbr_time_text(s->signer.cert.until, (char[40]){0}));
    return 0;
}

/* Reads the folder again, the signer's pair if it is news; on an error what is served stays, but a broken CRL
 * does not hold statuses up. */
static int reload(struct server *s, bool *signer_news)
{
    struct dbr_ca *ca;
    struct fresh f = {0};
    struct call *c = s->call;
    c->now = (int64_t)time(NULL);
    int err = open_ca(c, false, &ca);
    if (err)
        return err;
    int bad = *signer_news && load_signer(s, ca) == 0 ? 0 : load_statuses(s, ca, c->why);
    *signer_news = false;
    if (c->o.signer)
        signer_look_up(&s->signer, c, ca);
    err = read_fresh(ca, &f, c->why);
    if (err)
        free_fresh(&f);
    else if ((err = swap(s, &f, c->why)) == 0)
        err = bad;
    dbr_ca_close(ca);
    return err;
}

static bool replaced(const char *folder, const char *name, struct stat *seen)
{
    char path[4096];
    struct stat now;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (stat(path, &now) != 0)
        return false;
    bool other = now.st_ino != seen->st_ino || now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
                 now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec || now.st_size != seen->st_size;
    *seen = now;
    return other;
}

/* --- HTTP
 * ----------------------------------------------------------------------------------------------------- */

/* The body of a POST while it comes in: an OCSP request has about 100 bytes, and what is longer moves. */
struct upload {
    size_t n;
    bool too_long;
    uint8_t *big; /* NULL, or of DBR_OCSP_MAX_REQUEST bytes */
    uint8_t small[SMALL_BODY];
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
    if (!r)
        return MHD_NO;
    enum MHD_Result ok = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (r)
        MHD_add_response_header(r, "Content-Type", "text/html; charset=utf-8");
    return reply(c, status, r);
}

/* How long a cache may keep it: not past its end, and CRLs five minutes, so that a revocation is not held up.
 */
static void add_cache_headers(struct MHD_Response *r, int64_t now, int64_t changed, int64_t expires,
                              int64_t max_age, const char *etag)
{
    char text[96], date[40];
    int64_t left = expires ? expires - now : max_age;
    int64_t age = left < max_age ? left : max_age;
    snprintf(text, sizeof text, "public, no-transform, must-revalidate, max-age=%lld",
             (long long)(age > 0 ? age : 0));
    MHD_add_response_header(r, "Cache-Control", text);
    MHD_add_response_header(r, "Last-Modified", http_date(changed, date));
    if (expires)
        MHD_add_response_header(r, "Expires", http_date(now + (age > 0 ? age : 0), date));
    MHD_add_response_header(r, "ETag", etag);
}

static bool unchanged(struct MHD_Connection *c, const struct document *d)
{
    const char *tag = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
    const char *since = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-Modified-Since");
    char date[40];
    if (tag)
        return strcmp(tag, "*") == 0 || strstr(tag, d->etag) != NULL;
    return since && strcmp(since, http_date(d->changed, date)) == 0;
}

static enum MHD_Result reply_document(struct server *s, struct MHD_Connection *c, int which, const char *type)
{
    pthread_mutex_lock(&s->lock);
    const struct document *d = &s->docs[which];
    bool same = unchanged(c, d);
    struct MHD_Response *r =
        same ? MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT)
             : MHD_create_response_from_buffer_with_free_callback_cls(d->n, d->body->p, body_put, d->body);
    if (r && !same)
        atomic_fetch_add(&d->body->refs, 1); /* the answer's */
    if (r) {
        MHD_add_response_header(r, "Content-Type", type);
        add_cache_headers(r, (int64_t)time(NULL), d->changed, d->expires, MAX_AGE_CRL_S, d->etag);
    }
    pthread_mutex_unlock(&s->lock);
    return reply(c, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r);
}

static struct MHD_Response *ocsp_response(const struct dbr_answer *a, void *der, int64_t now,
                                          enum MHD_ResponseMemoryMode mode)
{
    char etag[40];
    struct MHD_Response *r = MHD_create_response_from_buffer(a->len, der, mode);
    if (!r)
        return NULL;
    MHD_add_response_header(r, "Content-Type", "application/ocsp-response");
    if (a->cacheable) {
        snprintf(etag, sizeof etag, "\"%016" PRIx64 "\"", a->tag);
        add_cache_headers(r, now, a->this_update, a->next_update, a->next_update - a->this_update, etag);
    } else {
        MHD_add_response_header(r, "Cache-Control", "no-store");
    }
    return r;
}

static void drop_kept(struct kept *k)
{
    if (k->r)
        MHD_destroy_response(k->r);
    farewell_free(&k->last);
    *k = (struct kept){0};
}

/* A cacheable answer with its headers; NULL: out of memory. It stays the table's. */
static struct kept *keep_answer(struct server *s, const struct dbr_answer *a, int64_t now)
{
    struct kept *k = &s->kept[a->tag % KEPT];
    if (k->r && k->second == now && k->len == a->len && memcmp(k->der, a->der, a->len) == 0)
        return k;
    drop_kept(k);
    uint8_t *der = malloc(a->len);
    struct MHD_Response *r =
        der ? ocsp_response(a, memcpy(der, a->der, a->len), now, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!r) {
        free(der);
        return NULL;
    }
    *k = (struct kept){.r = r, .der = der, .len = a->len, .second = now};
    return k;
}

static enum MHD_Result reply_kept(struct MHD_Connection *c, struct kept *k, bool last)
{
    if (!k)
        return MHD_NO;
    if (last && (k->last.p || farewell_make(&k->last, k->r, k->der, k->len, k->second)) &&
        farewell_say(&k->last, c))
        return MHD_NO; /* it is said: close */
    return MHD_queue_response(c, MHD_HTTP_OK, k->r);
}

/* last: the connection ends with this answer, and it is no TLS. */
static enum MHD_Result reply_ocsp(struct server *s, struct MHD_Connection *c, const uint8_t *request,
                                  size_t n, bool last)
{
    struct dbr_answer a;
    struct kept *k = NULL;
    struct MHD_Response *r = NULL;
    int64_t now = (int64_t)time(NULL);
    if (!s->call->o.signer)
        return reply_text(c, MHD_HTTP_NOT_FOUND, "no OCSP here\n");
    pthread_mutex_lock(&s->lock);
    dbr_responder_answer(s->responder, request, n, now, &a);
    if (a.cacheable)
        k = keep_answer(s, &a, now);
    else
        r = ocsp_response(&a, (void *)(uintptr_t)a.der, now, MHD_RESPMEM_MUST_COPY);
    pthread_mutex_unlock(&s->lock);
    return a.cacheable ? reply_kept(c, k, last) : reply(c, MHD_HTTP_OK, r);
}

/* RFC 6960, A.1: GET {url}/{base64 of the request}. libmicrohttpd has undone the %XX. */
static enum MHD_Result get_ocsp(struct server *s, struct MHD_Connection *c, const char *text, bool last)
{
    uint8_t der[3072];
    size_t n = strlen(text);
    if (n == 0 || n % 4 || n / 4 * 3 > sizeof der)
        return reply_text(c, MHD_HTTP_BAD_REQUEST, "not an OCSP request\n");
    int len = EVP_DecodeBlock(der, (const uint8_t *)text, (int)n);
    if (len <= 0)
        return reply_text(c, MHD_HTTP_BAD_REQUEST, "not an OCSP request\n");
    len -= (text[n - 1] == '=') + (text[n - 2] == '=');
    return reply_ocsp(s, c, der, (size_t)len, last);
}

static const char front_page[] = "<!doctype html><title>Certificates</title><h1>Certificates</h1><ul>"
                                 "<li><a href=\"/ca.crt\">The CA's certificate</a>"
                                 "<li><a href=\"/crl.pem\">Revoked certificates (PEM)</a>"
                                 "<li><a href=\"/crl.der\">Revoked certificates (DER)</a></ul>"
                                 "<p>OCSP: POST or GET /ocsp\n";

static const struct route {
    const char *path;
    int doc;
    const char *type;
} routes[] = {
    {"/crl.der", DOC_CRL_DER, "application/pkix-crl"},
    {"/ca.crl", DOC_CRL_DER, "application/pkix-crl"},
    {"/crl.pem", DOC_CRL_PEM, "application/x-pem-file"},
    {"/ca.crt", DOC_CA, "application/x-pem-file"},
};

static enum MHD_Result on_get(struct server *s, struct MHD_Connection *c, const char *url, bool last)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(url, routes[i].path) == 0)
            return reply_document(s, c, routes[i].doc, routes[i].type);
    if (strncmp(url, "/ocsp/", 6) == 0)
        return get_ocsp(s, c, url + 6, last);
    if (strcmp(url, "/") == 0)
        return reply_text(c, MHD_HTTP_OK, front_page);
    return reply_text(c, MHD_HTTP_NOT_FOUND, "not here\n");
}

static bool room_for(struct upload *u, size_t n)
{
    if (u->big || n <= sizeof u->small - u->n)
        return true;
    u->big = malloc(DBR_OCSP_MAX_REQUEST);
    if (u->big)
        memcpy(u->big, u->small, u->n);
    return u->big != NULL;
}

/* False: out of memory. */
static bool take_body(struct upload *u, const char *data, size_t n)
{
    u->too_long |= n > DBR_OCSP_MAX_REQUEST - u->n;
    if (u->too_long)
        return true;
    if (!room_for(u, n))
        return false;
    memcpy((u->big ? u->big : u->small) + u->n, data, n);
    u->n += n;
    return true;
}

static enum MHD_Result on_post(struct server *s, struct MHD_Connection *c, const char *url, struct upload *u,
                               bool last)
{
    if (strcmp(url, "/ocsp") != 0 && strcmp(url, "/ocsp/") != 0 && strcmp(url, "/") != 0)
        return reply_text(c, MHD_HTTP_NOT_FOUND, "not here\n");
    if (u->too_long)
        return reply_text(c, MHD_HTTP_CONTENT_TOO_LARGE, "too long\n");
    return reply_ocsp(s, c, u->big ? u->big : u->small, u->n, last);
}

static struct upload no_body; /* stands for it in requests that are not POST */

static enum MHD_Result begin(void **state, bool post)
{
    struct upload *u = post ? malloc(sizeof *u) : &no_body;
    if (u && post) {
        u->n = 0;
        u->too_long = false;
        u->big = NULL;
    }
    *state = u;
    return u ? MHD_YES : MHD_NO;
}

/* Called first with the headers, then for each piece of the body, then once more with none left. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    bool post = strcmp(method, "POST") == 0;
    if (!*state)
        return begin(state, post);
    if (*size) {
        bool ok = !post || take_body(*state, data, *size);
        *size = 0;
        return ok ? MHD_YES : MHD_NO;
    }
    bool last = !((struct server *)arg)->tls && farewell_due(c, version, method);
    if (post)
        return on_post(arg, c, url, *state, last);
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return on_get(arg, c, url, last);
    return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET, HEAD or POST\n");
}

static void on_done(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
    struct upload *u = *state;
    (void)arg;
    (void)c;
    (void)why;
    *state = NULL;
    if (!u || u == &no_body)
        return;
    free(u->big);
    free(u);
}

/* --- starting
 * ------------------------------------------------------------------------------------------------- */

/* Where the signer's pair is, and how it is now: the folder is locked against writers. */
static void find_signer(struct server *s, const struct dbr_ca *ca)
{
    const char *folder = folder_of(s->call), *name = s->call->o.signer;
    dbr_ca_path(ca->conf.issued, name, ".crt", s->cert_path);
    dbr_ca_path(ca->conf.private_dir, name, ".key", s->key_path);
    replaced(folder, s->cert_path, &s->cert_seen);
    replaced(folder, s->key_path, &s->key_seen);
}

static int prepare(struct server *s)
{
    struct dbr_ca *ca;
    struct call *c = s->call;
    s->signer.answers_s = 3600;
    if (c->o.life && (!dbr_span_parse(c->o.life, &s->signer.answers_s) || s->signer.answers_s < 60))
        return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--life takes a span like 1h, at least a minute");
    int err = open_ca(c, false, &ca);
    if (err)
        return err;
    if (c->o.signer) {
        err = signer_load(&s->signer, c, ca, &s->responder, c->why);
        find_signer(s, ca);
    }
    dbr_ca_close(ca);
    return err;
}

/* "127.0.0.1:8080", "[::]:80". The address must be a number: no name service is asked. */
static int parse_listen(const char *text, struct sockaddr_storage *sa, char *why)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    bool v6 = text[0] == '[';
    size_t n = colon ? (size_t)(colon - text) : 0;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM},
                    *ai;
    if (!colon || n >= sizeof host || (v6 && (n < 3 || text[n - 1] != ']')))
        return dbr_say(DBR_ERR_CONFIG, why, WHY,
                       "--listen takes ADDRESS:PORT, e.g. 127.0.0.1:8080 or [::]:80");
    snprintf(host, sizeof host, "%.*s", (int)(v6 ? n - 2 : n), text + v6);
    if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
        return dbr_say(DBR_ERR_CONFIG, why, WHY, "--listen: %s is no address and port", text);
    memcpy(sa, ai->ai_addr, ai->ai_addrlen);
    freeaddrinfo(ai);
    return 0;
}

/* A dual-stack or plain listening socket, opened before rights are dropped. */
static int open_listener(const char *text, char *why, int *fd)
{
    struct sockaddr_storage sa = {0};
    int one = 1, zero = 0, silence = SILENCE_S, err = parse_listen(text, &sa, why);
    if (err)
        return err;
    size_t len = sa.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    *fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return dbr_say(DBR_ERR_IO, why, WHY, "no socket: %s", strerror(errno));
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    /* Accepted when the request is there, so that it is read without another round through epoll. */
    setsockopt(*fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silence, sizeof silence);
    if (sa.ss_family == AF_INET6)
        setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(*fd, (struct sockaddr *)&sa, (socklen_t)len) != 0 || listen(*fd, 512) != 0) {
        close(*fd);
        return dbr_say(DBR_ERR_IO, why, WHY, "cannot listen on %s: %s", text, strerror(errno));
    }
    return 0;
}

static int become(const char *user, char *why)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return dbr_say(DBR_ERR_IO, why, WHY, "no_new_privs: %s", strerror(errno));
    if (!user)
        return 0;
    struct passwd *pw = getpwnam(user);
    if (!pw)
        return dbr_say(DBR_ERR_CONFIG, why, WHY, "no user %s", user);
    capng_clear(CAPNG_SELECT_BOTH);
    int r = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid, CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    if (r != 0 || getuid() != pw->pw_uid || (pw->pw_uid != 0 && setuid(0) == 0))
        return dbr_say(DBR_ERR_IO, why, WHY, "cannot become %s", user);
    prctl(PR_SET_DUMPABLE, 0);
    return 0;
}

struct tls_files {
    uint8_t *cert, *key;
    size_t key_len;
};

static int read_tls(struct call *c, struct tls_files *t)
{
    size_t n;
    if (!c->o.tls_cert != !c->o.tls_key)
        return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--tls-cert and --tls-key go together");
    if (!c->o.tls_cert)
        return 0;
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return dbr_say(DBR_ERR_UNSUPPORTED, c->why, WHY, "this libmicrohttpd has no TLS");
    int err = read_whole(c->o.tls_cert, DBR_CERT_MAX, &t->cert, &n, c->why, WHY);
    return err ? err : read_whole(c->o.tls_key, DBR_KEY_FILE_MAX, &t->key, &t->key_len, c->why, WHY);
}

static struct MHD_Daemon *start(struct server *s, int fd, const struct tls_files *t)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | (t->cert ? MHD_USE_TLS : 0u);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, t->cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, t->key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_ARRAY,
        t->cert ? tls : none, MHD_OPTION_END);
}

/* Also true when a pair that was refused as too early has become valid. */
static bool signer_replaced(struct server *s, bool asked)
{
    const char *folder = folder_of(s->call);
    if (!s->call->o.signer)
        return false;
    bool cert = replaced(folder, s->cert_path, &s->cert_seen),
         key = replaced(folder, s->key_path, &s->key_seen);
    return asked || cert || key || (s->signer.due_s && (int64_t)time(NULL) >= s->signer.due_s);
}

/* Until SIGTERM or SIGINT; SIGHUP reads the folder at once. */
static void watch(struct server *s, const sigset_t *signals)
{
    const char *folder = folder_of(s->call);
    struct timespec second = {.tv_sec = 1};
    bool again = false;  /* what could not be read is tried each second, and said once */
    bool signer = false; /* the signer has changed and was not looked at yet */
    for (;;) {
        if (s->call->o.signer)
            signer_alarm(&s->signer, s->call, (int64_t)time(NULL));
        int sig = sigtimedwait(signals, NULL, &second);
        if (sig == SIGTERM || sig == SIGINT)
            return;
        bool index = replaced(folder, DBR_CA_INDEX, &s->index_seen),
             crl = replaced(folder, DBR_CA_CRL, &s->crl_seen);
        bool pair = signer_replaced(s, sig == SIGHUP), news = index || crl || pair || sig == SIGHUP;
        signer |= pair;
        if (!news && !again && !signer)
            continue;
        again = reload(s, &signer) != 0;
        if (again && news)
            fprintf(stderr, "drawbridge-ca: %s: what is served stays as it was\n", s->call->why);
    }
}

static int serve(struct server *s, int fd, const struct tls_files *t)
{
    struct call *c = s->call;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before MHD's thread, which inherits it */
    replaced(folder_of(c), DBR_CA_INDEX, &s->index_seen);
    replaced(folder_of(c), DBR_CA_CRL, &s->crl_seen);
    int err = reload(s, &(bool){false});
    if (err)
        return err;
    s->tls = t->cert != NULL;
    struct MHD_Daemon *d = start(s, fd, t);
    if (!d)
        return dbr_say(DBR_ERR_IO, c->why, WHY, "the HTTP server does not start");
    fprintf(stderr, "drawbridge-ca: serving %s on %s%s\n", s->responder ? "CRL and OCSP" : "the CRL",
            c->o.listen ? c->o.listen : "127.0.0.1:8080", t->cert ? " (HTTPS)" : "");
    watch(s, &signals);
    MHD_stop_daemon(d);
    return 0;
}

int cmd_serve(struct call *c)
{
    struct server s = {.call = c};
    struct tls_files t = {0};
    int fd = -1, err = prepare(&s);
    pthread_mutex_init(&s.lock, NULL);
    if (!err)
        err = read_tls(c, &t);
    if (!err)
        err = open_listener(c->o.listen ? c->o.listen : "127.0.0.1:8080", c->why, &fd);
    if (!err)
        err = become(c->o.user, c->why);
    if (!err)
        err = serve(&s, fd, &t);
    for (int i = 0; i < DOCUMENTS; i++)
        body_put(s.docs[i].body);
    for (int i = 0; i < KEPT; i++)
        drop_kept(&s.kept[i]);
    dbr_responder_free(s.responder);
    signer_free(&s.signer);
    if (t.key)
        dbr_wipe(t.key, t.key_len);
    free(t.key);
    free(t.cert);
    return err ? fail(c, err) : 0;
}
