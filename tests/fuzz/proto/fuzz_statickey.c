/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The static key file.
 */
#include "fuzz.h"

#include "proto/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zero[DBR_STATIC_KEY_LEN];
    uint8_t key[DBR_STATIC_KEY_LEN];
    char why[48];
    memset(key, 1, sizeof key);
    memset(why, 'x', sizeof why);
    int err = dbr_static_key_parse(key, (const char *)data, size, why, sizeof why);
    if (!err) {
        PROMISE(size >= 2 * DBR_STATIC_KEY_LEN + 70);
        return 0;
    }
    PROMISE(err == DBR_ERR_SHAPE);
    PROMISE(memchr(why, 0, sizeof why) && !strncmp(why, "line ", 5));
    PROMISE(!memcmp(key, zero, sizeof key));
    return 0;
}
