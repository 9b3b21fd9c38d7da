/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "certs/say.h"

#define JOURNAL      "journal"
#define JOURNAL_NEW  ".journal.new"
#define JOURNAL_HEAD "drawbridge-ca journal 1\n"
#define JOURNAL_END  "end\n"
#define BUSY         ".busy"
#define LOCK         ".lock"
#define TEMP         ".new."

enum { JOURNAL_MAX = 32768, MAX_DIRS = 8 };

struct change {
    char path[DBR_STORE_PATH];
    bool deletion;
};

struct dbr_store {
    int dir, lock;
    char *folder;
    bool writer, busy;
    struct change changes[DBR_STORE_CHANGES];
    size_t n;
};

/* --- paths
 * ---------------------------------------------------------------------------------------------------- */

/* A path cut into its subfolder ("" or one component), its last component, and the name of its new version.
 */
struct place {
    char sub[DBR_STORE_PATH], base[DBR_STORE_PATH], temp[DBR_STORE_PATH + 16];
};

static bool good_component(const char *s)
{
    return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && !strchr(s, '/') && !strchr(s, '\n');
}

static bool place_of(const char *path, struct place *p)
{
    const char *slash = strchr(path, '/');
    size_t sub = slash ? (size_t)(slash - path) : 0;
    if (strlen(path) >= sizeof p->base)
        return false;
    memcpy(p->sub, path, sub);
    p->sub[sub] = 0;
    strcpy(p->base, slash ? slash + 1 : path);
    snprintf(p->temp, sizeof p->temp, TEMP "%s", p->base);
    return good_component(p->base) && (!slash || good_component(p->sub));
}

