/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Windows side of tests/interop/win.sh: plays the service and the TAP for a real `drawbridge.exe engine`.
 * The TAP is a pipe in message mode, as the driver's device is one frame per read and write; its other end is
 * carried by UDP of the loopback to a real TAP of Linux. What the engine says is printed, one line each;
 * lines of standard input are what a service would say:
 *
 *     winside.exe DRAWBRIDGE.EXE PROFILE.OVPN ID PORT        frames go to and come from 127.0.0.1:PORT
 *     < answer KIND USER SECRET     < stop
 *     > STATE CONNECTED 192.168.77.101 text        > ASK 1 text        > NET ADDRESS 4 192.168.77.101/24 ...
 *     > LOG 3 line        > EXIT 0
 */
#include "client-win/keystore/keystore.h"
#include "client-win/pipe/message.h"

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 16384, PIPE_BYTES = 1 << 20 };

static HANDLE service_end, tap_end, engine;
static SOCKET wire;
static CRITICAL_SECTION printing;

static void die(const char *what)
{
    printf("ERROR %s %lu\n", what, GetLastError());
    fflush(stdout);
    exit(2);
}

/* ---- pipes ---- */

/* A pipe in message mode: our end, and one that the child inherits. */
static HANDLE make_pipe(const wchar_t *what, HANDLE *theirs)
{
    wchar_t name[96];
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    DWORD mode = PIPE_READMODE_MESSAGE;
    swprintf(name, 96, L"\\\\.\\pipe\\winside-%lu-%ls", GetCurrentProcessId(), what);
    HANDLE ours =
        CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                         PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, PIPE_BYTES, PIPE_BYTES, 0, NULL);
    *theirs = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, &inherit, OPEN_EXISTING,
                          FILE_FLAG_OVERLAPPED, NULL);
    if (ours == INVALID_HANDLE_VALUE || *theirs == INVALID_HANDLE_VALUE ||
        !SetNamedPipeHandleState(*theirs, &mode, NULL, NULL))
        die("pipe");
    return ours;
}

/* Overlapped, and waited for: the bytes moved, 0 when the pipe is broken. */
static DWORD move(HANDLE h, void *buf, DWORD n, BOOL writes)
{
    DWORD got = 0;
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    BOOL ok = writes ? WriteFile(h, buf, n, NULL, &o) : ReadFile(h, buf, n, NULL, &o);
    if (ok || GetLastError() == ERROR_IO_PENDING)
        ok = GetOverlappedResult(h, &o, &got, TRUE);
    CloseHandle(o.hEvent);
    return ok ? got : 0;
}

static void say(struct dbr_pm *m)
{
    uint8_t out[DBR_PM_MAX];
    size_t n = dbr_pm_encode(m, DBR_PM_SERVICE_TO_ENGINE, out);
    if (!n || !move(service_end, out, (DWORD)n, TRUE))
        die("say");
}

/* ---- what the engine says ---- */

static const char *ip_text(uint8_t family, const uint8_t *ip, char out[64])
{
    if (!inet_ntop(family == 6 ? AF_INET6 : AF_INET, ip, out, 64))
        out[0] = 0;
    return out;
}

static void print_net(const struct dbr_pm *m)
{
    char a[64], b[64];
    switch (m->type) {
    case DBR_PM_NET_ADDRESS:
        printf("NET ADDRESS %u %s/%u\n", m->net_address.family,
               ip_text(m->net_address.family, m->net_address.ip, a), m->net_address.prefix);
        break;
    case DBR_PM_NET_ROUTE:
        printf("NET ROUTE %u %s/%u via %s metric %lu\n", m->net_route.what,
               ip_text(m->net_route.family, m->net_route.dst, a), m->net_route.prefix,
               ip_text(m->net_route.family, m->net_route.via, b), (unsigned long)m->net_route.metric);
        break;
    case DBR_PM_NET_DNS: printf("NET DNS %s\n", ip_text(m->net_dns.family, m->net_dns.ip, a)); break;
    case DBR_PM_NET_SEARCH: printf("NET SEARCH %s\n", m->net_search.domain); break;
    case DBR_PM_NET_MTU: printf("NET MTU %lu\n", (unsigned long)m->net_mtu.mtu); break;
    default: printf("%s\n", dbr_pm_name(m->type)); break;
    }
}

static void heard(const struct dbr_pm *m)
{
    EnterCriticalSection(&printing);
    if (m->type == DBR_PM_STATE)
        printf("STATE %s %s %s\n", dbr_pm_state_name(m->state.state),
               *m->state.address ? m->state.address : "-", m->state.text);
    else if (m->type == DBR_PM_ASK)
        printf("ASK %lu %s\n", (unsigned long)m->ask.kind, m->ask.text);
    else if (m->type == DBR_PM_LOG)
        printf("LOG %lu %s\n", (unsigned long)m->log.level, m->log.line);
    else
        print_net(m);
    fflush(stdout);
    LeaveCriticalSection(&printing);
    if (m->type == DBR_PM_NET_APPLY) {
        struct dbr_pm done = {.type = DBR_PM_NET_DONE};
        say(&done);
    }
}

