/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/shape.h"
#include "conf/logins.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "conf/names.h"

/* ---- parts of a dump line ---- */

void conf_show_format(struct show *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(s->line + s->len, sizeof s->line - s->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        s->len += (size_t)n < sizeof s->line - s->len ? (size_t)n : sizeof s->line - s->len - 1;
}

void conf_show_begin(struct show *s)
{
    s->len = 0;
    conf_show_format(s, "%s", s->row->info.keyword);
}

void conf_show_word(struct show *s, const char *word)
{
    if (*word && !strpbrk(word, " \t\"'\\#;\v\f\r")) {
        conf_show_format(s, " %s", word);
        return;
    }
    conf_show_format(s, " \"");
    for (const char *c = word; *c; c++)
        conf_show_format(s, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    conf_show_format(s, "\"");
}

void conf_show_end(struct show *s)
{
    s->emit(s->arg, s->line);
}

/* ---- words to values ---- */

int conf_take_number(struct parse *p, const char *word, int64_t *out)
{
    const struct dbr_directive_info *row = &conf_row(p)->info;
    char *end;
    errno = 0;
    long long v = strtoll(word, &end, strncmp(word, "0x", 2) == 0 ? 16 : 10);
    if (end == word || *end || ((word[0] < '0' || word[0] > '9') && word[0] != '-'))
        return conf_error(p, "'%.64s' is no whole number; give one from %lld to %lld", word,
                          (long long)row->min, (long long)row->max);
    if (errno || v < row->min || v > row->max)
        return conf_error(p, "%.64s is out of range; give a number from %lld to %lld", word,
                          (long long)row->min, (long long)row->max);
    *out = v;
    return 0;
}

int conf_take_int(struct parse *p, const char *word, int *out)
{
    int64_t v;
    int rc = conf_take_number(p, word, &v);
    if (rc == 0 && v > INT32_MAX)
        return conf_error(p, "%.64s is out of range; give a number up to %d", word, INT32_MAX);
    if (rc == 0)
        *out = (int)v;
    return rc;
}

int conf_take_port(struct parse *p, const char *word, int *out)
{
    char *end;
    long v = strtol(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end || v < 1 || v > 65535)
        return conf_error(p, "'%.64s' is no port; give a number from 1 to 65535", word);
    *out = (int)v;
    return 0;
}

int conf_take_ipv4(struct parse *p, const char *word, uint32_t *out)
{
    const char *c = word;
    uint32_t ip = 0;
    for (int i = 0; i < 4; i++) {
        unsigned byte = 0;
        int digits = 0;
        while (*c >= '0' && *c <= '9' && digits < 4) {
            byte = byte * 10 + (unsigned)(*c++ - '0');
            digits++;
        }
        if (digits == 0 || digits > 3 || byte > 255 || *c != (i < 3 ? '.' : 0))
            return conf_error(p, "'%.64s' is no IPv4 address; write it like 192.0.2.1", word);
        c += i < 3;
        ip = ip << 8 | byte;
    }
    *out = ip;
    return 0;
}

int conf_take_netmask(struct parse *p, const char *word, uint32_t *out)
{
    uint32_t mask;
    int rc = conf_take_ipv4(p, word, &mask);
    if (rc != 0)
        return rc;
    if (mask == 0 || (~mask & (~mask + 1)) != 0)
        return conf_error(p, "'%.64s' is no netmask; write it like 255.255.255.0", word);
    *out = mask;
    return 0;
}

int conf_take_ifname(struct parse *p, const char *word)
{
    size_t n = strlen(word);
    if (n == 0 || n > 15 || strpbrk(word, "/: \t%") || strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
        return conf_error(
            p, "'%.64s' is no interface name; 1 to 15 characters without '/', ':', '%%' and space", word);
    return 0;
}

int conf_take_choice(struct parse *p, const char *word, const char *choices, int *out)
{
    size_t len = strlen(word);
    int index = 0;
    for (const char *c = choices; *c; index++) {
        size_t n = strcspn(c, "|");
        if (n == len && memcmp(c, word, n) == 0) {
            *out = index;
            return 0;
        }
        c += n + (c[n] == '|');
    }
    return conf_error(p, "'%.64s' is not one of its words; give %s", word, choices);
}

int conf_take_proto(struct parse *p, const char *word, int *out)
{
    if (strncmp(word, "tcp", 3) == 0) {
        *out = PROTO_TCP;
        return 0;
    }
    return conf_take_choice(p, word, "udp|udp4|udp6", out);
}

int conf_take_string(struct parse *p, char **member, const char *word)
{
    char *copy = conf_keep(p, word);
    if (!copy)
        return DBR_ERR_NOMEM;
    free(*member);
    *member = copy;
    return 0;
}

void conf_drop_string(char **member)
{
    free(*member);
    *member = NULL;
}

char *conf_join(struct parse *p, size_t argc, char *const *argv)
{
    size_t n = 0;
    for (size_t i = 0; i < argc; i++)
        n += strlen(argv[i]) + 1;
    char *joined = malloc(n + 1), *at = joined;
    if (!joined) {
        p->nomem = true;
        return NULL;
    }
    for (size_t i = 0; i < argc; i++)
        at += sprintf(at, i ? " %s" : "%s", argv[i]);
    *at = 0;
    return joined;
}

const char *conf_ipv4_text(uint32_t ip, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return out;
}

/* ---- flags and numbers ---- */

static int set_flag(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)p, (void)argc, (void)argv;
    *(bool *)member = true;
    return 0;
}

static void show_flag(struct show *s, const void *member)
{
    if (!*(const bool *)member)
        return;
    conf_show_begin(s);
    conf_show_end(s);
}

static int set_onoff(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int index;
    (void)argc;
    int rc = conf_take_choice(p, argv[0], "on|off", &index);
    if (rc == 0)
        *(bool *)member = index == 0;
    return rc;
}

static void show_onoff(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_word(s, *(const bool *)member ? "on" : "off");
    conf_show_end(s);
}

/* Another name: the row's default names the directive that it stands for. */
static int set_alias(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int which = dbr_directive_find(conf_row(p)->info.dflt);
    *(bool *)member = true;
    return conf_directive(p, (enum dbr_directive)which, argc, argv);
}

static int set_int(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc;
    return conf_take_int(p, argv[0], member);
}

static int set_opt1(struct parse *p, void *member, size_t argc, char *const *argv)
{
    if (argc)
        return conf_take_int(p, argv[0], member);
    *(int *)member = 1;
    return 0;
}

static void show_int(struct show *s, const void *member)
{
    int v = *(const int *)member;
    if (v == -1 && s->row->info.min > -1)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d", v);
    conf_show_end(s);
}

static int set_u64(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int64_t v;
    (void)argc;
    int rc = conf_take_number(p, argv[0], &v);
    if (rc == 0)
        *(uint64_t *)member = (uint64_t)v;
    return rc;
}

static void show_u64(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %llu", (unsigned long long)*(const uint64_t *)member);
    conf_show_end(s);
}

static int set_resolv(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc;
    if (strcmp(argv[0], "infinite") != 0)
        return conf_take_int(p, argv[0], member);
    *(int *)member = INT32_MAX;
    return 0;
}

static int set_key_method(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int method = 2;
    int rc = argc ? conf_take_int(p, argv[0], &method) : 0;
    if (rc == 0 && method == 1)
        return conf_error(p, "method 1 sends keys in a form that was broken; remove the line on both ends");
    *(int *)member = method;
    return rc;
}

/* ---- words of a list ---- */

static int set_enum(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc;
    return conf_take_choice(p, argv[0], conf_row(p)->info.args, member);
}

static void show_choice(struct show *s, const char *choices, int index)
{
    for (; index > 0 && choices; index--)
        choices = strchr(choices, '|') ? strchr(choices, '|') + 1 : NULL;
    if (index < 0 || !choices)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %.*s", (int)strcspn(choices, "|"), choices);
    conf_show_end(s);
}

static void show_enum(struct show *s, const void *member)
{
    show_choice(s, s->row->info.args, *(const int *)member);
}

static int set_proto(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int proto;
    (void)argc;
    int rc = conf_take_proto(p, argv[0], &proto);
    if (rc != 0)
        return rc;
    if (proto != PROTO_TCP) {
        *(int *)member = proto;
        return 0;
    }
    p->tcp = p->reading == READ_CONNECTION;
    return p->tcp ? 0 : conf_error(p, "TCP is not built yet; use udp on both ends");
}

static int set_cert_policy(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int index;
    (void)argc;
    int rc = conf_take_choice(p, argv[0], conf_row(p)->info.args, &index);
    if (rc == 0 && index != 0)
        return conf_error(p, "a client without a certificate may not enter; give each client a certificate");
    if (rc == 0)
        *(int *)member = index;
    return rc;
}

/* ---- strings ---- */

static int set_str(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc;
    if (!*argv[0])
        return conf_error(p, "empty; write: %s %s", conf_row(p)->info.keyword, conf_row(p)->info.args);
    return conf_take_string(p, member, argv[0]);
}

static int set_ifname(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int rc = conf_take_ifname(p, argv[0]);
    (void)argc;
    return rc != 0 ? rc : conf_take_string(p, member, argv[0]);
}

static void show_str(struct show *s, const void *member)
{
    const char *v = *(char *const *)member;
    if (!v)
        return;
    conf_show_begin(s);
    conf_show_word(s, v);
    conf_show_end(s);
}

static void drop_str(void *member)
{
    char **v = member;
    if (*v)
        dbr_wipe(*v, strlen(*v));
    free(*v);
    *v = NULL;
}

/* ---- names of ciphers and digests ---- */

static int set_digest(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const struct name *name = conf_digest(argv[0]);
    (void)argc;
    if (name->status == NAME_WEAK)
        return conf_error(p, "%s is broken; use SHA256", name->name);
    if (name->status == NAME_UNKNOWN)
        return conf_error(p, "digest '%.64s' is not known; use SHA1, SHA256 or SHA512", argv[0]);
    return conf_take_string(p, member, name->name);
}

#define GOOD_CIPHERS "AES-256-GCM, AES-128-GCM or CHACHA20-POLY1305"

/* A cipher that data packets may use. */
static int judge_cipher(struct parse *p, const struct name *name, const char *word)
{
    switch (name->status) {
    case NAME_GOOD:
    case NAME_OLD: return 0;
    case NAME_WEAK: return conf_error(p, "%s has 64-bit blocks (SWEET32); use " GOOD_CIPHERS, name->name);
    case NAME_NONE: return conf_error(p, "frames would cross in the clear; use " GOOD_CIPHERS);
    case NAME_UNKNOWN: break;
    }
    return conf_error(p, "cipher '%.64s' is not known; use " GOOD_CIPHERS, word);
}

static int set_fallback(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const struct name *name = conf_cipher(argv[0]);
    int rc = judge_cipher(p, name, argv[0]);
    (void)argc;
    return rc != 0 ? rc : conf_take_string(p, member, name->name);
}

/* `cipher` says nothing where both ends negotiate, so old names pass with a warning; finish() refuses weak
 * ones on a server. */
static int set_cipher(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const struct name *name = conf_cipher(argv[0]);
    bool tolerated = p->reading != READ_PUSHED && name->status == NAME_WEAK;
    int rc = tolerated ? 0 : judge_cipher(p, name, argv[0]);
    (void)argc;
    if (rc != 0)
        return rc;
    return conf_take_string(p, member, name->name);
}

/* One name of data-ciphers, behind a '?' where it may be missing. */
static int add_cipher(struct parse *p, struct dbr_conf_list *list, const char *word, size_t len)
{
    char text[64];
    bool optional = len && word[0] == '?';
    word += optional;
    len -= optional;
    snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), word);
    const struct name *name = conf_cipher(text);
    if (optional && name->status == NAME_UNKNOWN) {
        conf_warn(p, "%s is left out: not known; the name may go", text);
        return 0;
    }
    int rc = judge_cipher(p, name, text);
    return rc != 0 ? rc : conf_list_add(p, list, conf_keep(p, name->name));
}

