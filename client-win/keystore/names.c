/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/names.h"
#include "client-win/keystore/why.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ID_MAX = 48 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_slash(char c)
{
    return c == '\\' || c == '/';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_word(const char *a, size_t n, const char *b)
{
    size_t i = 0;
    while (i < n && b[i] && lower(a[i]) == lower(b[i]))
        i++;
    return i == n && !b[i];
}

/* COM1 to COM9 and LPT1 to LPT9, with 0 and with the superscript digits 1, 2, 3 (U+00B9, U+00B2, U+00B3). */
static bool is_port(const char *part, size_t n)
{
    if (n < 4 || (!same_word(part, 3, "com") && !same_word(part, 3, "lpt")))
        return false;
    if (n == 4)
        return is_digit(part[3]);
    return n == 5 && part[3] == '\xc2' && (part[4] == '\xb9' || part[4] == '\xb2' || part[4] == '\xb3');
}

/* One part of a path names a device whatever stands behind its first dot. */
static bool is_device(const char *part, size_t n)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    size_t stem = 0;
    while (stem < n && part[stem] != '.')
        stem++;
    while (stem && part[stem - 1] == ' ')
        stem--;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (same_word(part, stem, devices[i]))
            return true;
    return is_port(part, stem);
}

static bool may_be_in_id(char c)
{
    return is_letter(c) || is_digit(c) || (c && strchr("-_. ", c));
}

int dbr_profile_id_check(const char *id, char *why, size_t cap)
{
    size_t n = strlen(id);
    if (!n || n > ID_MAX)
        return keys_complain(DBR_ERR_CONFIG, why, cap, "the name of a profile has 1 to %d characters",
                             ID_MAX);
    for (size_t i = 0; i < n; i++)
        if (!may_be_in_id(id[i]))
            return keys_complain(
                DBR_ERR_CONFIG, why, cap,
                "'%.64s' cannot name a profile: use letters a-z, digits, '-', '_', '.' and spaces", id);
    if (!is_letter(id[0]) && !is_digit(id[0]))
        return keys_complain(DBR_ERR_CONFIG, why, cap,
                             "'%s' cannot name a profile: begin with a letter or a digit", id);
    if (id[n - 1] == '.' || id[n - 1] == ' ')
        return keys_complain(DBR_ERR_CONFIG, why, cap,
                             "'%s' cannot name a profile: end with a letter or a digit", id);
    if (is_device(id, n))
        return keys_complain(DBR_ERR_CONFIG, why, cap,
                             "'%s' is the name of a device in Windows: choose another", id);
    return 0;
}

/* Where the last part of a path begins. */
static const char *last_part(const char *path)
{
    const char *at = path;
    for (const char *c = path; *c; c++)
        if (is_slash(*c) || *c == ':')
            at = c + 1;
    return at;
}

static size_t without_suffix(const char *name)
{
    static const char *const suffixes[] = {".ovpn", ".conf", ".p12", ".pfx", ".pem"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t s = strlen(suffixes[i]);
        if (n > s && same_word(name + n - s, s, suffixes[i]))
            return n - s;
    }
    return n;
}

int dbr_profile_id_from(const char *path, char out[DBR_PROFILE_ID], char *why, size_t cap)
{
    const char *name = last_part(path);
    size_t n = without_suffix(name), at = 0;
    for (size_t i = 0; i < n && at < ID_MAX; i++) {
        bool first = at == 0 && !is_letter(name[i]) && !is_digit(name[i]);
        if (!first)
            out[at++] = may_be_in_id(name[i]) ? name[i] : '-';
    }
    while (at && (out[at - 1] == '.' || out[at - 1] == ' ' || out[at - 1] == '-'))
        at--;
    out[at] = 0;
    if (dbr_profile_id_check(out, why, cap))
        return keys_complain(
            DBR_ERR_CONFIG, why, cap,
            "the file's name gives no name for the profile: say one, drawbridge import FILE NAME");
    return 0;
}

/* ---- files ---- */

static const char *refuse_text(const char *path)
{
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            return "has a control character in its name";
        if (strchr("<>\"|?*", *c))
            return "has a character in its name that no file of Windows can have";
    }
    return NULL;
}

/* What stands behind C:\, or in a relative name. */
static const char *refuse_parts(const char *path)
{
    while (*path) {
        size_t n = 0;
        while (path[n] && !is_slash(path[n]))
            if (path[n++] == ':')
                return "is part of a file (a stream), or has a ':' where none may be";
        if (is_device(path, n))
            return "is a device, not a file";
        path += n;
        while (is_slash(*path))
            path++;
    }
    return NULL;
}

static const char *refuse(const char *path)
{
    const char *bad = refuse_text(path);
    if (!*path)
        return "has no name";
    if (bad)
        return bad;
    if (is_slash(path[0]) && is_slash(path[1]))
        return "is on another computer or a device; copy it to this computer first";
    if (is_slash(path[0]))
        return "begins with '\\'; write its drive, too, like C:\\";
    if (is_letter(path[0]) && path[1] == ':')
        return is_slash(path[2]) ? refuse_parts(path + 3)
                                 : "has no '\\' behind its drive; write it like C:\\FILE";
    return refuse_parts(path);
}

int dbr_source_check(const char *path, char *why, size_t cap)
{
    const char *bad = refuse(path);
    if (strlen(path) >= DBR_SOURCE_PATH)
        return keys_complain(DBR_ERR_CONFIG, why, cap, "%.64s...: the name is too long", path);
    return bad ? keys_complain(DBR_ERR_CONFIG, why, cap, "%s: it %s", path, bad) : 0;
}

int dbr_source_join(const char *file, const char *name, char out[DBR_SOURCE_PATH], char *why, size_t cap)
{
    int err = dbr_source_check(name, why, cap);
    bool whole = is_letter(name[0]) && name[1] == ':';
    size_t folder = whole ? 0 : (size_t)(last_part(file) - file);
    if (err)
        return err;
    if (folder + strlen(name) >= DBR_SOURCE_PATH)
        return keys_complain(DBR_ERR_CONFIG, why, cap, "%.64s...: the name is too long", name);
    snprintf(out, DBR_SOURCE_PATH, "%.*s%s", (int)folder, file, name);
    for (char *c = out; *c; c++)
        if (*c == '/')
            *c = '\\';
    return 0;
}
