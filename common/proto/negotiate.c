/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/negotiate.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/mac.h"
#include "proto/fragment.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- peer info --- */

enum kind { NUMBER, FLAG, NCP_VERSION, TEXT, CIPHERS };

/* One row per variable that matters; the first line with a name counts. */
static const struct variable {
    const char *name;
    enum kind kind;
    size_t offset, cap;
} variables[] = {
#define AT(field)    offsetof(struct dbr_peer_info, field)
#define SIZED(field) AT(field), sizeof((struct dbr_peer_info *)NULL)->field
    {"IV_PROTO", NUMBER, AT(iv_proto), 0},
    {"IV_MTU", NUMBER, AT(iv_mtu), 0},
    {"IV_NCP", NCP_VERSION, AT(has_ncp2), 0},
    {"IV_COMP_STUB", FLAG, AT(comp_stub), 0},
    {"IV_COMP_STUBv2", FLAG, AT(comp_stub_v2), 0},
    {"IV_DBR_OFFLOAD", FLAG, AT(offload), 0},
    {"IV_LZO", FLAG, AT(has_lzo), 0},
    {"IV_CIPHERS", CIPHERS, SIZED(ciphers)},
    {"IV_VER", TEXT, SIZED(version)},
    {"IV_PLAT", TEXT, SIZED(platform)},
    {"IV_GUI_VER", TEXT, SIZED(gui)},
    {"IV_SSO", TEXT, SIZED(sso)},
#undef SIZED
#undef AT
};
enum { N_VARIABLES = sizeof variables / sizeof *variables };

/* A decimal number of n digits up to 2^31 - 1 (OpenVPN's int); 0 for anything else. */
static uint32_t parse_number(const char *text, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(text[i] - '0');
        if (v > INT32_MAX)
            return 0;
    }
    return (uint32_t)v;
}

/* Copies a colon list, cut between two names where it does not fit; what could not be in one becomes '?'. */
static void copy_list(char *out, size_t cap, const char *text, size_t n)
{
    if (n >= cap) {
        n = cap - 1;
        while (n && text[n] != ':')
            n--;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(text[i] > 0x20 && text[i] < 0x7f && text[i] != '\\' ? text[i] : '?');
    out[n] = 0;
}

static void set_variable(struct dbr_peer_info *info, const struct variable *v, const char *text, size_t n)
{
    char *at = (char *)info + v->offset;
    uint32_t number = parse_number(text, n);
    bool flag = v->kind == NCP_VERSION ? number >= 2 : number == 1;
    switch (v->kind) {
    case NUMBER: memcpy(at, &number, sizeof number); break;
    case FLAG:
    case NCP_VERSION: memcpy(at, &flag, sizeof flag); break;
    case TEXT: dbr_log_escape(at, v->cap, text, n); break;
    case CIPHERS: copy_list(at, v->cap, text, n); break;
    }
}

static void parse_line(struct dbr_peer_info *info, const char *line, size_t n, uint32_t *seen)
{
    const char *equals = memchr(line, '=', n);
    size_t name_len = equals ? (size_t)(equals - line) : 0;
    for (size_t i = 0; i < N_VARIABLES; i++) {
        const struct variable *v = &variables[i];
        if (strlen(v->name) != name_len || memcmp(v->name, line, name_len) || *seen >> i & 1)
            continue;
        *seen |= 1u << i;
        set_variable(info, v, equals + 1, n - name_len - 1);
    }
}

void dbr_peer_info_parse(struct dbr_peer_info *info, const char *text)
{
    uint32_t seen = 0;
    memset(info, 0, sizeof *info);
    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t without_cr = n && text[n - 1] == '\r' ? n - 1 : n;
        parse_line(info, text, without_cr, &seen);
        text += n + (text[n] == '\n');
    }
    if (info->has_ncp2 && !info->ciphers[0])
        strcpy(info->ciphers, "AES-256-GCM:AES-128-GCM");
}

bool dbr_cipher_in_list(const char *list, enum dbr_cipher cipher)
{
    while (*list) {
        size_t n = strcspn(list, ":");
        if (cipher && dbr_cipher_by_name(list, n) == cipher)
            return true;
        list += n + (list[n] == ':');
    }
    return false;
}

