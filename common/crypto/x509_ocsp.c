/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/x509.h"

#include <openssl/x509v3.h>

#include <stdio.h>
#include <string.h>

bool dbr_x509_ocsp_url(const struct dbr_x509 *x, char *out, size_t cap)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(x->cert);
    bool found = false;
    out[0] = 0;
    for (int i = 0; !found && i < sk_OPENSSL_STRING_num(urls); i++) {
        const char *url = sk_OPENSSL_STRING_value(urls, i);
        found = strlen(url) < cap && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
        if (found)
            snprintf(out, cap, "%s", url);
    }
    X509_email_free(urls);
    return found;
}
