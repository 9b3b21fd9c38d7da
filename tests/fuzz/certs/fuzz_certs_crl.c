/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CRL file: refused with a reason, or accepted and then consistent with itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/crl.h"
#include "fuzz_ca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up_everything(const struct dbr_crl *c)
{
    struct dbr_crl_entry e;
    struct dbr_crl *again;
    size_t n;
    for (size_t i = 0; i < dbr_crl_count(c); i++)
        if (!dbr_crl_lookup(c, dbr_crl_serial(c, i, &e), DBR_SERIAL_MAX, &e))
            abort();
    const uint8_t *image = dbr_crl_image(c, &n);
    if (dbr_crl_from_image(&again, image, n, NULL, NULL) != 0)
        abort();
    dbr_crl_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_issuers *issuers;
    struct dbr_crl *v[DBR_CRL_MAX_LISTS], *image;
    char why[256];
    size_t n;
    if (!issuers && dbr_issuers_parse(&issuers, fuzz_ca, sizeof fuzz_ca, why, sizeof why) != 0)
        abort();
    int err = dbr_crl_parse_file(v, &n, issuers, data, size, FUZZ_NOW, why, sizeof why);
    if ((err == 0) != (n > 0) || (err && !*why))
        abort();
    while (n) {
        look_up_everything(v[--n]);
        dbr_crl_free(v[n]);
    }
    if (dbr_crl_from_image(&image, data, size, NULL, NULL) == 0)
        dbr_crl_free(image);
    return 0;
}
