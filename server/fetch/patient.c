/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch/patient.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method;

uint64_t http_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* True: it is worth another attempt. */
static bool wait_for(BIO *below, uint64_t end_ms)
{
    uint64_t now = http_now_ms();
    int fd = -1;
    if (BIO_get_fd(below, &fd) < 0)
        return false;
    if (now < end_ms) {
        struct pollfd p = {.fd = fd, .events = BIO_should_write(below) ? POLLOUT : POLLIN};
        int ready = poll(&p, 1, (int)(end_ms - now));
        if (ready > 0 || (ready < 0 && errno == EINTR))
            return true;
    }
    ERR_raise_data(ERR_LIB_BIO, BIO_R_TRANSFER_TIMEOUT, "the server is too slow");
    return false;
}

static bool again(BIO *bio, int done)
{
    const struct patient *p = BIO_get_data(bio);
    return done <= 0 && BIO_should_retry(BIO_next(bio)) && wait_for(BIO_next(bio), p->end_ms);
}

static int patient_read(BIO *bio, char *out, int cap)
{
    struct patient *p = BIO_get_data(bio);
    int n;
    do
        n = BIO_read(BIO_next(bio), out, cap);
    while (again(bio, n));
    if (n > 0)
        http_head_feed(&p->head, out, (size_t)n);
    return n;
}

static int patient_write(BIO *bio, const char *bytes, int len)
{
    int n;
    do
        n = BIO_write(BIO_next(bio), bytes, len);
    while (again(bio, n));
    return n;
}

static long patient_ctrl(BIO *bio, int what, long n, void *arg)
{
    bool own = what == BIO_CTRL_PUSH || what == BIO_CTRL_POP;
    return own || !BIO_next(bio) ? 0 : BIO_ctrl(BIO_next(bio), what, n, arg);
}

static int patient_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static void make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "patient");
    if (m && BIO_meth_set_read(m, patient_read) && BIO_meth_set_write(m, patient_write) &&
        BIO_meth_set_ctrl(m, patient_ctrl) && BIO_meth_set_create(m, patient_create))
        method = m;
    else
        BIO_meth_free(m);
}

struct bio_st *patient_new(struct patient *p)
{
    BIO *bio = CRYPTO_THREAD_run_once(&once, make_method) && method ? BIO_new(method) : NULL;
    if (bio)
        BIO_set_data(bio, p);
    return bio;
}
