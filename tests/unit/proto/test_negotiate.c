/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Peer info, ciphers, framing and options strings of OpenVPN 2.3 to 2.7, as they send them in TAP mode.
 */
#include "helpers.h"

#include "proto/negotiate.h"

#define INFO_24                                                                                              \
    "IV_VER=2.4.12\nIV_PLAT=win\nIV_PROTO=2\nIV_NCP=2\nIV_LZ4=1\nIV_LZ4v2=1\nIV_LZO=1\n"                     \
    "IV_COMP_STUB=1\nIV_COMP_STUBv2=1\nIV_TCPNL=1\nIV_GUI_VER=OpenVPN_GUI_11\n"
#define INFO_25                                                                                              \
    "IV_VER=2.5.11\nIV_PLAT=linux\nIV_PROTO=6\nIV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\n"               \
    "IV_LZ4=1\nIV_LZ4v2=1\nIV_LZO=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\nIV_TCPNL=1\n"
#define INFO_26                                                                                              \
    "IV_VER=2.6.14\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"                                      \
    "IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=990\nIV_LZO_STUB=1\n"                    \
    "IV_COMP_STUB=1\nIV_COMP_STUBv2=1\n"
#define INFO_27                                                                                              \
    "IV_VER=2.7.6\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"                                       \
    "IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=8094\n"
#define INFO_MIKROTIK "IV_PLAT=routeros\n"

static const struct {
    const char *name, *text;
    struct dbr_peer_info want;
} infos[] = {
    {"2.4",
     INFO_24,
     {.iv_proto = 2,
      .has_ncp2 = true,
      .comp_stub = true,
      .comp_stub_v2 = true,
      .has_lzo = true,
      .ciphers = "AES-256-GCM:AES-128-GCM",
      .version = "2.4.12",
      .platform = "win",
      .gui = "OpenVPN_GUI_11"}},
    {"2.5",
     INFO_25,
     {.iv_proto = DBR_IV_DATA_V2 | DBR_IV_REQUEST_PUSH,
      .has_ncp2 = true,
      .comp_stub = true,
      .comp_stub_v2 = true,
      .has_lzo = true,
      .ciphers = "AES-256-GCM:AES-128-GCM",
      .version = "2.5.11",
      .platform = "linux"}},
    {"2.6",
     INFO_26,
     {.iv_proto = DBR_IV_DATA_V2 | DBR_IV_REQUEST_PUSH | DBR_IV_TLS_KEY_EXPORT | DBR_IV_AUTH_PENDING_KW |
                  DBR_IV_DNS_OPTION | DBR_IV_CC_EXIT_NOTIFY | DBR_IV_AUTH_FAIL_TEMP | DBR_IV_DYN_TLS_CRYPT,
      .iv_mtu = 1600,
      .has_ncp2 = true,
      .comp_stub = true,
      .comp_stub_v2 = true,
      .ciphers = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",
      .version = "2.6.14",
      .platform = "linux"}},
    {"2.7",
     INFO_27,
     {.iv_proto = DBR_IV_DATA_V2 | DBR_IV_REQUEST_PUSH | DBR_IV_TLS_KEY_EXPORT | DBR_IV_AUTH_PENDING_KW |
                  DBR_IV_CC_EXIT_NOTIFY | DBR_IV_AUTH_FAIL_TEMP | DBR_IV_DYN_TLS_CRYPT | DBR_IV_DATA_EPOCH |
                  DBR_IV_DNS_OPTION_V2 | DBR_IV_PUSH_UPDATE,
      .iv_mtu = 1600,
      .has_ncp2 = true,
      .ciphers = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",
      .version = "2.7.6",
      .platform = "linux"}},
    {"nothing", "", {.iv_proto = 0}},
    {"no newline at the end", "IV_PROTO=2\nIV_PLAT=mac", {.iv_proto = 2, .platform = "mac"}},
    {"CR LF", "IV_PROTO=2\r\nIV_MTU=1500\r\n", {.iv_proto = 2, .iv_mtu = 1500}},
    {"2.8's own peer id", "ID=00a1b2\nIV_PROTO=2\nID=zz\n", {.iv_proto = 2}},
    {"the first counts", "IV_PROTO=2\nIV_PROTO=4\n", {.iv_proto = 2}},
    {"only at the head of a line", "UV_X=IV_PROTO=4\nxIV_MTU=5\nIV_MTU =6\n", {.iv_mtu = 0}},
    {"negative", "IV_PROTO=-1\n", {.iv_proto = 0}},
    {"hex", "IV_PROTO=0x10\n", {.iv_proto = 0}},
    {"largest", "IV_PROTO=2147483647\n", {.iv_proto = 0x7fffffff}},
    {"too large", "IV_PROTO=2147483648\n", {.iv_proto = 0}},
    {"far too large", "IV_PROTO=99999999999999999999999\n", {.iv_proto = 0}},
    {"empty number", "IV_MTU=\n", {.iv_mtu = 0}},
    {"NCP 1", "IV_NCP=1\n", {.has_ncp2 = false}},
    {"NCP 3", "IV_NCP=3\n", {.has_ncp2 = true, .ciphers = "AES-256-GCM:AES-128-GCM"}},
    {"list before NCP", "IV_CIPHERS=X:Y\nIV_NCP=2\n", {.has_ncp2 = true, .ciphers = "X:Y"}},
    {"flag 2 is none", "IV_COMP_STUBv2=2\n", {.comp_stub_v2 = false}},
    {"escaped",
     "IV_VER=a\x1b[31m\\b\nIV_CIPHERS=A B\x1b:C\\\n",
     {.version = "a\\x1b[31m\\x5cb", .ciphers = "A?B?:C?"}},
};

