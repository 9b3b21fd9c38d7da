/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The scripts that control has run: client-connect, client-disconnect, learn-address, tls-verify, route-up,
 * ipchange.
 * Control names one of them and says what it is about; the command is the configuration's, whatever control
 * says. At most RUNNING at once, those of one key in order, nobody for longer than PATIENCE_S: who hangs is
 * killed with its process group and counts as a refusal. They run under `user` and `group` where these are
 * given, else as root with what keeper has left, as `up` does.
 *
 *     control --HOOK--> queue --start--> running --SIGCHLD or time--> --HOOK_DONE--> control
 *
 * What client-connect writes goes into memory that it sees as a file, and of which at most DBR_IPC_TEXT_MAX
 * bytes are taken: nothing is left on disk, whatever ends. Passwords for scripts to read are in such memory
 * too, which belongs to the script's user, mode 0600, and goes with its process.
 */
#include "keeper/keeper.h"
#include "base/err.h"
#include "base/secret.h"
#include "keeper/script.h"
#include "keeper/verdict_files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RUNNING = 16,
    WAITING = 1024, /* or running */
    LATER = 1024,   /* whose verdict is still to come: they take no place of the others */
    PATIENCE_S = 20,
    PATIENCE_AT_END_S = 5, /* for all of them together */
    WORDS = 48,
    TEXT = 4096,
    OUTPUT_FD = 3,    /* of client-connect */
    FILE_FD = 4,      /* what control gave for the script to read */
    LATER_STATUS = 2, /* auth-user-pass-verify: the verdict comes through auth_control_file */
    LOOK_MS = 250,
    REASON_MAX = 256,
    NAME_MAX_BYTES = 64,
};

struct job {
    struct job *next;
    pid_t pid; /* 0: waits */
    uint64_t due_ns;
    int output;                  /* memory file; -1: none */
    bool later;                  /* it has ended, and its verdict is still to come */
    bool killed;                 /* and has not ended yet */
    struct verdict_files *files; /* NULL: it has none */
    char cert[256];              /* tls-export-cert: the file; "": none */
    struct dbr_ipc_hook m;
};

struct hooks {
    struct job *first;        /* waiting and running ones, oldest first */
    size_t n, running, later; /* all, and how many of them */
    uint64_t look_ns;         /* when the files of verdicts to come are looked at again */
    uint64_t end_ns;  /* the program ends: nobody is waited for any longer than this; 0: it does not */
    uint64_t said_ns; /* when a full queue was complained of */
};

static const struct {
    enum dbr_directive which;
    size_t command;   /* offset in dbr_config */
    const char *type; /* script_type; NULL: the directive's name */
    bool writes;      /* its output is wanted */
    bool judges;      /* a plain no of it is about the client, no fault of its own */
} kinds[DBR_HOOKS] = {
#define AT(member) offsetof(struct dbr_config, member)
    [DBR_HOOK_TLS_VERIFY] = {DBR_D_tls_verify, AT(tls_verify), NULL, false, true},
    [DBR_HOOK_CLIENT_CONNECT] = {DBR_D_client_connect, AT(client_connect), NULL, true, true},
    [DBR_HOOK_CLIENT_DISCONNECT] = {DBR_D_client_disconnect, AT(client_disconnect), NULL, false, false},
    [DBR_HOOK_LEARN_ADDRESS] = {DBR_D_learn_address, AT(learn_address), NULL, false, false},
    [DBR_HOOK_ROUTE_UP] = {DBR_D_route_up, AT(route_up), NULL, false, false},
    [DBR_HOOK_IPCHANGE] = {DBR_D_ipchange, AT(ipchange), NULL, false, false},
    [DBR_HOOK_USER_PASS] = {DBR_D_auth_user_pass_verify, AT(auth_user_pass_verify.command),
                            "user-pass-verify", false, true},
    [DBR_HOOK_GATE_KEY] = {DBR_D_tls_crypt_v2_verify, AT(tls_crypt_v2_verify), NULL, false, true},
    [DBR_HOOK_CRRESPONSE] = {DBR_D_client_crresponse, AT(client_crresponse), NULL, false, true},
#undef AT
};

