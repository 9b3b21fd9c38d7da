/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profiles.h"
#include "terminal.h"

#include "base/err.h"
#include "base/secret.h"
#include "client-win/base/base.h"
#include "client-win/keystore/keystore.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WHY = 1024 };

/* What a crash left goes first; that it could not is no reason to stop. */
static void recover(void)
{
    char why[WHY] = "";
    if (dbr_keystore_recover(why, sizeof why))
        dbr_complain("%s", why);
}

/* ---- import ---- */

struct options {
    const char *file, *name;
    bool replace, delete_source, dpapi;
};

static bool take_option(struct options *o, const char *word)
{
    const struct {
        const char *word;
        bool *to;
    } table[] = {
        {"--replace", &o->replace},
        {"--delete-source", &o->delete_source},
        {"--dpapi", &o->dpapi},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].word, word) == 0) {
            *table[i].to = true;
            return true;
        }
    return false;
}

static bool take_words(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0 ? take_option(o, argv[i]) : false)
            continue;
        if (argv[i][0] == '-' || o->name)
            return false;
        *(o->file ? &o->name : &o->file) = argv[i];
    }
    return o->file;
}

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    if (severity == DBR_CONF_WARNING) /* the first error is what the import ends with */
        dbr_complain("note: %s", line);
}

static int ask(void *arg, int try, char *pass, size_t cap)
{
    (void)arg;
    if (try > 1)
        dbr_say("That was not the passphrase.");
    int err = dbr_terminal_ask("Passphrase of the key (Enter: do not check it now): ", false, pass, cap);
    return err || !*pass ? DBR_ERR_AGAIN : 0;
}

static const char *seal_text(enum dbr_seal seal)
{
    return seal == DBR_SEAL_EFS ? "EFS" : seal == DBR_SEAL_DPAPI ? "DPAPI" : "-";
}

static void tell_certificate(const struct dbr_key_facts *key)
{
    char day[32] = "?";
    time_t end = (time_t)key->not_after;
    struct tm *tm = gmtime(&end);
    if (!*key->subject)
        return;
    if (tm)
        strftime(day, sizeof day, "%Y-%m-%d", tm);
    dbr_say("Certificate: %s, valid until %s.", key->subject, day);
}

static void tell_key(const struct dbr_key_facts *key)
{
    if (key->state == DBR_KEY_OPEN)
        dbr_say("Warning: the private key has no passphrase. Whoever uses your Windows account can connect: "
                "lock the "
                "screen when you leave, or ask your administrator for a key with a passphrase.");
    if (key->state == DBR_KEY_LOCKED)
        dbr_say("Note: key and certificate were not compared, because the passphrase was not given.");
}

/* Once: with the first profile. */
static void tell_backup(const struct dbr_imported *in)
{
    if (!in->first)
        return;
    dbr_say("Good to know: only your Windows account can open the profile. If an administrator resets your "
            "password, "
            "or Windows is installed anew, it is lost; then your administrator makes you a new one.");
    if (in->seal == DBR_SEAL_EFS)
        dbr_say(
            "To keep it readable, back up your encryption certificate: press Windows+R, type rekeywiz, press "
            "Enter.");
}

static int delete_sources(const struct dbr_imported *in)
{
    char why[WHY];
    int failed = 0;
    for (size_t i = 0; i < in->n_clear; i++) {
        if (dbr_keystore_delete_clear(in->clear[i].path, why, sizeof why)) {
            dbr_complain("%s", why);
            failed = 1;
        } else {
            dbr_say("Deleted: %s", in->clear[i].path);
        }
    }
    return failed;
}

static void tell_sources(const struct dbr_imported *in)
{
    dbr_say("The profile no longer needs these files. They are not encrypted: delete them (import with "
            "--delete-source does that), and empty the recycle bin.");
    for (size_t i = 0; i < in->n_clear; i++)
        dbr_say("  %s", in->clear[i].path);
}

int dbr_cmd_import(int argc, char **argv)
{
    struct options o = {0};
    static struct dbr_imported in;
    char why[WHY] = "";
    if (!take_words(&o, argc, argv)) {
        dbr_complain("usage: drawbridge import FILE [NAME] [--replace] [--delete-source] [--dpapi]");
        return 2;
    }
    recover();
    const struct dbr_import what = {
        .path = o.file, .id = o.name, .replace = o.replace, .dpapi_only = o.dpapi, .say = say, .ask = ask};
    if (dbr_keystore_import(&what, &in, why, sizeof why)) {
        dbr_complain("%s", why);
        return 1;
    }
    dbr_say("%s \"%s\" is in, encrypted by Windows for your account (%s).",
            in.key_only ? "The key for profile" : "Profile", in.id, seal_text(in.seal));
    tell_certificate(&in.key);
    tell_key(&in.key);
    tell_backup(&in);
    if (o.delete_source)
        return delete_sources(&in);
    tell_sources(&in);
    return 0;
}

/* ---- list, remove, rename ---- */

static void show_entry(void *arg, const struct dbr_keystore_entry *e)
{
    ++*(unsigned *)arg;
    dbr_say("%-32s %s", e->id,
            e->lacks_key              ? "of your administrator, lacks your key"
            : e->machine              ? "of your administrator"
            : e->seal == DBR_SEAL_EFS ? "encrypted (EFS)"
                                      : "encrypted (DPAPI)");
}

int dbr_cmd_list(int argc, char **argv)
{
    unsigned n = 0;
    (void)argv;
    if (argc > 1) {
        dbr_complain("usage: drawbridge list");
        return 2;
    }
    recover();
    int err = dbr_keystore_list(show_entry, &n);
    if (err) {
        dbr_complain("the profiles cannot be listed: %s; sign in again", dbr_err_text(err));
        return 1;
    }
    if (!n)
        dbr_say("There is no profile yet: drawbridge import FILE.ovpn");
    return 0;
}

int dbr_cmd_remove(int argc, char **argv)
{
    char why[WHY] = "";
    if (argc != 2) {
        dbr_complain("usage: drawbridge remove NAME");
        return 2;
    }
    recover();
    if (dbr_keystore_remove(argv[1], why, sizeof why)) {
        dbr_complain("%s", why);
        return 1;
    }
    dbr_say("Profile \"%s\" is removed.", argv[1]);
    return 0;
}

int dbr_cmd_rename(int argc, char **argv)
{
    char why[WHY] = "";
    if (argc != 3) {
        dbr_complain("usage: drawbridge rename NAME NEW-NAME");
        return 2;
    }
    recover();
    if (dbr_keystore_rename(argv[1], argv[2], why, sizeof why)) {
        dbr_complain("%s", why);
        return 1;
    }
    dbr_say("Profile \"%s\" is now called \"%s\".", argv[1], argv[2]);
    return 0;
}
