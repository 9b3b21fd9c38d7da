/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as the peer of a TLS session. Input: one byte of role (even: we are the server), then pieces of a
 * 16-bit length and bytes, each fed and stepped. Nothing but a handshake with certificates may end in done; a
 * failure has its reason; what is sent back stays small.
 */
#include "base/bytes.h"
#include "base/err.h"
#include "crypto/tls.h"
#include "pki.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool promise)
{
    if (!promise)
        abort();
}

static struct dbr_tls_ctx *make_ctx(bool server)
{
    struct pki_id *ca = pki_root("CA"), *own = server ? pki_server("s", ca) : pki_client("c", ca);
    struct dbr_tls_config c = {.server = server, .ca = ca->pem, .ca_len = ca->pem_len};
    struct dbr_tls_ctx *ctx;
    char why[128];
    c.cert = own->pem, c.cert_len = own->pem_len, c.key = own->key_pem, c.key_len = own->key_pem_len;
    must(!dbr_tls_ctx_new(&ctx, &c, why, sizeof why));
    pki_free(own);
    pki_free(ca);
    return ctx;
}

static int one_piece(struct dbr_tls *t, const uint8_t *piece, size_t n)
{
    uint8_t buf[4096];
    size_t got;
    if (dbr_tls_feed(t, piece, n))
        return DBR_ERR_TLS;
    int err = dbr_tls_step(t);
    must(dbr_tls_pending_out(t) < 16384);
    while (dbr_tls_drain(t, buf, sizeof buf))
        ;
    must(!dbr_tls_done(t));
    must(dbr_tls_read(t, buf, sizeof buf, &got) != 0 && !got);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_tls_ctx *ctx[2];
    struct dbr_reader r;
    struct dbr_tls *t;
    dbr_reader_init(&r, data, size);
    bool client = dbr_read8(&r) & 1;
    if (!ctx[client])
        ctx[client] = make_ctx(!client);
    must(!dbr_tls_new(&t, ctx[client], NULL));
    int err = dbr_tls_step(t);
    while (err == DBR_ERR_AGAIN && dbr_reader_left(&r) > 2) {
        size_t n = dbr_read16(&r), left = dbr_reader_left(&r);
        err = one_piece(t, dbr_read_bytes(&r, n < left ? n : left), n < left ? n : left);
    }
    must(err == DBR_ERR_AGAIN || dbr_tls_why(t)[0]);
    dbr_tls_free(t);
    return 0;
}