int dbr_peer_info_write(char *out, size_t cap, uint32_t iv_proto, uint32_t iv_mtu, const char *ciphers,
                        const char *platform)
{
    char mtu[24] = "";
    bool ncp2 = dbr_cipher_in_list(ciphers, DBR_AES_128_GCM) && dbr_cipher_in_list(ciphers, DBR_AES_256_GCM);
    if (iv_mtu)
        snprintf(mtu, sizeof mtu, "IV_MTU=%u\n", iv_mtu);
    int n = snprintf(out, cap,
                     "IV_VER=Drawbridge %s\nIV_PLAT=%s\nIV_TCPNL=1\n%s%sIV_CIPHERS=%s\nIV_PROTO=%u\n"
                     "IV_LZO_STUB=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\nIV_DBR_OFFLOAD=1\n",
                     DBR_VERSION, platform, mtu, ncp2 ? "IV_NCP=2\n" : "", ciphers, iv_proto);
    return n < 0 || (size_t)n >= cap ? DBR_ERR_SPACE : n;
}

int dbr_peer_info_write_p2p(char *out, size_t cap, uint32_t iv_proto, const char *ciphers)
{
    int n = snprintf(out, cap, "IV_CIPHERS=%s\nIV_PROTO=%u\n", ciphers, iv_proto);
    return n < 0 || (size_t)n >= cap ? DBR_ERR_SPACE : n;
}

/* --- what both can do --- */

/* The cipher that the options string names, or DBR_CIPHER_NONE; *named tells whether it names any. */
static enum dbr_cipher occ_cipher(const char *options, bool *named)
{
    char name[64];
    *named = dbr_occ_find(options, "cipher", name, sizeof name);
    return *named ? dbr_cipher_by_name(name, strlen(name)) : DBR_CIPHER_NONE;
}

/* The first cipher of a list that the other list has too, or DBR_CIPHER_NONE. */
static enum dbr_cipher first_common(const char *list, const char *other)
{
    while (*list) {
        size_t n = strcspn(list, ":");
        enum dbr_cipher c = dbr_cipher_by_name(list, n);
        if (dbr_cipher_in_list(other, c))
            return c;
        list += n + (list[n] == ':');
    }
    return DBR_CIPHER_NONE;
}

enum dbr_cipher dbr_negotiate_cipher(const char *ours, const struct dbr_peer_info *info,
                                     const char *peer_options, enum dbr_cipher fallback)
{
    bool named;
    enum dbr_cipher single = occ_cipher(peer_options, &named), common = first_common(ours, info->ciphers);
    if (common)
        return common;
    if (dbr_cipher_in_list(ours, single))
        return single;
    /* A peer that said what it can do would not take the fallback. */
    bool silent = !info->ciphers[0] && (!named || single == fallback);
    return silent ? fallback : DBR_CIPHER_NONE;
}

enum dbr_cipher dbr_negotiate_cipher_p2p(bool server, const char *ours, const struct dbr_peer_info *info,
                                         const char *peer_options, enum dbr_cipher fallback)
{
    bool named;
    enum dbr_cipher single = occ_cipher(peer_options, &named);
    enum dbr_cipher common = server ? first_common(ours, info->ciphers) : first_common(info->ciphers, ours);
    if (common)
        return common;
    if (info->ciphers[0] || !named)
        return fallback;
    return single == fallback || dbr_cipher_in_list(ours, single) ? single : DBR_CIPHER_NONE;
}

enum dbr_framing dbr_negotiate_framing(const struct dbr_peer_info *info, const char *peer_options,
                                       const char **push)
{
    char ignored[1];
    *push = NULL;
    if (!dbr_occ_find(peer_options, "comp-lzo", ignored, sizeof ignored)) {
        *push = info->offload ? "data-framing offload" : NULL;
        return info->offload ? DBR_FRAMING_OFFLOAD : DBR_FRAMING_NONE;
    }
    *push = info->comp_stub_v2 ? "compress stub-v2" : "comp-lzo no";
    return info->comp_stub_v2 ? DBR_FRAMING_STUB_V2 : DBR_FRAMING_COMP_LZO;
}

enum dbr_framing dbr_framing_of_compress(const char *word)
{
    static const struct {
        const char *word;
        enum dbr_framing framing;
    } words[] = {
        {"lzo", DBR_FRAMING_COMP_LZO},
        {"stub-v2", DBR_FRAMING_STUB_V2},
        {"lz4-v2", DBR_FRAMING_STUB_V2},
        {"migrate", DBR_FRAMING_NONE},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word))
            return words[i].framing;
    return DBR_FRAMING_COMPRESS_SWAP;
}

/* --- options string --- */

/* The value of one option in options, or NULL; *n is its length (0 for an option without value). */
static const char *occ_value(const char *options, const char *name, size_t *n)
{
    size_t name_len = strlen(name);
    while (*options) {
        size_t len = strcspn(options, ",");
        if (len >= name_len && !memcmp(options, name, name_len) &&
            (len == name_len || options[name_len] == ' ')) {
            size_t skip = len == name_len ? len : name_len + 1;
            *n = len - skip;
            return options + skip;
        }
        options += len + (options[len] == ',');
    }
    return NULL;
}

