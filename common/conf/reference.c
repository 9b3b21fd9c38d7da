/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reference of all directives, made from the table: Markdown for docs/config.md, mdoc-free roff for the
 * man page.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "conf/table.h"

struct out {
    void (*emit)(void *arg, const char *line);
    void *arg;
};

static void put(const struct out *o, const char *fmt, ...) DBR_PRINTF(2, 3);

static void put(const struct out *o, const char *fmt, ...)
{
    char line[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    o->emit(o->arg, line);
}

/* Copies text with a backslash in front of each of the letters in `special`; cut to cap. Returns out. */
static const char *escaped(char *out, size_t cap, const char *text, const char *special)
{
    size_t n = 0;
    for (; *text && n + 3 < cap; text++) {
        if (strchr(special, *text))
            out[n++] = '\\';
        out[n++] = *text;
    }
    out[n] = 0;
    return out;
}

static const char *range_text(const struct dbr_directive_info *row, char out[48])
{
    static const long long huge[] = {INT32_MAX, INT64_MAX};
    out[0] = 0;
    if (row->min > row->max)
        return out;
    if (row->max == huge[0] || row->max == huge[1])
        snprintf(out, 48, "from %lld", (long long)row->min);
    else
        snprintf(out, 48, "%lld to %lld", (long long)row->min, (long long)row->max);
    return out;
}

static void places_text(const char *scope, char out[128])
{
    static const struct {
        char letter;
        const char *text;
    } places[] = {
        {'s', "server"},   {'c', "client"},         {'k', "client's file"}, {'i', "block"},
        {'p', "pushable"}, {'n', "`<connection>`"}, {'a', "command line"},
    };
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strchr(scope, places[i].letter))
            n += (size_t)snprintf(out + n, 128 - n, "%s%s", n ? ", " : "", places[i].text);
}

static void status_text(const struct dbr_directive_info *row, char out[400])
{
    switch (row->status) {
    case DBR_HONOUR: snprintf(out, 400, "honoured"); break;
    case DBR_IGNORE: snprintf(out, 400, "no effect: %s", row->reason); break;
    case DBR_REFUSE: snprintf(out, 400, "refused: %s; %s", row->reason, row->way_out); break;
    case DBR_LATER: snprintf(out, 400, "not yet; %s", row->way_out); break;
    }
}

/* ---- Markdown ---- */

static const char *const preface[] = {
    "# Configuration reference",
    "",
    "Generated from `common/conf/directives.def` by `config_doc`; edit the table, not this file.",
    "",
    "The language is OpenVPN's: one directive per line, `#` and `;` start comments, `\"...\"` and `'...'` "
    "keep",
    "spaces, a backslash escapes a backslash, a quote or a space, and a block such as `<ca>` ... `</ca>` "
    "holds a",
    "file's content. Every directive can also be given on the command line, with `--` in front.",
    "",
    "- *no effect*: accepted with one warning, so that configurations of OpenVPN keep working.",
    "- *refused*, *not yet*: the program does not start; the message names file, line, reason and way out.",
    "- *Where*: server or client configuration; a client's file (`client-config-dir`); as a block; pushable, "
    "that is",
    "  taken from a server by clients; inside `<connection>`; on the command line only.",
};

static void markdown_row(const struct out *o, const struct dbr_directive_info *row)
{
    char args[160], range[48], places[128], status[400], status_safe[500], help[300];
    places_text(row->scope, places);
    status_text(row, status);
    put(o, "| `%s` | %s | %s%s%s | %s | %s | %s%s%s |", row->keyword,
        escaped(args, sizeof args, row->args, "|<"), row->dflt ? "`" : "", row->dflt ? row->dflt : "",
        row->dflt ? "`" : "", range_text(row, range), places, escaped(help, sizeof help, row->help, "|"),
        *row->help && row->status != DBR_HONOUR ? " — " : "",
        row->status == DBR_HONOUR ? "" : escaped(status_safe, sizeof status_safe, status, "|"));
}

void dbr_config_markdown(void (*emit)(void *arg, const char *line), void *arg)
{
    const struct out o = {emit, arg};
    const char *group = "";
    for (size_t i = 0; i < sizeof preface / sizeof preface[0]; i++)
        emit(arg, preface[i]);
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *row = &table_rows[i].info;
        if (strcmp(group, row->group) != 0) {
            group = row->group;
            put(&o, "%s", "");
            put(&o, "## %s", group);
            put(&o, "%s", "");
            put(&o, "| Directive | Arguments | Default | Range | Where | Meaning |");
            put(&o, "|--|--|--|--|--|--|");
        }
        markdown_row(&o, row);
    }
}

/* ---- man page ---- */

static void man_row(const struct out *o, const struct dbr_directive_info *row)
{
    char args[160], range[48], status[400], safe[500];
    put(o, ".TP");
    put(o, ".BR %s \" %s\"", escaped(safe, sizeof safe, row->keyword, "-"),
        escaped(args, sizeof args, row->args, "-\\"));
    if (*row->help)
        put(o, "%s.", escaped(safe, sizeof safe, row->help, "-\\"));
    if (row->dflt)
        put(o, "Default: %s.", escaped(safe, sizeof safe, row->dflt, "-\\"));
    if (*range_text(row, range))
        put(o, "Range: %s.", range);
    status_text(row, status);
    if (row->status != DBR_HONOUR)
        put(o, "Status: %s.", escaped(safe, sizeof safe, status, "-\\"));
}

void dbr_config_man(void (*emit)(void *arg, const char *line), void *arg)
{
    const struct out o = {emit, arg};
    const char *group = "";
    put(&o, ".SH DIRECTIVES");
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *row = &table_rows[i].info;
        if (row->status == DBR_IGNORE || row->status == DBR_REFUSE)
            continue;
        if (strcmp(group, row->group) != 0) {
            group = row->group;
            put(&o, ".SS %s", group);
        }
        man_row(&o, row);
    }
}
