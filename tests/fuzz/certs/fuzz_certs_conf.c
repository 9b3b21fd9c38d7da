/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ca.conf: what is accepted and written is accepted again, and written the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/caconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_ca_conf a, b;
    char why[256] = "";
    size_t n, m;
    dbr_ca_conf_init(&a);
    dbr_ca_conf_init(&b);
    if (dbr_ca_conf_parse(&a, (const char *)data, size, why, sizeof why) != 0) {
        if (!*why)
            abort();
        return 0;
    }
    char *text = dbr_ca_conf_write(&a, &n);
    if (dbr_ca_conf_parse(&b, text, n, why, sizeof why) != 0)
        abort();
    char *second = dbr_ca_conf_write(&b, &m);
    if (n != m || memcmp(text, second, n) != 0)
        abort();
    free(text);
    free(second);
    return 0;
}
