/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * C46: what a power loss may leave. The commands of the CA run in this process with the calls that change a
 * disk wrapped (ld --wrap) and recorded; a model then says, for the moment after each call, what must be on
 * the disk (what was fsynced: data by fsync of the file, names by fsync of the folder) and what may be. For
 * each moment some of the possible disks are made:
 *
 *     nothing that was not fsynced | everything | names without data | data without names |
 *     each unsynced name alone | all unsynced names but one
 *
 * and on each of them the CA must open, be whole, and be as before or as after the command; after it
 * returned, only as after. Also: when a certificate is signed, the bytes to be signed are on the disk in all
 * of these states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/err.h"
#include "certs/bundle.h"
#include "certs/ca.h"

#define NOW 1800000000LL
enum { MAX_FILES = 400, MAX_OPS = 600, MAX_FDS = 256, PATH_LEN = 160 };

/* --- the model
 * ------------------------------------------------------------------------------------------------ */

/* A file's data, whatever its name. */
struct inode {
    uint8_t *data, *synced; /* now; what an fsync has made durable (NULL: never) */
    size_t n, synced_n;
};

enum op_kind { NAME, RENAME, UNNAME, FOLDER, LINK };

/* A change of a folder. */
struct op {
    enum op_kind kind;
    char path[PATH_LEN], from[PATH_LEN]; /* LINK: from is the target */
    int inode;
    bool synced;
};

static struct {
    bool on;
    char root[PATH_LEN];
    char fd_path[MAX_FDS][PATH_LEN]; /* relative to root; "" is root */
    bool fd_known[MAX_FDS];
    int fd_inode[MAX_FDS]; /* -1: a folder */
    struct inode inodes[MAX_FILES];
    int n_inodes;
    struct op ops[MAX_OPS];
    int n_ops;
    void (*moment)(void); /* after each recorded call */
    int moments;
} disk;

static int new_inode(void)
{
    if (disk.n_inodes == MAX_FILES)
        abort();
    return disk.n_inodes++;
}

static void add_op(enum op_kind kind, const char *path, const char *from, int inode)
{
    if (disk.n_ops == MAX_OPS)
        abort();
    struct op *o = &disk.ops[disk.n_ops++];
    memset(o, 0, sizeof *o);
    o->kind = kind;
    snprintf(o->path, PATH_LEN, "%s", path);
    snprintf(o->from, PATH_LEN, "%s", from ? from : "");
    o->inode = inode;
}

/* One possible disk: names and their inodes, folders, links. */
struct image {
    struct {
        char path[PATH_LEN], target[PATH_LEN];
        int inode; /* -1: a folder, -2: a link */
    } v[MAX_FILES];
    int n;
};

static int find(const struct image *m, const char *path)
{
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->v[i].path, path) == 0)
            return i;
    return -1;
}

static void drop(struct image *m, const char *path)
{
    int i = find(m, path);
    if (i >= 0)
        m->v[i] = m->v[--m->n];
}

static void apply(struct image *m, const struct op *o)
{
    drop(m, o->path);
    if (o->kind == RENAME)
        drop(m, o->from);
    if (o->kind == UNNAME)
        return;
    if (m->n == MAX_FILES)
        abort();
    strcpy(m->v[m->n].path, o->path);
    strcpy(m->v[m->n].target, o->from);
    m->v[m->n++].inode = o->kind == FOLDER ? -1 : o->kind == LINK ? -2 : o->inode;
}

/* Which unsynced changes of names survive: number i of them, all, none, all but i. */
enum choice { NONE, ALL, ONLY, BUT };

static int unsynced(void)
{
    int n = 0;
    for (int i = 0; i < disk.n_ops; i++)
        n += !disk.ops[i].synced;
    return n;
}

static void image_of(struct image *m, enum choice choice, int which)
{
    int seen = 0;
    m->n = 0;
    for (int i = 0; i < disk.n_ops; i++) {
        bool survives = disk.ops[i].synced || choice == ALL;
        if (!disk.ops[i].synced) {
            survives |= choice == ONLY && seen == which;
            survives |= choice == BUT && seen != which;
            seen++;
        }
        if (survives)
            apply(m, &disk.ops[i]);
    }
}

