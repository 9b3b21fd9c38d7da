/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A planted openssl.cnf is not read (C67): the one made here would leave the process without any algorithm.
 */
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/init.h"
#include "crypto/mac.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/dbr-openssl-cnf-XXXXXX";
static char setting[64]; /* the environment keeps it */

static int plant(void **state)
{
    (void)state;
    static const char text[] = "openssl_conf = init\n"
                               "[init]\nproviders = provs\nalg_section = algs\n"
                               "[provs]\nnull = null_sect\n[null_sect]\nactivate = 1\n"
                               "[algs]\ndefault_properties = provider=nowhere\n";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, sizeof text - 1) != sizeof text - 1)
        return -1;
    close(fd);
    snprintf(setting, sizeof setting, "OPENSSL_CONF=%s", path);
    return putenv(setting);
}

static int dig_up(void **state)
{
    (void)state;
    return unlink(path);
}

/* First: our start decides for the process. */
static void planted_configuration_is_not_read(void **state)
{
    (void)state;
    struct dbr_mac *m;
    assert_int_equal(dbr_crypto_init(), 0);
    assert_int_equal(dbr_crypto_init(), 0);
    assert_int_equal(dbr_mac_new(&m, "SHA1", NULL, 0), 0);
    dbr_mac_free(m);
    assert_int_equal(dbr_aead_warm_up(), 0);
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA512", NULL); /* later fetches of other rooms do not read it either */
    assert_non_null(md);
    EVP_MD_free(md);
}

/* The same file does harm where it is loaded, so that the test above means something. */
static void the_file_would_have_done_harm(void **state)
{
    (void)state;
    OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
    assert_non_null(lib);
    assert_true(OSSL_LIB_CTX_load_config(lib, path));
    EVP_MD *md = EVP_MD_fetch(lib, "SHA512", NULL);
    assert_null(md);
    OSSL_LIB_CTX_free(lib);
    ERR_clear_error();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_configuration_is_not_read),
        cmocka_unit_test(the_file_would_have_done_harm),
    };
    return cmocka_run_group_tests(tests, plant, dig_up);
}