static const char *name_of(uint32_t hook)
{
    return dbr_directive_info(kinds[hook].which)->keyword;
}

static const char *type_of(uint32_t hook)
{
    return kinds[hook].type ? kinds[hook].type : name_of(hook);
}

static const char *command_of(const struct dbr_config *c, uint32_t hook)
{
    return *(char *const *)(const void *)((const char *)c + kinds[hook].command);
}

/* A command that could not be run when it is due is said now. */
static int check_command(struct keeper *k, enum dbr_directive which, const char *command)
{
    char buf[TEXT], *words[WORDS];
    if (!command)
        return 0;
    if (k->config->script_security < 2)
        return keeper_complain(k, which, DBR_ERR_CONFIG, "scripts are not allowed; add `script-security 2`");
    if (script_split(command, buf, sizeof buf, words, WORDS - DBR_HOOK_ARGS_MAX - 3) <= 0)
        return keeper_complain(k, which, DBR_ERR_CONFIG, "cannot split it into words: check its quotes");
    return access(words[0], X_OK) ? keeper_complain_errno(k, which, "run", words[0]) : 0;
}

static int check_folder(struct keeper *k, enum dbr_directive which, const char *path)
{
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0)
        close(fd);
    return path && fd < 0 ? keeper_complain_errno(k, which, "open", path) : 0;
}

/* Where files beside scripts are put. */
static int check_folders(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    int err = c->auth_user_pass_verify.command ? check_folder(k, DBR_D_tmp_dir, c->tmp_dir) : 0;
    return err || !c->tls_verify ? err : check_folder(k, DBR_D_tls_export_cert, c->tls_export_cert);
}

int hooks_check(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    const char *dns = c->dns_updown;
    if (dns && (strcmp(dns, "force") == 0 || strcmp(dns, "disable") == 0))
        dns = NULL;
    int err = check_command(k, DBR_D_up, c->up);
    if (!err)
        err = check_command(k, DBR_D_down, c->down);
    if (!err)
        err = check_command(k, DBR_D_route_pre_down, c->route_pre_down);
    if (!err)
        err = check_command(k, DBR_D_dns_updown, dns);
    for (uint32_t i = 0; !err && i < DBR_HOOKS; i++)
        err = check_command(k, kinds[i].which, command_of(c, i));
    return err ? err : check_folders(k);
}

/* ---- in the script's process ---- */

static void put(const char *name, const char *value)
{
    if (setenv(name, value, 1))
        _exit(127);
}

/* The lines of control: arguments behind the command's words, then variables. */
static void take_lines(const struct dbr_ipc_hook *m, char *lines, char **words, size_t n)
{
    size_t args = 0, all = m->n - m->n_file;
    memcpy(lines, m->text, all);
    for (size_t at = 0; at < all;) {
        char *line = lines + at, *end = memchr(line, '\n', all - at);
        *end = 0;
        at += (size_t)(end - line) + 1;
        char *equals = strchr(line, '=');
        if (args < m->n_args) {
            words[n + args++] = line;
        } else if (equals) {
            *equals = 0;
            put(line, equals + 1);
        }
    }
    words[n + args] = NULL;
}

static void append_word(char **words, char *word)
{
    size_t n = 0;
    while (words[n])
        n++;
    words[n] = word;
    words[n + 1] = NULL;
}

/* The memory file as a path that the script and its children can open. */
static void offer_output(int fd, char *path, size_t cap, char **words)
{
    if (fd < 0)
        return;
    if (fd == OUTPUT_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, OUTPUT_FD) < 0)
        _exit(127);
    snprintf(path, cap, "/proc/%d/fd/%d", (int)getpid(), OUTPUT_FD);
    put("client_connect_config_file", path);
    append_word(words, path);
}

