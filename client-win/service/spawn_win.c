/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's token comes from the client's process, not from the pipe: the client opens the pipe with
 * SECURITY_IDENTIFICATION, so that nobody who serves it can act as him, not even we. A process id alone could
 * be another's by now (it is used again once its process has ended); therefore the two tokens must agree in
 * user, logon session, and integrity level: a process that is not the client's then still has his rights and
 * no others. Who is in a sandbox (restricted token, app container) or speaks for somebody else (thread token)
 * is refused by the same comparison.
 *
 * Microsoft: "Impersonation Tokens", "CreateProcessAsUserW", "UpdateProcThreadAttribute", "Job Objects",
 * "Process Security and Access Rights".
 */
#include "client-win/service/spawn_win.h"

#include "base/err.h"
#include "client-win/base/base.h"

#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <userenv.h>

/* What is compared of a token. */
struct person {
    _Alignas(8) uint8_t user[128];
    _Alignas(8) uint8_t label[128];
    TOKEN_STATISTICS numbers;
    bool restricted, contained;
};

static bool look_at(HANDLE token, struct person *p)
{
    DWORD n, contained = 0;
    memset(p, 0, sizeof *p);
    bool good = GetTokenInformation(token, TokenUser, p->user, sizeof p->user, &n) &&
                GetTokenInformation(token, TokenIntegrityLevel, p->label, sizeof p->label, &n) &&
                GetTokenInformation(token, TokenStatistics, &p->numbers, sizeof p->numbers, &n);
    p->restricted = IsTokenRestricted(token);
    p->contained =
        GetTokenInformation(token, TokenIsAppContainer, &contained, sizeof contained, &n) && contained;
    return good;
}

static PSID user_sid(const struct person *p)
{
    return ((const TOKEN_USER *)(const void *)p->user)->User.Sid;
}

static PSID label_sid(const struct person *p)
{
    return ((const TOKEN_MANDATORY_LABEL *)(const void *)p->label)->Label.Sid;
}

static bool agree(const struct person *a, const struct person *b)
{
    const LUID *x = &a->numbers.AuthenticationId, *y = &b->numbers.AuthenticationId;
    return EqualSid(user_sid(a), user_sid(b)) && EqualSid(label_sid(a), label_sid(b)) &&
           x->LowPart == y->LowPart && x->HighPart == y->HighPart && !a->restricted && !b->restricted &&
           !a->contained && !b->contained;
}

/* The client's token as the pipe shows it; good for looking only. */
static HANDLE token_of_pipe(HANDLE pipe)
{
    HANDLE token = NULL;
    if (!ImpersonateNamedPipeClient(pipe))
        return NULL;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        token = NULL;
    if (!RevertToSelf())
        ExitProcess(ERROR_CANNOT_IMPERSONATE); /* Microsoft, "RevertToSelf": do not go on as him */
    return token;
}

static HANDLE token_of_process(DWORD pid)
{
    HANDLE token = NULL, process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (!process)
        return NULL;
    if (!OpenProcessToken(process, TOKEN_QUERY | TOKEN_DUPLICATE, &token))
        token = NULL;
    CloseHandle(process);
    return token;
}

static bool own_person(struct person *p)
{
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool good = look_at(token, p);
    CloseHandle(token);
    return good;
}

static bool is_service_account(const struct person *p)
{
    return IsWellKnownSid(user_sid(p), WinLocalSystemSid) ||
           IsWellKnownSid(user_sid(p), WinLocalServiceSid) ||
           IsWellKnownSid(user_sid(p), WinNetworkServiceSid) || IsWellKnownSid(user_sid(p), WinAnonymousSid);
}

int dbr_spawn_identify(HANDLE pipe, char *sid, size_t cap)
{
    struct person p;
    LPWSTR text = NULL;
    int err = DBR_ERR_AUTH;
    HANDLE token = token_of_pipe(pipe);
    if (!token)
        return DBR_ERR_AUTH;
    if (look_at(token, &p) && !is_service_account(&p) && ConvertSidToStringSidW(user_sid(&p), &text))
        err = dbr_utf8_from16(sid, cap, text) == 0 ? 0 : DBR_ERR_AUTH;
    LocalFree(text);
    CloseHandle(token);
    return err;
}

/* Who asks as an administrator is served as the user he is: the engine reads what comes from the network.
 * Administrators no longer count, privileges go, and integrity is medium at most (Microsoft,
 * "CreateRestrictedToken function", "Mandatory Integrity Control"). User and logon session stay, and with
 * them the keys of EFS and DPAPI. Consumes token. */