/* The path that an op, or a descriptor, means. */
static bool path_at(int dir, const char *path, char out[PATH_LEN])
{
    size_t root = strlen(disk.root);
    if (path[0] == '/') {
        if (strncmp(path, disk.root, root) != 0)
            return false;
        path += root;
        snprintf(out, PATH_LEN, "%s", *path == '/' ? path + 1 : path);
        return true;
    }
    if (dir < 0 || dir >= MAX_FDS || !disk.fd_known[dir])
        return false;
    bool here = strcmp(path, ".") == 0;
    snprintf(out, PATH_LEN, "%s%s%s", disk.fd_path[dir], disk.fd_path[dir][0] && !here ? "/" : "",
             here ? "" : path);
    return true;
}

/* The inode that has this name now. */
static int inode_now(const char *path)
{
    static struct image m;
    image_of(&m, ALL, 0);
    int i = find(&m, path);
    return i < 0 ? -1 : m.v[i].inode;
}

static bool in_folder(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    const char *rest = n ? path + n + 1 : path;
    return (!n || (strncmp(path, folder, n) == 0 && path[n] == '/')) && !strchr(rest, '/');
}

static void moment(void)
{
    disk.moments++;
    if (disk.moment)
        disk.moment();
}

/* --- the wrapped calls
 * ---------------------------------------------------------------------------------------- */

int __real_openat(int dir, const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_mkdirat(int dir, const char *path, mode_t mode);
int __real_mkdir(const char *path, mode_t mode);
int __real_symlinkat(const char *target, int dir, const char *path);
int __real_EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *len, const unsigned char *tbs,
                          size_t n);

int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_symlinkat(const char *target, int dir, const char *path);
int __wrap_EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *len, const unsigned char *tbs,
                          size_t n);

static int opened(int fd, int dir, const char *path, int flags)
{
    struct stat st;
    char full[PATH_LEN];
    if (!disk.on || fd < 0 || fd >= MAX_FDS || !path_at(dir, path, full))
        return fd;
    disk.fd_known[fd] = true;
    strcpy(disk.fd_path[fd], full);
    bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    disk.fd_inode[fd] = folder ? -1 : inode_now(full);
    if (!folder && disk.fd_inode[fd] < 0 && (flags & O_CREAT)) {
        disk.fd_inode[fd] = new_inode();
        add_op(NAME, full, NULL, disk.fd_inode[fd]);
        moment();
    }
    return fd;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return opened(__real_openat(dir, path, flags, mode), dir, path, flags);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return opened(__real_open(path, flags, mode), -1, path, flags);
}

int __wrap_close(int fd)
{
    if (fd >= 0 && fd < MAX_FDS)
        disk.fd_known[fd] = false;
    return __real_close(fd);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    ssize_t r = __real_write(fd, p, n);
    if (disk.on && r > 0 && fd < MAX_FDS && disk.fd_known[fd] && disk.fd_inode[fd] >= 0) {
        struct inode *i = &disk.inodes[disk.fd_inode[fd]];
        i->data = realloc(i->data, i->n + (size_t)r);
        memcpy(i->data + i->n, p, (size_t)r);
        i->n += (size_t)r;
        moment();
    }
    return r;
}

int __wrap_fsync(int fd)
{
    int r = __real_fsync(fd);
    if (!disk.on || fd >= MAX_FDS || !disk.fd_known[fd])
        return r;
    if (disk.fd_inode[fd] >= 0) {
        struct inode *i = &disk.inodes[disk.fd_inode[fd]];
        free(i->synced);
        i->synced = malloc(i->n + 1);
        memcpy(i->synced, i->data ? i->data : (const uint8_t *)"", i->n);
        i->synced_n = i->n;
    }
    for (int k = 0; disk.fd_inode[fd] < 0 && k < disk.n_ops; k++)
        if (in_folder(disk.ops[k].path, disk.fd_path[fd]))
            disk.ops[k].synced = true;
    moment();
    return r;
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    char x[PATH_LEN], y[PATH_LEN];
    bool known = disk.on && path_at(a, from, x) && path_at(b, to, y);
    int inode = known ? inode_now(x) : -1;
    int r = __real_renameat(a, from, b, to);
    if (known && r == 0) {
        add_op(RENAME, y, x, inode);
        moment();
    }
    return r;
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
    char x[PATH_LEN];
    int r = __real_unlinkat(dir, path, flags);
    if (disk.on && r == 0 && path_at(dir, path, x)) {
        add_op(UNNAME, x, NULL, -1);
        moment();
    }
    return r;
}