static const char default_ciphers[] = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305";

static int add_ciphers(struct parse *p, struct dbr_conf_list *list, const char *words)
{
    int rc = 0;
    for (const char *c = words; *c && rc == 0;) {
        size_t n = strcspn(c, ":");
        if (n == 7 && memcmp(c, "DEFAULT", 7) == 0)
            rc = add_ciphers(p, list, default_ciphers);
        else
            rc = add_cipher(p, list, c, n);
        c += n + (c[n] == ':');
    }
    return rc;
}

static int set_ciphers(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_list list = {0};
    int rc = add_ciphers(p, &list, argv[0]);
    (void)argc;
    if (rc == 0 && list.n == 0)
        rc = conf_error(p, "no cipher is left; use %s", default_ciphers);
    if (rc != 0) {
        conf_list_free(&list);
        return rc;
    }
    conf_list_free(member);
    *(struct dbr_conf_list *)member = list;
    return 0;
}

static void show_ciphers(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    conf_show_begin(s);
    for (size_t i = 0; i < list->n; i++)
        conf_show_format(s, "%c%s", i ? ':' : ' ', list->v[i]);
    conf_show_end(s);
}

/* ---- lists ---- */

static int set_strs(struct parse *p, void *member, size_t argc, char *const *argv)
{
    return conf_list_add(p, member, conf_join(p, argc, argv));
}

