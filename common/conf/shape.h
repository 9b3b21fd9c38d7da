/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A shape is a type of member: three short functions that set it from words, show it as lines of
 * configuration, and free what it owns. Adding a directive needs a row; adding a kind of directive needs a
 * shape.
 */
#ifndef DBR_CONF_SHAPE_H
#define DBR_CONF_SHAPE_H

#include "base/format.h"
#include "conf/parse.h"

/* A line of the dump being written. */
struct show {
    void (*emit)(void *arg, const char *line);
    void *arg;
    const struct dbr_config *cfg;
    const struct directive *row;
    size_t len;
    char line[4096];
};

struct shape {
    /* argc words behind the keyword; their number fits the synopsis. 0 or a negative error behind
     * conf_error(). On an error the member keeps a valid value. */
    int (*set)(struct parse *p, void *member, size_t argc, char *const *argv);
    /* Emits nothing for a member that is not given; NULL: never shown. */
    void (*show)(struct show *s, const void *member);
    /* NULL: owns nothing. Leaves the member empty; callable twice. */
    void (*drop)(void *member);
};

/* The functions of a shape; never NULL. */
const struct shape *conf_shape(enum shape_id id);

/* The shapes by file; a row with set == NULL stands in another table. */
extern const struct shape conf_composites[SHAPE_COUNT]; /* compose.c: with a struct of their own */
extern const struct shape conf_places[SHAPE_COUNT];     /* place.c: addresses, ports, bridge */
extern const struct shape conf_blobs[SHAPE_COUNT];      /* blob.c: files or blocks */
enum { SHAPE_TABLES = 5 };
extern const struct shape *const conf_shape_tables[SHAPE_TABLES]; /* these, and shape.c's own in front */

/* Parts of a dump line: the keyword, words (quoted where needed), the end. */
void conf_show_begin(struct show *s);
void conf_show_word(struct show *s, const char *word);
void conf_show_format(struct show *s, const char *fmt, ...) DBR_PRINTF(2, 3);
void conf_show_end(struct show *s);

/* The row in hand. */
static inline const struct directive *conf_row(const struct parse *p)
{
    return &table_rows[p->which];
}

/* Words to values; 0 or DBR_ERR_CONFIG behind a complaint. Numbers are checked against the row's range. */
int conf_take_number(struct parse *p, const char *word, int64_t *out);
int conf_take_int(struct parse *p, const char *word, int *out);
int conf_take_port(struct parse *p, const char *word, int *out);
int conf_take_ipv4(struct parse *p, const char *word, uint32_t *out);
int conf_take_netmask(struct parse *p, const char *word, uint32_t *out);
int conf_take_ifname(struct parse *p, const char *word);
int conf_take_choice(struct parse *p, const char *word, const char *choices, int *out); /* index in "a|b|c" */
/* enum dbr_conf_proto, or PROTO_TCP for what is known but not built. */
enum { PROTO_TCP = -2 };
int conf_take_proto(struct parse *p, const char *word, int *out);
/* Replaces an owned string; 0 or DBR_ERR_NOMEM. */
int conf_take_string(struct parse *p, char **member, const char *word);
void conf_drop_string(char **member);
void conf_drop_list(void *member); /* struct dbr_conf_list */
/* The words joined by spaces; NULL: no memory. */
char *conf_join(struct parse *p, size_t argc, char *const *argv);

/* "192.0.2.1" of a host-order address; returns out. */
const char *conf_ipv4_text(uint32_t ip, char out[16]);

#endif