static void peer_info_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(infos); i++) {
        struct dbr_peer_info got;
        memset(&got, 0x55, sizeof got);
        char *exact = (char *)exact_copy((const uint8_t *)infos[i].text, strlen(infos[i].text) + 1);
        dbr_peer_info_parse(&got, exact);
        free(exact);
        const struct dbr_peer_info *w = &infos[i].want;
        CHECK(got.iv_proto == w->iv_proto && got.iv_mtu == w->iv_mtu, "%s: %u %u", infos[i].name,
              got.iv_proto, got.iv_mtu);
        CHECK(got.has_ncp2 == w->has_ncp2 && got.comp_stub == w->comp_stub &&
                  got.comp_stub_v2 == w->comp_stub_v2 && got.has_lzo == w->has_lzo,
              "%s: flags", infos[i].name);
        assert_string_equal(got.ciphers, w->ciphers);
        assert_string_equal(got.version, w->version);
        assert_string_equal(got.platform, w->platform);
        assert_string_equal(got.gui, w->gui);
    }
}

static void peer_info_long_values(void **state)
{
    static char text[70000];
    struct dbr_peer_info info;
    (void)state;
    strcpy(text, "IV_CIPHERS=");
    for (int i = 0; i < 5000; i++)
        strcat(text + 11 + i * 11, i ? ":AES-256-XY" : "AES-256-XYZ");
    dbr_peer_info_parse(&info, text);
    assert_true(strlen(info.ciphers) < sizeof info.ciphers);
    assert_true(strlen(info.ciphers) > 230);
    assert_string_equal(info.ciphers + strlen(info.ciphers) - 11, ":AES-256-XY"); /* no half name */
    memset(text, 'v', sizeof text - 1);
    memcpy(text, "IV_VER=", 7);
    dbr_peer_info_parse(&info, text);
    assert_int_equal(strlen(info.version), sizeof info.version - 1);
    memcpy(text, "IV_CIPHERS=", 11); /* one name that does not fit: none at all */
    dbr_peer_info_parse(&info, text);
    assert_string_equal(info.ciphers, "");
}

static void peer_info_written(void **state)
{
    static const char want_tail[] = "\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"
                                    "IV_CIPHERS=AES-256-GCM:AES-128-GCM\nIV_PROTO=990\n"
                                    "IV_LZO_STUB=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\nIV_DBR_OFFLOAD=1\n";
    char out[512];
    struct dbr_peer_info back;
    (void)state;
    int n = dbr_peer_info_write(out, sizeof out, 990, 1600, "AES-256-GCM:AES-128-GCM", "linux");
    assert_int_equal(n, strlen(out));
    assert_memory_equal(out, "IV_VER=Drawbridge ", 18);
    assert_string_equal(strchr(out, '\n'), want_tail);
    dbr_peer_info_parse(&back, out);
    assert_true(back.iv_proto == 990 && back.iv_mtu == 1600 && back.has_ncp2);
    for (int cap = 0; cap <= n; cap++)
        assert_int_equal(dbr_peer_info_write(out, (size_t)cap, 990, 1600, "AES-256-GCM:AES-128-GCM", "linux"),
                         DBR_ERR_SPACE);
    dbr_peer_info_write(out, sizeof out, 2, 0, "AES-256-GCM", "win");
    assert_null(strstr(out, "IV_MTU"));
    assert_null(strstr(out, "IV_NCP")); /* that word promises both GCM ciphers */
}