static DWORD WINAPI listen_thread(void *arg)
{
    uint8_t in[DBR_PM_MAX];
    struct dbr_pm m;
    const char *why;
    (void)arg;
    for (DWORD n; (n = move(service_end, in, sizeof in, FALSE)) > 0;) {
        if (dbr_pm_decode(&m, DBR_PM_ENGINE_TO_SERVICE, in, n, &why))
            die(why);
        heard(&m);
    }
    return 0;
}

/* ---- frames ---- */

static DWORD WINAPI frames_out_thread(void *arg)
{
    static uint8_t frame[FRAME_MAX];
    (void)arg;
    for (DWORD n; (n = move(tap_end, frame, sizeof frame, FALSE)) > 0;)
        send(wire, (char *)frame, (int)n, 0);
    return 0;
}

static DWORD WINAPI frames_in_thread(void *arg)
{
    static uint8_t frame[FRAME_MAX];
    (void)arg;
    for (;;) {
        int n = recv(wire, (char *)frame, sizeof frame, 0);
        if (n > 0 && !move(tap_end, frame, (DWORD)n, TRUE))
            return 0;
    }
}

static void open_wire(int port)
{
    WSADATA wsa;
    int big = 4 << 20;
    BOOL off = FALSE;
    DWORD got;
    struct sockaddr_in any = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    any.sin_addr.s_addr = to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((u_short)port);
    if (WSAStartup(MAKEWORD(2, 2), &wsa))
        die("winsock");
    wire = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(wire, SOL_SOCKET, SO_RCVBUF, (char *)&big, sizeof big);
    WSAIoctl(wire, _WSAIOW(IOC_VENDOR, 12), &off, sizeof off, NULL, 0, &got, NULL, NULL);
    if (bind(wire, (struct sockaddr *)&any, sizeof any) || connect(wire, (struct sockaddr *)&to, sizeof to))
        die("wire");
    send(wire, "", 0, 0); /* so that the other end knows our port */
}

/* ---- the service ---- */

static void complain(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    printf("LOG %d %s\n", severity, line);
}

static void import(const char *path, const char *id)
{
    struct dbr_import what = {.path = path, .id = id, .replace = true, .say = complain};
    struct dbr_imported done;
    char why[512] = "";
    if (dbr_keystore_import(&what, &done, why, sizeof why)) {
        printf("ERROR import: %s\n", why);
        exit(2);
    }
}

static void spawn(const char *exe, HANDLE tap, HANDLE pipe)
{
    wchar_t line[1024];
    STARTUPINFOW si = {.cb = sizeof si};
    PROCESS_INFORMATION pi;
    swprintf(line, 1024, L"\"%hs\" engine %llu %llu", exe, (unsigned long long)(uintptr_t)tap,
             (unsigned long long)(uintptr_t)pipe);
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &si, &pi))
        die("CreateProcess");
    engine = pi.hProcess;
    CloseHandle(pi.hThread);
}

static DWORD WINAPI commands_thread(void *arg)
{
    char line[1024], user[DBR_PM_USER], secret[DBR_PM_SECRET];
    unsigned kind;
    (void)arg;
    while (fgets(line, sizeof line, stdin)) {
        struct dbr_pm m = {.type = DBR_PM_STOP};
        if (sscanf(line, "answer %u %127s %511s", &kind, user, secret) == 3) {
            m.type = DBR_PM_ANSWER;
            m.answer.kind = kind;
            memcpy(m.answer.user, user, strcmp(user, "-") ? strlen(user) : 0);
            memcpy(m.answer.secret, secret, strlen(secret));
        } else if (strncmp(line, "stop", 4) != 0) {
            continue;
        }
        say(&m);
    }
    return 0;
}

int main(int argc, char **argv)
{
    HANDLE service_theirs, tap_theirs;
    DWORD code = 0;
    if (argc != 5)
        die("usage: winside.exe DRAWBRIDGE.EXE PROFILE.OVPN ID PORT");
    InitializeCriticalSection(&printing);
    import(argv[2], argv[3]);
    open_wire(atoi(argv[4]));
    service_end = make_pipe(L"service", &service_theirs);
    tap_end = make_pipe(L"tap", &tap_theirs);
    spawn(argv[1], tap_theirs, service_theirs);
    CloseHandle(service_theirs);
    CloseHandle(tap_theirs);
    CreateThread(NULL, 0, frames_out_thread, NULL, 0, NULL);
    CreateThread(NULL, 0, frames_in_thread, NULL, 0, NULL);
    HANDLE listener = CreateThread(NULL, 0, listen_thread, NULL, 0, NULL);
    struct dbr_pm start = {.type = DBR_PM_START};
    snprintf(start.start.id, sizeof start.start.id, "%s", argv[3]);
    say(&start);
    CreateThread(NULL, 0, commands_thread, NULL, 0, NULL);
    WaitForSingleObject(engine, INFINITE);
    WaitForSingleObject(listener, 2000);
    GetExitCodeProcess(engine, &code);
    printf("EXIT %lu\n", code);
    fflush(stdout);
    return 0;
}
