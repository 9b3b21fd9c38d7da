/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rights on folders (Microsoft: "Access Control Lists", "File Access Rights Constants", "SDDL for Security
 * Descriptors"). CVE-2023-7235: a program folder that users can write to; and a folder of our name that a
 * user made first in %ProgramData%, where everybody may make folders.
 */
#include "client-win/service/folders_win.h"

#include "base/err.h"
#include "client-win/base/base.h"

#include <windows.h>

#include <aclapi.h>
#include <knownfolders.h>
#include <sddl.h>
#include <shlobj.h>
#include <string.h>

/* Rights with which one can put something else in its place, or take the others. */
#define REPLACES (DELETE | WRITE_DAC | WRITE_OWNER | FILE_DELETE_CHILD | GENERIC_ALL)
/* And with which one can change what it holds. */
#define FILLS (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE)

/* NT SERVICE\TrustedInstaller */
#define TRUSTED_INSTALLER L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

static bool is_trusted(PSID sid)
{
    PSID installer = NULL;
    bool trusted = IsWellKnownSid(sid, WinLocalSystemSid) || IsWellKnownSid(sid, WinBuiltinAdministratorsSid);
    if (!trusted && ConvertStringSidToSidW(TRUSTED_INSTALLER, &installer))
        trusted = EqualSid(sid, installer);
    LocalFree(installer);
    return trusted;
}

/* Entries that only deny take nothing away here: the worst is assumed. */
static bool entry_is_safe(const ACE_HEADER *entry, DWORD bad)
{
    const ACCESS_ALLOWED_ACE *allowed = (const ACCESS_ALLOWED_ACE *)(const void *)entry;
    if (entry->AceType == ACCESS_DENIED_ACE_TYPE || (entry->AceFlags & INHERIT_ONLY_ACE))
        return true;
    if (entry->AceType != ACCESS_ALLOWED_ACE_TYPE)
        return false;
    return !(allowed->Mask & bad) || is_trusted((PSID)(uintptr_t)&allowed->SidStart);
}

static bool list_is_safe(PACL list, DWORD bad)
{
    void *entry;
    if (!list)
        return false; /* none: everybody may do everything */
    for (DWORD i = 0; i < list->AceCount; i++)
        if (!GetAce(list, i, &entry) || !entry_is_safe(entry, bad))
            return false;
    return true;
}

static bool is_link(const wchar_t *path)
{
    DWORD a = GetFileAttributesW(path);
    return a == INVALID_FILE_ATTRIBUTES || (a & FILE_ATTRIBUTE_REPARSE_POINT);
}

bool dbr_rights_are_safe(PSECURITY_DESCRIPTOR sd, bool in_it)
{
    PSID owner = NULL;
    PACL list = NULL;
    BOOL there = FALSE, by_default;
    return GetSecurityDescriptorOwner(sd, &owner, &by_default) && owner && is_trusted(owner) &&
           GetSecurityDescriptorDacl(sd, &there, &list, &by_default) && there &&
           list_is_safe(list, REPLACES | (in_it ? FILLS : 0));
}

bool dbr_folder_is_safe(const wchar_t *path, bool in_it)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    wchar_t name[DBR_WIN_PATH] = L"";
    if (is_link(path) || dbr_utf16_add(name, DBR_WIN_PATH, path) != 0)
        return false;
    if (GetNamedSecurityInfoW(name, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                              NULL, NULL, NULL, NULL, &sd) != ERROR_SUCCESS)
        return false;
    bool safe = dbr_rights_are_safe(sd, in_it);
    LocalFree(sd);
    return safe;
}

