/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Encrypting File System, from Microsoft's pages of EncryptFileW, FileEncryptionStatusW,
 * GetVolumeInformationByHandleW and "System Error Codes (6000-8199)". Any thread.
 */
#include "client-win/keystore/system_win.h"
#include "client-win/keystore/why.h"

#include "base/err.h"

/* What EncryptFileW says where there is no EFS: Home editions, FAT, a policy, a folder of another computer.
 */
static const DWORD not_here[] = {
    ERROR_NOT_SUPPORTED,
    ERROR_CALL_NOT_IMPLEMENTED,
    ERROR_INVALID_FUNCTION,
    ERROR_NO_RECOVERY_POLICY,
    ERROR_NO_EFS,
    ERROR_VOLUME_NOT_SUPPORT_EFS,
    ERROR_EFS_DISABLED,
    ERROR_EFS_SERVER_NOT_TRUSTED,
    ERROR_DIR_EFS_DISALLOWED,

    ERROR_EFS_VERSION_NOT_SUPPORT,
};

static bool is_not_here(DWORD err)
{
    for (size_t i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
        if (not_here[i] == err)
            return true;
    return false;
}

int efs_encrypt_folder(const wchar_t *path)
{
    DWORD now = GetFileAttributesW(path);
    if (now != INVALID_FILE_ATTRIBUTES && now & FILE_ATTRIBUTE_ENCRYPTED)
        return 0;
    if (EncryptFileW(path))
        return 0;
    return is_not_here(GetLastError()) ? DBR_ERR_UNSUPPORTED : DBR_ERR_IO;
}

/* What FileEncryptionStatusW says of a folder. */
static const char *status_text(DWORD status)
{
    static const struct {
        DWORD status;
        const char *text;
    } texts[] = {
        {FILE_SYSTEM_NOT_SUPPORT, "this disk has no EFS (it is not NTFS)"},
        {FILE_USER_DISALLOWED, "a policy of this computer forbids EFS"},
        {FILE_DIR_DISALLOWED, "a policy forbids EFS in this folder"},
        {FILE_READ_ONLY, "the folder cannot be changed"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return NULL;
}

static bool disk_has_efs(const wchar_t *path)
{
    wchar_t root[MAX_PATH + 1];
    DWORD flags = 0;
    return GetVolumePathNameW(path, root, MAX_PATH) &&
           GetVolumeInformationW(root, NULL, 0, NULL, NULL, &flags, NULL, 0) &&
           flags & FILE_SUPPORTS_ENCRYPTION;
}

/* Core, Core N and the like: "GetProductInfo function". */
static bool is_home(void)
{
    static const DWORD homes[] = {PRODUCT_CORE, PRODUCT_CORE_N, PRODUCT_CORE_COUNTRYSPECIFIC,
                                  PRODUCT_CORE_SINGLELANGUAGE};
    DWORD product = 0;
    if (!GetProductInfo(10, 0, 0, 0, &product))
        return false;
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++)
        if (homes[i] == product)
            return true;
    return false;
}

bool efs_is_there(const wchar_t *path, char *why, size_t cap)
{
    DWORD status = FILE_UNKNOWN;
    const char *text = NULL;
    if (is_home())
        text = "Home editions of Windows have no EFS";
    else if (!disk_has_efs(path))
        text = "this disk has no EFS (it is not NTFS)";
    else if (FileEncryptionStatusW(path, &status))
        text = status_text(status);
    if (text)
        keys_complain(0, why, cap, "%s", text);
    return !text;
}