/* Memory of the script's own user with what it is to read. */
static void offer_file(const struct dbr_ipc_hook *m, char *path, size_t cap, char **words)
{
    bool variable = m->hook == DBR_HOOK_GATE_KEY;
    if (!m->n_file && !variable)
        return;
    int fd = memfd_create("drawbridge", MFD_CLOEXEC);
    const char *bytes = m->text + (m->n - m->n_file);
    if (fd < 0 || fchmod(fd, 0600) || write(fd, bytes, m->n_file) != (ssize_t)m->n_file)
        _exit(127);
    if (fd == FILE_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, FILE_FD) < 0)
        _exit(127);
    snprintf(path, cap, "/proc/%d/fd/%d", (int)getpid(), FILE_FD);
    if (variable)
        put("metadata_file", path);
    else
        append_word(words, path);
}

static void become_user(const struct keeper *k)
{
    if (!k->config->user)
        return;
    if (setgroups(0, NULL) || setresgid(k->user.gid, k->user.gid, k->user.gid) ||
        setresuid(k->user.uid, k->user.uid, k->user.uid))
        _exit(127);
}

static void put_cert(const struct job *j)
{
    if (*j->cert)
        put("peer_cert", j->cert);
}

static _Noreturn void live(const struct keeper *k, const struct job *j, const struct verdict_files *files,
                           char **words, size_t n)
{
    char lines[DBR_IPC_TEXT_MAX], path[NAME_MAX_BYTES], file[NAME_MAX_BYTES];
    struct script_about about = {
        .dev = k->tap.name, .mtu = k->tap_mtu, .context = "init", .more = k->env, .n_more = k->n_env};
    setpgid(0, 0);
    script_clean_signals();
    become_user(k);
    take_lines(&j->m, lines, words, n);
    script_env(type_of(j->m.hook), &about, k->config); /* what is ours to say is not control's */
    offer_output(j->output, path, sizeof path, words);
    if (j->m.hook == DBR_HOOK_TLS_VERIFY)
        put_cert(j);
    else
        offer_file(&j->m, file, sizeof file, words);
    if (files && !verdict_files_env(files))
        _exit(127);
    execv(words[0], words);
    _exit(127);
}

/* ---- in keeper ---- */

static void answer(struct keeper *k, uint32_t id, int err, const char *text, size_t n)
{
    struct dbr_ipc_hook_done m = {.id = id, .err = err, .n = (uint32_t)n};
    if (!id || k->child[CHILD_CONTROL].ipc < 0)
        return;
    memcpy(m.text, text, n);
    m.head = dbr_ipc_head(DBR_IPC_HOOK_DONE, offsetof(struct dbr_ipc_hook_done, text) + n, 0);
    if (dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, -1))
        dbr_log(&k->log, DBR_LOG_WARN, "WARNING: control takes no messages; the result of a script is lost");
}

/* The password script that waits for its verdict about the same client. */
static struct job **find_later(struct keeper *k, uint32_t id)
{
    struct job **at = &k->hooks->first;
    while (*at && !((*at)->later && (*at)->m.id == id))
        at = &(*at)->next;
    return at;
}

/* What the client answered reached nobody: the one that waits for it is refused at the next look. */
static void no_answer_to(struct keeper *k, uint32_t id)
{
    struct job **asked = find_later(k, id);
    if (*asked)
        (*asked)->due_ns = monotonic_ns();
}

static void not_run(struct keeper *k, const struct dbr_ipc_hook *m, int err)
{
    if (m->hook != DBR_HOOK_CRRESPONSE)
        answer(k, m->id, err, "", 0);
    else if (k->hooks)
        no_answer_to(k, m->id);
}

/* Files for a password script; those of the question for the script that gets the answer. */
static int take_files(struct keeper *k, struct job *j, const struct verdict_files **files)
{
    const struct job *asked = j->m.hook == DBR_HOOK_CRRESPONSE ? *find_later(k, j->m.id) : NULL;
    *files = asked ? asked->files : NULL;
    if (j->m.hook == DBR_HOOK_TLS_VERIFY && j->m.n_file)
        return cert_file_make(k, j->m.text + (j->m.n - j->m.n_file), j->m.n_file, j->cert, sizeof j->cert);
    if (j->m.hook != DBR_HOOK_USER_PASS)
        return 0;
    j->files = calloc(1, sizeof *j->files);
    *files = j->files;
    return j->files ? verdict_files_make(k, j->files) : DBR_ERR_NOMEM;
}

