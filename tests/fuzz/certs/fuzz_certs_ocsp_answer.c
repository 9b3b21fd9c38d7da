/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An OCSP answer from the network. The seeds are about one serial and signed; whatever else is called good
 * would be a forgery, so every accepted answer is looked at again with another serial, which must be refused.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ocsp.h"
#include "fuzz_ca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_ocsp_question q = {
        .issuer = fuzz_ca, .issuer_len = sizeof fuzz_ca, .now = FUZZ_NOW, .max_age_s = 86400};
    struct dbr_ocsp_verdict v;
    char why[256] = "";
    dbr_serial_parse(&q.serial, FUZZ_SERIAL, strlen(FUZZ_SERIAL));
    int err = dbr_ocsp_check(&q, data, size, &v, why, sizeof why);
    if (err && (v.status == DBR_OCSP_GOOD || !*why))
        abort();
    q.serial.b[DBR_SERIAL_MAX - 1] ^= 1;
    if (dbr_ocsp_check(&q, data, size, &v, why, sizeof why) == 0)
        abort();
    return 0;
}
