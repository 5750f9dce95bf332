/*
 * stub.c is an output plugin that writes what happens to it on standard error, a line `stub WHAT …` a call, so that
 * tests can check the host. Properties: init (what Init returns, default 1), result (what FlushCtx returns, default 1),
 * sleep_ms (how long a flush takes), exit_ms (how long ExitCtx takes), refuse (FlushCtx returns 2 so many times first).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct def {
	int type, proxy, flags;
	char *name, *description;
	int event_type;
	void *config_map;
};

struct ctx {
	void *remote, *proxy;
};

struct plugin {
	char *name;
	void *api, *instance;
	struct ctx *ctx;
	void *callbacks[5];
};

struct api {
	const char *(*get)(const char *, void *);
	void *unused[3];
	void (*log)(int, const char *, int, const char *, ...);
	void *input_log_check;
	int (*log_check)(void *, int);
};

struct state {
	int id, result, sleep_ms, exit_ms, refuse;
	const char *kept; /* the data of the flush before this one, which we have no right to */
	size_t kept_size;
};

static int instances, running, most, pid_at_load;

static int number(struct plugin *p, const char *key, int otherwise)
{
	const char *v = ((struct api *)p->api)->get(key, p->instance);
	return v ? atoi(v) : otherwise;
}

int FLBPluginPreRegister(int hot)
{
	dprintf(2, "stub preregister hot=%d\n", hot);
	return getenv("STUB_PREREGISTER") ? atoi(getenv("STUB_PREREGISTER")) : 0;
}

int FLBPluginRegister(struct def *def)
{
	dprintf(2, "stub register type=%d\n", def->type);
	pid_at_load = getpid();
	def->type = 2;
	def->proxy = 11;
	def->name = "stub";
	def->description = "records its calls";
	return 0;
}

int FLBPluginInit(struct plugin *p)
{
	struct api *api = p->api;
	struct state *s = calloc(1, sizeof *s);
	const char *mixed = api->get("mIxEd_CaSe", p->instance), *unset = api->get("unset", p->instance);
	const char *reserved = api->get("workers", p->instance);

	s->id = instances++;
	s->result = number(p, "result", 1);
	s->sleep_ms = number(p, "sleep_ms", 0);
	s->exit_ms = number(p, "exit_ms", 0);
	s->refuse = number(p, "refuse", 0);
	p->ctx->remote = s;
	api->log(3, "stub.c", 1, "[stub] %s %d", "hello from", s->id);
	dprintf(2, "stub init id=%d plugin=%p ctx=%p mixed=%s unset=%s workers=%s debug=%d engine=%d forked=%d\n", s->id,
		(void *)p, (void *)p->ctx, mixed ? mixed : "NULL", unset ? unset : "NULL", reserved ? reserved : "NULL",
		api->log_check(p->instance, 4), gettid() != getpid(), getpid() != pid_at_load);
	return number(p, "init", 1);
}

int FLBPluginOutputPreRun(int enabled)
{
	dprintf(2, "stub prerun enabled=%d\n", enabled);
	return 0;
}

/* The size of the mapping that here lies in, whether a guard page is below it, and whether it is a thread's stack. */
static void measure(char *here, size_t *size, int *guard, int *thread)
{
	pthread_attr_t attr;
	void *low;
	size_t n;
	char line[512];
	uintptr_t from, to, last = 0;
	char perm[8], last_perm[8] = "";
	FILE *f = fopen("/proc/self/maps", "re");

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &n);
	pthread_attr_destroy(&attr);
	*thread = here >= (char *)low && here < (char *)low + n;
	while (fgets(line, sizeof line, f) && sscanf(line, "%lx-%lx %4s", &from, &to, perm) == 3) {
		if ((uintptr_t)here >= from && (uintptr_t)here < to) {
			*size = to - from;
			*guard = last == from && strcmp(last_perm, "---p") == 0;
		}
		last = to;
		strcpy(last_perm, perm);
	}
	fclose(f);
}

int FLBPluginFlushCtx(void *remote, const void *data, size_t size, char *tag)
{
	struct state *s = remote;
	char here = 0;
	size_t stack = 0, same = 0;
	int guard = 0, thread = 0, now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);

	if (now > most)
		most = now;
	measure(&here, &stack, &guard, &thread);
	for (size_t i = 0; s->kept != NULL && i < s->kept_size; i++)
		same += (unsigned char)s->kept[i] == 0xDD;
	dprintf(2, "stub flush id=%d tag=%s size=%zu first=%02x stack=%zu guard=%d thread=%d tid=%d main=%d kept=%zu dd=%zu\n",
		s->id, tag, size, size ? *(const unsigned char *)data : 0, stack, guard, thread, gettid(), getpid(),
		s->kept_size, same);
	s->kept = data;
	s->kept_size = size;
	usleep((useconds_t)s->sleep_ms * 1000);
	dprintf(2, "stub flushed id=%d most=%d\n", s->id, most);
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	if (getenv("STUB_OVERREAD"))
		return ((const char *)data)[size] + 1;
	return __atomic_fetch_sub(&s->refuse, 1, __ATOMIC_SEQ_CST) > 0 ? 2 : s->result;
}

void FLBPluginOutputPreExit(int reload)
{
	dprintf(2, "stub preexit reload=%d\n", reload);
}

int FLBPluginExitCtx(void *remote)
{
	struct state *s = remote;

	if (s == NULL) {
		dprintf(2, "stub exitctx nil\n");
		return 1;
	}
	usleep((useconds_t)s->exit_ms * 1000);
	dprintf(2, "stub exitctx id=%d running=%d\n", s->id, running);
	free(s);
	return 1;
}

void FLBPluginUnregister(struct def *def)
{
	dprintf(2, "stub unregister %s\n", def->name);
}