static int set_words(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int rc = 0;
    for (size_t i = 0; i < argc && rc == 0; i++)
        rc = conf_list_add(p, member, conf_keep(p, argv[i]));
    return rc;
}

/* A joined entry as words again, as many as the synopsis has; the last one takes the rest. */
static void show_joined(struct show *s, const char *joined)
{
    size_t fewest, most;
    table_arity(s->row->info.args, &fewest, &most);
    if (most > 14)
        most = 14;
    char word[1100];
    for (size_t i = 1; joined; i++) {
        const char *space = i < most ? strchr(joined, ' ') : NULL;
        size_t n = space ? (size_t)(space - joined) : strlen(joined);
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), joined);
        conf_show_word(s, word);
        joined = space ? space + 1 : NULL;
    }
}

static void show_strs(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    for (size_t i = 0; i < list->n; i++) {
        conf_show_begin(s);
        show_joined(s, list->v[i]);
        conf_show_end(s);
    }
}

static void show_words(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    for (size_t i = 0; i < list->n; i++) {
        conf_show_begin(s);
        conf_show_word(s, list->v[i]);
        conf_show_end(s);
    }
}

void conf_drop_list(void *member)
{
    conf_list_free(member);
}

static int set_include(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)member, (void)argc;
    return conf_include(p, argv[0]);
}

