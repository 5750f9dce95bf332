/* The names Fluent Bit looks for. They are in C, not in Go, because Fluent Bit's daemon mode (-d) forks after loading a
 * plugin: no thread of Go's runtime lives in the child, and a call into Go would hang. So each call first compares the
 * process with the one that loaded us. */
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include "_cgo_export.h"

#define REFUSAL \
    "[output:agent_audit] cannot run in daemon mode (-d, daemon on): Fluent Bit forks after loading plugins, which Go " \
    "plugins do not survive; run it in the foreground, under systemd or in a container\n"

static pid_t loader;
static struct stat terminal;

__attribute__((constructor)) static void remember(void)
{
    loader = getpid();
    fstat(STDERR_FILENO, &terminal);
}

static int forked(void)
{
    struct stat now;
    if (getpid() == loader) {
        return 0;
    }
    syslog(LOG_ERR | LOG_DAEMON, REFUSAL);
    /* A daemon has closed standard error, and its number may be another file's by now. */
    if (fstat(STDERR_FILENO, &now) == 0 && now.st_dev == terminal.st_dev && now.st_ino == terminal.st_ino) {
        dprintf(STDERR_FILENO, "[error] " REFUSAL);
    }
    return 1;
}

int FLBPluginRegister(void *def) { return forked() ? -1 : agentAuditRegister(def); }
int FLBPluginInit(void *plugin) { return forked() ? 0 : agentAuditInit(plugin); }
int FLBPluginFlushCtx(void *ctx, void *data, int size, char *tag) { return forked() ? 2 : agentAuditFlush(ctx, data, size, tag); }
int FLBPluginExitCtx(void *ctx) { return forked() ? 1 : agentAuditExit(ctx); }
int FLBPluginExit(void) { return 1; }
void FLBPluginUnregister(void *def) { if (!forked()) agentAuditUnregister(def); }
