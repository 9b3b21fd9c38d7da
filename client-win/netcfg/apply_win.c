/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The backend of run.h on Windows, and the journal's file. The folder belongs to administrators and the
 * system alone; a file in it that somebody else owns is not believed.
 */
#include "client-win/netcfg/os_win.h"

#include "base/err.h"
#include "client-win/base/base.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int look_nothing(struct net_os *os, struct dbr_net_op *op)
{
    (void)os;
    (void)op;
    return 0;
}

static int undo_nothing(struct net_os *os, const struct dbr_net_op *op)
{
    (void)os;
    (void)op;
    return 0;
}

static const struct {
    int (*look)(struct net_os *, struct dbr_net_op *);
    int (*act)(struct net_os *, const struct dbr_net_op *);
    int (*undo)(struct net_os *, const struct dbr_net_op *);
} kinds[] = {
    [DBR_NET_OP_IFACE] = {look_iface, act_iface, undo_iface},
    [DBR_NET_OP_ADDRESS] = {look_address, act_address, undo_address},
    [DBR_NET_OP_DHCP] = {look_dhcp, act_dhcp, undo_nothing},
    [DBR_NET_OP_ROUTE] = {look_route, act_route, undo_route},
    [DBR_NET_OP_SEARCH] = {look_search, act_search, undo_search},
    [DBR_NET_OP_DNS] = {look_dns, act_dns, undo_dns},
    [DBR_NET_OP_WALL] = {look_nothing, act_wall, undo_wall},
};

static int look(void *ctx, struct dbr_net_op *op)
{
    return kinds[op->kind].look(ctx, op);
}

static int act(void *ctx, const struct dbr_net_op *op)
{
    return kinds[op->kind].act(ctx, op);
}

static int undo(void *ctx, const struct dbr_net_op *op)
{
    return kinds[op->kind].undo(ctx, op);
}

static int note(void *ctx, const char *text, size_t n)
{
    struct net_os *os = ctx;
    DWORD done = 0, e = ERROR_SUCCESS;
    HANDLE f = CreateFileW(os->journal, FILE_APPEND_DATA, FILE_SHARE_READ, NULL, OPEN_ALWAYS,
                           FILE_FLAG_WRITE_THROUGH | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (f == INVALID_HANDLE_VALUE)
        return os_fail(os, "the journal of network settings cannot be opened", GetLastError());
    if (!WriteFile(f, text, (DWORD)n, &done, NULL) || done != n || !FlushFileBuffers(f))
        e = GetLastError();
    CloseHandle(f);
    return done == n && e == ERROR_SUCCESS ? 0 : os_fail(os, "the journal of network settings", e);
}

static int forget(void *ctx)
{
    struct net_os *os = ctx;
    if (DeleteFileW(os->journal) || os_is_gone(GetLastError()))
        return 0;
    return os_fail(os, "the journal of network settings cannot be removed", GetLastError());
}

static struct dbr_net_backend backend(struct net_os *os)
{
    return (struct dbr_net_backend){os, os->why, look, act, undo, note, forget};
}

/* True for our own user, unless he is an administrator whose other programs have less rights than this one
 * (User Account Control): what they make belongs to him as well. */
static bool is_us(PSID who)
{
    union {
        TOKEN_USER user;
        uint8_t bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } room;
    TOKEN_ELEVATION_TYPE type = TokenElevationTypeFull;
    DWORD n = 0;
    HANDLE token;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) &&
        !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool same = GetTokenInformation(token, TokenElevationType, &type, sizeof type, &n) &&
                type != TokenElevationTypeFull &&
                GetTokenInformation(token, TokenUser, &room, sizeof room, &n) &&
                EqualSid(room.user.User.Sid, who);
    CloseHandle(token);
    return same;
}

/* Owned by the system, which the service is, or the administrators: nobody else could have made it. */
static bool owner_is_good(HANDLE f)
{
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR sd = NULL;
    if (GetSecurityInfo(f, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &sd) !=
        ERROR_SUCCESS)
        return false;
    bool good = owner && (IsWellKnownSid(owner, WinLocalSystemSid) ||
                          IsWellKnownSid(owner, WinBuiltinAdministratorsSid) || is_us(owner));
    LocalFree(sd);
    return good;
}