bool dbr_occ_find(const char *options, const char *name, char *out, size_t cap)
{
    size_t n;
    const char *value = occ_value(options, name, &n);
    if (!value || n >= cap)
        return false;
    memcpy(out, value, n);
    out[n] = 0;
    return true;
}

bool dbr_occ_fragments(const char *options, bool ours)
{
    size_t n;
    return strncmp(options, "V4", 2) != 0 ? ours : occ_value(options, "mtu-dynamic", &n) != NULL;
}

/* What OpenVPN's calc_options_string_link_mtu counts around the payload: iv and block size of the cipher
 * (those of an AEAD cipher too, though they are not sent) and the tag. */
enum { TAP_EXTRA = 32, OPCODE = 1, PACKET_ID = 4 };
static const struct cipher_facts {
    const char *name;
    uint32_t overhead, key_bits;
    bool aead;
} cipher_facts[] = {
    {"BF-CBC", 8 + 8, 128, false}, /* OpenVPN's default where no cipher is configured */
    {"AES-128-CBC", 16 + 16, 128, false},
    {"AES-192-CBC", 16 + 16, 192, false},
    {"AES-256-CBC", 16 + 16, 256, false},
    {"AES-128-GCM", 16 + 12 + 16, 128, true},
    {"AES-192-GCM", 16 + 12 + 16, 192, true},
    {"AES-256-GCM", 16 + 12 + 16, 256, true},
    {"CHACHA20-POLY1305", 16 + 12 + 1, 256, true},
};

static const struct cipher_facts *facts_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof cipher_facts / sizeof *cipher_facts; i++)
        if (!strcasecmp(cipher_facts[i].name, name))
            return &cipher_facts[i];
    return &cipher_facts[0];
}

/* Prints ",name value" of the peer's string when it has that option, else ours (if not empty). Peer bytes
 * that could not be in a sane options string make it fall back to ours. */
static void echo(struct dbr_writer *w, const char *peer, const char *name, const char *ours)
{
    char value[64], item[128];
    if (!dbr_occ_find(peer, name, value, sizeof value) || !value[0] ||
        strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_[]") != strlen(value))
        snprintf(value, sizeof value, "%s", ours);
    if (!value[0])
        return;
    int n = snprintf(item, sizeof item, ",%s %s", name, value);
    dbr_write_bytes(w, item, (size_t)n);
}

static void put(struct dbr_writer *w, const char *text)
{
    dbr_write_bytes(w, text, strlen(text));
}

int dbr_occ_string(const struct dbr_occ_params *p, const char *peer, char *out, size_t cap)
{
    const struct cipher_facts *facts = facts_of(p->cipher);
    uint32_t digest = facts->aead || !p->auth ? 0 : (uint32_t)dbr_digest_size(p->auth);
    uint32_t around = TAP_EXTRA + OPCODE + PACKET_ID + facts->overhead + digest;
    around += p->fragment ? DBR_FRAGMENT_HEADER : 0;
    char link_mtu[16], tun_mtu[16], key_bits[16], ignored[1];
    struct dbr_writer w;
    snprintf(link_mtu, sizeof link_mtu, "%u", p->tun_mtu + around);
    snprintf(tun_mtu, sizeof tun_mtu, "%u", p->tun_mtu);
    snprintf(key_bits, sizeof key_bits, "%u", facts->key_bits);
    dbr_writer_init(&w, out, cap);
    put(&w, "V4,dev-type tap");
    echo(&w, peer, "link-mtu", link_mtu);
    echo(&w, peer, "tun-mtu", tun_mtu);
    echo(&w, peer, "proto", p->proto_v6 ? "UDPv6" : "UDPv4");
    if (dbr_occ_find(peer, "comp-lzo", ignored, sizeof ignored) || (p->framed && !*peer))
        put(&w, ",comp-lzo");
    put(&w, p->fragment ? ",mtu-dynamic" : "");
    if (p->tls_auth && p->direction >= 0)
        put(&w, p->direction ? ",keydir 1" : ",keydir 0");
    echo(&w, peer, "cipher", facts->aead && !*peer ? facts->name : "");
    echo(&w, peer, "auth", facts->aead || !p->auth ? "[null-digest]" : p->auth);
    echo(&w, peer, "keysize", key_bits);
    put(&w, p->tls_auth ? ",tls-auth" : "");
    put(&w, ",key-method 2");
    put(&w, p->server ? ",tls-server" : ",tls-client");
    dbr_write8(&w, 0);
    return dbr_writer_ok(&w) ? (int)dbr_writer_len(&w) - 1 : DBR_ERR_SPACE;
}
