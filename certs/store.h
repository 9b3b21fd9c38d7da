/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A folder of files that changes as a whole or not at all. One command = one transaction: whatever kills the
 * process or the machine, the next opener finds the state before or the state after.
 *
 *     1  write .new.<name> beside each target, fsync it           nothing is visible yet
 *     2  fsync the folders
 *     3  write the list of renames and deletions, fsync it, rename it to "journal", fsync      <- the change
 * is made 4  rename .new.<name> to <name>, delete what is to be deleted, fsync the folders 5  delete the
 * journal, fsync
 *
 * Whoever opens the folder for writing and finds a journal does steps 4 and 5 again (they can be repeated);
 * who finds the mark ".busy" without a journal removes the .new.* files of a run that died in steps 1..3.
 * Writers hold flock(2) on ".lock", which the kernel gives back when a process dies.
 *
 * Paths are relative to the folder, of one or two components. A file is only ever opened with O_NOFOLLOW and
 * must be a regular file with one name: links, FIFOs and devices are refused. One thread; the why/cap pairs
 * are those of certs/crl.h.
 */
#ifndef DBR_CERTS_STORE_H
#define DBR_CERTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dbr_store;

enum dbr_store_mode {
    DBR_STORE_READ,   /* shared lock; finishes a journal first if it may write there */
    DBR_STORE_WRITE,  /* exclusive lock */
    DBR_STORE_CREATE, /* the same, and makes the folder (mode 0750) */
};

enum { DBR_STORE_PATH = 200, DBR_STORE_CHANGES = 64 };

/* Opens and locks a folder, waiting wait_ms for another process. Errors: DBR_ERR_NOTFOUND, DBR_ERR_TIMEOUT
 * (locked: why names the process), DBR_ERR_IO, DBR_ERR_SHAPE (a journal that is not ours). */
int dbr_store_open(struct dbr_store **out, const char *folder, enum dbr_store_mode mode, int wait_ms,
                   char *why, size_t cap);
/* Undoes an uncommitted transaction, unlocks. NULL is good. */
void dbr_store_close(struct dbr_store *s);

/* True if something (also a dangling link) has this name. */
bool dbr_store_exists(const struct dbr_store *s, const char *path);

/* The whole file on the heap with a NUL behind it (not counted). The caller wipes and frees it. Errors:
 * DBR_ERR_NOTFOUND, DBR_ERR_LIMIT (longer than max), DBR_ERR_SHAPE (no regular file, or a link), DBR_ERR_IO.
 */
int dbr_store_read(const struct dbr_store *s, const char *path, size_t max, uint8_t **out, size_t *len,
                   char *why, size_t cap);

/* Permissions of a file (0 if there is none). */
unsigned dbr_store_mode_of(const struct dbr_store *s, const char *path);

/* Makes a subfolder now; an existing one is good. Not part of the transaction. */
int dbr_store_mkdir(struct dbr_store *s, const char *path, unsigned mode, char *why, size_t cap);

/* Makes a link `path` to a name beside it now, unless something is there. Not part of the transaction. */
int dbr_store_symlink(struct dbr_store *s, const char *target, const char *path, char *why, size_t cap);

enum dbr_store_put {
    DBR_PUT_NEW,     /* DBR_ERR_EXISTS if the name is taken */
    DBR_PUT_REPLACE, /* keeps owner, group and mode of the file it replaces */
    DBR_PUT_SECRET,  /* like NEW, mode 0600 whatever is said */
    DBR_PUT_SECRET_REPLACE,
};

/* Adds a file to the transaction (step 1). Nothing is visible before the commit. On an error the whole
 * transaction is undone. Two puts on one path: the later one counts. */
int dbr_store_put(struct dbr_store *s, const char *path, const void *bytes, size_t len, unsigned mode,
                  enum dbr_store_put how, char *why, size_t cap);
/* Adds a deletion; a missing file is good. */
int dbr_store_delete(struct dbr_store *s, const char *path, char *why, size_t cap);
/* Steps 2 to 5. On an error before step 3 is done nothing has changed; after it (why says so) the change
 * stands and the next opener finishes it. */
int dbr_store_commit(struct dbr_store *s, char *why, size_t cap);
void dbr_store_rollback(struct dbr_store *s);

/* One durable file at once, outside a transaction: on return 0 it survives a power loss. */
int dbr_store_write_now(struct dbr_store *s, const char *path, const void *bytes, size_t len, unsigned mode,
                        char *why, size_t cap);

/* Calls each(arg, name) for every name in a subfolder ("" is the folder) but those that begin with a dot, in
 * no order; stops at its first non-zero return and returns it. */
int dbr_store_each(const struct dbr_store *s, const char *path, int (*each)(void *arg, const char *name),
                   void *arg);

/* The folder as given. */
const char *dbr_store_folder(const struct dbr_store *s);

#endif
