/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A disk in memory for the vault, which can fail or stop at each call, and which looks at every byte written:
 * what contains SECRET may only go into a file that is encrypted and private, or come sealed. free() is
 * watched too: a block that goes back with SECRET in it counts as a leak.
 */
#ifndef DBR_TEST_FAKE_H
#define DBR_TEST_FAKE_H

#include "client-win/keystore/vault.h"

#define SECRET     "do-not-leak-me"
#define SECRET_64  "by1ub3QtbGVhay1t" /* in base64, 5 bytes behind its start */
#define FAKE_ROOT  "C:\\Users\\bob\\AppData\\Local\\Drawbridge\\profiles"
#define FAKE_FILES 64

enum fake_stop {
    FAKE_RUNS,
    FAKE_FAILS,   /* call number `at` gives an error, the rest works */
    FAKE_CRASHES, /* call number `at` does half of it, and nothing works from then on */
};

struct fake_file {
    char path[DBR_VAULT_PATH];
    bool dir, encrypted, private_;
    uint8_t *data;
    size_t len;
};

struct fake {
    struct fake_file files[FAKE_FILES];
    size_t n;
    bool locked, others_lock;
    bool no_efs;      /* EncryptFileW says so */
    bool efs_lies;    /* it says yes, and encrypts nothing */
    bool efs_forgets; /* the folder is encrypted, a file in it is not */
    bool efs_breaks;  /* another error */
    bool no_rights;   /* FAT: everybody reads everything */
    bool rots;        /* what is written reads otherwise */
    enum fake_stop stop;
    unsigned at, calls;
    unsigned clear_bytes; /* times a secret went where it may not */
    unsigned open_files;
};

extern unsigned fake_leaks; /* blocks freed with a secret in them */

/* The vault of an empty disk; fake_free() is due. */
void fake_init(struct fake *f, struct dbr_vault *v, struct dbr_vault_fs *fs);
void fake_free(struct fake *f);
/* After a crash: the computer starts again. */
void fake_restart(struct fake *f);
struct fake_file *fake_find(struct fake *f, const char *path);
struct fake_file *fake_add(struct fake *f, const char *path, const char *text, bool encrypted, bool private_);
/* Files (not folders) whose name ends so. */
unsigned fake_count(const struct fake *f, const char *end);

#endif
