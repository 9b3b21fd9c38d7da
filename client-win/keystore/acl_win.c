/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/system_win.h"

#include "base/err.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>

/* The SID of the process's user, malloc'ed; NULL: GetLastError(). */
static TOKEN_USER *own_user(void)
{
    HANDLE token;
    DWORD n = 0;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return NULL;
    GetTokenInformation(token, TokenUser, NULL, 0, &n);
    TOKEN_USER *user = n ? malloc(n) : NULL;
    if (user && !GetTokenInformation(token, TokenUser, user, n, &n)) {
        free(user);
        user = NULL;
    }
    CloseHandle(token);
    return user;
}

PSECURITY_DESCRIPTOR acl_owner_only(void)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    wchar_t *sid = NULL, text[256];
    TOKEN_USER *user = own_user();
    if (user && ConvertSidToStringSidW(user->User.Sid, &sid)) {
        _snwprintf(text, 256, L"O:%lsD:P(A;OICI;FA;;;%ls)", sid, sid);
        text[255] = 0;
        if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &sd, NULL))
            sd = NULL;
    }
    LocalFree(sid);
    free(user);
    return sd;
}

/* A folder, and no link to one. */
static HANDLE open_folder(const wchar_t *path)
{
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE h =
        CreateFileW(path, FILE_READ_ATTRIBUTES | READ_CONTROL | WRITE_DAC, FILE_SHARE_READ | FILE_SHARE_WRITE,
                    NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return h;
    if (GetFileInformationByHandle(h, &info) && info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY &&
        !(info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return h;
    CloseHandle(h);
    return INVALID_HANDLE_VALUE;
}

int acl_make_private(const wchar_t *path)
{
    PSECURITY_DESCRIPTOR sd = acl_owner_only();
    HANDLE h = open_folder(path);
    bool good =
        sd && h != INVALID_HANDLE_VALUE &&
        SetKernelObjectSecurity(h, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, sd);
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    LocalFree(sd);
    return good ? 0 : DBR_ERR_IO;
}

/* Who is above the user anyway: they can take the file over. */
static bool is_admin_sid(PSID sid)
{
    static const WELL_KNOWN_SID_TYPE types[] = {WinLocalSystemSid, WinBuiltinAdministratorsSid};
    static const wchar_t installer[] = L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    PSID other = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (IsWellKnownSid(sid, types[i]))
            return true;
    bool same = ConvertStringSidToSidW(installer, &other) && EqualSid(sid, other); /* TrustedInstaller */
    LocalFree(other);
    return same;
}

/* An entry that speaks of the file's owner, whoever that is. */
static bool is_owner_sid(PSID sid)
{
    return IsWellKnownSid(sid, WinCreatorOwnerSid) || IsWellKnownSid(sid, WinCreatorOwnerRightsSid);
}

/* Rights by which somebody reads, or gives himself the right to. */
enum {
    READS = FILE_READ_DATA | GENERIC_READ | WRITE_DAC | WRITE_OWNER,
    CHANGES = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD | FILE_WRITE_EA | GENERIC_WRITE |
              DELETE | WRITE_DAC | WRITE_OWNER,
};

/* True if no entry gives one of `rights` to anybody but who `trusted` knows. An entry of an unknown kind, or
 * no list at all (everybody may), is false. */
static bool only(PACL dacl, DWORD rights, bool (*trusted)(PSID sid, void *arg), void *arg)
{
    ACL_SIZE_INFORMATION size;
    if (!dacl || !GetAclInformation(dacl, &size, sizeof size, AclSizeInformation))
        return false;
    for (DWORD i = 0; i < size.AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace;
        if (!GetAce(dacl, i, (void **)&ace))
            return false;
        if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE)
            continue;
        if (ace->Header.AceType != ACCESS_ALLOWED_ACE_TYPE)
            return false;
        if (ace->Mask & (rights | GENERIC_ALL) && !trusted((PSID)&ace->SidStart, arg))
            return false;
    }
    return true;
}

static bool may_read_own(PSID sid, void *arg)
{
    const TOKEN_USER *user = arg;
    return EqualSid(sid, user->User.Sid) || is_admin_sid(sid) || is_owner_sid(sid);
}

static bool may_change_admins(PSID sid, void *arg)
{
    (void)arg;
    return is_admin_sid(sid) || is_owner_sid(sid);
}

/* Owner and list of an open file; LocalFree(*sd) is due. */
static bool read_rights(HANDLE file, PSID *owner, PACL *dacl, PSECURITY_DESCRIPTOR *sd)
{
    return GetSecurityInfo(file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                           owner, NULL, dacl, NULL, sd) == ERROR_SUCCESS;
}

bool acl_is_private(HANDLE file)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    PSID owner = NULL;
    PACL dacl = NULL;
    TOKEN_USER *user = own_user();
    bool good = user && read_rights(file, &owner, &dacl, &sd) && owner && may_read_own(owner, user) &&
                only(dacl, READS, may_read_own, user);
    LocalFree(sd);
    free(user);
    return good;
}

bool acl_is_of_admin(HANDLE file)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    PSID owner = NULL;
    PACL dacl = NULL;
    bool good = read_rights(file, &owner, &dacl, &sd) && owner && is_admin_sid(owner) &&
                only(dacl, CHANGES, may_change_admins, NULL);
    LocalFree(sd);
    return good;
}
