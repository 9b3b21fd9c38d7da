/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/signer.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/init.h"
#include "signer/keyring.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 2000, ASKS_PER_TURN = 32 };
enum { REFUSALS_NS = 60000000000 /* between two lines */ };

struct signer {
    const struct dbr_boot *boot;
    struct keyring ring;
    uint8_t *buf; /* DBR_SIGN_MAX bytes */
    uint64_t refused_ns;
    unsigned refused; /* since the last line */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- control ---- */

/* control never asks for what TLS does not sign, as long as it is control. */
static void note_refusal(struct signer *s)
{
    const uint64_t now = now_ns();
    s->refused++;
    if (s->refused_ns && now - s->refused_ns < (uint64_t)REFUSALS_NS)
        return;
    dbr_log(&s->boot->log, DBR_LOG_ERROR,
            "ALARM: signer: control wants signatures under what is no TLS handshake (%u times): refused",
            s->refused);
    s->refused_ns = now;
    s->refused = 0;
}

static void answer_ask(struct signer *s, const struct dbr_sign_head *ask, const uint8_t *message)
{
    uint8_t sig[DBR_SIGN_SIGNATURE_MAX];
    size_t n = sizeof sig;
    struct dbr_sign_head done = {.type = DBR_SIGN_DONE, .ticket = ask->ticket};
    done.err = keyring_sign(&s->ring, ask, message, sig, &n);
    done.n = done.err ? 0 : (uint32_t)n;
    if (done.err == DBR_ERR_SHAPE)
        note_refusal(s);
    dbr_sign_send(s->boot->ipc_signer, &done, sig);
}

static void answer_who(struct signer *s)
{
    const struct dbr_signkey *k = keyring_latest(&s->ring, &s->boot->log);
    struct dbr_sign_head h = {.type = DBR_SIGN_KEY, .err = k ? 0 : DBR_ERR_CONFIG};
    size_t cert_len = 0, ca_len = 0;
    const char *cert = k ? dbr_signkey_cert(k, &cert_len) : NULL, *ca = k ? dbr_signkey_ca(k, &ca_len) : NULL;
    if (cert_len + ca_len > DBR_SIGN_BYTES_MAX) {
        dbr_log(&s->boot->log, DBR_LOG_FATAL, "%s: pkcs12: too many certificates in it: 96 kB at most",
                s->ring.where);
        h.err = DBR_ERR_LIMIT;
    } else if (k) {
        memcpy(h.key, dbr_signkey_id(k), sizeof h.key);
        h.n = (uint32_t)(cert_len + ca_len);
        h.n_ca = (uint32_t)ca_len;
        if (cert_len)
            memcpy(s->buf, cert, cert_len);
        if (ca_len)
            memcpy(s->buf + cert_len, ca, ca_len);
    }
    dbr_sign_send(s->boot->ipc_signer, &h, s->buf);
}

static bool from_keeper(struct signer *s);

/* False when there is nobody who could ask. */
static bool from_control(struct signer *s)
{
    struct dbr_sign_head h;
    const uint8_t *bytes;
    int err = 0;
    for (int i = 0; i < ASKS_PER_TURN && (!err || err == DBR_ERR_SHAPE); i++) {
        err = dbr_sign_recv(s->boot->ipc_signer, s->buf, &h, &bytes);
        if (err)
            continue;
        if (h.type == DBR_SIGN_ASK) {
            answer_ask(s, &h, bytes);
        } else if (h.type == DBR_SIGN_WHO) {
            if (!from_keeper(s)) /* what it has sent before control was told to ask */
                return false;
            answer_who(s);
        } else if (h.type == DBR_SIGN_USE) {
            keyring_use(&s->ring, h.key, h.ticket, now_ns());
        } else if (h.type == DBR_SIGN_PASS) {
            memcpy(s->ring.told, bytes, h.n);
            s->ring.told[h.n] = 0;
            dbr_wipe(s->buf, sizeof h + h.n);
        }
    }
    return err != DBR_ERR_NOTFOUND;
}

/* ---- keeper ---- */

/* False when it wants the end. */
static bool from_keeper(struct signer *s)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    const struct dbr_ipc_keys *keys = (const void *)buf;
    int fd, err;
    while (!(err = dbr_ipc_recv(s->boot->ipc_keeper, buf, &fd)) || err == DBR_ERR_SHAPE) {
        if (err)
            continue;
        if (head->type == DBR_IPC_KEYS && !keyring_take(&s->ring, keys, fd))
            dbr_log(&s->boot->log, DBR_LOG_ERROR, "%s: not a readable regular file of at most 1 MiB",
                    keys->where);
        if (fd >= 0)
            close(fd);
    }
    return err == DBR_ERR_AGAIN;
}

/* ---- life ---- */

static void serve(struct signer *s)
{
    struct pollfd p[2] = {{.fd = s->boot->ipc_keeper, .events = POLLIN},
                          {.fd = s->boot->ipc_signer, .events = POLLIN}};
    for (;;) {
        if (s->boot->alive)
            atomic_fetch_add_explicit(&s->boot->alive[0], 1, memory_order_relaxed);
        poll(p, 2, TURN_MS);
        if (p[0].revents && !from_keeper(s))
            return;
        if (p[1].revents && !from_control(s))
            return;
        keyring_expire(&s->ring, now_ns());
    }
}

/* All that asks for memory that is locked, or looks for files, before the lock-down. */
static bool start(struct signer *s)
{
    if (!dbr_signkey_guard())
        dbr_log(&s->boot->log, DBR_LOG_WARN, "WARNING: signer: no locked memory for the private key");
    s->buf = malloc(DBR_SIGN_MAX);
    return s->buf && !dbr_crypto_init();
}

int dbr_signer_main(const struct dbr_boot *boot)
{
    static struct signer s;
    s.boot = boot;
    s.ring.server = !boot->client;
    s.ring.pass = boot->key_pass;
    if (!start(&s)) {
        dbr_log(&boot->log, DBR_LOG_FATAL, "signer: cannot start: OpenSSL, or memory");
        return 1;
    }
    if (boot->lock_down(boot))
        return 1;
    struct dbr_ipc_head ready = dbr_ipc_head(DBR_IPC_READY, sizeof ready, 0);
    dbr_ipc_send(boot->ipc_keeper, &ready, -1);
    serve(&s);
    keyring_free(&s.ring);
    free(s.buf);
    return 0;
}