/* --- ciphers --- */

#define ALL "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305"
static const struct {
    const char *ours, *info, *occ;
    enum dbr_cipher fallback, want;
} cipher_cases[] = {
    {ALL, INFO_26, "", DBR_CIPHER_NONE, DBR_AES_256_GCM},
    {"CHACHA20-POLY1305:AES-256-GCM", INFO_26, "", DBR_CIPHER_NONE, DBR_CHACHA20_POLY1305},
    {"CHACHA20-POLY1305:AES-128-GCM", INFO_25, "", DBR_CIPHER_NONE, DBR_AES_128_GCM},
    {ALL, "IV_CIPHERS=AES-128-GCM:AES-256-GCM\n", "", DBR_CIPHER_NONE, DBR_AES_256_GCM}, /* our order */
    {"AES-128-GCM", INFO_24, "V4,cipher BF-CBC", DBR_CIPHER_NONE, DBR_AES_128_GCM},
    {"aes-256-gcm", INFO_26, "", DBR_CIPHER_NONE, DBR_AES_256_GCM},
    {"BF-CBC:AES-256-CBC:AES-256-GCM", INFO_26, "", DBR_CIPHER_NONE, DBR_AES_256_GCM},
    /* nothing in common: no fallback for a peer that has a list */
    {"CHACHA20-POLY1305", INFO_25, "", DBR_AES_256_GCM, DBR_CIPHER_NONE},
    {"AES-256-GCM", "IV_CIPHERS=AES-256-CBC\n", "V4,cipher AES-128-GCM", DBR_AES_256_GCM, DBR_CIPHER_NONE},
    {ALL, "IV_CIPHERS=AES-256-CBC\n", "", DBR_AES_256_CBC, DBR_CIPHER_NONE},
    /* the options string after the list */
    {"AES-256-CBC", INFO_24, "V4,cipher AES-256-CBC", DBR_CIPHER_NONE, DBR_AES_256_CBC},
    {"AES-256-CBC:" ALL, INFO_24, "V4,cipher AES-256-CBC", DBR_CIPHER_NONE, DBR_AES_256_GCM},
    {"AES-256-CBC:AES-256-GCM", "IV_CIPHERS=AES-256-GCM:AES-256-CBC\n", "", DBR_CIPHER_NONE, DBR_AES_256_CBC},
    /* the options string of peers without a list */
    {ALL, "", "V4,dev-type tap,cipher AES-128-GCM,auth SHA1", DBR_CIPHER_NONE, DBR_AES_128_GCM},
    {ALL, "", "V4,dev-type tap,cipher AES-256-CBC", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
    {ALL, "", "V4,dev-type tap,cipher AES-256-CBC", DBR_AES_256_GCM, DBR_CIPHER_NONE},
    {"AES-128-GCM", "", "V4,cipher AES-256-GCM", DBR_AES_256_GCM, DBR_AES_256_GCM},
    {ALL, "", "V4,dev-type tap,xcipher AES-128-GCM", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
    {ALL ":AES-128-CBC", "", "V4,dev-type tap,cipher AES-128-CBC", DBR_CIPHER_NONE, DBR_AES_128_CBC},
    {ALL, "", "V4,dev-type tap,cipher AES-256-CBC", DBR_AES_256_CBC, DBR_AES_256_CBC},
    {ALL, "", "V4,dev-type tap,cipher BF-CBC", DBR_AES_256_CBC, DBR_CIPHER_NONE},
    /* silent peers */
    {ALL, "", "", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
    {ALL, "", "V4,dev-type tap", DBR_AES_256_GCM, DBR_AES_256_GCM},
    {ALL, INFO_MIKROTIK, "V4,dev-type tap,cipher AES-256-GCM", DBR_CIPHER_NONE, DBR_AES_256_GCM},
    {"", INFO_26, "", DBR_AES_256_GCM, DBR_CIPHER_NONE},
    {"::", INFO_26, "", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
    {":AES-256-GCM:", "IV_CIPHERS=::AES-256-GCM\n", "", DBR_CIPHER_NONE, DBR_AES_256_GCM},
    {"none", "IV_CIPHERS=none\n", "V4,cipher none", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
};

static void cipher_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cipher_cases); i++) {
        struct dbr_peer_info info;
        dbr_peer_info_parse(&info, cipher_cases[i].info);
        enum dbr_cipher got =
            dbr_negotiate_cipher(cipher_cases[i].ours, &info, cipher_cases[i].occ, cipher_cases[i].fallback);
        CHECK(got == cipher_cases[i].want, "row %zu: %s", i, dbr_cipher_name(got));
    }
}

/* Two ends that push nothing: the server's order counts, and both find the same. */
static const struct {
    const char *server, *client;
    enum dbr_cipher fallback, want;
} p2p_cases[] = {
    {ALL, ALL, DBR_CIPHER_NONE, DBR_AES_256_GCM},
    {"CHACHA20-POLY1305:AES-128-GCM", "AES-128-GCM:CHACHA20-POLY1305", DBR_CIPHER_NONE,
     DBR_CHACHA20_POLY1305},
    {"AES-256-CBC", "AES-256-GCM:AES-256-CBC", DBR_AES_128_CBC, DBR_AES_256_CBC},
    {"AES-128-GCM", "CHACHA20-POLY1305", DBR_AES_256_CBC, DBR_AES_256_CBC},
    {"AES-128-GCM", "CHACHA20-POLY1305", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
};

/* One end's view of a peer without a list: what it names, or the fallback. */
static const struct {
    const char *ours, *occ;
    enum dbr_cipher fallback, want;
} p2p_old_cases[] = {
    {ALL, "V4,dev-type tap", DBR_AES_256_CBC, DBR_AES_256_CBC},
    {ALL, "V4,dev-type tap", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
    {ALL, "V4,dev-type tap,cipher AES-256-CBC", DBR_AES_256_CBC, DBR_AES_256_CBC},
    {ALL, "V4,dev-type tap,cipher AES-128-GCM", DBR_AES_256_CBC, DBR_AES_128_GCM},
    {ALL, "V4,dev-type tap,cipher AES-192-GCM", DBR_AES_256_CBC, DBR_CIPHER_NONE},
    {ALL, "V4,dev-type tap,cipher BF-CBC", DBR_AES_256_CBC, DBR_CIPHER_NONE},
    {ALL, "V4,dev-type tap,cipher BF-CBC", DBR_CIPHER_NONE, DBR_CIPHER_NONE},
};

static void p2p_cipher_table(void **state)
{
    char text[512];
    struct dbr_peer_info server, client, silent;
    (void)state;
    for (size_t i = 0; i < COUNT(p2p_cases); i++) {
        assert_true(dbr_peer_info_write_p2p(text, sizeof text, 682, p2p_cases[i].server) > 0);
        dbr_peer_info_parse(&server, text);
        assert_true(dbr_peer_info_write_p2p(text, sizeof text, 682, p2p_cases[i].client) > 0);
        dbr_peer_info_parse(&client, text);
        assert_int_equal(client.iv_proto, 682);
        enum dbr_cipher at_server =
            dbr_negotiate_cipher_p2p(true, p2p_cases[i].server, &client, "", p2p_cases[i].fallback);
        enum dbr_cipher at_client =
            dbr_negotiate_cipher_p2p(false, p2p_cases[i].client, &server, "", p2p_cases[i].fallback);
        CHECK(at_server == p2p_cases[i].want && at_client == p2p_cases[i].want, "row %zu: %s and %s", i,
              dbr_cipher_name(at_server), dbr_cipher_name(at_client));
    }
    dbr_peer_info_parse(&silent, "");
    for (size_t i = 0; i < COUNT(p2p_old_cases); i++)
        for (int server_too = 0; server_too < 2; server_too++)
            CHECK(dbr_negotiate_cipher_p2p(server_too, p2p_old_cases[i].ours, &silent, p2p_old_cases[i].occ,
                                           p2p_old_cases[i].fallback) == p2p_old_cases[i].want,
                  "old row %zu", i);
    /* what a peer with a list names beside it is not looked at */
    dbr_peer_info_parse(&client, "IV_CIPHERS=CHACHA20-POLY1305\n");
    assert_int_equal(
        dbr_negotiate_cipher_p2p(true, "AES-128-GCM", &client, "V4,cipher AES-128-GCM", DBR_AES_256_CBC),
        DBR_AES_256_CBC);
    assert_int_equal(dbr_peer_info_write_p2p(text, 20, 682, ALL), DBR_ERR_SPACE);
}

/* --- framing --- */

static void framing_table(void **state)
{
    static const struct {
        const char *info, *occ;
        enum dbr_framing want;
        const char *push;
    } cases[] = {
        {INFO_26, "V4,dev-type tap,link-mtu 1573,proto UDPv4,auth SHA1", DBR_FRAMING_NONE, NULL},
        {INFO_26, "V4,dev-type tap,link-mtu 1574,proto UDPv4,comp-lzo,auth SHA1", DBR_FRAMING_STUB_V2,
         "compress stub-v2"},
        {INFO_24, "V4,dev-type tap,comp-lzo,keydir 1", DBR_FRAMING_STUB_V2, "compress stub-v2"},
        {"IV_LZO=1\n", "V4,dev-type tap,comp-lzo,keydir 1", DBR_FRAMING_COMP_LZO, "comp-lzo no"},
        {"", "V4,dev-type tap,comp-lzo", DBR_FRAMING_COMP_LZO, "comp-lzo no"},
        {INFO_26, "V4,comp-lzox", DBR_FRAMING_NONE, NULL},
        {INFO_26 "IV_DBR_OFFLOAD=1\n", "V4,dev-type tap", DBR_FRAMING_OFFLOAD, "data-framing offload"},
        {INFO_26 "IV_DBR_OFFLOAD=0\n", "V4,dev-type tap", DBR_FRAMING_NONE, NULL},
        {INFO_26 "IV_DBR_OFFLOAD=1\n", "V4,comp-lzo", DBR_FRAMING_STUB_V2, "compress stub-v2"},
        {INFO_26, "V4,xcomp-lzo", DBR_FRAMING_NONE, NULL},
        {INFO_26, "", DBR_FRAMING_NONE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_peer_info info;
        const char *push = "unset";
        dbr_peer_info_parse(&info, cases[i].info);
        CHECK(dbr_negotiate_framing(&info, cases[i].occ, &push) == cases[i].want, "row %zu", i);
        if (cases[i].push)
            assert_string_equal(push, cases[i].push);
        else
            assert_null(push);
    }
}

/* --- options strings --- */

#define TAIL_CLIENT "keydir 1,auth SHA1,keysize 128,tls-auth,key-method 2,tls-client"
#define TAIL_SERVER "keydir 0,auth SHA1,keysize 128,tls-auth,key-method 2,tls-server"
static const struct dbr_occ_params server = {
    .server = true, .tls_auth = true, .direction = 0, .tun_mtu = 1500, .auth = "SHA1"};
static const struct dbr_occ_params client = {
    .server = false, .tls_auth = true, .direction = 1, .tun_mtu = 1500, .auth = "SHA1"};

/* What each version expects to hear is its own string with the roles turned round. */
static const struct {
    const char *name, *says, *expects;
} versions[] = {
    {"2.6 and 2.7", "V4,dev-type tap,link-mtu 1573,tun-mtu 1500,proto UDPv4," TAIL_CLIENT,
     "V4,dev-type tap,link-mtu 1573,tun-mtu 1500,proto UDPv4," TAIL_SERVER},
    {"2.5", "V4,dev-type tap,link-mtu 1573,tun-mtu 1532,proto UDPv4," TAIL_CLIENT,
     "V4,dev-type tap,link-mtu 1573,tun-mtu 1532,proto UDPv4," TAIL_SERVER},
    {"2.4, BF-CBC by default",
     "V4,dev-type tap,link-mtu 1573,tun-mtu 1532,proto UDPv4,keydir 1,cipher BF-CBC,auth SHA1,keysize 128,"
     "tls-auth,key-method 2,tls-client",
     "V4,dev-type tap,link-mtu 1573,tun-mtu 1532,proto UDPv4,keydir 0,cipher BF-CBC,auth SHA1,keysize 128,"
     "tls-auth,key-method 2,tls-server"},
    {"2.4, AES-256-CBC and comp-lzo",
     "V4,dev-type tap,link-mtu 1602,tun-mtu 1532,proto UDPv4,comp-lzo,keydir 1,cipher AES-256-CBC,"
     "auth SHA256,keysize 256,tls-auth,key-method 2,tls-client",
     "V4,dev-type tap,link-mtu 1602,tun-mtu 1532,proto UDPv4,comp-lzo,keydir 0,cipher AES-256-CBC,"
     "auth SHA256,keysize 256,tls-auth,key-method 2,tls-server"},
    {"2.4, AES-256-GCM",
     "V4,dev-type tap,link-mtu 1581,tun-mtu 1532,proto UDPv4,keydir 1,cipher AES-256-GCM,"
     "auth [null-digest],keysize 256,tls-auth,key-method 2,tls-client",
     "V4,dev-type tap,link-mtu 1581,tun-mtu 1532,proto UDPv4,keydir 0,cipher AES-256-GCM,"
     "auth [null-digest],keysize 256,tls-auth,key-method 2,tls-server"},
    {"2.3, udp6",
     "V4,dev-type tap,link-mtu 1573,tun-mtu 1532,proto UDPv6,keydir 1,cipher BF-CBC,auth SHA1,keysize 128,"
     "tls-auth,key-method 2,tls-client",
     "V4,dev-type tap,link-mtu 1573,tun-mtu 1532,proto UDPv6,keydir 0,cipher BF-CBC,auth SHA1,keysize 128,"
     "tls-auth,key-method 2,tls-server"},
};

static void occ_answers_what_each_version_expects(void **state)
{
    char out[512];
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        int n = dbr_occ_string(&server, versions[i].says, out, sizeof out);
        CHECK(n == (int)strlen(versions[i].expects) && !strcmp(out, versions[i].expects), "%s: %s",
              versions[i].name, out);
        for (int cap = 0; cap <= n; cap++)
            assert_int_equal(dbr_occ_string(&server, versions[i].says, out, (size_t)cap), DBR_ERR_SPACE);
    }
}

/* As a client we speak first: the same numbers as OpenVPN has for the same configuration. */
static void occ_of_a_client(void **state)
{
    static const struct {
        const char *cipher, *auth, *want;
    } cases[] = {
        {NULL, "SHA1", "V4,dev-type tap,link-mtu 1573,tun-mtu 1500,proto UDPv4," TAIL_CLIENT},
        {"AES-256-GCM", "SHA1",
         "V4,dev-type tap,link-mtu 1581,tun-mtu 1500,proto UDPv4,keydir 1,cipher AES-256-GCM,"
         "auth [null-digest],keysize 256,tls-auth,key-method 2,tls-client"},
        {"AES-256-CBC", "SHA1",
         "V4,dev-type tap,link-mtu 1589,tun-mtu 1500,proto UDPv4,keydir 1,auth SHA1,keysize 256,tls-auth,"
         "key-method 2,tls-client"},
        {"AES-128-CBC", "SHA256",
         "V4,dev-type tap,link-mtu 1601,tun-mtu 1500,proto UDPv4,keydir 1,auth SHA256,keysize 128,tls-auth,"
         "key-method 2,tls-client"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_occ_params p = client;
        char out[512];
        p.cipher = cases[i].cipher;
        p.auth = cases[i].auth;
        assert_int_equal(dbr_occ_string(&p, "", out, sizeof out), strlen(cases[i].want));
        assert_string_equal(out, cases[i].want);
    }
    struct dbr_occ_params bare = {.direction = -1, .tun_mtu = 1500, .proto_v6 = true};
    char out[512];
    dbr_occ_string(&bare, "", out, sizeof out);
    assert_string_equal(out, "V4,dev-type tap,link-mtu 1553,tun-mtu 1500,proto UDPv6,auth [null-digest],"
                             "keysize 128,key-method 2,tls-client");
}

/* `fragment` is said as it is: the far end warns where it has another. */
static void occ_of_fragment(void **state)
{
    struct dbr_occ_params c = client, s = server;
    char out[512];
    (void)state;
    c.fragment = s.fragment = true;
    assert_true(dbr_occ_string(&c, "", out, sizeof out) > 0);
    assert_string_equal(out,
                        "V4,dev-type tap,link-mtu 1577,tun-mtu 1500,proto UDPv4,mtu-dynamic," TAIL_CLIENT);
    assert_true(dbr_occ_fragments(out, false));
    assert_true(dbr_occ_string(&s, "V4,link-mtu 1577,comp-lzo", out, sizeof out) > 0);
    assert_string_equal(
        out, "V4,dev-type tap,link-mtu 1577,tun-mtu 1500,proto UDPv4,comp-lzo,mtu-dynamic," TAIL_SERVER);
    assert_true(dbr_occ_string(&server, "V4,mtu-dynamic", out, sizeof out) > 0);
    assert_null(strstr(out, "mtu-dynamic"));
    static const struct {
        const char *options;
        int none, ours; /* without and with `fragment` of our own */
    } peers[] = {
        {"V4,mtu-dynamic", 1, 1},
        {"V4,mtu-dynamic,cipher x", 1, 1},
        {"V4", 0, 0},
        {"V4,mtu-dynamics", 0, 0},
        {"V4,xmtu-dynamic", 0, 0},
        {"V0 UNDEF", 0, 1},
        {"", 0, 1},
    };
    for (size_t i = 0; i < COUNT(peers); i++) {
        assert_int_equal(dbr_occ_fragments(peers[i].options, false), peers[i].none);
        assert_int_equal(dbr_occ_fragments(peers[i].options, true), peers[i].ours);
    }
}

/* Bytes that no OpenVPN would send do not come back. */
static void occ_echoes_nothing_odd(void **state)
{
    char out[512], says[300];
    (void)state;
    snprintf(says, sizeof says, "V4,link-mtu 1\n2,tun-mtu %0200d,proto a b,cipher x\x1b,auth ,keysize %s", 7,
             "9=9");
    assert_true(dbr_occ_string(&server, says, out, sizeof out) > 0);
    assert_string_equal(out, "V4,dev-type tap,link-mtu 1573,tun-mtu 1500,proto UDPv4," TAIL_SERVER);
}

static void occ_find_table(void **state)
{
    static const struct {
        const char *options, *name;
        const char *want; /* NULL: not there */
    } cases[] = {
        {"V4,dev-type tap,link-mtu 1573", "dev-type", "tap"},
        {"V4,dev-type tap,link-mtu 1573", "link-mtu", "1573"},
        {"V4,dev-type tap,comp-lzo,x", "comp-lzo", ""},
        {"V4,comp-lzo", "comp-lzo", ""},
        {"comp-lzo", "comp-lzo", ""},
        {"V4,dev-type tap", "V4", ""},
        {"V4,dev-type", "dev-type", ""},
        {"V4,dev-type ", "dev-type", ""},
        {"V4,a,a b", "a", ""},
        {"V4,dev-types tap", "dev-type", NULL},
        {"V4,xdev-type tap", "dev-type", NULL},
        {"V4,dev-typ", "dev-type", NULL},
        {"", "dev-type", NULL},
        {",,,", "dev-type", NULL},
        {"V4,auth 12345678901234567890", "auth", NULL}, /* too long for out */
        {"V4,auth 1234567890123456", "auth", NULL},     /* by its NUL */
        {"V4,auth 123456789012345", "auth", "123456789012345"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[16] = "untouched";
        bool got = dbr_occ_find(cases[i].options, cases[i].name, out, sizeof out);
        CHECK(got == (cases[i].want != NULL), "row %zu", i);
        assert_string_equal(out, cases[i].want ? cases[i].want : "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_info_table),
        cmocka_unit_test(peer_info_long_values),
        cmocka_unit_test(peer_info_written),
        cmocka_unit_test(cipher_table),
        cmocka_unit_test(p2p_cipher_table),
        cmocka_unit_test(framing_table),
        cmocka_unit_test(occ_answers_what_each_version_expects),
        cmocka_unit_test(occ_of_a_client),
        cmocka_unit_test(occ_of_fragment),
        cmocka_unit_test(occ_echoes_nothing_odd),
        cmocka_unit_test(occ_find_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