static bool is_our_folder(const wchar_t *path)
{
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE f = CreateFileW(path, READ_CONTROL | FILE_READ_ATTRIBUTES,
                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                           FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (f == INVALID_HANDLE_VALUE)
        return false;
    bool good = GetFileInformationByHandle(f, &info) && (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) &&
                !(info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) && owner_is_good(f);
    CloseHandle(f);
    if (!good)
        SetLastError(ERROR_INVALID_OWNER);
    return good;
}

/* Makes it with these rights where it is missing: everybody may make folders in %ProgramData%, and one that a
 * user made first is not ours. */
static bool have_folder(const wchar_t *path, const wchar_t *sddl)
{
    SECURITY_ATTRIBUTES sa = {.nLength = sizeof sa};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &sa.lpSecurityDescriptor,
                                                              NULL))
        return false;
    bool there = CreateDirectoryW(path, &sa) || GetLastError() == ERROR_ALREADY_EXISTS;
    DWORD e = GetLastError();
    LocalFree(sa.lpSecurityDescriptor);
    SetLastError(e);
    return there && is_our_folder(path);
}

static int folder(wchar_t *out, size_t cap)
{
    wchar_t above[DBR_WIN_PATH];
    if (dbr_win_data_path(above, DBR_WIN_PATH, NULL) != 0 || dbr_win_data_path(out, cap, L"journal") != 0)
        return DBR_ERR_IO;
    return have_folder(above, L"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)") &&
                   have_folder(out, L"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)")
               ? 0
               : DBR_ERR_IO;
}

static int open_os(struct net_os *os, const char *guid, uint64_t luid, void **wall)
{
    wchar_t file[DBR_NET_GUID + 8];
    memset(os, 0, sizeof *os);
    os->guid = guid;
    os->luid.Value = luid;
    os->wall = wall;
    _snwprintf(file, DBR_NET_GUID + 8, L"\\%hs.txt", guid);
    if (dbr_net_guid_is_good(guid) && folder(os->journal, 512) == 0 &&
        dbr_utf16_add(os->journal, 512, file) == 0)
        return 0;
    return os_fail(os,
                   "the folder Drawbridge\\journal in ProgramData is not ours or cannot be made; remove it, "
                   "then connect again",
                   GetLastError());
}

/* The journal's text, malloc'ed; NULL with *error: 0 where there is none. */
static char *read_journal(const wchar_t *path, size_t *n, DWORD *error)
{
    BY_HANDLE_FILE_INFORMATION info;
    DWORD got = 0;
    char *text = NULL;
    HANDLE f = CreateFileW(path, GENERIC_READ | READ_CONTROL, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                           FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    *error = f == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    if (f == INVALID_HANDLE_VALUE) {
        *error = os_is_gone(*error) ? ERROR_SUCCESS : *error;
        return NULL;
    }
    if (!GetFileInformationByHandle(f, &info) || info.nFileSizeHigh || info.nFileSizeLow > DBR_NET_JOURNAL ||
        (info.dwFileAttributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)))
        *error = ERROR_FILE_CORRUPT;
    else if (!owner_is_good(f))
        *error = ERROR_INVALID_OWNER;
    else if ((text = malloc(info.nFileSizeLow + 1u)) == NULL)
        *error = ERROR_NOT_ENOUGH_MEMORY;
    else if (!ReadFile(f, text, info.nFileSizeLow, &got, NULL))
        *error = GetLastError();
    CloseHandle(f);
    *n = got;
    if (*error != ERROR_SUCCESS) {
        free(text);
        text = NULL;
    }
    return text;
}