/* A descriptor of the place's folder; the caller closes it with close_place. -1 and errno. */
static int open_place(const struct dbr_store *s, const struct place *p)
{
    if (!p->sub[0])
        return s->dir;
    return openat(s->dir, p->sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_place(const struct dbr_store *s, int dir)
{
    if (dir >= 0 && dir != s->dir)
        close(dir);
}

static int io_error(const struct dbr_store *s, const char *what, const char *path, char *why, size_t cap)
{
    int e = errno;
    return dbr_say(e == ENOENT ? DBR_ERR_NOTFOUND : DBR_ERR_IO, why, cap, "%s %s/%s: %s", what, s->folder,
                   path, strerror(e));
}

static int bad_path(const char *path, char *why, size_t cap)
{
    return dbr_say(DBR_ERR_SHAPE, why, cap, "not a path inside the CA folder: %s", path);
}

/* --- reading
 * -------------------------------------------------------------------------------------------------- */

bool dbr_store_exists(const struct dbr_store *s, const char *path)
{
    struct stat st;
    return fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

unsigned dbr_store_mode_of(const struct dbr_store *s, const char *path)
{
    struct stat st;
    return fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & 07777 : 0;
}

/* An ordinary file with one name; a second hard link could be anybody's. */
static int plain(const struct stat *st, const char *path, char *why, size_t cap)
{
    if (S_ISREG(st->st_mode) && st->st_nlink == 1)
        return 0;
    return dbr_say(DBR_ERR_SHAPE, why, cap, "%s is %s: refused", path,
                   S_ISREG(st->st_mode) ? "a file with several hard links" : "a link or no ordinary file");
}

static int read_all(int fd, uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t r = read(fd, p + at, n - at);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return DBR_ERR_IO;
        at += (size_t)r;
    }
    return 0;
}

static int read_file(int fd, const char *path, size_t max, uint8_t **out, size_t *len, char *why, size_t cap)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return dbr_say(DBR_ERR_IO, why, cap, "%s: %s", path, strerror(errno));
    int err = plain(&st, path, why, cap);
    if (err)
        return err;
    if (st.st_size < 0 || (uintmax_t)st.st_size > max)
        return dbr_say(DBR_ERR_LIMIT, why, cap, "%s is longer than %zu bytes", path, max);
    *len = (size_t)st.st_size;
    *out = malloc(*len + 1);
    if (!*out)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    (*out)[*len] = 0;
    err = read_all(fd, *out, *len);
    if (err) {
        free(*out);
        *out = NULL;
        return dbr_say(err, why, cap, "%s: cannot be read", path);
    }
    return 0;
}

int dbr_store_read(const struct dbr_store *s, const char *path, size_t max, uint8_t **out, size_t *len,
                   char *why, size_t cap)
{
    struct place p;
    *out = NULL;
    *len = 0;
    if (!place_of(path, &p))
        return bad_path(path, why, cap);
    int dir = open_place(s, &p);
    int fd = dir < 0 ? -1 : openat(dir, p.base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int e = errno;
    close_place(s, dir);
    errno = e;
    if (fd < 0 && e == ELOOP)
        return dbr_say(DBR_ERR_SHAPE, why, cap, "%s is a link: refused", path);
    if (fd < 0)
        return io_error(s, "cannot open", path, why, cap);
    int err = read_file(fd, path, max, out, len, why, cap);
    close(fd);
    return err;
}

int dbr_store_each(const struct dbr_store *s, const char *path, int (*each)(void *arg, const char *name),
                   void *arg)
{
    int fd = openat(s->dir, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return DBR_ERR_NOTFOUND;
    }
    for (struct dirent *e; !err && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            err = each(arg, e->d_name);
    closedir(d);
    return err;
}

const char *dbr_store_folder(const struct dbr_store *s)
{
    return s->folder;
}

/* --- steps 4 and 5: making a journal true
 * --------------------------------------------------------------------- */

static int sync_folder(const struct dbr_store *s, const char *sub)
{
    struct place p = {0};
    snprintf(p.sub, sizeof p.sub, "%s", sub);
    int dir = open_place(s, &p);
    int err = dir < 0 || fsync(dir) != 0 ? DBR_ERR_IO : 0;
    close_place(s, dir);
    return err;
}

/* fsync of every folder that the changes touch, once each. */
static int sync_folders(const struct dbr_store *s)
{
    char done[MAX_DIRS][DBR_STORE_PATH];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct place p;
        size_t k = 0;
        place_of(s->changes[i].path, &p);
        while (k < n && strcmp(done[k], p.sub) != 0)
            k++;
        if (k < n)
            continue;
        if (sync_folder(s, p.sub) != 0)
            return DBR_ERR_IO;
        if (n < MAX_DIRS)
            strcpy(done[n++], p.sub);
    }
    return 0;
}

/* Renames or deletes; what is done already is good. */
static int apply(const struct dbr_store *s, const struct change *c)
{
    struct place p;
    if (!place_of(c->path, &p))
        return DBR_ERR_SHAPE;
    int dir = open_place(s, &p);
    if (dir < 0)
        return errno == ENOENT && c->deletion ? 0 : DBR_ERR_IO;
    int r = c->deletion ? unlinkat(dir, p.base, 0) : renameat(dir, p.temp, dir, p.base);
    int err = r == 0 || errno == ENOENT ? 0 : DBR_ERR_IO;
    close_place(s, dir);
    return err;
}

static int finish(struct dbr_store *s)
{
    int err = 0;
    for (size_t i = 0; i < s->n && !err; i++)
        err = apply(s, &s->changes[i]);
    if (!err)
        err = sync_folders(s);
    if (!err && unlinkat(s->dir, JOURNAL, 0) != 0 && errno != ENOENT)
        err = DBR_ERR_IO;
    if (!err && fsync(s->dir) != 0)
        err = DBR_ERR_IO;
    if (!err && unlinkat(s->dir, BUSY, 0) != 0 && errno != ENOENT)
        err = DBR_ERR_IO;
    s->n = 0;
    s->busy = false;
    return err;
}

/* --- recovery
 * ------------------------------------------------------------------------------------------------- */

static int journal_line(struct dbr_store *s, const char *line, size_t len)
{
    struct change *c = &s->changes[s->n];
    struct place p;
    if (s->n == DBR_STORE_CHANGES || len < 5 || len - 4 >= sizeof c->path)
        return DBR_ERR_SHAPE;
    c->deletion = memcmp(line, "del ", 4) == 0;
    if (!c->deletion && memcmp(line, "put ", 4) != 0)
        return DBR_ERR_SHAPE;
    memcpy(c->path, line + 4, len - 4);
    c->path[len - 4] = 0;
    s->n++;
    return place_of(c->path, &p) ? 0 : DBR_ERR_SHAPE;
}

static int parse_journal(struct dbr_store *s, const char *text, size_t len)
{
    const size_t head = sizeof JOURNAL_HEAD - 1, end = sizeof JOURNAL_END - 1;
    int err = 0;
    if (len < head + end || memcmp(text, JOURNAL_HEAD, head) != 0 ||
        memcmp(text + len - end, JOURNAL_END, end) != 0)
        return DBR_ERR_SHAPE;
    text += head;
    len -= head + end;
    s->n = 0;
    while (!err && len) {
        const char *nl = memchr(text, '\n', len);
        size_t n = nl ? (size_t)(nl - text) : 0;
        err = nl ? journal_line(s, text, n) : DBR_ERR_SHAPE;
        text += n + 1;
        len -= nl ? n + 1 : len;
    }
    return err;
}

/* Removes .new.* in one folder. */
static void sweep_folder(int fd)
{
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, TEMP, sizeof TEMP - 1) == 0)
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static int sweep_subfolder(void *arg, const char *name)
{
    const struct dbr_store *s = arg;
    sweep_folder(openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return 0;
}

/* A run died in steps 1..3: fsync first, so that a journal deleted a moment earlier cannot come back after a
 * power loss and find new .new.* files under old names. */
static int sweep(struct dbr_store *s)
{
    if (fsync(s->dir) != 0)
        return DBR_ERR_IO;
    sweep_folder(openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    dbr_store_each(s, "", sweep_subfolder, s);
    unlinkat(s->dir, JOURNAL_NEW, 0);
    return unlinkat(s->dir, BUSY, 0) == 0 || errno == ENOENT ? 0 : DBR_ERR_IO;
}

static int recover(struct dbr_store *s, char *why, size_t cap)
{
    uint8_t *text;
    size_t len;
    if (dbr_store_exists(s, JOURNAL)) {
        int err = dbr_store_read(s, JOURNAL, JOURNAL_MAX, &text, &len, why, cap);
        if (err)
            return err;
        err = parse_journal(s, (const char *)text, len);
        free(text);
        if (err)
            return dbr_say(err, why, cap, "%s/" JOURNAL " is not a journal of drawbridge-ca", s->folder);
        if (finish(s) != 0)
            return io_error(s, "cannot finish an interrupted command in", "", why, cap);
    }
    if (dbr_store_exists(s, BUSY) && sweep(s) != 0)
        return io_error(s, "cannot clean up after an interrupted command in", "", why, cap);
    return 0;
}

/* --- opening
 * -------------------------------------------------------------------------------------------------- */

static int say_locked(const struct dbr_store *s, char *why, size_t cap)
{
    char pid[16] = "";
    ssize_t n = pread(s->lock, pid, sizeof pid - 1, 0);
    pid[n > 0 ? n : 0] = 0;
    pid[strcspn(pid, "\n")] = 0;
    return dbr_say(DBR_ERR_TIMEOUT, why, cap, "%s is locked by another drawbridge-ca (process %s)", s->folder,
                   pid);
}

static int take_lock(struct dbr_store *s, int kind, int wait_ms, char *why, size_t cap)
{
    int waited = 0, step = 2;
    while (flock(s->lock, kind | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return io_error(s, "cannot lock", LOCK, why, cap);
        if (waited >= wait_ms)
            return say_locked(s, why, cap);
        nanosleep(&(struct timespec){.tv_nsec = step * 1000000L}, NULL);
        waited += step;
        step = step < 32 ? step * 2 : step;
    }
    return 0;
}

static int lock_for_writing(struct dbr_store *s, int wait_ms, char *why, size_t cap)
{
    char pid[16];
    s->lock = openat(s->dir, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (s->lock < 0)
        return io_error(s, "cannot open", LOCK, why, cap);
    int err = take_lock(s, LOCK_EX, wait_ms, why, cap);
    if (err)
        return err;
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (pwrite(s->lock, pid, (size_t)n, 0) == n && ftruncate(s->lock, n) != 0)
        errno = 0; /* the number is only a help in a message; a full disk must not matter */
    s->writer = true;
    return recover(s, why, cap);
}

/* Readers need no lock file of their own; a folder that cannot be written is read as it is. */
static int lock_for_reading(struct dbr_store *s, int wait_ms, char *why, size_t cap)
{
    if ((dbr_store_exists(s, JOURNAL) || dbr_store_exists(s, BUSY)) &&
        faccessat(s->dir, ".", W_OK, AT_EACCESS) == 0) {
        int err = lock_for_writing(s, wait_ms, why, cap);
        s->writer = false;
        if (err)
            return err;
        return take_lock(s, LOCK_SH, wait_ms, why, cap);
    }
    s->lock = openat(s->dir, LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return s->lock < 0 ? 0 : take_lock(s, LOCK_SH, wait_ms, why, cap);
}

static int open_folder(struct dbr_store *s, enum dbr_store_mode mode, char *why, size_t cap)
{
    bool made = mode == DBR_STORE_CREATE && mkdir(s->folder, 0750) == 0;
    if (mode == DBR_STORE_CREATE && ((!made && errno != EEXIST) || (made && chmod(s->folder, 0750) != 0)))
        return dbr_say(DBR_ERR_IO, why, cap, "cannot make %s: %s", s->folder, strerror(errno));
    s->dir = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0)
        return errno == ENOENT
                   ? dbr_say(DBR_ERR_NOTFOUND, why, cap,
                             "no CA in %s: name its folder (--dir, DRAWBRIDGE_CA), or make one with init",
                             s->folder)
                   : dbr_say(DBR_ERR_IO, why, cap, "%s: %s", s->folder, strerror(errno));
    return 0;
}

int dbr_store_open(struct dbr_store **out, const char *folder, enum dbr_store_mode mode, int wait_ms,
                   char *why, size_t cap)
{
    struct dbr_store *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    s->dir = s->lock = -1;
    s->folder = strdup(folder);
    int err = s->folder ? open_folder(s, mode, why, cap) : DBR_ERR_NOMEM;
    if (!err)
        err = mode == DBR_STORE_READ ? lock_for_reading(s, wait_ms, why, cap)
                                     : lock_for_writing(s, wait_ms, why, cap);
    if (err)
        dbr_store_close(s);
    else
        *out = s;
    return err;
}

void dbr_store_close(struct dbr_store *s)
{
    if (!s)
        return;
    if (s->writer)
        dbr_store_rollback(s);
    if (s->lock >= 0)
        close(s->lock);
    if (s->dir >= 0)
        close(s->dir);
    free(s->folder);
    free(s);
}

/* --- steps 1 to 3
 * --------------------------------------------------------------------------------------------- */

int dbr_store_mkdir(struct dbr_store *s, const char *path, unsigned mode, char *why, size_t cap)
{
    bool made = mkdirat(s->dir, path, mode) == 0;
    if ((!made && errno != EEXIST) || (made && fchmodat(s->dir, path, mode, 0) != 0))
        return io_error(s, "cannot make", path, why, cap);
    return fsync(s->dir) == 0 ? 0 : io_error(s, "cannot sync", path, why, cap);
}

int dbr_store_symlink(struct dbr_store *s, const char *target, const char *path, char *why, size_t cap)
{
    if (symlinkat(target, s->dir, path) != 0 && errno != EEXIST)
        return io_error(s, "cannot make", path, why, cap);
    return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return DBR_ERR_IO;
        p += r;
        n -= (size_t)r;
    }
    return 0;
}

struct contents {
    const void *bytes;
    size_t len;
    unsigned mode;
    const struct stat *like; /* owner and group to keep; NULL: ours */
};

/* Writes and fsyncs a file that must not exist yet, whatever the umask; on failure it is gone again. */
static int write_new(int dir, const char *name, const struct contents *c)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return DBR_ERR_IO;
    int err = write_all(fd, c->bytes, c->len);
    /* The owner stays only if we may give it; the group decides who may read, so it counts. */
    if (!err && c->like && (c->like->st_uid != geteuid() || c->like->st_gid != getegid()) &&
        fchown(fd, c->like->st_uid, c->like->st_gid) != 0 && fchown(fd, (uid_t)-1, c->like->st_gid) != 0)
        errno = 0;
    if (!err && (fchmod(fd, c->mode) != 0 || fsync(fd) != 0))
        err = DBR_ERR_IO;
    int e = errno;
    close(fd);
    if (err)
        unlinkat(dir, name, 0);
    errno = e;
    return err;
}

static bool pending(const struct dbr_store *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->changes[i].path, path) == 0)
            return true;
    return false;
}

static int add_change(struct dbr_store *s, const char *path, bool deletion, char *why, size_t cap)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->changes[i].path, path) == 0) {
            s->changes[i].deletion = deletion;
            return 0;
        }
    if (s->n == DBR_STORE_CHANGES)
        return dbr_say(DBR_ERR_LIMIT, why, cap, "too many files in one change");
    snprintf(s->changes[s->n].path, sizeof s->changes[s->n].path, "%s", path);
    s->changes[s->n++].deletion = deletion;
    return 0;
}