static int start(struct keeper *k, struct job *j)
{
    static char buf[TEXT];
    char *words[WORDS];
    const struct verdict_files *files;
    const char *command = command_of(k->config, j->m.hook);
    int n = command ? script_split(command, buf, sizeof buf, words, WORDS - DBR_HOOK_ARGS_MAX - 3) : 0;
    if (n <= 0) {
        dbr_log(&k->log, DBR_LOG_ERROR, "%s script: cannot split `%s` into words: check its quotes",
                name_of(j->m.hook), command ? command : "");
        return DBR_ERR_IO;
    }
    if (take_files(k, j, &files))
        return DBR_ERR_IO;
    j->output = kinds[j->m.hook].writes ? memfd_create("client-connect", MFD_CLOEXEC) : -1;
    j->pid = kinds[j->m.hook].writes && j->output < 0 ? -1 : fork();
    if (j->pid == 0)
        live(k, j, files, words, (size_t)n);
    if (j->pid < 0) {
        dbr_log(&k->log, DBR_LOG_ERROR, "%s script: cannot start it: %s", name_of(j->m.hook),
                strerror(errno));
        j->pid = 0;
        return DBR_ERR_IO;
    }
    dbr_wipe(j->m.text, j->m.n); /* the script has it */
    j->m.n = j->m.n_file = 0;
    j->due_ns = monotonic_ns() + PATIENCE_S * S_NS;
    k->hooks->running++;
    return 0;
}

/* Takes it out of the list and frees it. */
static void drop(struct keeper *k, struct job **at)
{
    struct job *j = *at;
    *at = j->next;
    if (j->output >= 0)
        close(j->output);
    if (j->files)
        verdict_files_remove(k, j->files);
    if (*j->cert)
        cert_file_remove(k, j->cert);
    free(j->files);
    k->hooks->n--;
    k->hooks->later -= j->later;
    dbr_wipe(j, sizeof *j); /* there may be a password in it */
    free(j);
}

/* ---- verdicts that come later ---- */

static void say_full(struct keeper *k, uint32_t hook)
{
    uint64_t now = monotonic_ns();
    if (now - k->hooks->said_ns < 10 * S_NS)
        return;
    k->hooks->said_ns = now;
    dbr_log(&k->log, DBR_LOG_WARN, "WARNING: %d scripts wait already; a call of %s is left out", WAITING,
            name_of(hook));
}

/* The verdict of a password script: why not, for the client. */
static void refuse_login(struct keeper *k, struct job **at, int err)
{
    char text[REASON_MAX];
    size_t n = verdict_file_read(k, (*at)->files, VERDICT_REASON, text, sizeof text);
    answer(k, (*at)->m.id, err, text, n);
    drop(k, at);
}

/* It looks at its files until then; the client hears what it is to do meanwhile. */
static void wait_later(struct keeper *k, struct job **at)
{
    const struct dbr_config *c = k->config;
    struct job *j = *at;
    char text[DBR_IPC_TEXT_MAX], say[DBR_IPC_TEXT_MAX];
    const char *method = "", *extra = "";
    verdict_file_read(k, j->files, VERDICT_PENDING, text, sizeof text);
    int seconds = verdict_pending_parse(text, &method, &extra);
    if (seconds < 0) {
        dbr_log(&k->log, DBR_LOG_ERROR,
                "%s script: auth_pending_file wants three lines: SECONDS, METHOD, TEXT", name_of(j->m.hook));
        refuse_login(k, at, DBR_ERR_SHAPE);
        return;
    }
    if (k->hooks->later >= LATER) {
        say_full(k, j->m.hook);
        refuse_login(k, at, DBR_ERR_LIMIT);
        return;
    }
    int most = c->reneg_sec / 2 > c->hand_window ? c->reneg_sec / 2 : c->hand_window;
    seconds = !seconds ? c->hand_window : seconds < most ? seconds : most;
    j->later = true;
    k->hooks->later++;
    j->pid = 0;
    j->due_ns = monotonic_ns() + (uint64_t)seconds * S_NS;
    int n = snprintf(say, sizeof say, "%d\n%s\n%s\n", seconds, method, extra);
    answer(k, j->m.id, DBR_ERR_AGAIN, say, (size_t)n < sizeof say ? (size_t)n : sizeof say - 1);
}