int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
    char x[PATH_LEN];
    int r = __real_mkdirat(dir, path, mode);
    if (disk.on && r == 0 && path_at(dir, path, x)) {
        add_op(FOLDER, x, NULL, -1);
        moment();
    }
    return r;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    return __real_mkdir(path, mode);
}

int __wrap_symlinkat(const char *target, int dir, const char *path)
{
    char x[PATH_LEN];
    int r = __real_symlinkat(target, dir, path);
    if (disk.on && r == 0 && path_at(dir, path, x))
        add_op(LINK, x, target, -1);
    return r;
}

/* Are these bytes in a durable file of reserved/, under a durable name? */
static bool durable_tbs(const unsigned char *tbs, size_t n)
{
    static struct image m;
    image_of(&m, NONE, 0);
    for (int i = 0; i < m.n; i++) {
        const struct inode *f = m.v[i].inode >= 0 ? &disk.inodes[m.v[i].inode] : NULL;
        if (f && strncmp(m.v[i].path, "reserved/", 9) == 0 && f->synced && f->synced_n == n &&
            memcmp(f->synced, tbs, n) == 0)
            return true;
    }
    return false;
}

static int certificates_signed, signed_too_early;

int __wrap_EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *len, const unsigned char *tbs,
                          size_t n)
{
    /* A TBSCertificate of version 3 begins with its version in [0]; a TBSCertList does not. */
    bool certificate = disk.on && n > 8 && (tbs[2] == 0xa0 || tbs[3] == 0xa0 || tbs[4] == 0xa0);
    if (certificate) {
        certificates_signed++;
        signed_too_early += !durable_tbs(tbs, n);
    }
    return __real_EVP_DigestSign(ctx, sig, len, tbs, n);
}

/* --- from image to disk and back
 * ------------------------------------------------------------------------------ */

static char scratch[64], why[1024];

static void remove_tree(const char *path)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        abort();
}

static void write_file(const char *path, const uint8_t *p, size_t n)
{
    FILE *f = fopen(path, "w");
    if (!f || (n && fwrite(p, 1, n, f) != n) || fclose(f) != 0)
        fail_msg("%s: %s", path, strerror(errno));
}

static void make_entry(const struct image *m, int i, bool data_survives)
{
    char full[400];
    snprintf(full, sizeof full, "%s/state/%s", scratch, m->v[i].path);
    if (m->v[i].inode == -1) {
        __real_mkdir(full, 0700);
    } else if (m->v[i].inode == -2) {
        assert_int_equal(symlink(m->v[i].target, full), 0);
    } else {
        const struct inode *f = &disk.inodes[m->v[i].inode];
        bool all = data_survives;
        write_file(full, all ? f->data : f->synced, all ? f->n : f->synced ? f->synced_n : 0);
        chmod(full, 0600);
    }
}

static void make_disk(const struct image *m, bool data_survives)
{
    char path[128];
    snprintf(path, sizeof path, "%s/state", scratch);
    remove_tree(path);
    __real_mkdir(path, 0700);
    for (int i = 0; i < m->n; i++)
        if (m->v[i].inode == -1)
            make_entry(m, i, data_survives);
    for (int i = 0; i < m->n; i++) {
        const char *slash = strchr(m->v[i].path, '/');
        char folder[PATH_LEN];
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - m->v[i].path) : 0, m->v[i].path);
        if (m->v[i].inode != -1 && (!slash || find(m, folder) >= 0)) /* a name needs its folder */
            make_entry(m, i, data_survives);
    }
}

