/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One HTTP exchange over OpenSSL's client, with limits: time for the whole of it, bytes of the answer, no
 * redirect, no proxy, no credentials, status 200 only, or 304 to a question that showed a tag. HTTPS needs a
 * certificate of the pinned CA for the host's name. Blocks; any thread.
 */
#ifndef DBR_FETCH_HTTP_H
#define DBR_FETCH_HTTP_H

#include "fetch/tag.h"

#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;

enum { HTTP_SAME = 1 };

struct http_limits {
    size_t max_bytes;
    int seconds;
};

struct http_body {
    uint8_t *bytes; /* malloc'ed */
    size_t len;
};

/* A TLS context that trusts these certificates (PEM) and nothing else, or NULL. Free with SSL_CTX_free. */
struct ssl_ctx_st *http_pin(const void *ca, size_t len);

/* True if it can be fetched: http or https, a host, no user name; else one line in why. */
int http_url_ok(const char *url, char *why, size_t cap);

/* GET; tls may be NULL when the URL is http. 0 and *out, or with one line in why: DBR_ERR_CONFIG (URL),
 * DBR_ERR_LIMIT (too long), DBR_ERR_TIMEOUT, DBR_ERR_IO (anything else), DBR_ERR_NOMEM.
 * tag (may be NULL): what the last answer said of its version, empty at first. It is shown to the server, and
 * on 0 replaced by what this answer says; HTTP_SAME: the server has nothing newer, and *out is empty. */
int http_get(struct http_body *out, const char *url, struct ssl_ctx_st *tls, const struct http_limits *limits,
             struct http_tag *tag, char *why, size_t cap);

/* POST of n bytes of an OCSP request; the answer must be an OCSP response by its type. Errors as above. */
int http_post_ocsp(struct http_body *out, const char *url, struct ssl_ctx_st *tls, const void *request,
                   size_t n, const struct http_limits *limits, char *why, size_t cap);

#endif
