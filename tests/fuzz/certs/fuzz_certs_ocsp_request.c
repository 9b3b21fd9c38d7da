/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An OCSP request from anybody: always an answer; one that parses, and whose status is "successful" only if
 * the request was good.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "certs/der.h"
#include "certs/ocsp.h"
#include "fuzz_ca.h"
#include "fuzz_signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dbr_responder *responder(void)
{
    static const char index[] = "V\t290101000000Z\t\t" FUZZ_SERIAL "\tunknown\t/CN=alice\n";
    struct dbr_responder *r;
    struct dbr_index *ix;
    EVP_PKEY *key;
    char why[256];
    if (dbr_key_read(&key, (const uint8_t *)fuzz_signer_key, sizeof fuzz_signer_key - 1,
                     &(struct dbr_pass){0}, why, sizeof why) != 0 ||
        dbr_responder_new(&r, (const uint8_t *)fuzz_signer_ca, sizeof fuzz_signer_ca - 1,
                          (const uint8_t *)fuzz_signer_cert, sizeof fuzz_signer_cert - 1, key, 3600, why,
                          sizeof why) != 0 ||
        dbr_index_parse(&ix, index, sizeof index - 1, why, sizeof why) != 0 || dbr_responder_load(r, ix) != 0)
        abort();
    EVP_PKEY_free(key);
    dbr_index_free(ix);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_responder *r;
    struct dbr_ocsp_request req;
    struct dbr_answer a;
    struct dbr_reader in, body;
    struct dbr_der status;
    if (!r)
        r = responder();
    int err = dbr_ocsp_request_parse(&req, data, size);
    dbr_responder_answer(r, data, size, FUZZ_NOW, &a);
    dbr_reader_init(&in, a.der, a.len);
    if (!dbr_der_enter(&in, DBR_DER_SEQ, &body) || !dbr_der_take(&body, DBR_DER_ENUM, &status) ||
        status.len != 1 || dbr_reader_left(&in) || (status.body[0] == 0 && err) ||
        (a.cacheable && (err || req.n != 1 || req.nonce)))
        abort();
    return 0;
}