/* The model of a folder as it is now, all of it durable. */
static void load_folder(const char *folder, const char *prefix)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char full[512], path[PATH_LEN], target[PATH_LEN] = "";
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(full, sizeof full, "%s/%s", folder, e->d_name);
        snprintf(path, sizeof path, "%.60s%.90s", prefix, e->d_name);
        assert_int_equal(lstat(full, &st), 0);
        if (S_ISDIR(st.st_mode)) {
            char below[PATH_LEN];
            add_op(FOLDER, path, NULL, -1);
            snprintf(below, sizeof below, "%.150s/", path);
            load_folder(full, below);
        } else if (S_ISLNK(st.st_mode)) {
            assert_true(readlink(full, target, sizeof target - 1) > 0);
            add_op(LINK, path, target, -1);
        } else {
            int i = new_inode();
            FILE *f = fopen(full, "r");
            disk.inodes[i].data = malloc((size_t)st.st_size + 1);
            disk.inodes[i].n = disk.inodes[i].synced_n = fread(disk.inodes[i].data, 1, (size_t)st.st_size, f);
            disk.inodes[i].synced = malloc(disk.inodes[i].n + 1);
            memcpy(disk.inodes[i].synced, disk.inodes[i].data, disk.inodes[i].n);
            fclose(f);
            add_op(NAME, path, NULL, i);
        }
        disk.ops[disk.n_ops - 1].synced = true;
    }
    closedir(d);
    for (int i = 0; i < disk.n_ops; i++)
        disk.ops[i].synced = true;
}

static void forget(void)
{
    for (int i = 0; i < disk.n_inodes; i++) {
        free(disk.inodes[i].data);
        free(disk.inodes[i].synced);
    }
    memset(&disk, 0, sizeof disk);
}

/* --- what must hold on every possible disk
 * -------------------------------------------------------------------- */

static struct {
    const char *name;
    int (*run)(struct dbr_ca *ca);
    /* 0 before, 1 after, -1 neither */
    int (*judge)(const struct dbr_ca *ca);
    bool returned;
    int states, before, after;
} test;

static void note(void *arg, bool error, const char *text)
{
    if (error)
        snprintf(arg, 600, "%s", text);
}

static void check_state(const struct image *m, bool data, const char *what)
{
    char path[128], found[600] = "";
    struct dbr_ca *ca;
    make_disk(m, data);
    snprintf(path, sizeof path, "%s/state", scratch);
    test.states++;
    if (dbr_ca_open(&ca, path, DBR_STORE_WRITE, 0, NOW + 10, why, sizeof why) != 0)
        fail_msg("%s, moment %d, %s: does not open: %s", test.name, disk.moments, what, why);
    if (dbr_ca_verify(ca, note, found) != 0)
        fail_msg("%s, moment %d, %s: %s", test.name, disk.moments, what, found);
    int side = test.judge(ca);
    test.before += side == 0;
    test.after += side == 1;
    if (side < 0 || (test.returned && side == 0))
        fail_msg("%s, moment %d, %s: %s", test.name, disk.moments, what,
                 side < 0 ? "neither before nor after" : "lost");
    dbr_ca_close(ca);
}

static void check_moment(void)
{
    static struct image m;
    bool on = disk.on;
    disk.on = false;
    image_of(&m, NONE, 0);
    check_state(&m, false, "nothing unsynced");
    check_state(&m, true, "data without names");
    image_of(&m, ALL, 0);
    check_state(&m, true, "everything");
    check_state(&m, false, "names without data");
    for (int i = 0, n = unsynced(); n > 1 && i < n; i++) {
        image_of(&m, ONLY, i);
        check_state(&m, false, "one name alone");
        image_of(&m, BUT, i);
        check_state(&m, true, "all names but one");
    }
    disk.on = on;
}

/* --- the commands
 * --------------------------------------------------------------------------------------------- */

static const struct dbr_issue alice = {.profile = DBR_PROFILE_CLIENT, .name = "alice"};
static const struct dbr_issue bob = {.profile = DBR_PROFILE_CLIENT, .name = "bob"};
static struct dbr_issued got;

