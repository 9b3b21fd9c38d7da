/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every part of the parser shares: what is being read, where, into what, and the two ways to complain.
 * Lives on the stack of the call that parses; one thread. What crosses files of this room begins with conf_.
 */
#ifndef DBR_CONF_PARSE_H
#define DBR_CONF_PARSE_H

#include "base/format.h"
#include "conf/table.h"

enum reading {
    READ_DEFAULTS,   /* the table's own values */
    READ_FILE,       /* a configuration file */
    READ_ARGS,       /* the command line */
    READ_CCD,        /* a client's file */
    READ_CONNECTION, /* inside <connection> */
    READ_PUSHED,     /* what a server sent */
    READ_FINISH,     /* cross-checks */
};

struct parse {
    struct dbr_config *cfg;
    const struct dbr_conf_diag *diag;
    enum reading reading;
    const char *file; /* name in complaints */
    unsigned line;    /* 0: no line in complaints */
    uint16_t file_index;
    enum dbr_directive which; /* in hand */
    const char *block;        /* content of the inline block in hand, or NULL */
    size_t block_len;
    int depth;       /* of `config` */
    bool soft;       /* setenv opt: an unknown directive is skipped */
    bool skip_args;  /* finish: the command line is not the main file */
    bool tcp;        /* a <connection> that names TCP: left out */
    unsigned errors; /* complaints so far */
    bool nomem;
};

/* Reports "FILE:LINE: directive: reason; way out" as an error (as a warning while a pushed option is read)
 * and returns DBR_ERR_CONFIG. */
int conf_error(struct parse *p, const char *fmt, ...) DBR_PRINTF(2, 3);
void conf_warn(struct parse *p, const char *fmt, ...) DBR_PRINTF(2, 3);
/* The same about a word that is not in the table: a misspelt directive, an unknown block. */
int conf_error_about(struct parse *p, const char *word, const char *fmt, ...) DBR_PRINTF(3, 4);
void conf_warn_about(struct parse *p, const char *word, const char *fmt, ...) DBR_PRINTF(3, 4);

/* Bounds of what a configuration may hold. */
enum { CONF_LIST_MAX = 4096, CONF_FILES_MAX = 64, CONF_DEPTH_MAX = 10, CONF_REMOTES_MAX = 64 };

/* Copies that remember when memory is short: NULL then, and p->nomem. */
char *conf_keep_bytes(struct parse *p, const char *s, size_t n);
char *conf_keep(struct parse *p, const char *s);
/* Makes room for one more element of a growing array {v, n} and zeroes it; NULL: p->nomem, or more than
 * CONF_LIST_MAX (then a complaint). */
void *conf_array_grow(struct parse *p, void **v, size_t *n, size_t size);
/* Appends s (consumed also on failure; NULL is DBR_ERR_NOMEM). */
int conf_list_add(struct parse *p, struct dbr_conf_list *list, char *s);
void conf_list_free(struct dbr_conf_list *list);

/* One directive with its arguments (argv without the keyword): scope, status, number of arguments, setter,
 * mark. */
int conf_directive(struct parse *p, enum dbr_directive which, size_t argc, char *const *argv);
/* One line: argv[0] is the directive. */
int conf_words(struct parse *p, size_t argc, char *const *argv);
/* A text, p->file is its name; `first` lines of the file stand in front of it. 0, or DBR_ERR_CONFIG when it
 * is no text; what is wrong with its lines is counted in p->errors. */
int conf_text(struct parse *p, const char *text, size_t len, unsigned first);
/* `config FILE` */
int conf_include(struct parse *p, const char *path);
/* Registers a file name and makes it the one that complaints name. */
int conf_enter_file(struct parse *p, const char *name);
/* What a public entry returns after parsing. */
int conf_result(const struct parse *p);

#endif
