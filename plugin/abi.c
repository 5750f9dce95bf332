/* The names Fluent Bit looks for. They are in C, not in Go, because Fluent Bit's daemon mode (-d) forks after loading a
 * plugin: no thread of Go's runtime lives in the child, and a call into Go would hang for ever. So the process is
 * compared with the one that loaded us before any call. */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "_cgo_export.h"

static pid_t loader;

__attribute__((constructor)) static void remember_loader(void) { loader = getpid(); }

static int forked(void)
{
    if (getpid() == loader) {
        return 0;
    }
    fputs("[error] [output:agent_audit] cannot run in daemon mode (-d, daemon on): Fluent Bit forks after loading plugins, "
          "which Go plugins do not survive; run it in the foreground, under systemd or in a container\n", stderr);
    return 1;
}

int FLBPluginRegister(void *def) { return forked() ? -1 : agentAuditRegister(def); }

int FLBPluginInit(void *plugin) { return forked() ? 0 : agentAuditInit(plugin); }

int FLBPluginFlushCtx(void *ctx, const void *data, size_t size, const char *tag)
{
    return forked() ? 2 : agentAuditFlush(ctx, (void *) data, size, (char *) tag);
}

int FLBPluginExitCtx(void *ctx) { return forked() ? 1 : agentAuditExit(ctx); }

int FLBPluginExit(void) { return 1; }

void FLBPluginUnregister(void *def)
{
    if (!forked()) {
        agentAuditUnregister(def);
    }
}
