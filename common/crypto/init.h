/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one start of OpenSSL in a process. It is started without its configuration file: neither openssl.cnf
 * nor OPENSSL_CONF is read, so that no file planted beside us, in a build path or in the environment can load
 * an engine or a provider, or weaken a protocol (CVE-2021-3606), and so that nothing is opened after seccomp
 * is armed. What an administrator may set is in our own configuration.
 */
#ifndef DBR_CRYPTO_INIT_H
#define DBR_CRYPTO_INIT_H

/* Starts OpenSSL and fetches the algorithms of this room. Everything in common/crypto calls it by itself; a
 * room that uses OpenSSL on its own (certs) calls it first, because the library's first start decides. Any
 * thread, any number of times. 0 or DBR_ERR_CRYPTO. */
int dbr_crypto_init(void);

#endif
