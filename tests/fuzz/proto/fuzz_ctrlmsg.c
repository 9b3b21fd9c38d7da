/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Everything that reads text of a peer: control messages, PUSH_REPLY in chunks, peer info, options strings.
 */
#include "fuzz.h"

#include "proto/ctrlmsg.h"
#include "proto/negotiate.h"

static void message(const char *text)
{
    const char *rest;
    dbr_ctrlmsg_parse(text, &rest);
    PROMISE(rest >= text && rest <= text + strlen(text));
}

/* Lines are chunks as a server sends them. */
static void chunks(char *text)
{
    struct dbr_push_collect c = {NULL, 0};
    char *save, *line = strtok_r(text, "\n", &save);
    for (int err = DBR_ERR_AGAIN; line && err == DBR_ERR_AGAIN; line = strtok_r(NULL, "\n", &save)) {
        err = dbr_push_collect_add(&c, line);
        PROMISE(err == 0 || err == DBR_ERR_AGAIN || err == DBR_ERR_LIMIT);
        PROMISE(!c.options || strlen(c.options) == c.len);
        PROMISE(!c.options || !strstr(c.options, ",push-continuation 2"));
    }
    dbr_push_collect_fini(&c);
}

static int collect(void *arg, const char *text)
{
    const char *rest;
    PROMISE(strlen(text) < DBR_PUSH_CHUNK);
    PROMISE(dbr_ctrlmsg_parse(text, &rest) == DBR_MSG_PUSH_REPLY);
    int err = dbr_push_collect_add(arg, rest);
    return err == DBR_ERR_AGAIN ? 0 : err;
}

/* Lines are options to push: what is written must be collected again. */
static void options(char *text)
{
    const char *list[64];
    size_t n = 0, want = 0;
    char *save;
    for (char *o = strtok_r(text, "\n", &save); o && n < 64; o = strtok_r(NULL, "\n", &save)) {
        list[n++] = o;
        want += strlen(o) + (n > 1);
    }
    struct dbr_push_collect c = {NULL, 0};
    int err = dbr_push_reply_write(list, n, collect, &c);
    PROMISE(err == 0 || err == DBR_ERR_CONFIG);
    bool tricky = false; /* an option that is itself a continuation word is taken out */
    for (size_t i = 0; i < n; i++)
        tricky |= !strncmp(list[i], "push-continuation", 17);
    PROMISE(err || tricky || c.len == want);
    dbr_push_collect_fini(&c);
}

static void negotiation(const char *text)
{
    struct dbr_peer_info info;
    struct dbr_occ_params p = {.server = true, .tls_auth = true, .tun_mtu = 1500, .auth = "SHA1"};
    char out[512], value[32];
    const char *push;
    dbr_peer_info_parse(&info, text);
    PROMISE(info.iv_proto <= INT32_MAX && info.iv_mtu <= INT32_MAX);
    for (const char *s = info.ciphers; *s; s++)
        PROMISE(*s > 0x20 && *s < 0x7f);
    for (const char *s = info.version; *s; s++)
        PROMISE(*s >= 0x20 && *s < 0x7f);
    dbr_negotiate_cipher("AES-256-GCM:CHACHA20-POLY1305", &info, text, DBR_CIPHER_NONE);
    dbr_negotiate_cipher(text, &info, text, DBR_AES_256_GCM);
    dbr_negotiate_framing(&info, text, &push);
    if (dbr_occ_find(text, "cipher", value, sizeof value))
        PROMISE(strlen(value) < sizeof value && !strchr(value, ','));
    int n = dbr_occ_string(&p, text, out, sizeof out);
    PROMISE(n == DBR_ERR_SPACE || (n > 0 && strlen(out) == (size_t)n));
    for (int i = 0; i < n; i++)
        PROMISE(out[i] >= 0x20 && out[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = as_text(data, size);
    message(text);
    negotiation(text);
    chunks(text);
    memcpy(text, data, size);
    options(text);
    free(text);
    return 0;
}
