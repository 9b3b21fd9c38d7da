/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tokens in the place of passwords. The first byte chooses: what a client says, the file of the secret, a
 * token that the harness makes and one bit of which it turns.
 */
#include "fuzz.h"

#include "proto/authtoken.h"

enum { NOW = 1700000000, RENEWAL = 3600 };

static struct dbr_mac *mac;

static bool zero(const struct dbr_token *t)
{
    static const struct dbr_token none;
    return !memcmp(t->sid, none.sid, sizeof t->sid) && !t->first_s && !t->made_s;
}

static void said(const uint8_t *data, size_t size)
{
    struct dbr_token t;
    char *text = as_text(data, size);
    /* nobody guesses a tag of 32 bytes */
    PROMISE(dbr_token_check(mac, "alice", text, NOW, 0, RENEWAL, &t) == DBR_TOKEN_INVALID && zero(&t));
    free(text);
}

static void file(const uint8_t *data, size_t size)
{
    static const uint8_t none[DBR_TOKEN_SECRET_LEN];
    uint8_t secret[DBR_TOKEN_SECRET_LEN];
    char why[48];
    memset(secret, 1, sizeof secret);
    if (dbr_token_secret_parse(secret, (const char *)data, size, why, sizeof why))
        PROMISE(!memcmp(secret, none, sizeof none) && memchr(why, 0, sizeof why));
}

static void made(const uint8_t *data, size_t size)
{
    struct dbr_token t = {.first_s = NOW - 7200, .made_s = NOW - 60}, back;
    char text[DBR_TOKEN_TEXT];
    if (size < sizeof t.sid + 2)
        return;
    memcpy(t.sid, data, sizeof t.sid);
    char *user = as_text(data + sizeof t.sid + 2, size - sizeof t.sid - 2);
    PROMISE(!dbr_token_write(mac, user, &t, text) && strlen(text) == DBR_TOKEN_TEXT - 1);
    PROMISE(dbr_token_check(mac, user, text, NOW, 0, RENEWAL, &back) == DBR_TOKEN_GOOD);
    PROMISE(!memcmp(back.sid, t.sid, sizeof t.sid) && back.first_s == t.first_s && back.made_s == t.made_s);
    text[data[sizeof t.sid] % (DBR_TOKEN_TEXT - 1)] ^= (char)(1 << data[sizeof t.sid + 1] % 7);
    PROMISE(dbr_token_check(mac, user, text, NOW, 0, RENEWAL, &back) == DBR_TOKEN_INVALID && zero(&back));
    free(user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const what[])(const uint8_t *, size_t) = {said, file, made};
    static const uint8_t key[DBR_TOKEN_SECRET_LEN] = {1, 2, 3};
    if (!mac)
        PROMISE(!dbr_mac_new(&mac, "SHA256", key, sizeof key));
    if (size)
        what[data[0] % 3](data + 1, size - 1);
    return 0;
}
