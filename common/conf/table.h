/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The directive table inside the room: a row joins what the reference says (dbr_directive_info) with its
 * shape (how it is set, shown and freed) and the place of its member. Constant; any thread.
 */
#ifndef DBR_CONF_TABLE_H
#define DBR_CONF_TABLE_H

#include "conf/config.h"

/* Every shape that a row may have; its functions are in shape.c and compose.c. */
#define SHAPES(X)                                                                                            \
    X(FLAG)                                                                                                  \
    X(ONOFF)                                                                                                 \
    X(SEEN)                                                                                                  \
    X(ALIAS)                                                                                                 \
    X(INT)                                                                                                   \
    X(OPT1)                                                                                                  \
    X(ENUM)                                                                                                  \
    X(PROTO)                                                                                                 \
    X(COMP)                                                                                                  \
    X(ALLOW_COMP)                                                                                            \
    X(TLS_VERSION)                                                                                           \
    X(RENEG_SEC)                                                                                             \
    X(INACTIVE)                                                                                              \
    X(TUN_MTU)                                                                                               \
    X(RESOLV)                                                                                                \
    X(KEY_METHOD)                                                                                            \
    X(CERT_POLICY)                                                                                           \
    X(U64)                                                                                                   \
    X(STR)                                                                                                   \
    X(IFNAME)                                                                                                \
    X(DIGEST)                                                                                                \
    X(CIPHER)                                                                                                \
    X(FALLBACK)                                                                                              \
    X(STRS)                                                                                                  \
    X(WORDS)                                                                                                 \
    X(CIPHERS)                                                                                               \
    X(PUSH)                                                                                                  \
    X(SETENV)                                                                                                \
    X(KEY_USAGE)                                                                                             \
    X(INCLUDE)                                                                                               \
    X(BLOB)                                                                                                  \
    X(PRINTS)                                                                                                \
    X(NAME_FIELDS)                                                                                           \
    X(TLS_CRYPT_V2)                                                                                          \
    X(TLS_AUTH)                                                                                              \
    X(CRL)                                                                                                   \
    X(DH)                                                                                                    \
    X(SERVER)                                                                                                \
    X(SERVER_BRIDGE)                                                                                         \
    X(KEEPALIVE)                                                                                             \
    X(IFCONFIG)                                                                                              \
    X(POOL)                                                                                                  \
    X(IPV6)                                                                                                  \
    X(REMOTES)                                                                                               \
    X(CONNECTION)                                                                                            \
    X(LOCALS)                                                                                                \
    X(FRAGMENT)                                                                                              \
    X(MSSFIX)                                                                                                \
    X(INNER_MTU)                                                                                             \
    X(PAIR)                                                                                                  \
    X(FILE)                                                                                                  \
    X(OPTION)                                                                                                \
    X(X509_NAME)                                                                                             \
    X(FILTERS)                                                                                               \
    X(MAC)                                                                                                   \
    X(BRIDGE)                                                                                                \
    X(RATE)                                                                                                  \
    X(STALE)                                                                                                 \
    X(OCSP)                                                                                                  \
    X(LOGIN_SCRIPT)                                                                                          \
    X(TOKEN)                                                                                                 \
    X(ENDPOINT)                                                                                              \
    X(MANAGEMENT)

enum shape_id {
#define X(name) SHAPE_##name,
    SHAPES(X)
#undef X
        SHAPE_COUNT
};

struct directive {
    struct dbr_directive_info info;
    enum shape_id shape;
    size_t offset; /* of the member in struct dbr_config */
};

extern const struct directive table_rows[DBR_D_COUNT];

/* Fewest and most arguments by the synopsis; any number: *most = SIZE_MAX. */
void table_arity(const char *synopsis, size_t *fewest, size_t *most);

/* True if the letter is in the row's scope. */
bool table_in_scope(const struct directive *row, char letter);

/* The known keyword nearest to a misspelt one, or NULL when none is near. */
const char *table_nearest(const char *keyword);

static inline void *table_member(struct dbr_config *cfg, const struct directive *row)
{
    return (char *)cfg + row->offset;
}

#endif
