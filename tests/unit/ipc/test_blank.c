/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private keys taken out of texts: '#' stands for what must be gone, everything else must stay.
 */
#include "ipc/blank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CERT "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static const struct {
    const char *name, *text, *rest;
    bool config;
} cases[] = {
    {"nothing", "", "", false},
    {"a certificate", CERT, CERT, false},
    {"a key", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", "###\n#\n###\n", false},
    {"each kind",
     "-----BEGIN RSA PRIVATE KEY-----\na\n-----END RSA PRIVATE KEY-----\n"
     "-----BEGIN ENCRYPTED PRIVATE KEY-----\nb\n-----END ENCRYPTED PRIVATE KEY-----\n",
     "#\n#\n#\n#\n#\n#\n", false},
    {"between certificates", CERT "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n" CERT,
     CERT "#\n#\n#\n" CERT, false},
    {"Windows", "-----BEGIN PRIVATE KEY-----\r\nMIIE\r\n-----END PRIVATE KEY-----\r\nx\r\n", "#\n#\n#\nx\r\n",
     false},
    {"without an end", CERT "-----BEGIN PRIVATE KEY-----\nMIIE", CERT "#\n#", false},
    {"a static key", "-----BEGIN OpenVPN Static key V1-----\n00\n-----END OpenVPN Static key V1-----\n",
     "-----BEGIN OpenVPN Static key V1-----\n00\n-----END OpenVPN Static key V1-----\n", false},
    {"a block", "port 1\n<key>\nabc\n</key>\nverb 3\n", "port 1\n<key>\n#\n</key>\nverb 3\n", true},
    {"no block in a PEM file", "<key>\nabc\n</key>\n", "<key>\nabc\n</key>\n", false},
    {"white space", " <key>\nabc\n\t</key> \nx\n", " <key>\n#\n\t</key> \nx\n", true},
    {"pkcs12", "<pkcs12>\nMIIK\nAAAA\n</pkcs12>\n<ca>\n" CERT "</ca>\n",
     "<pkcs12>\n#\n#\n</pkcs12>\n<ca>\n" CERT "</ca>\n", true},
    {"a key in cert",
     "<cert>\n" CERT "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n</cert>\ny\n",
     "<cert>\n" CERT "#\n#\n#\n</cert>\ny\n", true},
    {"unfinished in cert", "<cert>\n-----BEGIN PRIVATE KEY-----\nx\n</cert>\ny\n",
     "<cert>\n#\n#\n</cert>\ny\n", true},
    {"another block", "<tls-auth>\nkey\n</tls-auth>\nkey k.pem\n",
     "<tls-auth>\nkey\n</tls-auth>\nkey k.pem\n", true},
    {"a comment that speaks of it", "; -----BEGIN PRIVATE KEY-----\nverb 3\n",
     "; -----BEGIN PRIVATE KEY-----\nverb 3\n", true},
    {"in another block", "<cert>\n-----BEGIN PRIVATE KEY-----\nx\n\t</cert>\nverb 3\n",
     "<cert>\n#\n#\n\t</cert>\nverb 3\n", true},
    {"a block that never ends", "<key>\na\nb", "<key>\n#\n#", true},
};

/* True if text is like `want`, where a line with '#' stands for one of spaces. */
static bool is_like(const char *text, const char *want)
{
    while (*want) {
        size_t n = strcspn(text, "\n"), m = strcspn(want, "\n");
        bool same = *want == '#' ? strspn(text, " ") == n && n > 0 : n == m && memcmp(text, want, n) == 0;
        if (!same || text[n] != want[m])
            return false;
        text += n + (text[n] != 0);
        want += m + (want[m] != 0);
    }
    return !*text;
}

static void each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = strdup(cases[i].text);
        dbr_blank_keys(text, strlen(text), cases[i].config);
        if (strlen(text) != strlen(cases[i].text) || !is_like(text, cases[i].rest))
            fail_msg("%s: '%s'", cases[i].name, text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_case)};
    return cmocka_run_group_tests_name("blank", tests, NULL, NULL);
}