/* One SHA-256 fingerprint, with colons between the bytes or without, as 64 digits in lower case. */
static int add_print(struct parse *p, void *member, const char *text, size_t len)
{
    char digits[65];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ':' && n && n % 2 == 0)
            continue;
        if (!isxdigit((unsigned char)text[i]) || n == 64)
            return conf_error(p,
                              "'%.*s' is no SHA-256 fingerprint; take that of `openssl x509 -noout "
                              "-fingerprint -sha256 -in FILE`",
                              (int)(len < 100 ? len : 100), text);
        digits[n++] = (char)tolower((unsigned char)text[i]);
    }
    if (n != 64)
        return conf_error(p, "'%.*s' is no SHA-256 fingerprint: it has 64 hex digits",
                          (int)(len < 100 ? len : 100), text);
    digits[n] = 0;
    return conf_list_add(p, member, conf_keep(p, digits));
}

/* A block has a fingerprint in each line; empty lines and comments count for nothing. */
static int set_print_block(struct parse *p, void *member)
{
    const char *at = p->block, *end = p->block + p->block_len;
    int rc = 0;
    while (at < end && rc == 0) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        const char *next = newline ? newline + 1 : end;
        while (at < stop && isspace((unsigned char)*at))
            at++;
        while (stop > at && isspace((unsigned char)stop[-1]))
            stop--;
        if (at < stop && *at != '#' && *at != ';')
            rc = add_print(p, member, at, (size_t)(stop - at));
        at = next;
    }
    return rc;
}

