/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

void journal_init(struct journal *j, const char *bridge)
{
    *j = (struct journal){.this_boot = true};
    snprintf(j->bridge, sizeof j->bridge, "%s", bridge);
}

void journal_fini(struct journal *j)
{
    for (size_t i = 0; i < j->nobjects; i++)
        free(j->object[i].msg);
    free(j->object);
    j->object = NULL;
    j->nobjects = j->room = 0;
}

int journal_add(struct journal *j, size_t port, const struct nlmsghdr *msg)
{
    if (j->nobjects == JOURNAL_OBJECTS_MAX)
        return DBR_ERR_LIMIT;
    if (j->nobjects == j->room) {
        size_t room = j->room ? j->room * 2 : 64;
        void *more = realloc(j->object, room * sizeof *j->object);
        if (!more)
            return DBR_ERR_NOMEM;
        j->object = more;
        j->room = room;
    }
    struct nlmsghdr *copy = malloc(msg->nlmsg_len);
    if (!copy)
        return DBR_ERR_NOMEM;
    memcpy(copy, msg, msg->nlmsg_len);
    j->object[j->nobjects++] = (struct journal_object){.port = port, .msg = copy};
    return 0;
}

/* --- sysctls --- */

static bool sysctl_path(char *path, size_t cap, const char *ifname, const char *family, const char *name)
{
    int n = snprintf(path, cap, "/proc/sys/net/%s/conf/%s/%s", family, ifname, name);
    return n > 0 && (size_t)n < cap && !strchr(ifname, '/') && !strchr(name, '/');
}

int sysctl_get(const char *ifname, const char *family, const char *name, int *value)
{
    char path[128];
    if (!sysctl_path(path, sizeof path, ifname, family, name))
        return DBR_ERR_SHAPE;
    FILE *f = fopen(path, "re");
    if (!f)
        return DBR_ERR_NOTFOUND;
    int got = fscanf(f, "%d", value);
    fclose(f);
    return got == 1 ? 0 : DBR_ERR_IO;
}

int sysctl_set(const char *ifname, const char *family, const char *name, int value)
{
    char path[128], text[16];
    if (!sysctl_path(path, sizeof path, ifname, family, name))
        return DBR_ERR_SHAPE;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return DBR_ERR_NOTFOUND;
    int n = snprintf(text, sizeof text, "%d\n", value);
    ssize_t put = write(fd, text, (size_t)n);
    close(fd);
    return put == n ? 0 : DBR_ERR_IO;
}

static const struct {
    const char *family, *name;
} kept_sysctls[] = {
    {"ipv4", "rp_filter"},  {"ipv4", "arp_ignore"}, {"ipv4", "arp_announce"}, {"ipv4", "arp_filter"},
    {"ipv4", "forwarding"}, {"ipv6", "forwarding"}, {"ipv6", "accept_ra"},    {"ipv6", "autoconf"},
};

static void snapshot_sysctls(struct journal_port *p)
{
    for (size_t i = 0; i < sizeof kept_sysctls / sizeof *kept_sysctls; i++) {
        struct journal_sysctl *s = &p->sysctl[p->nsysctls];
        if (sysctl_get(p->name, kept_sysctls[i].family, kept_sysctls[i].name, &s->value) < 0)
            continue;
        snprintf(s->family, sizeof s->family, "%s", kept_sysctls[i].family);
        snprintf(s->name, sizeof s->name, "%s", kept_sysctls[i].name);
        p->nsysctls++;
    }
}

/* --- snapshot --- */

struct snapshot {
    struct journal *j;
    size_t port, first; /* objects of this dump start at first */
    int ifindex;
};

static void begin_again(void *arg)
{
    struct snapshot *s = arg;
    while (s->j->nobjects > s->first)
        free(s->j->object[--s->j->nobjects].msg);
}

static int keep_address(void *arg, const struct nlmsghdr *msg)
{
    struct snapshot *s = arg;
    const struct ifaddrmsg *head = nlmsg_data(msg);
    if (msg->nlmsg_type != RTM_NEWADDR || (int)head->ifa_index != s->ifindex)
        return 0;
    return journal_add(s->j, s->port, msg);
}