static int run_issue(struct dbr_ca *ca)
{
    return dbr_ca_issue(ca, &bob, &got, why, sizeof why);
}

static int run_renew(struct dbr_ca *ca)
{
    struct dbr_issue w = alice;
    w.new_key = w.revoke_old = true;
    return dbr_ca_renew(ca, &w, &got, why, sizeof why);
}

static int run_renew_root(struct dbr_ca *ca)
{
    return dbr_ca_renew_root(ca, 0, &got, why, sizeof why);
}

/* Before there is no older one, after there is one, of another serial. */
static int judge_renew_root(const struct dbr_ca *ca)
{
    X509 *old = NULL;
    uint8_t *pem;
    size_t n;
    if (dbr_store_read(ca->store, DBR_CA_OLD_CERT, DBR_CERT_MAX, &pem, &n, NULL, 0) != 0)
        return 0;
    BIO *in = BIO_new_mem_buf(pem, (int)n);
    old = PEM_read_bio_X509(in, NULL, NULL, NULL);
    BIO_free(in);
    free(pem);
    bool other = old && ASN1_INTEGER_cmp(X509_get_serialNumber(old), X509_get_serialNumber(ca->cert)) != 0;
    X509_free(old);
    return other ? 1 : -1;
}

static int run_revoke(struct dbr_ca *ca)
{
    size_t n;
    return dbr_ca_revoke(ca, "alice", 1, &n, why, sizeof why);
}

static int run_rotate(struct dbr_ca *ca)
{
    char path[DBR_STORE_PATH];
    return dbr_gate_key_make(ca, "", true, path, why, sizeof why);
}

static int count(const struct dbr_ca *ca, const char *name, char status)
{
    int n = 0;
    for (long i = -1; (i = dbr_index_find_cn(ca->index, name, (size_t)(i + 1))) >= 0;)
        n += dbr_index_at(ca->index, (size_t)i)->status == status;
    return n;
}

/* Does the key in private/ fit the certificate in issued/? */
static bool key_fits(const struct dbr_ca *ca, const char *name)
{
    char path[DBR_STORE_PATH];
    uint8_t *pem;
    size_t n;
    EVP_PKEY *key = NULL;
    long at = dbr_ca_find(ca, name);
    X509 *c = at < 0 ? NULL : dbr_ca_certificate(ca, dbr_index_at(ca->index, (size_t)at));
    bool fits = c && dbr_store_read(ca->store, dbr_ca_path("private", name, ".key", path), 9999, &pem, &n,
                                    NULL, 0) == 0;
    if (fits) {
        fits = dbr_key_read(&key, pem, n, &(struct dbr_pass){0}, NULL, 0) == 0 &&
               X509_check_private_key(c, key) == 1;
        free(pem);
    }
    EVP_PKEY_free(key);
    X509_free(c);
    return fits;
}

static int judge_issue(const struct dbr_ca *ca)
{
    int n = count(ca, "bob", 'V');
    bool files =
        dbr_store_exists(ca->store, "issued/bob.crt") && dbr_store_exists(ca->store, "private/bob.key");
    bool none =
        !dbr_store_exists(ca->store, "issued/bob.crt") && !dbr_store_exists(ca->store, "private/bob.key");
    return n == 1 && files && key_fits(ca, "bob") ? 1 : n == 0 && none ? 0 : -1;
}

static int judge_renew(const struct dbr_ca *ca)
{
    if (count(ca, "alice", 'V') != 1 || !key_fits(ca, "alice"))
        return -1;
    return count(ca, "alice", 'R');
}

static int judge_revoke(const struct dbr_ca *ca)
{
    return count(ca, "alice", 'R') == 1 && count(ca, "alice", 'V') == 0   ? 1
           : count(ca, "alice", 'R') == 0 && count(ca, "alice", 'V') == 1 ? 0
                                                                          : -1;
}

static uint8_t *first_gate;
static size_t first_gate_len;

static bool is_first_gate(const struct dbr_ca *ca, const char *path)
{
    uint8_t *p;
    size_t n;
    if (dbr_store_read(ca->store, path, 9999, &p, &n, NULL, 0) != 0)
        return false;
    bool same = n == first_gate_len && memcmp(p, first_gate, n) == 0;
    free(p);
    return same;
}