bool dbr_path_is_safe(const wchar_t *path, wchar_t *bad, size_t cap)
{
    wchar_t part[DBR_WIN_PATH] = L"";
    bad[0] = 0;
    if (dbr_utf16_add(part, DBR_WIN_PATH, path) != 0 || wcslen(path) < 4 || path[1] != L':' ||
        path[2] != L'\\')
        return false;
    /* The file and its folder: not even filled by others. Those above: not replaced. A root cannot be. */
    for (int depth = 0; wcslen(part) > 3; depth++) {
        if (!dbr_folder_is_safe(part, depth < 2)) {
            dbr_utf16_add(bad, cap, part);
            return false;
        }
        *wcsrchr(part, L'\\') = 0;
    }
    return true;
}

static PSECURITY_DESCRIPTOR descriptor(const wchar_t *sddl)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &sd, NULL) ? sd : NULL;
}

/* By handle, and not through a link: what is looked at is what is changed. */
static int set_rights(const wchar_t *path, const wchar_t *sddl)
{
    PSECURITY_DESCRIPTOR sd = descriptor(sddl);
    PSID owner = NULL;
    PACL list = NULL;
    BOOL there, by_default;
    if (!sd)
        return DBR_ERR_IO;
    DWORD e = ERROR_INVALID_SECURITY_DESCR;
    HANDLE h =
        CreateFileW(path, READ_CONTROL | WRITE_DAC | WRITE_OWNER, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (h == INVALID_HANDLE_VALUE)
        e = GetLastError();
    else if (GetSecurityDescriptorOwner(sd, &owner, &by_default) &&
             GetSecurityDescriptorDacl(sd, &there, &list, &by_default))
        e = SetSecurityInfo(h, SE_FILE_OBJECT,
                            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION |
                                PROTECTED_DACL_SECURITY_INFORMATION,
                            owner, NULL, list, NULL);
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    LocalFree(sd);
    SetLastError(e);
    return e == ERROR_SUCCESS ? 0 : DBR_ERR_IO;
}

static bool belongs_to_us(const wchar_t *path)
{
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR sd = NULL;
    wchar_t name[DBR_WIN_PATH] = L"";
    if (is_link(path) || dbr_utf16_add(name, DBR_WIN_PATH, path) != 0)
        return false;
    bool ours = GetNamedSecurityInfoW(name, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL,
                                      NULL, &sd) == ERROR_SUCCESS &&
                owner && is_trusted(owner);
    LocalFree(sd);
    return ours;
}

int dbr_folder_make(const wchar_t *path, const wchar_t *sddl)
{
    SECURITY_ATTRIBUTES sa = {sizeof sa, descriptor(sddl), FALSE};
    if (!sa.lpSecurityDescriptor)
        return DBR_ERR_IO;
    BOOL made = CreateDirectoryW(path, &sa);
    DWORD e = GetLastError();
    LocalFree(sa.lpSecurityDescriptor);
    if (!made && e != ERROR_ALREADY_EXISTS) {
        SetLastError(e);
        return DBR_ERR_IO;
    }
    if (!made && !belongs_to_us(path))
        return DBR_ERR_AUTH;
    return set_rights(path, sddl);
}

/* True if path is `folder` or below it; a sibling whose name only begins alike is not. */
static bool is_within(const wchar_t *path, const KNOWNFOLDERID *id)
{
    PWSTR folder = NULL;
    bool within = true; /* where Windows does not say, none is protected */
    if (SHGetKnownFolderPath(id, KF_FLAG_DONT_VERIFY, NULL, &folder) == S_OK) {
        size_t n = wcslen(folder);
        within = _wcsnicmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == L'\\');
    }
    CoTaskMemFree(folder);
    return within;
}

int dbr_folder_protect(const wchar_t *path)
{
    static const KNOWNFOLDERID *const never[] = {&FOLDERID_Windows, &FOLDERID_UserProfiles};
    if (wcslen(path) < 4 || path[1] != L':' || is_link(path))
        return DBR_ERR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (is_within(path, never[i]))
            return DBR_ERR_UNSUPPORTED;
    return set_rights(path, DBR_FOLDER_READABLE);
}