/* True when its verdict is in, and it is out of the list. */
static bool look_again(struct keeper *k, struct job **at, uint64_t now)
{
    char text[8];
    struct job *j = *at;
    verdict_file_read(k, j->files, VERDICT_CONTROL, text, sizeof text);
    if (*text == '1') {
        answer(k, j->m.id, 0, "", 0);
        drop(k, at);
        return true;
    }
    if (*text != '0' && now < j->due_ns && j->m.id && !k->stopping)
        return false;
    refuse_login(k, at, DBR_ERR_STATE);
    return true;
}

/* Strangers with a certificate can have as many refusals as they like: those are control's to tell. */
static void say_status(const struct keeper *k, const struct job *j, int status)
{
    const bool answered = WIFEXITED(status) && WEXITSTATUS(status) != 127;
    if (status && !(answered && kinds[j->m.hook].judges))
        script_say_failed(&k->log, name_of(j->m.hook), command_of(k->config, j->m.hook), status);
}

/* A password script has ended, or the one that got the client's answer. */
static void finish_login(struct keeper *k, struct job **at, int status)
{
    struct job *j = *at;
    bool later = j->m.hook == DBR_HOOK_USER_PASS && WIFEXITED(status) && WEXITSTATUS(status) == LATER_STATUS;
    k->hooks->running--;
    say_status(k, j, status);
    if (later) {
        wait_later(k, at);
    } else if (j->m.hook == DBR_HOOK_USER_PASS) {
        if (!status)
            answer(k, j->m.id, 0, "", 0);
        if (status)
            refuse_login(k, at, DBR_ERR_STATE);
        else
            drop(k, at);
    } else {
        if (status)
            no_answer_to(k, j->m.id);
        drop(k, at);
    }
}

static void finish(struct keeper *k, struct job **at, int status)
{
    struct job *j = *at;
    if (j->m.hook == DBR_HOOK_USER_PASS || j->m.hook == DBR_HOOK_CRRESPONSE) {
        finish_login(k, at, status);
        return;
    }
    char text[DBR_IPC_TEXT_MAX + 1];
    ssize_t n = j->output >= 0 && status == 0 ? pread(j->output, text, sizeof text, 0) : 0;
    int err = status ? DBR_ERR_STATE : 0;
    say_status(k, j, status);
    if (n < 0 || n > DBR_IPC_TEXT_MAX) {
        dbr_log(&k->log, DBR_LOG_ERROR, "%s script: it wrote more than %d bytes", name_of(j->m.hook),
                DBR_IPC_TEXT_MAX);
        err = DBR_ERR_LIMIT;
        n = 0;
    }
    k->hooks->running--;
    answer(k, j->m.id, err, text, (size_t)n);
    drop(k, at);
}

/* True while an older one of the same key waits or runs. */
static bool must_wait(const struct hooks *h, const struct job *j)
{
    for (const struct job *o = h->first; o && o != j; o = o->next)
        if (j->m.key && o->m.key == j->m.key)
            return true;
    return false;
}

static void start_next(struct keeper *k)
{
    struct hooks *h = k->hooks;
    for (struct job **at = &h->first; *at && h->running < RUNNING;) {
        struct job *j = *at;
        if (!j->pid && !j->later && !must_wait(h, j) && start(k, j)) {
            not_run(k, &j->m, DBR_ERR_IO);
            drop(k, at);
        } else {
            at = &j->next;
        }
    }
}

/* Also who is killed may take long to end, where the kernel holds it: SIGCHLD tells. */
static bool ended(struct keeper *k, struct job *j, uint64_t now, int *status)
{
    pid_t p = waitpid(j->pid, status, WNOHANG);
    if (p == 0 && now >= j->due_ns) {
        if (!j->killed)
            dbr_log(&k->log, DBR_LOG_ERROR, "%s script hangs: killed", name_of(j->m.hook));
        kill(-j->pid, SIGKILL);
        kill(j->pid, SIGKILL);
        j->killed = true;
        j->due_ns = now + S_NS;
    }
    if (p < 0)
        *status = -1;
    return p != 0;
}