/* A journal that makes no sense is put aside: it would stand in the way of each connection to come. */
static int put_aside(struct net_os *os, size_t line)
{
    wchar_t to[520];
    wcscpy(to, os->journal);
    if (dbr_utf16_add(to, 520, L".bad") == 0)
        MoveFileExW(os->journal, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
    snprintf(
        os->why, sizeof os->why,
        "the journal of network settings makes no sense (line %zu) and was put aside: if the network does "
        "not work, restart the computer",
        line);
    return DBR_ERR_SHAPE;
}

/* Takes back what the journal of os says. The LUID is the journal's: the adapter may be another one by now.
 */
static int undo_journal(struct net_os *os)
{
    size_t n = 0, line = 0;
    DWORD error;
    char *text = read_journal(os->journal, &n, &error);
    if (!text)
        return error == ERROR_SUCCESS ? 0
                                      : os_fail(os, "the journal of network settings cannot be read", error);
    struct dbr_net_journal *j = calloc(1, sizeof *j);
    int err = j ? dbr_net_journal_parse(j, text, n, &line) : DBR_ERR_NOMEM;
    if (!err && j->guid[0] && _stricmp(j->guid, os->guid) != 0)
        err = DBR_ERR_SHAPE;
    if (err == DBR_ERR_SHAPE) {
        err = put_aside(os, line);
    } else if (!err) {
        struct dbr_net_backend b = backend(os);
        os->luid.Value = j->luid;
        err = dbr_net_undo(&b, j->op, j->ops);
    }
    free(j);
    free(text);
    return err;
}

static int answer(const struct net_os *os, int err, char why[DBR_NET_WHY])
{
    memcpy(why, os->why, DBR_NET_WHY);
    if (!err)
        why[0] = 0;
    return err;
}

static void close_wall(void **wall)
{
    struct net_os os = {.wall = wall};
    struct dbr_net_op none = {.kind = DBR_NET_OP_WALL};
    undo_wall(&os, &none);
}

static int undo_but(struct dbr_netcfg_job *job, void **wall, char why[DBR_NET_WHY])
{
    struct net_os os;
    int err = open_os(&os, job->guid, job->luid, wall);
    if (!err)
        err = undo_journal(&os);
    return answer(&os, err, why);
}

int dbr_netcfg_undo(struct dbr_netcfg_job *job, char why[DBR_NET_WHY])
{
    int err = undo_but(job, &job->wall, why);
    close_wall(&job->wall); /* whatever the journal says: no filter stays without a tunnel */
    return err;
}

/* The old filters stand until the new ones do: between two sets nothing leaves beside the tunnel. */
static int replace(struct dbr_netcfg_job *job, struct dbr_net_plan *plan, char why[DBR_NET_WHY])
{
    struct net_os os;
    void *old = job->wall, *none = NULL;
    int err = undo_but(job, &none, why);
    if (!err) {
        job->wall = NULL;
        err = open_os(&os, job->guid, job->luid, &job->wall);
        os.plan = plan;
        struct dbr_net_backend b = backend(&os);
        if (!err)
            err = dbr_net_run(&b, job->guid, plan);
        answer(&os, err, why);
        close_wall(&old);
    }
    return err;
}

int dbr_netcfg_apply(struct dbr_netcfg_job *job, const struct dbr_netcfg *wanted, char why[DBR_NET_WHY])
{
    struct dbr_net_plan *plan = calloc(1, sizeof *plan);
    if (!plan) {
        snprintf(why, DBR_NET_WHY, "out of memory");
        return DBR_ERR_NOMEM;
    }
    int err = dbr_netcfg_plan(wanted, job->luid, plan, why);
    if (!err)
        err = replace(job, plan, why);
    free(plan);
    return err;
}

/* Calls take for each journal of the folder; how many there are, or DBR_ERR_AUTH. */
static int each_journal(void (*take)(void *arg, const char *guid), void *arg)
{
    wchar_t pattern[512];
    WIN32_FIND_DATAW found;
    int n = 0;
    if (dbr_win_data_path(pattern, 512, L"journal\\{*}.txt") != 0)
        return 0;
    HANDLE h = FindFirstFileW(pattern, &found);
    if (h == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_ACCESS_DENIED ? DBR_ERR_AUTH : 0;
    do {
        char name[DBR_NET_GUID + 8];
        if (dbr_utf8_from16(name, sizeof name, found.cFileName) != 0 || strlen(name) != DBR_NET_GUID + 3)
            continue;
        name[DBR_NET_GUID - 1] = 0;
        if (!dbr_net_guid_is_good(name))
            continue;
        n++;
        if (take)
            take(arg, name);
    } while (FindNextFileW(h, &found));
    FindClose(h);
    return n;
}

struct recovery {
    int back, err;
    char *why;
};

static void recover_one(void *arg, const char *guid)
{
    struct recovery *r = arg;
    struct net_os os;
    void *no_wall = NULL;
    char why[DBR_NET_WHY];
    int err = open_os(&os, guid, 0, &no_wall);
    if (!err)
        err = undo_journal(&os);
    answer(&os, err, why);
    r->back += err == 0;
    if (err && !r->err) {
        r->err = err;
        memcpy(r->why, why, DBR_NET_WHY);
    }
}

int dbr_netcfg_recover(char why[DBR_NET_WHY])
{
    struct recovery r = {.why = why};
    why[0] = 0;
    each_journal(recover_one, &r);
    return r.err ? r.err : r.back;
}

int dbr_netcfg_leftovers(void)
{
    return each_journal(NULL, NULL);
}
