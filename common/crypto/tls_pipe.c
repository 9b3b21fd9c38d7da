/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/tls_int.h"

#include "base/secret.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>

#include <string.h>

enum { PIPE_MIN = 2048 };

void pipe_fini(struct pipe *p)
{
    OPENSSL_clear_free(p->data, p->cap);
    memset(p, 0, sizeof *p);
}

/* Room for n more bytes at the end: moves what there is to the front, grows where that is not enough. */
static bool make_room(struct pipe *p, size_t n)
{
    if (p->start && p->cap - p->start - p->len < n) {
        memmove(p->data, p->data + p->start, p->len);
        p->start = 0;
    }
    if (p->cap - p->start - p->len >= n)
        return true;
    size_t cap = p->cap ? p->cap : PIPE_MIN;
    while (cap < p->len + n)
        cap *= 2;
    uint8_t *data = OPENSSL_clear_realloc(p->data, p->cap, cap);
    if (!data)
        return false;
    p->data = data;
    p->cap = cap;
    return true;
}

bool pipe_push(struct pipe *p, const void *data, size_t n)
{
    if (!n)
        return true;
    if (!make_room(p, n))
        return false;
    memcpy(p->data + p->start + p->len, data, n);
    p->len += n;
    return true;
}

size_t pipe_pull(struct pipe *p, void *out, size_t cap)
{
    size_t n = p->len < cap ? p->len : cap;
    if (n)
        memcpy(out, p->data + p->start, n);
    p->start += n;
    p->len -= n;
    if (!p->len)
        pipe_fini(p);
    return n;
}

static int bio_read(BIO *bio, char *out, size_t cap, size_t *n)
{
    struct dbr_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->stop)
        return 0;
    *n = pipe_pull(&t->in, out, cap);
    if (*n)
        return 1;
    BIO_set_retry_read(bio);
    return 0;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *n)
{
    struct dbr_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *n = len;
    return pipe_push(&t->out, data, len);
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "drawbridge");
    if (m && BIO_meth_set_read_ex(m, bio_read) && BIO_meth_set_write_ex(m, bio_write) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        method = m;
    else
        BIO_meth_free(m);
}

const BIO_METHOD *tls_pipe_method(void)
{
    return CRYPTO_THREAD_run_once(&once, make_method) ? method : NULL;
}