static HANDLE lower(HANDLE token, const struct person *p)
{
    _Alignas(8) uint8_t room[SECURITY_MAX_SID_SIZE];
    TOKEN_MANDATORY_LABEL medium = {{room, SE_GROUP_INTEGRITY}};
    DWORD n = sizeof room;
    HANDLE lowered = NULL;
    const PSID label = label_sid(p);
    bool high =
        *GetSidSubAuthority(label, *GetSidSubAuthorityCount(label) - 1u) > SECURITY_MANDATORY_MEDIUM_RID;
    bool good =
        CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE | LUA_TOKEN, 0, NULL, 0, NULL, 0, NULL, &lowered);
    if (good && high)
        good = CreateWellKnownSid(WinMediumLabelSid, NULL, room, &n) &&
               SetTokenInformation(lowered, TokenIntegrityLevel, &medium, sizeof medium + GetLengthSid(room));
    if (!good && lowered) {
        CloseHandle(lowered);
        lowered = NULL;
    }
    CloseHandle(token);
    return lowered;
}

/* A primary token of the client, or NULL where pipe and process do not agree; `own` says whether he is whom
 * this process runs as (`service --console`), where no right to assign a token is needed. */
static HANDLE primary_token(HANDLE pipe, DWORD pid, bool *own)
{
    struct person shown, real, self;
    HANDLE primary = NULL, by_pipe = token_of_pipe(pipe), by_process = token_of_process(pid);
    *own = false;
    if (by_pipe && by_process && look_at(by_pipe, &shown) && look_at(by_process, &real) &&
        own_person(&self) && agree(&shown, &real)) {
        *own = agree(&self, &real);
        if (!DuplicateTokenEx(by_process, TOKEN_ALL_ACCESS, NULL, SecurityIdentification, TokenPrimary,
                              &primary))
            primary = NULL;
        if (primary && !*own)
            primary = lower(primary, &real);
    }
    if (by_pipe)
        CloseHandle(by_pipe);
    if (by_process)
        CloseHandle(by_process);
    return primary;
}

/* Other programs of the user may see the engine and wait for it (0x101000: SYNCHRONIZE,
 * PROCESS_QUERY_LIMITED_INFORMATION), but neither read nor write it. OW: else its owner, the user, could
 * change that. */
static PSECURITY_DESCRIPTOR shield(HANDLE token)
{
    _Alignas(8) uint8_t room[128];
    DWORD n;
    LPWSTR sid = NULL;
    wchar_t text[512];
    PSECURITY_DESCRIPTOR sd = NULL;
    if (!GetTokenInformation(token, TokenUser, room, sizeof room, &n) ||
        !ConvertSidToStringSidW(((TOKEN_USER *)(void *)room)->User.Sid, &sid))
        return NULL;
    swprintf(text, sizeof text / sizeof text[0], L"D:P(A;;GA;;;SY)(A;;RC;;;OW)(A;;0x101000;;;%ls)", sid);
    LocalFree(sid);
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &sd, NULL) ? sd : NULL;
}

/* Of its first thread: bits mean other things there (0x1000 would let anybody resume it). */
static PSECURITY_DESCRIPTOR thread_shield(void)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    const wchar_t *text = L"D:P(A;;GA;;;SY)(A;;RC;;;OW)";
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &sd, NULL) ? sd : NULL;
}

/* It dies with its handle, has no children, and shows no dialogue when it crashes. */
static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
                                              JOB_OBJECT_LIMIT_ACTIVE_PROCESS |
                                              JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    limits.BasicLimitInformation.ActiveProcessLimit = 1;
    if (job && !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
        CloseHandle(job);
        return NULL;
    }
    return job;
}

/* No code but what is on the disk, none of other computers or of low integrity, no plug-ins of the desktop.
 */
#define MITIGATIONS                                                                                          \
    (PROCESS_CREATION_MITIGATION_POLICY_DEP_ENABLE |                                                         \
     PROCESS_CREATION_MITIGATION_POLICY_BOTTOM_UP_ASLR_ALWAYS_ON |                                           \
     PROCESS_CREATION_MITIGATION_POLICY_HIGH_ENTROPY_ASLR_ALWAYS_ON |                                        \
     PROCESS_CREATION_MITIGATION_POLICY_EXTENSION_POINT_DISABLE_ALWAYS_ON |                                  \
     PROCESS_CREATION_MITIGATION_POLICY_PROHIBIT_DYNAMIC_CODE_ALWAYS_ON |                                    \
     PROCESS_CREATION_MITIGATION_POLICY_IMAGE_LOAD_NO_REMOTE_ALWAYS_ON |                                     \
     PROCESS_CREATION_MITIGATION_POLICY_IMAGE_LOAD_NO_LOW_LABEL_ALWAYS_ON |                                  \
     PROCESS_CREATION_MITIGATION_POLICY_IMAGE_LOAD_PREFER_SYSTEM32_ALWAYS_ON)

