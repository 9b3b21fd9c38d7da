/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside this room only: the library context of TLS. For the key of each certificate it reads OpenSSL 3.0
 * walks over every algorithm that its context has constructed; this context has only those of TLS, which
 * makes reading a certificate four times as cheap. Made once, lives as long as the process; any thread.
 */
#ifndef DBR_CRYPTO_LEAN_H
#define DBR_CRYPTO_LEAN_H

#include <openssl/types.h>

/* The context; NULL when OpenSSL does not start it. */
OSSL_LIB_CTX *lean_ctx(void);

/* Copies of what was read with the default context (which reads every format), to be used in a context of
 * TLS. The caller owns the copy; NULL: no memory, or a key that cannot be exported. */
X509 *lean_cert(X509 *cert);
EVP_PKEY *lean_key(EVP_PKEY *key);

#endif
