/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/authtoken.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/b64.h"
#include "proto/keyblock.h"

#include <string.h>

enum {
    TAG_LEN = 32,
    SIGNED_LEN = DBR_TOKEN_SID_LEN + 8 + 8,
    TOKEN_LEN = SIGNED_LEN + TAG_LEN,
    FILE_LEN = 128
};

static const char prefix[] = "SESS_ID_AT_";
static const char label[] = "OpenVPN auth-token server key";

bool dbr_token_is(const char *password)
{
    return strncmp(password, prefix, sizeof prefix - 1) == 0;
}

int dbr_token_secret_parse(uint8_t secret[DBR_TOKEN_SECRET_LEN], const char *text, size_t len, char *why,
                           size_t cap)
{
    uint8_t bytes[FILE_LEN];
    const char *wrong;
    long n = keyblock_read(text, len, label, bytes, sizeof bytes, &wrong);
    memset(secret, 0, DBR_TOKEN_SECRET_LEN);
    if (n == FILE_LEN)
        memcpy(secret, bytes + FILE_LEN / 2, DBR_TOKEN_SECRET_LEN);
    dbr_wipe(bytes, sizeof bytes);
    if (n == FILE_LEN)
        return 0;
    return keyblock_refuse(why, cap, n < 0 ? wrong : "too few bytes in", label,
                           "openvpn --genkey auth-token");
}

static int make_tag(struct dbr_mac *mac, const char *user, const uint8_t *bytes, uint8_t tag[TAG_LEN])
{
    const struct dbr_part parts[] = {{user, strlen(user)}, {bytes, SIGNED_LEN}};
    return dbr_mac_size(mac) == TAG_LEN ? dbr_mac_compute(mac, parts, 2, tag) : DBR_ERR_CRYPTO;
}

static bool is_current(const struct dbr_token *t, int64_t unix_s, uint32_t lifetime_s, uint32_t renewal_s)
{
    uint64_t now = unix_s < 0 ? 0 : (uint64_t)unix_s;
    return t->first_s <= t->made_s && t->made_s <= now && now - t->made_s < 2ull * renewal_s &&
           (!lifetime_s || now - t->first_s <= lifetime_s);
}

enum dbr_token_verdict dbr_token_check(struct dbr_mac *mac, const char *user, const char *text,
                                       int64_t unix_s, uint32_t lifetime_s, uint32_t renewal_s,
                                       struct dbr_token *t)
{
    uint8_t bytes[TOKEN_LEN], tag[TAG_LEN];
    memset(t, 0, sizeof *t);
    if (!dbr_token_is(text) || strlen(text) != DBR_TOKEN_TEXT - 1 ||
        dbr_base64_decode(text + sizeof prefix - 1, DBR_TOKEN_TEXT - sizeof prefix, bytes, sizeof bytes) !=
            TOKEN_LEN ||
        make_tag(mac, user, bytes, tag))
        return DBR_TOKEN_INVALID;
    bool ours = dbr_secret_equal(tag, bytes + SIGNED_LEN, TAG_LEN);
    if (ours) {
        memcpy(t->sid, bytes, sizeof t->sid);
        t->first_s = dbr_get64(bytes + DBR_TOKEN_SID_LEN);
        t->made_s = dbr_get64(bytes + DBR_TOKEN_SID_LEN + 8);
    }
    dbr_wipe(bytes, sizeof bytes);
    dbr_wipe(tag, sizeof tag);
    if (!ours)
        return DBR_TOKEN_INVALID;
    return is_current(t, unix_s, lifetime_s, renewal_s) ? DBR_TOKEN_GOOD : DBR_TOKEN_EXPIRED;
}

int dbr_token_write(struct dbr_mac *mac, const char *user, const struct dbr_token *t,
                    char out[DBR_TOKEN_TEXT])
{
    uint8_t bytes[TOKEN_LEN];
    memcpy(bytes, t->sid, sizeof t->sid);
    dbr_put64(bytes + DBR_TOKEN_SID_LEN, t->first_s);
    dbr_put64(bytes + DBR_TOKEN_SID_LEN + 8, t->made_s);
    int err = make_tag(mac, user, bytes, bytes + SIGNED_LEN);
    memcpy(out, prefix, sizeof prefix);
    if (!err &&
        dbr_b64_encode(bytes, sizeof bytes, out + sizeof prefix - 1, DBR_TOKEN_TEXT - sizeof prefix + 1) < 0)
        err = DBR_ERR_CRYPTO;
    if (err)
        out[0] = 0;
    dbr_wipe(bytes, sizeof bytes);
    return err;
}

void dbr_token_sid_text(const struct dbr_token *t, char out[DBR_TOKEN_SID_TEXT])
{
    if (dbr_b64_encode(t->sid, sizeof t->sid, out, DBR_TOKEN_SID_TEXT) < 0)
        out[0] = 0;
}