static int judge_rotate(const struct dbr_ca *ca)
{
    bool now = is_first_gate(ca, "private/gate.key"), old = is_first_gate(ca, "private/gate-old.key");
    return now && !old ? 0 : !now && old ? 1 : -1;
}

/* A CA with alice and a gate key. */
static void make_ca_folder(const char *serials)
{
    static struct dbr_ca_conf conf;
    struct dbr_ca_new what = {.name = "Test CA", .conf = &conf};
    struct dbr_ca *ca = NULL;
    char path[DBR_STORE_PATH], folder[128];
    snprintf(folder, sizeof folder, "%s/ca", scratch);
    dbr_ca_conf_init(&conf);
    strcpy(conf.serials, serials);
    if (dbr_ca_init(folder, &what, 0, NOW, why, sizeof why) != 0 ||
        dbr_ca_open(&ca, folder, DBR_STORE_WRITE, 0, NOW, why, sizeof why) != 0 ||
        dbr_ca_unlock(ca, &(struct dbr_pass){0}, why, sizeof why) != 0 ||
        dbr_ca_issue(ca, &alice, &got, why, sizeof why) != 0 ||
        dbr_gate_key_make(ca, "", false, path, why, sizeof why) != 0 ||
        dbr_store_read(ca->store, path, 9999, &first_gate, &first_gate_len, why, sizeof why) != 0)
        fail_msg("%s", why);
    dbr_ca_close(ca);
}

static int setup(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "%s/dbr-power-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(scratch));
    umask(077);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(scratch);
    forget();
    free(first_gate);
    first_gate = NULL;
    return 0;
}

static void lose_power(const char *name, int (*run)(struct dbr_ca *), int (*judge)(const struct dbr_ca *),
                       const char *serials)
{
    struct dbr_ca *ca = NULL;
    make_ca_folder(serials);
    memset(&test, 0, sizeof test);
    test.name = name;
    test.run = run;
    test.judge = judge;
    certificates_signed = signed_too_early = 0;
    snprintf(disk.root, sizeof disk.root, "%.60s/ca", scratch);
    load_folder(disk.root, "");
    disk.moment = check_moment;
    disk.on = true;
    if (dbr_ca_open(&ca, disk.root, DBR_STORE_WRITE, 0, NOW + 5, why, sizeof why) != 0 ||
        dbr_ca_unlock(ca, &(struct dbr_pass){0}, why, sizeof why) != 0)
        fail_msg("%s", why);
    if (run(ca) != 0)
        fail_msg("%s: %s", name, why);
    test.returned = true;
    check_moment();
    dbr_ca_close(ca);
    check_moment();
    disk.on = false;
    print_message("%s: %d moments, %d possible disks: %d as before, %d as after\n", name, disk.moments,
                  test.states, test.before, test.after);
    assert_true(test.before > 0 && test.after > 0);
    assert_int_equal(signed_too_early, 0);
}

static void test_issue(void **state)
{
    (void)state;
    lose_power("issue", run_issue, judge_issue, "random");
    assert_int_equal(certificates_signed, 1);
}

static void test_issue_sequential(void **state)
{
    (void)state;
    lose_power("issue, counted serials", run_issue, judge_issue, "sequential");
    assert_int_equal(certificates_signed, 1);
}

static void test_renew(void **state)
{
    (void)state;
    lose_power("renew", run_renew, judge_renew, "random");
    assert_int_equal(certificates_signed, 1);
}

static void test_renew_root(void **state)
{
    (void)state;
    lose_power("renew --ca", run_renew_root, judge_renew_root, "random");
}

static void test_revoke(void **state)
{
    (void)state;
    lose_power("revoke", run_revoke, judge_revoke, "random");
}

static void test_rotate(void **state)
{
    (void)state;
    lose_power("gate-key rotate", run_rotate, judge_rotate, "random");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_issue),      T(test_issue_sequential), T(test_renew),
                                       T(test_renew_root), T(test_revoke),           T(test_rotate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