static bool hops_use(struct nlattr *multipath, int ifindex)
{
    const struct rtnexthop *hop = nla_data(multipath);
    int left = nla_len(multipath);
    for (; RTNH_OK(hop, left); left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
        if (hop->rtnh_ifindex == ifindex)
            return true;
    return false;
}

/* Routes the kernel makes by itself come with their addresses. */
static int keep_route(void *arg, const struct nlmsghdr *msg)
{
    struct snapshot *s = arg;
    struct nlattr *tb[RTA_MAX + 1];
    const struct rtmsg *head = nlmsg_data(msg);
    if (msg->nlmsg_type != RTM_NEWROUTE || head->rtm_protocol == RTPROT_KERNEL ||
        head->rtm_type != RTN_UNICAST || head->rtm_flags & RTM_F_CLONED ||
        nlmsg_parse((struct nlmsghdr *)msg, sizeof *head, tb, RTA_MAX, NULL) < 0)
        return 0;
    bool ours = tb[RTA_OIF] && (int)nla_get_u32(tb[RTA_OIF]) == s->ifindex;
    if (!ours && tb[RTA_MULTIPATH])
        ours = hops_use(tb[RTA_MULTIPATH], s->ifindex);
    return ours ? journal_add(s->j, s->port, msg) : 0;
}

static int keep_permanent(void *arg, const struct nlmsghdr *msg)
{
    struct snapshot *s = arg;
    const struct ndmsg *head = nlmsg_data(msg);
    if (msg->nlmsg_type != RTM_NEWNEIGH || head->ndm_ifindex != s->ifindex ||
        !(head->ndm_state & NUD_PERMANENT) || head->ndm_flags & NTF_PROXY)
        return 0;
    return journal_add(s->j, s->port, msg);
}

static const struct {
    int type, family;
    rt_visit *keep;
} kept_objects[] = {
    {RTM_GETADDR, AF_INET, keep_address},    {RTM_GETADDR, AF_INET6, keep_address},
    {RTM_GETROUTE, AF_INET, keep_route},     {RTM_GETROUTE, AF_INET6, keep_route},
    {RTM_GETNEIGH, AF_INET, keep_permanent}, {RTM_GETNEIGH, AF_INET6, keep_permanent},
};

int journal_snapshot(struct journal *j, struct dbr_netlink *nl, const struct link_facts *f)
{
    if (j->nports == DBR_BRIDGE_IFS_MAX)
        return DBR_ERR_LIMIT;
    struct journal_port *p = &j->port[j->nports];
    *p = (struct journal_port){.ifindex = f->link.ifindex, .mtu = f->link.mtu, .up = f->link.up};
    memcpy(p->name, f->link.name, sizeof p->name);
    snapshot_sysctls(p);
    int err = 0;
    for (size_t i = 0; !err && i < sizeof kept_objects / sizeof *kept_objects; i++) {
        struct snapshot s = {.j = j, .port = j->nports, .first = j->nobjects, .ifindex = p->ifindex};
        err =
            rt_dump(nl, kept_objects[i].type, kept_objects[i].family, kept_objects[i].keep, begin_again, &s);
    }
    j->nports++;
    return err;
}

/* --- the file --- */

enum { PATH_CAP = 512, LINE_CAP = 2 * 65536 };

static bool journal_path(char path[PATH_CAP], const char *dir, const char *bridge, const char *suffix)
{
    int n = snprintf(path, PATH_CAP, "%s/bridge-%s.journal%s", dir, bridge, suffix);
    return n > 0 && n < PATH_CAP && !strchr(bridge, '/');
}

static void read_boot_id(char out[64])
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f || fscanf(f, "%63s", out) != 1)
        snprintf(out, 64, "unknown");
    if (f)
        fclose(f);
}

static void write_hex(FILE *f, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", p[i]);
}

static size_t write_port(FILE *f, const struct journal_port *p)
{
    fprintf(f, "port %s %d %u %s\n", p->name, p->ifindex, p->mtu, p->up ? "up" : "down");
    for (size_t i = 0; i < p->nsysctls; i++)
        fprintf(f, "sysctl %s %s %s %d\n", p->name, p->sysctl[i].family, p->sysctl[i].name,
                p->sysctl[i].value);
    return 1 + p->nsysctls;
}

static void write_lines(FILE *f, const struct journal *j)
{
    char boot[64];
    size_t lines = 3;
    read_boot_id(boot);
    fprintf(f, "drawbridge-journal 1\nboot %s\nbridge %s %s\n", boot, j->bridge,
            j->created ? "created" : "existing");
    for (size_t i = 0; i < j->nports; i++)
        lines += write_port(f, &j->port[i]);
    for (size_t i = 0; i < j->nobjects; i++, lines++) {
        fprintf(f, "object %s ", j->port[j->object[i].port].name);
        write_hex(f, j->object[i].msg, j->object[i].msg->nlmsg_len);
        fputc('\n', f);
    }
    fprintf(f, "end %zu\n", lines);
}

static void sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

int journal_save(const struct journal *j, const char *dir, struct dbr_why *why)
{
    char path[PATH_CAP], fresh[PATH_CAP];
    if (!journal_path(path, dir, j->bridge, "") || !journal_path(fresh, dir, j->bridge, ".new"))
        return dbr_why(why, DBR_ERR_CONFIG, "no usable name for a journal of bridge %s in %s", j->bridge,
                       dir);
    unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return dbr_why(why, DBR_ERR_IO, "cannot write %s: %s", fresh, strerror(errno));
    write_lines(f, j);
    bool good = fflush(f) == 0 && fsync(fd) == 0;
    good = fclose(f) == 0 && good;
    if (!good || rename(fresh, path) < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    sync_folder(dir);
    return 0;
}

int journal_drop(const char *dir, const char *bridge, struct dbr_why *why)
{
    char path[PATH_CAP];
    if (!journal_path(path, dir, bridge, "") || (unlink(path) < 0 && errno != ENOENT))
        return dbr_why(why, DBR_ERR_IO, "cannot remove the journal of bridge %s: %s", bridge,
                       strerror(errno));
    sync_folder(dir);
    return 0;
}

bool journal_exists(const char *dir, const char *bridge)
{
    char path[PATH_CAP];
    return journal_path(path, dir, bridge, "") && access(path, F_OK) == 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct journal_port *port_named(struct journal *j, const char *name, size_t *index)
{
    for (size_t i = 0; i < j->nports; i++)
        if (strcmp(j->port[i].name, name) == 0) {
            if (index)
                *index = i;
            return &j->port[i];
        }
    return NULL;
}

static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; hex_value(hex[0]) >= 0 && hex_value(hex[1]) >= 0; hex += 2)
        out[n++] = (uint8_t)(hex_value(hex[0]) << 4 | hex_value(hex[1]));
    return *hex == '\n' || !*hex ? n : 0;
}