/* True when there is another job at that place, or this one has become something else. */
static bool moves(struct keeper *k, struct job **at, uint64_t now, bool over)
{
    struct job *j = *at;
    int status = -1;
    const bool lost = over && j->killed; /* there was time to end */
    if (over && !j->killed)
        j->due_ns = now;
    if (j->later)
        return look_again(k, at, now);
    if (j->pid ? ended(k, j, now, &status) || lost : over) {
        if (j->pid)
            finish(k, at, status);
        else
            drop(k, at);
        return true;
    }
    return false;
}

void hooks_reap(struct keeper *k)
{
    uint64_t now = monotonic_ns();
    if (!k->hooks)
        return;
    if (k->stopping && !k->hooks->end_ns)
        k->hooks->end_ns = now + PATIENCE_AT_END_S * S_NS;
    bool over = k->hooks->end_ns && now >= k->hooks->end_ns;
    for (struct job **at = &k->hooks->first; *at;)
        if (!moves(k, at, now, over))
            at = &(*at)->next;
    if (over)
        k->hooks->end_ns = now + S_NS; /* for those that have just been killed */
    start_next(k);
    k->hooks->look_ns = now + LOOK_MS * (S_NS / 1000);
}

void hooks_forget_control(struct keeper *k)
{
    for (struct job *j = k->hooks ? k->hooks->first : NULL; j; j = j->next)
        j->m.id = 0;
}

void hook_take(struct keeper *k, const struct dbr_ipc_hook *m)
{
    if (!command_of(k->config, m->hook) || k->config->script_security < 2)
        return;
    if (!k->hooks)
        k->hooks = calloc(1, sizeof *k->hooks);
    bool full = !k->hooks || k->hooks->n - k->hooks->later >= WAITING;
    struct job *j = full ? NULL : calloc(1, sizeof *j);
    if (!j) {
        if (full && k->hooks)
            say_full(k, m->hook);
        not_run(k, m, DBR_ERR_LIMIT);
        return;
    }
    memcpy(&j->m, m, m->head.len);
    j->output = -1;
    struct job **end = &k->hooks->first;
    while (*end)
        end = &(*end)->next;
    *end = j;
    k->hooks->n++;
    start_next(k);
}

/* Nobody waits any longer: its files are not looked at again. One that runs goes on, for nobody. */
void hook_drop(struct keeper *k, const struct dbr_ipc_hook_done *m)
{
    for (struct job **at = k->hooks ? &k->hooks->first : NULL; m->id && at && *at;) {
        struct job *j = *at;
        if (j->m.hook != DBR_HOOK_USER_PASS || j->m.id != m->id) {
            at = &j->next;
        } else if (j->pid) {
            j->m.id = 0;
            return;
        } else {
            drop(k, at);
            return;
        }
    }
}

void hook_own(struct keeper *k, enum dbr_hook hook)
{
    struct dbr_ipc_hook m = {.hook = hook, .key = 1};
    m.head = dbr_ipc_head(DBR_IPC_HOOK, offsetof(struct dbr_ipc_hook, text), 0);
    hook_take(k, &m);
}

static uint64_t due_of(const struct keeper *k, const struct job *j)
{
    return j->later && k->hooks->look_ns < j->due_ns ? k->hooks->look_ns : j->due_ns;
}

uint64_t hooks_deadline(const struct keeper *k)
{
    uint64_t at = k->hooks && k->hooks->first ? k->hooks->end_ns : 0;
    for (const struct job *j = k->hooks ? k->hooks->first : NULL; j; j = j->next)
        if ((j->pid || j->later) && (!at || due_of(k, j) < at))
            at = due_of(k, j);
    return at;
}

bool hooks_busy(const struct keeper *k)
{
    return k->hooks && k->hooks->n;
}

void hooks_free(struct keeper *k)
{
    while (k->hooks && k->hooks->first)
        drop(k, &k->hooks->first);
    free(k->hooks);
    k->hooks = NULL;
}