/* What CreateProcess refers to while it runs. */
struct birth {
    STARTUPINFOEXW info;
    HANDLE inherited[2];
    DWORD64 mitigations;
    wchar_t desktop[32], folder[MAX_PATH], line[DBR_WIN_PATH];
    void *environment;
    PSECURITY_DESCRIPTOR shield, thread;
};

static bool attributes(struct birth *b)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 2, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST list = calloc(1, size);
    if (!list || !InitializeProcThreadAttributeList(list, 2, 0, &size)) {
        free(list);
        return false;
    }
    b->info.lpAttributeList = list;
    b->mitigations = MITIGATIONS;
    return UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, b->inherited,
                                     sizeof b->inherited, NULL, NULL) &&
           UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_MITIGATION_POLICY, &b->mitigations,
                                     sizeof b->mitigations, NULL, NULL);
}

/* The line of two handles, in decimal; the folder is Windows' own, so that nothing lies beside the program.
 */
static bool prepare(struct birth *b, const wchar_t *program, HANDLE token, HANDLE tap, HANDLE link)
{
    memset(b, 0, sizeof *b);
    b->info.StartupInfo.cb = sizeof b->info;
    wcscpy(b->desktop, L"winsta0\\default");
    b->info.StartupInfo.lpDesktop = b->desktop;
    b->inherited[0] = tap;
    b->inherited[1] = link;
    int n = swprintf(b->line, DBR_WIN_PATH, L"\"%ls\" engine %I64u %I64u", program,
                     (unsigned long long)(uintptr_t)tap, (unsigned long long)(uintptr_t)link);
    if (n < 0 || !GetSystemDirectoryW(b->folder, MAX_PATH))
        return false;
    b->shield = shield(token);
    b->thread = thread_shield();
    if (!b->shield || !b->thread || !CreateEnvironmentBlock(&b->environment, token, FALSE))
        return false;
    return SetHandleInformation(tap, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) &&
           SetHandleInformation(link, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) && attributes(b);
}

static void forget(struct birth *b)
{
    if (b->info.lpAttributeList)
        DeleteProcThreadAttributeList(b->info.lpAttributeList);
    free(b->info.lpAttributeList);
    if (b->environment)
        DestroyEnvironmentBlock(b->environment);
    LocalFree(b->shield);
    LocalFree(b->thread);
}

/* Suspended until the job has it: it never runs outside. */
static bool give_birth(struct birth *b, const wchar_t *program, HANDLE token, bool own,
                       struct dbr_spawned *out)
{
    PROCESS_INFORMATION made = {0};
    SECURITY_ATTRIBUTES sa = {sizeof sa, b->shield, FALSE}, thread = {sizeof thread, b->thread, FALSE};
    const DWORD flags =
        CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
    BOOL good = own ? CreateProcessW(program, b->line, &sa, &thread, TRUE, flags, b->environment, b->folder,
                                     &b->info.StartupInfo, &made)
                    : CreateProcessAsUserW(token, program, b->line, &sa, &thread, TRUE, flags, b->environment,
                                           b->folder, &b->info.StartupInfo, &made);
    if (!good)
        return false;
    out->job = make_job();
    out->process = made.hProcess;
    good = out->job && AssignProcessToJobObject(out->job, made.hProcess) &&
           ResumeThread(made.hThread) != (DWORD)-1;
    if (!good)
        TerminateProcess(made.hProcess, ERROR_GEN_FAILURE);
    CloseHandle(made.hThread);
    if (!good)
        dbr_spawn_close(out);
    return good;
}

int dbr_spawn_engine(const wchar_t *program, HANDLE pipe, DWORD pid, HANDLE tap, HANDLE link,
                     struct dbr_spawned *out, char *why, size_t cap)
{
    struct birth b;
    bool own;
    *out = (struct dbr_spawned){NULL, NULL};
    HANDLE token = primary_token(pipe, pid, &own);
    if (!token) {
        snprintf(why, cap,
                 "Windows does not tell for certain who you are. Start Drawbridge from the start menu.");
        return DBR_ERR_AUTH;
    }
    bool good = prepare(&b, program, token, tap, link) && give_birth(&b, program, token, own, out);
    if (!good) {
        char text[DBR_WIN_ERROR_TEXT];
        snprintf(why, cap, "The connection cannot be started: %.150s. Restart the computer, then try again.",
                 dbr_win_last_error(text, sizeof text));
    }
    forget(&b);
    CloseHandle(token);
    return good ? 0 : DBR_ERR_IO;
}

void dbr_spawn_kill(struct dbr_spawned *s)
{
    if (s->job)
        TerminateJobObject(s->job, ERROR_PROCESS_ABORTED);
}

void dbr_spawn_close(struct dbr_spawned *s)
{
    if (s->job)
        CloseHandle(s->job);
    if (s->process)
        CloseHandle(s->process);
    *s = (struct dbr_spawned){NULL, NULL};
}
