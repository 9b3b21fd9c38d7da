/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The system header of the build machine may be older than the kernel: numbers are written out here, from the
 * kernel's include/uapi/linux/landlock.h.
 */
#include "keeper/landlock.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };
enum { FS_EXECUTE = 1 << 0, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3 };

struct ruleset_attr {
    uint64_t fs, net, scoped;
};
struct path_beneath_attr {
    uint64_t access;
    int32_t parent_fd;
} __attribute__((packed));

/* What each ABI (1..) can handle. */
static const struct ruleset_attr handled[] = {
    {0x1fff, 0, 0}, {0x3fff, 0, 0}, {0x7fff, 0, 0}, {0x7fff, 3, 0}, {0xffff, 3, 0}, {0xffff, 3, 3},
};
enum { NET_BIND = 1 };
/* Where resolv.conf, hosts and the modules of nsswitch.conf are. */
static const char *const resolver_dirs[] = {"/etc", "/run/systemd/resolve", "/run/resolvconf", "/usr/lib",
                                            "/lib", "/usr/share/zoneinfo"};
/* Size of the attribute that each ABI knows. */
static const size_t attr_size[] = {8, 8, 8, 16, 16, 24};

static void allow_below(int ruleset, int fd, uint64_t access)
{
    struct path_beneath_attr rule = {.access = access, .parent_fd = fd};
    (void)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

static void allow_resolver(int ruleset)
{
    for (size_t i = 0; i < sizeof resolver_dirs / sizeof resolver_dirs[0]; i++) {
        int fd = open(resolver_dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            continue;
        allow_below(ruleset, fd, FS_READ_FILE | FS_READ_DIR);
        close(fd);
    }
}

int landlock_restrict(enum landlock_scope scope, int dir_fd)
{
    enum { KNOWN = sizeof handled / sizeof handled[0] };
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 1)
        return 0;
    if (abi > KNOWN)
        abi = KNOWN;
    struct ruleset_attr attr = handled[abi - 1];
    if (scope == LANDLOCK_RESOLVER)
        attr.net &= NET_BIND;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size[abi - 1], 0);
    if (ruleset < 0)
        return 0;
    int root = scope == LANDLOCK_READ_ALL ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (root >= 0)
        allow_below(ruleset, root, FS_READ_FILE | FS_READ_DIR | FS_EXECUTE);
    if (scope == LANDLOCK_RESOLVER)
        allow_resolver(ruleset);
    if (dir_fd >= 0)
        allow_below(ruleset, dir_fd, FS_READ_FILE | FS_READ_DIR);
    int err = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    if (root >= 0)
        close(root);
    close(ruleset);
    return err ? 0 : (int)abi;
}