static int set_prints(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int rc = 0;
    if (p->block)
        return set_print_block(p, member);
    if (argc > 1 && strcasecmp(argv[1], "SHA1") == 0)
        return conf_error(p, "SHA-1 can be forged; give the SHA-256 fingerprint");
    for (size_t i = 0; i < argc && rc == 0; i++)
        if ((i == 0 || strcasecmp(argv[i], "SHA256") != 0) && strcmp(argv[i], "[inline]") != 0)
            rc = add_print(p, member, argv[i], strlen(argv[i]));
    return rc;
}

/* Only the last line counts. A field that is all in lower case is meant in upper case, as in OpenVPN. */
static int set_name_fields(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int rc = 0;
    conf_drop_list(member);
    for (size_t i = 0; i < argc && rc == 0; i++) {
        char field[64];
        size_t n = strlen(argv[i]);
        bool lower = strncmp(argv[i], "ext:", 4) != 0 && strspn(argv[i], "abcdefghijklmnopqrstuvwxyz") == n;
        if (n == 0 || n >= sizeof field)
            return conf_error(p, "'%.80s' is no field; write CN, emailAddress or another", argv[i]);
        for (size_t j = 0; j <= n; j++)
            field[j] = (char)(lower ? toupper((unsigned char)argv[i][j]) : argv[i][j]);
        rc = conf_list_add(p, member, conf_keep(p, field));
    }
    return rc;
}

static void show_name_fields(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    conf_show_begin(s);
    for (size_t i = 0; i < list->n; i++)
        conf_show_word(s, list->v[i]);
    conf_show_end(s);
}

/* ---- the table ---- */

static const struct shape simple[SHAPE_COUNT] = {
    [SHAPE_FLAG] = {set_flag, show_flag, NULL},
    [SHAPE_ONOFF] = {set_onoff, show_onoff, NULL},
    [SHAPE_SEEN] = {set_flag, NULL, NULL},
    [SHAPE_ALIAS] = {set_alias, NULL, NULL},
    [SHAPE_INT] = {set_int, show_int, NULL},
    [SHAPE_OPT1] = {set_opt1, show_int, NULL},
    [SHAPE_U64] = {set_u64, show_u64, NULL},
    [SHAPE_RESOLV] = {set_resolv, show_int, NULL},
    [SHAPE_KEY_METHOD] = {set_key_method, NULL, NULL},
    [SHAPE_ENUM] = {set_enum, show_enum, NULL},
    [SHAPE_PROTO] = {set_proto, show_enum, NULL},
    [SHAPE_CERT_POLICY] = {set_cert_policy, show_enum, NULL},
    [SHAPE_STR] = {set_str, show_str, drop_str},
    [SHAPE_IFNAME] = {set_ifname, show_str, drop_str},
    [SHAPE_DIGEST] = {set_digest, show_str, drop_str},
    [SHAPE_CIPHER] = {set_cipher, show_str, drop_str},
    [SHAPE_FALLBACK] = {set_fallback, show_str, drop_str},
    [SHAPE_CIPHERS] = {set_ciphers, show_ciphers, conf_drop_list},
    [SHAPE_STRS] = {set_strs, show_strs, conf_drop_list},
    [SHAPE_WORDS] = {set_words, show_words, conf_drop_list},
    [SHAPE_INCLUDE] = {set_include, NULL, conf_drop_list},
    [SHAPE_PRINTS] = {set_prints, show_words, conf_drop_list},
    [SHAPE_NAME_FIELDS] = {set_name_fields, show_name_fields, conf_drop_list},
};

const struct shape *const conf_shape_tables[SHAPE_TABLES] = {simple, conf_composites, conf_places, conf_blobs,
                                                             conf_logins};

const struct shape *conf_shape(enum shape_id id)
{
    int i = 0;
    while (i < SHAPE_TABLES - 1 && !conf_shape_tables[i][id].set)
        i++;
    return &conf_shape_tables[i][id];
}