static int mark_busy(struct dbr_store *s, char *why, size_t cap)
{
    if (s->busy)
        return 0;
    int fd = openat(s->dir, BUSY, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error(s, "cannot write in", "", why, cap);
    close(fd);
    s->busy = true;
    return 0;
}

/* What stands at the target: refused if it is a link; its mode and owner go to the new file when it is
 * replaced. */
static int look_at_target(int dir, const struct place *p, const char *path, enum dbr_store_put how,
                          struct contents *c, struct stat *st, char *why, size_t cap)
{
    if (fstatat(dir, p->base, st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    int err = plain(st, path, why, cap);
    if (err)
        return err;
    if (how == DBR_PUT_NEW || how == DBR_PUT_SECRET)
        return dbr_say(DBR_ERR_EXISTS, why, cap, "%s exists already", path);
    c->like = st;
    if (how == DBR_PUT_REPLACE)
        c->mode = st->st_mode & 07777;
    return 0;
}

static int put_at(struct dbr_store *s, int dir, const struct place *p, const char *path,
                  enum dbr_store_put how, struct contents *c, char *why, size_t cap)
{
    struct stat st;
    int err = look_at_target(dir, p, path, how, c, &st, why, cap);
    if (err)
        return err;
    unlinkat(dir, p->temp, 0); /* of an earlier put, or of a run that lost power */
    if (write_new(dir, p->temp, c) != 0)
        return io_error(s, "cannot write", path, why, cap);
    return add_change(s, path, false, why, cap);
}

int dbr_store_put(struct dbr_store *s, const char *path, const void *bytes, size_t len, unsigned mode,
                  enum dbr_store_put how, char *why, size_t cap)
{
    struct place p;
    bool secret = how == DBR_PUT_SECRET || how == DBR_PUT_SECRET_REPLACE;
    struct contents c = {bytes, len, secret ? 0600 : mode, NULL};
    int dir = -1, err = place_of(path, &p) ? mark_busy(s, why, cap) : bad_path(path, why, cap);
    if (!err && (dir = open_place(s, &p)) < 0)
        err = io_error(s, "cannot open the folder of", path, why, cap);
    if (!err)
        err = put_at(s, dir, &p, path, pending(s, path) ? DBR_PUT_SECRET_REPLACE : how, &c, why, cap);
    close_place(s, dir);
    if (err)
        dbr_store_rollback(s);
    return err;
}

int dbr_store_delete(struct dbr_store *s, const char *path, char *why, size_t cap)
{
    struct place p;
    int err = place_of(path, &p) ? mark_busy(s, why, cap) : bad_path(path, why, cap);
    if (!err)
        err = add_change(s, path, true, why, cap);
    if (err)
        dbr_store_rollback(s);
    return err;
}

static int write_journal(struct dbr_store *s)
{
    char *text = malloc(JOURNAL_MAX);
    size_t at = 0;
    if (!text)
        return DBR_ERR_NOMEM;
    at += (size_t)snprintf(text, JOURNAL_MAX, JOURNAL_HEAD);
    for (size_t i = 0; i < s->n; i++)
        at += (size_t)snprintf(text + at, JOURNAL_MAX - at, "%s %s\n", s->changes[i].deletion ? "del" : "put",
                               s->changes[i].path);
    at += (size_t)snprintf(text + at, JOURNAL_MAX - at, JOURNAL_END);
    struct contents c = {text, at, 0600, NULL};
    unlinkat(s->dir, JOURNAL_NEW, 0);
    int err = write_new(s->dir, JOURNAL_NEW, &c);
    free(text);
    if (!err && renameat(s->dir, JOURNAL_NEW, s->dir, JOURNAL) != 0)
        err = DBR_ERR_IO;
    return err;
}

/* Without this the journal might or might not be there after a power loss; so it is taken back, and only if
 * that cannot be made durable either does the change stand. */
static int seal_journal(struct dbr_store *s)
{
    if (fsync(s->dir) == 0)
        return 0;
    if (unlinkat(s->dir, JOURNAL, 0) == 0)
        return DBR_ERR_IO;
    return 0;
}

int dbr_store_commit(struct dbr_store *s, char *why, size_t cap)
{
    if (s->n == 0)
        return 0;
    if (sync_folders(s) != 0 || write_journal(s) != 0 || seal_journal(s) != 0) {
        int err = io_error(s, "nothing was changed: cannot write the journal in", "", why, cap);
        dbr_store_rollback(s);
        return err == DBR_ERR_NOTFOUND ? DBR_ERR_IO : err;
    }
    if (finish(s) != 0)
        return dbr_say(DBR_ERR_IO, why, cap,
                       "%s: %s; the change is recorded and the next command will finish it", s->folder,
                       strerror(errno));
    return 0;
}

void dbr_store_rollback(struct dbr_store *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct place p;
        int dir = place_of(s->changes[i].path, &p) ? open_place(s, &p) : -1;
        if (dir >= 0 && !s->changes[i].deletion)
            unlinkat(dir, p.temp, 0);
        close_place(s, dir);
    }
    if (s->busy) {
        unlinkat(s->dir, JOURNAL_NEW, 0);
        unlinkat(s->dir, BUSY, 0);
    }
    s->n = 0;
    s->busy = false;
}

int dbr_store_write_now(struct dbr_store *s, const char *path, const void *bytes, size_t len, unsigned mode,
                        char *why, size_t cap)
{
    struct place p;
    struct contents c = {bytes, len, mode, NULL};
    if (!place_of(path, &p))
        return bad_path(path, why, cap);
    int err = mark_busy(s, why, cap), dir = err ? -1 : open_place(s, &p);
    if (err)
        return err;
    if (dir < 0)
        return io_error(s, "cannot open the folder of", path, why, cap);
    unlinkat(dir, p.temp, 0);
    if (write_new(dir, p.temp, &c) != 0 || renameat(dir, p.temp, dir, p.base) != 0 || fsync(dir) != 0) {
        err = io_error(s, "cannot write", path, why, cap);
        unlinkat(dir, p.temp, 0);
    }
    close_place(s, dir);
    return err;
}
