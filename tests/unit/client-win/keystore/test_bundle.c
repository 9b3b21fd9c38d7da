/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_bundle FILE open|locked|unlocked [PASSPHRASE [PROFILE]]: imports what drawbridge-ca has exported into
 * a vault in memory, expects the key to be so, no complaint, and the same bytes when it is loaded. With
 * PROFILE the file is a key for it: an administrator's, without its blocks of certificate and key.
 */
#include "fake.h"

#include "client-win/keystore/profile.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct fake disk;
static struct dbr_profiles profiles;
static struct dbr_vault_fs fs;
static const char *pass, *machine_file;
static int failed;

static int read_whole(const char *path, uint8_t **out, size_t *n)
{
    FILE *f = fopen(path, "rb");
    *out = calloc(1, 1 << 16);
    *n = f ? fread(*out, 1, (1 << 16) - 1, f) : 0;
    if (f)
        fclose(f);
    return *n ? 0 : DBR_ERR_NOTFOUND;
}

static int read_source(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    (void)arg, (void)max;
    return read_whole(path, out, n);
}

static void cut(char *text, const char *from, const char *to)
{
    char *a = strstr(text, from), *b = strstr(text, to);
    if (a && b)
        memmove(a, b + strlen(to), strlen(b + strlen(to)) + 1);
}

static int machine(void *arg, const char *id, char **text, size_t *len, char *why, size_t cap)
{
    (void)arg, (void)id, (void)why, (void)cap;
    *text = NULL;
    *len = 0;
    if (!machine_file)
        return DBR_ERR_NOTFOUND;
    int err = read_whole(machine_file, (uint8_t **)text, len);
    cut(*text, "<cert>\n", "</cert>\n");
    cut(*text, "<key>\n", "</key>\n");
    *len = strlen(*text);
    return err;
}

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg, (void)severity;
    printf("complaint: %s\n", line);
    failed = 1;
}

static int ask(void *arg, int try, char *out, size_t cap)
{
    (void)arg;
    if (!pass || try > 1)
        return DBR_ERR_AGAIN;
    snprintf(out, cap, "%s", pass);
    return 0;
}

static void expect(int good, const char *what)
{
    if (!good)
        printf("wrong: %s\n", what);
    failed |= !good;
}

static void compare(const char *file)
{
    char *text, why[512];
    uint8_t *want;
    size_t len, n;
    int err = dbr_profile_load(&profiles, "office", &text, &len, why, sizeof why);
    expect(!err, "it is loaded");
    if (err)
        printf("%s\n", why);
    read_whole(file, &want, &n);
    if (!err && !machine_file)
        expect(len == n && memcmp(text, want, n) == 0, "it is what was imported");
    dbr_vault_wipe(text, len);
    free(want);
}

int main(int argc, char **argv)
{
    static const char *const states[] = {"open", "locked", "unlocked"};
    struct dbr_imported got;
    char why[512] = "";
    if (argc < 3)
        return 2;
    pass = argc > 3 ? argv[3] : NULL;
    machine_file = argc > 4 ? argv[4] : NULL;
    fake_init(&disk, &profiles.vault, &fs);
    profiles.machine = machine;
    const struct dbr_import what = {.path = argv[1],
                                    .id = "office",
                                    .now_unix_s = (int64_t)time(NULL),
                                    .read = read_source,
                                    .say = say,
                                    .ask = ask};
    int err = dbr_profile_import(&profiles, &what, &got, why, sizeof why);
    expect(!err, why);
    if (!err) {
        expect(strcmp(states[got.key.state], argv[2]) == 0, "state of the key");
        expect(strncmp(got.key.subject, "CN=", 3) == 0, "name in the certificate");
        compare(argv[1]);
    }
    expect(!disk.clear_bytes, "no clear byte");
    fake_free(&disk);
    printf("%s %s: %s\n", argv[1], argv[2], failed ? "FAILED" : "ok");
    return failed;
}