static int read_object(struct journal *j, char *line)
{
    char name[DBR_IF_NAME];
    int at = 0;
    size_t port;
    if (sscanf(line, "object %15s %n", name, &at) != 1 || !at || !port_named(j, name, &port))
        return DBR_ERR_SHAPE;
    union {
        struct nlmsghdr msg;
        uint8_t bytes[LINE_CAP / 2];
    } *buf = malloc(sizeof *buf);
    if (!buf)
        return DBR_ERR_NOMEM;
    size_t n = unhex(buf->bytes, line + at);
    bool good = n >= sizeof buf->msg && buf->msg.nlmsg_len == n;
    int err = good ? journal_add(j, port, &buf->msg) : DBR_ERR_SHAPE;
    free(buf);
    return err;
}

static int read_boot(struct journal *j, char *line)
{
    char was[64], is[64];
    read_boot_id(is);
    if (sscanf(line, "boot %63s", was) != 1)
        return DBR_ERR_SHAPE;
    j->this_boot = strcmp(was, is) == 0;
    return 0;
}

static int read_bridge(struct journal *j, char *line)
{
    char name[DBR_IF_NAME], how[16];
    if (sscanf(line, "bridge %15s %15s", name, how) != 2 || strcmp(name, j->bridge) != 0)
        return DBR_ERR_SHAPE;
    j->created = strcmp(how, "created") == 0;
    return 0;
}

static int read_port(struct journal *j, char *line)
{
    char state[8];
    if (j->nports == DBR_BRIDGE_IFS_MAX)
        return DBR_ERR_SHAPE;
    struct journal_port *p = &j->port[j->nports];
    if (sscanf(line, "port %15s %d %u %7s", p->name, &p->ifindex, &p->mtu, state) != 4)
        return DBR_ERR_SHAPE;
    p->up = strcmp(state, "up") == 0;
    j->nports++;
    return 0;
}

static int read_sysctl(struct journal *j, char *line)
{
    char name[DBR_IF_NAME];
    struct journal_sysctl s;
    if (sscanf(line, "sysctl %15s %4s %23s %d", name, s.family, s.name, &s.value) != 4)
        return DBR_ERR_SHAPE;
    struct journal_port *p = port_named(j, name, NULL);
    if (!p || p->nsysctls == JOURNAL_SYSCTLS_MAX)
        return DBR_ERR_SHAPE;
    p->sysctl[p->nsysctls++] = s;
    return 0;
}

static const struct {
    const char *word;
    int (*read)(struct journal *j, char *line);
} line_kinds[] = {
    {"boot ", read_boot},     {"bridge ", read_bridge}, {"port ", read_port},
    {"sysctl ", read_sysctl}, {"object ", read_object},
};

static int read_line(struct journal *j, char *line)
{
    for (size_t i = 0; i < sizeof line_kinds / sizeof *line_kinds; i++)
        if (strncmp(line, line_kinds[i].word, strlen(line_kinds[i].word)) == 0)
            return line_kinds[i].read(j, line);
    return DBR_ERR_SHAPE;
}

static int read_lines(struct journal *j, FILE *f)
{
    char *line = NULL;
    size_t cap = 0, lines = 1, said = 0;
    int err = getline(&line, &cap, f) > 0 && strcmp(line, "drawbridge-journal 1\n") == 0 ? 0 : DBR_ERR_SHAPE;
    while (!err && getline(&line, &cap, f) > 0) {
        if (sscanf(line, "end %zu", &said) == 1)
            break;
        err = strlen(line) < LINE_CAP ? read_line(j, line) : DBR_ERR_SHAPE;
        lines++;
    }
    free(line);
    if (!err && said != lines)
        err = DBR_ERR_SHAPE;
    return err;
}

int journal_load(struct journal *j, const char *dir, const char *bridge, struct dbr_why *why)
{
    char path[PATH_CAP];
    journal_init(j, bridge);
    FILE *f = journal_path(path, dir, bridge, "") ? fopen(path, "re") : NULL;
    if (!f)
        return dbr_why(why, errno == ENOENT ? DBR_ERR_NOTFOUND : DBR_ERR_IO, "no journal of bridge %s in %s",
                       bridge, dir);
    int err = read_lines(j, f);
    fclose(f);
    if (err)
        dbr_why(why, err, "%s is damaged: put the addresses back by hand and remove it", path);
    return err;
}
