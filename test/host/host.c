//go:build ignore

/* The line above keeps the go tool from compiling this file into package host; build.go does that with gcc. */

/*
 * host.c loads a Fluent Bit output plugin (.so) and calls it as Fluent Bit 5.1 does: the same C functions, in the same
 * order, from the same kinds of threads and stacks. It has no inputs; a test says what is flushed.
 *
 * Threads. The main thread loads, registers, unregisters and unloads. An engine thread, started with the first
 * instance and ended by exit or reload, calls Init, OutputPreRun, PreExit and ExitCtx, and flushes for instances
 * without workers. An instance with `workers N` flushes on N threads of its own. Every FlushCtx runs on a fresh 64 KiB
 * stack that belongs to no thread, between guard pages. The chunk and the tag end at a guard page each; when FlushCtx
 * returns they are overwritten with 0xDD, and unmapped 16 flushes later.
 *
 * Protocol. Commands come on standard input, answers go to descriptor 3, one line each; the plugin sees neither (its
 * standard input is /dev/null, and none of its children inherits them). SEQ is a number of the caller's choice that
 * comes back as the first word of the answer. PROPS is LEN bytes of `key=value` pairs, each ended by a NUL.
 *
 *   load SEQ PATH               SEQ ok
 *   instance SEQ LEN\nPROPS     SEQ ok ID RC          RC is what Init returned: 0 or less is failure
 *   prerun SEQ                  SEQ ok RC             done by the first flush if not asked for
 *   flush SEQ ID LEN TAG\nDATA  SEQ flushed RC USEC   as soon as it is done, in any order
 *                               SEQ lost              the host stopped before the flush began
 *   config SEQ ID LEN\nPROPS    SEQ ok                the properties that instance ID has after the next reload
 *   reload SEQ                  SEQ ok                or SEQ err, and the host ends with 255, if an Init fails
 *   exit SEQ                    SEQ ok RC             RC is the last ExitCtx's; `load` may follow
 *   dryrun SEQ LEN\nPROPS       SEQ ok RC             after load: no Init, ExitCtx(NULL), Unregister
 *   daemon SEQ                  SEQ ok PID            after load: the child goes on serving, the parent awaits it
 *   quit SEQ                    SEQ ok                `exit` if need be, then the process ends
 * Whatever fails answers `SEQ err TEXT`. SIGTERM, SIGINT, SIGQUIT and the end of standard input stop the host as they
 * stop Fluent Bit: queued flushes get the grace period, running ones are awaited, then ExitCtx; status 0, or 255 if an
 * Init had failed. SIGHUP reloads.
 *
 * Usage: host [-g GRACE_SECONDS] [-Y], -Y as Fluent Bit's --enable-hot-reload.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_SIZE (64 * 1024)
#define MAX_INSTANCES 64
#define MAX_WORKERS 64
#define MAX_PAYLOAD (256u << 20)
#define QUARANTINE 32 /* buffers; two (chunk and tag) a flush */
#define SCRIBBLE 0xDD

enum { FLB_ERROR, FLB_OK, FLB_RETRY };
enum { LOG_ERROR = 1, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* --- What the plugin sees (facts: include/fluent-bit/flb_plugin_proxy.h, flb_api.h, src/proxy/go/go.h) --- */

struct proxy;
struct instance;

struct plugin_def {
	int type, proxy, flags;
	char *name, *description;
	int event_type;
	void *config_map;
};

struct plugin_ctx {
	void *remote_context;
	struct proxy *proxy;
};

struct plugin {
	char *name;
	void *api, *o_ins;
	struct plugin_ctx *context;
	int (*cb_init)(struct plugin *);
	int (*cb_flush)(const void *, size_t, const char *);
	int (*cb_flush_ctx)(void *, const void *, size_t, char *);
	int (*cb_exit)(void);
	int (*cb_exit_ctx)(void *);
};

struct api {
	const char *(*output_get_property)(const char *, struct instance *);
	const char *(*input_get_property)(const char *, void *);
	void *(*output_get_cmt_instance)(struct instance *);
	void *(*input_get_cmt_instance)(void *);
	void (*log_print)(int, const char *, int, const char *, ...);
	int (*input_log_check)(void *, int);
	int (*output_log_check)(struct instance *, int);
	const char *(*custom_get_property)(const char *, void *);
	int (*custom_log_check)(void *, int);
};

/* --- What the host keeps --- */

/* A chunk or tag as handed over: data ends exactly where a page without access begins. */
struct buffer {
	char *map, *data;
	size_t mapped, size;
};

struct job {
	void (*run)(struct job *);
	void (*lose)(struct job *); /* in place of run when the grace period is over; NULL: always run */
	struct job *next;
	struct instance *ins;
	unsigned long long seq;
	struct buffer data, tag;
	int rc;
	pthread_mutex_t *lock; /* of the waiter in call(), NULL if nobody waits */
	pthread_cond_t *cond;
	bool done;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *head, *tail;
	int running;
	bool stopping;
};

/* One registration of one .so; a reload has two for a while. */
struct proxy {
	void *handle;
	struct plugin_def *def;
	struct plugin *plugin; /* shared by all instances, overwritten by each Init */
	struct api *api;
};

struct instance {
	int id, workers, log_level;
	char *props, *next_props;
	size_t props_len, next_props_len;
	struct proxy *proxy;
	struct plugin_ctx *ctx; /* NULL: not there (Init failed, or exited) */
	bool prerun;
	struct queue queue;
	pthread_t threads[MAX_WORKERS];
};

static struct {
	int commands, answers, signal_pipe[2];
	int grace, hot_reload;
	char path[4096];
	struct proxy *proxy;
	struct instance *instances[MAX_INSTANCES];
	int count;
	pthread_t engine;
	bool running;      /* the engine thread is there */
	bool init_failed;  /* exit status 255 */
	int by_hot_reload; /* argument of PreExit */
	int exit_rc;
	struct timespec deadline; /* end of the grace period, once stopping */
	struct queue queue;       /* the engine's */
} host = {.grace = 5};

static __thread struct coroutine *current;

/* --- Answers and log lines --- */

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return;
		p += w;
		n -= (size_t)w;
	}
}

/* One answer, one write of less than PIPE_BUF bytes, so lines of several threads never mix. */
__attribute__((format(printf, 2, 3))) static void answer(unsigned long long seq, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int n = snprintf(line, sizeof line, "%llu ", seq);

	va_start(args, fmt);
	n += vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, args);
	va_end(args);
	if (n > (int)sizeof line - 2)
		n = sizeof line - 2;
	for (int i = 0; i < n; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[n++] = '\n';
	write_all(host.answers, line, (size_t)n);
}

/* api.log_print: `[2026/01/31 12:00:00.123456789] [ info] text`, cut at 4 KiB as Fluent Bit cuts it. */
__attribute__((format(printf, 4, 5))) static void log_print(int level, const char *file, int line, const char *fmt, ...)
{
	static const char *const names[] = {"", "error", " warn", " info", "debug", "trace"};
	char text[4096];
	struct timespec now;
	struct tm tm;
	va_list args;
	size_t n;

	(void)file;
	(void)line;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(text, sizeof text, "[%Y/%m/%d %H:%M:%S", &tm);
	n += (size_t)snprintf(text + n, sizeof text - n, ".%09ld] [%s] ", now.tv_nsec,
			      level >= 1 && level <= 5 ? names[level] : "");
	va_start(args, fmt);
	int body = vsnprintf(text + n, sizeof text - n - 1, fmt, args);
	va_end(args);
	if (body < 0)
		return;
	n = n + (size_t)body < sizeof text - 2 ? n + (size_t)body : sizeof text - 2;
	text[n++] = '\n';
	write_all(STDERR_FILENO, text, n);
}

#define say(level, ...) log_print(level, __FILE__, __LINE__, __VA_ARGS__)

static void die(const char *what)
{
	say(LOG_ERROR, "[host] %s: %s", what, strerror(errno));
	_exit(70);
}

static void *must(void *p)
{
	if (p == NULL)
		die("out of memory");
	return p;
}

/* --- The api table --- */

/* The value of key among NUL-ended key=value pairs, the first that matches without regard to case, or NULL. */
static const char *find_property(const struct instance *ins, const char *key)
{
	size_t n = key ? strlen(key) : 0;

	for (size_t i = 0; n > 0 && i < ins->props_len; i += strlen(ins->props + i) + 1)
		if (strncasecmp(ins->props + i, key, n) == 0 && ins->props[i + n] == '=')
			return ins->props + i + n + 1;
	return NULL;
}

/* Keys that Fluent Bit takes for itself and never shows the plugin (src/flb_output.c, flb_output_set_property). */
static bool reserved(const char *key)
{
	static const char *const names[] = {"match", "match_regex", "alias", "log_level", "log_suppress_interval", "host",
					    "port", "ipv6", "retry_limit", "tls", "workers", "storage.total_limit_size"};
	static const char *const prefixes[] = {"net.", "oauth2", "tls."};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(key, names[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncasecmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static const char *output_get_property(const char *key, struct instance *ins)
{
	return key == NULL || reserved(key) ? NULL : find_property(ins, key);
}

static int output_log_check(struct instance *ins, int level)
{
	return ins->log_level >= level;
}

static const char *no_property(const char *key, void *ins)
{
	(void)key;
	(void)ins;
	return NULL;
}

static int no_log_check(void *ins, int level)
{
	(void)ins;
	return level <= LOG_INFO;
}

static void *output_no_cmt(struct instance *ins)
{
	(void)ins;
	return NULL;
}

static void *input_no_cmt(void *ins)
{
	(void)ins;
	return NULL;
}

static struct api *new_api(void)
{
	struct api *api = must(calloc(1, sizeof *api));

	*api = (struct api){output_get_property, no_property,      output_no_cmt, input_no_cmt, log_print,
			    no_log_check,        output_log_check, no_property,   no_log_check};
	return api;
}

/* --- Buffers handed to the plugin --- */

static struct buffer new_buffer(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t usable = (size + page - 1) / page * page + (size == 0 ? page : 0);
	struct buffer b = {.mapped = usable + page, .size = size};

	b.map = mmap(NULL, b.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b.map == MAP_FAILED || mprotect(b.map + usable, page, PROT_NONE) != 0)
		die("mmap of a chunk");
	b.data = b.map + usable - size;
	return b;
}

/* Overwrites b, keeps it readable for a few flushes more (a plugin that kept the pointer sees 0xDD), then unmaps it. */
static void retire(struct buffer b)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct buffer kept[QUARANTINE];
	static size_t next;
	struct buffer old;

	memset(b.data, SCRIBBLE, b.size);
	pthread_mutex_lock(&lock);
	old = kept[next];
	kept[next] = b;
	next = (next + 1) % QUARANTINE;
	pthread_mutex_unlock(&lock);
	if (old.map != NULL)
		munmap(old.map, old.mapped);
}

/* --- Queues and the threads that serve them --- */

static void queue_init(struct queue *q)
{
	pthread_condattr_t attr;

	memset(q, 0, sizeof *q);
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void queue_put(struct queue *q, struct job *j)
{
	j->next = NULL;
	pthread_mutex_lock(&q->lock);
	if (q->tail != NULL)
		q->tail->next = j;
	else
		q->head = j;
	q->tail = j;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* The next job, or NULL when the queue is stopping and empty. finished: the caller just ended a job. */
static struct job *queue_take(struct queue *q, bool finished)
{
	struct job *j;

	pthread_mutex_lock(&q->lock);
	if (finished) {
		q->running--;
		pthread_cond_broadcast(&q->changed);
	}
	while (q->head == NULL && !q->stopping)
		pthread_cond_wait(&q->changed, &q->lock);
	j = q->head;
	if (j != NULL) {
		q->head = j->next;
		if (q->head == NULL)
			q->tail = NULL;
		q->running++;
	}
	pthread_mutex_unlock(&q->lock);
	return j;
}

static void queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* Waits until the queue has neither waiting nor running jobs, or until the grace period is over. */
static void queue_drain(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->head != NULL || q->running > 0)
		if (pthread_cond_timedwait(&q->changed, &q->lock, &host.deadline) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&q->lock);
}

static bool grace_over(const struct queue *q)
{
	struct timespec now;

	if (!__atomic_load_n(&q->stopping, __ATOMIC_ACQUIRE))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > host.deadline.tv_sec ||
	       (now.tv_sec == host.deadline.tv_sec && now.tv_nsec >= host.deadline.tv_nsec);
}

/* Runs jobs until the queue stops. A job nobody waits for frees itself in run or lose. */
static void *serve(void *arg)
{
	struct queue *q = arg;
	struct job *j = NULL;

	while ((j = queue_take(q, j != NULL)) != NULL) {
		if (j->lose != NULL && grace_over(q)) {
			j->lose(j);
			continue;
		}
		pthread_mutex_t *lock = j->lock;
		j->run(j);
		if (lock != NULL) {
			pthread_mutex_lock(lock);
			j->done = true;
			pthread_cond_signal(j->cond);
			pthread_mutex_unlock(lock);
		}
	}
	return NULL;
}

/* Runs one function on the engine thread and waits for it. */
static int call(void (*run)(struct job *), struct instance *ins)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct job j = {.run = run, .ins = ins, .lock = &lock, .cond = &cond};

	queue_put(&host.queue, &j);
	pthread_mutex_lock(&lock);
	while (!j.done)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return j.rc;
}

static void start_engine(void)
{
	if (host.running)
		return;
	queue_init(&host.queue);
	if (pthread_create(&host.engine, NULL, serve, &host.queue) != 0)
		die("engine thread");
	host.running = true;
}

/* --- Flushing, on a stack of its own --- */

struct coroutine {
	ucontext_t self, caller;
	struct job *job;
	long long usec;
};

static long long usec_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void flush_on_coroutine(void)
{
	struct coroutine *co = current;
	struct job *j = co->job;
	struct plugin *p = j->ins->proxy->plugin;
	long long start = usec_now();

	if (p->cb_flush_ctx != NULL)
		j->rc = p->cb_flush_ctx(j->ins->ctx->remote_context, j->data.data, j->data.size, j->tag.data);
	else
		j->rc = p->cb_flush(j->data.data, j->data.size, j->tag.data);
	co->usec = usec_now() - start;
	retire(j->tag);
	retire(j->data);
}

static void run_flush(struct job *j)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct coroutine co = {.job = j};
	size_t mapped = STACK_SIZE + 2 * page;
	char *stack = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED || mprotect(stack + page, STACK_SIZE, PROT_READ | PROT_WRITE) != 0)
		die("mmap of a stack");
	getcontext(&co.self);
	co.self.uc_stack.ss_sp = stack + page;
	co.self.uc_stack.ss_size = STACK_SIZE;
	co.self.uc_link = &co.caller;
	current = &co;
	makecontext(&co.self, flush_on_coroutine, 0);
	if (swapcontext(&co.caller, &co.self) != 0)
		die("swapcontext");
	current = NULL;
	munmap(stack, mapped);
	answer(j->seq, "flushed %d %lld", j->rc, co.usec);
	free(j);
}

static void lose_flush(struct job *j)
{
	answer(j->seq, "lost");
	retire(j->tag);
	retire(j->data);
	free(j);
}

static void *symbol(struct proxy *p, const char *name)
{
	return dlsym(p->handle, name);
}

static int prerun_all(void)
{
	int rc = 0;

	for (int i = 0; i < host.count; i++) {
		struct instance *ins = host.instances[i];
		int (*pre_run)(int);
		if (ins->ctx == NULL || ins->prerun)
			continue;
		ins->prerun = true;
		*(void **)&pre_run = symbol(ins->proxy, "FLBPluginOutputPreRun");
		if (pre_run != NULL)
			rc = pre_run(host.hot_reload);
	}
	return rc;
}

static void run_prerun(struct job *j)
{
	j->rc = prerun_all();
}

/* The engine's part of a flush: its own, or passed on to the workers of the instance. */
static void dispatch_flush(struct job *j)
{
	prerun_all();
	if (j->ins->ctx == NULL) {
		lose_flush(j);
		return;
	}
	if (j->ins->workers == 0) {
		run_flush(j);
		return;
	}
	j->run = run_flush;
	queue_put(&j->ins->queue, j);
}

/* --- Life of a plugin --- */

static void unload(struct proxy *p)
{
	void (*unregister)(struct plugin_def *);

	*(void **)&unregister = symbol(p, "FLBPluginUnregister");
	if (unregister != NULL)
		unregister(p->def);
	if (p->plugin != NULL)
		free(p->plugin->name);
	free(p->plugin);
	free(p->def);
	free(p->api);
	dlclose(p->handle);
	free(p);
}

static const char *look_up_callbacks(struct proxy *p)
{
	struct plugin *plugin = must(calloc(1, sizeof *plugin));

	if (p->def->type != 2 || p->def->proxy != 11 || p->def->name == NULL) {
		free(plugin);
		return "not registered as an output of the Go proxy";
	}
	*(void **)&plugin->cb_init = symbol(p, "FLBPluginInit");
	*(void **)&plugin->cb_flush = symbol(p, "FLBPluginFlush");
	*(void **)&plugin->cb_flush_ctx = symbol(p, "FLBPluginFlushCtx");
	*(void **)&plugin->cb_exit = symbol(p, "FLBPluginExit");
	*(void **)&plugin->cb_exit_ctx = symbol(p, "FLBPluginExitCtx");
	if (plugin->cb_init == NULL || (plugin->cb_flush == NULL && plugin->cb_flush_ctx == NULL)) {
		free(plugin);
		return "no FLBPluginInit, or neither FLBPluginFlushCtx nor FLBPluginFlush";
	}
	plugin->name = must(strdup(p->def->name));
	p->plugin = plugin;
	return NULL;
}

/* dlopen, PreRegister, Register. Returns NULL and sets why on failure. */
static struct proxy *load(const char *path, int hot_reloading, const char **why)
{
	struct proxy *p;
	int (*pre_register)(int);
	int (*reg)(struct plugin_def *);
	void *handle = dlopen(path, RTLD_LAZY);

	if (handle == NULL) {
		*why = dlerror();
		return NULL;
	}
	p = must(calloc(1, sizeof *p));
	p->handle = handle;
	p->api = new_api();
	p->def = must(calloc(1, sizeof *p->def));
	p->def->type = 2;
	*(void **)&pre_register = symbol(p, "FLBPluginPreRegister");
	*(void **)&reg = symbol(p, "FLBPluginRegister");
	if (pre_register != NULL && pre_register(hot_reloading) == -1)
		*why = "FLBPluginPreRegister returned -1";
	else if (reg == NULL)
		*why = "no FLBPluginRegister";
	else if (reg(p->def) == -1)
		*why = "FLBPluginRegister returned -1";
	else
		*why = look_up_callbacks(p);
	if (*why == NULL)
		return p;
	free(p->def);
	free(p->api);
	dlclose(handle);
	free(p);
	return NULL;
}

/* Init of one instance, on the engine thread. The plugin struct is the same one for all. */
static void run_init(struct job *j)
{
	struct instance *ins = j->ins;
	struct plugin *p = ins->proxy->plugin;

	p->api = ins->proxy->api;
	p->o_ins = ins;
	p->context = ins->ctx;
	j->rc = p->cb_init(p);
	if (j->rc <= 0) { /* the instance is gone: it never gets PreExit or ExitCtx */
		say(LOG_ERROR, "[go proxy]: plugin '%s' failed to initialize", p->name);
		say(LOG_ERROR, "[output] could not initialize '%s' plugin", p->name);
		free(ins->ctx);
		ins->ctx = NULL;
		host.init_failed = true;
		return;
	}
	queue_init(&ins->queue);
	for (int i = 0; i < ins->workers; i++) {
		if (pthread_create(&ins->threads[i], NULL, serve, &ins->queue) != 0)
			die("worker thread");
		say(LOG_INFO, "[output:%s:%s.%d] worker #%d started", p->name, p->name, ins->id, i);
	}
}

static int parse_level(const char *name)
{
	static const char *const names[] = {"off", "error", "warn", "info", "debug", "trace"};

	for (int i = 0; name != NULL && i < 6; i++)
		if (strcasecmp(name, names[i]) == 0)
			return i;
	return LOG_INFO;
}

/* Sets what Fluent Bit itself takes from the properties, and gives the instance a new context. */
static void prepare(struct instance *ins)
{
	const char *workers = find_property(ins, "workers");

	ins->workers = workers ? atoi(workers) : 0;
	if (ins->workers < 0 || ins->workers > MAX_WORKERS)
		ins->workers = 0;
	ins->log_level = parse_level(find_property(ins, "log_level"));
	ins->proxy = host.proxy;
	ins->prerun = false;
	ins->ctx = must(calloc(1, sizeof *ins->ctx));
	ins->ctx->proxy = host.proxy;
}

static struct instance *new_instance(char *props, size_t len)
{
	struct instance *ins = must(calloc(1, sizeof *ins));

	ins->id = host.count;
	ins->props = props;
	ins->props_len = len;
	prepare(ins);
	host.instances[host.count++] = ins;
	return ins;
}

/* PreExit and ExitCtx (or Exit) of one instance; remote_context is NULL when Init was never called. */
static void exit_instance(struct instance *ins)
{
	struct plugin *p = ins->proxy->plugin;
	void (*pre_exit)(int);

	*(void **)&pre_exit = symbol(ins->proxy, "FLBPluginOutputPreExit");
	if (pre_exit != NULL)
		pre_exit(host.by_hot_reload);
	if (p->cb_exit_ctx != NULL)
		host.exit_rc = p->cb_exit_ctx(ins->ctx->remote_context);
	else if (p->cb_exit != NULL)
		host.exit_rc = p->cb_exit();
	free(ins->ctx);
	ins->ctx = NULL;
}

/* The end of the engine: drain the workers within the grace period, then stop and exit one instance after another. */
static void run_shutdown(struct job *j)
{
	(void)j;
	for (int i = 0; i < host.count; i++)
		if (host.instances[i]->ctx != NULL && host.instances[i]->workers > 0)
			queue_drain(&host.instances[i]->queue);
	for (int i = 0; i < host.count; i++) {
		struct instance *ins = host.instances[i];
		if (ins->ctx == NULL)
			continue;
		if (ins->workers > 0)
			queue_stop(&ins->queue);
		for (int w = 0; w < ins->workers; w++)
			pthread_join(ins->threads[w], NULL);
		exit_instance(ins);
	}
}

static void stop_engine(int by_hot_reload)
{
	if (!host.running)
		return;
	host.by_hot_reload = by_hot_reload;
	clock_gettime(CLOCK_MONOTONIC, &host.deadline);
	host.deadline.tv_sec += by_hot_reload ? 1 << 30 : host.grace; /* a reload waits for all flushes, with no limit */
	struct job *j = must(calloc(1, sizeof *j)); /* behind all queued flushes */
	j->run = run_shutdown;
	queue_put(&host.queue, j);
	queue_stop(&host.queue);
	pthread_join(host.engine, NULL);
	free(j);
	host.running = false;
}

static void forget_instances(void)
{
	for (int i = 0; i < host.count; i++) {
		free(host.instances[i]->props);
		free(host.instances[i]->next_props);
		free(host.instances[i]->ctx);
		free(host.instances[i]);
	}
	host.count = 0;
}

static int shut_down(void)
{
	host.exit_rc = 0;
	stop_engine(0);
	if (host.proxy != NULL)
		unload(host.proxy);
	host.proxy = NULL;
	forget_instances();
	return host.exit_rc;
}

/* --- Signals, set with signal(2) and again on SIGHUP and SIGCONT, as Fluent Bit does: ours then replace Go's --- */

static void set_signals(void);

static void on_signal(int sig)
{
	int saved = errno;
	unsigned char b = (unsigned char)sig;

	if (sig == SIGSEGV || sig == SIGFPE) {
		static const char text[] = "[engine] caught signal (SIGSEGV or SIGFPE)\n";
		write_all(STDERR_FILENO, text, sizeof text - 1);
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	if (sig == SIGHUP || sig == SIGCONT)
		set_signals();
	write_all(host.signal_pipe[1], (char *)&b, 1);
	errno = saved;
}

static void set_signals(void)
{
	static const int all[] = {SIGINT, SIGQUIT, SIGHUP, SIGCONT, SIGTERM, SIGSEGV, SIGFPE};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		signal(all[i], on_signal);
}

__attribute__((noreturn)) static void finish(void)
{
	shut_down();
	exit(host.init_failed ? 255 : 0);
}

/* --- Commands --- */

static char input[1 << 16];
static size_t input_pos, input_len;

static void reload(unsigned long long seq);

/* Waits for a command or a signal; false at the end of the commands. */
static bool fill(void)
{
	for (;;) {
		struct pollfd fds[] = {{host.commands, POLLIN, 0}, {host.signal_pipe[0], POLLIN, 0}};
		unsigned char sig;
		if (poll(fds, 2, -1) < 0)
			continue;
		if ((fds[1].revents & POLLIN) && read(host.signal_pipe[0], &sig, 1) == 1) {
			if (sig == SIGHUP)
				reload(0);
			if (sig == SIGHUP || sig == SIGCONT)
				continue;
			say(LOG_WARN, "[engine] caught signal (%s), service will shutdown in max %d seconds",
			    sig == SIGTERM ? "SIGTERM" : sig == SIGINT ? "SIGINT" : "SIGQUIT", host.grace);
			finish();
		}
		if (fds[0].revents == 0)
			continue;
		ssize_t n = read(host.commands, input, sizeof input);
		if (n < 0 && errno == EINTR)
			continue;
		input_pos = 0;
		input_len = n > 0 ? (size_t)n : 0;
		return n > 0;
	}
}

static bool read_bytes(char *to, size_t n)
{
	while (n > 0) {
		if (input_pos == input_len && !fill())
			return false;
		size_t k = input_len - input_pos < n ? input_len - input_pos : n;
		memcpy(to, input + input_pos, k);
		input_pos += k;
		to += k;
		n -= k;
	}
	return true;
}

static bool read_line(char *to, size_t cap)
{
	for (size_t n = 0; n + 1 < cap; n++) {
		if (!read_bytes(to + n, 1))
			return false;
		if (to[n] == '\n') {
			to[n] = '\0';
			return true;
		}
	}
	return false;
}

/* Reads PROPS; always NUL-ended. */
static char *read_props(size_t len)
{
	char *props = must(calloc(1, len + 1));

	if (!read_bytes(props, len))
		finish();
	return props;
}

static void cmd_load(unsigned long long seq, const char *path)
{
	const char *why = NULL;

	if (host.proxy != NULL) {
		answer(seq, "err already loaded");
		return;
	}
	set_signals(); /* before the plugin's runtime installs its own */
	snprintf(host.path, sizeof host.path, "%s", path);
	host.proxy = load(path, 0, &why);
	if (host.proxy == NULL)
		answer(seq, "err %s", why ? why : "unknown");
	else
		answer(seq, "ok %s", host.proxy->def->name);
}

static void cmd_instance(unsigned long long seq, size_t len)
{
	char *props = read_props(len);
	struct instance *ins;
	int rc;

	if (host.proxy == NULL || host.count == MAX_INSTANCES) {
		free(props);
		answer(seq, "err nothing loaded, or too many instances");
		return;
	}
	ins = new_instance(props, len);
	start_engine();
	rc = call(run_init, ins);
	answer(seq, "ok %d %d", ins->id, rc);
}

static struct instance *instance_by_id(int id)
{
	return id >= 0 && id < host.count && host.instances[id]->ctx != NULL ? host.instances[id] : NULL;
}

static void cmd_flush(unsigned long long seq, int id, size_t len, const char *tag)
{
	struct job *j = must(calloc(1, sizeof *j));
	size_t tag_len = strlen(tag) + 1;

	j->data = new_buffer(len);
	j->tag = new_buffer(tag_len);
	memcpy(j->tag.data, tag, tag_len);
	if (!read_bytes(j->data.data, len))
		finish();
	j->seq = seq;
	j->run = dispatch_flush;
	j->lose = lose_flush;
	j->ins = instance_by_id(id);
	if (j->ins != NULL) {
		queue_put(&host.queue, j);
		return;
	}
	answer(seq, "err no instance %d", id);
	retire(j->data);
	retire(j->tag);
	free(j);
}

static void cmd_config(unsigned long long seq, int id, size_t len)
{
	char *props = read_props(len);
	struct instance *ins = instance_by_id(id);

	if (ins == NULL) {
		free(props);
		answer(seq, "err no instance %d", id);
		return;
	}
	free(ins->next_props);
	ins->next_props = props;
	ins->next_props_len = len;
	answer(seq, "ok");
}

/* Init of all instances again, on a new engine thread. */
static int start_again(void)
{
	start_engine();
	for (int i = 0; i < host.count; i++) {
		struct instance *ins = host.instances[i];
		if (ins->next_props != NULL) {
			free(ins->props);
			ins->props = ins->next_props;
			ins->props_len = ins->next_props_len;
			ins->next_props = NULL;
		}
		prepare(ins);
	}
	for (int i = 0; i < host.count; i++) {
		int rc = call(run_init, host.instances[i]);
		if (rc <= 0)
			return rc;
	}
	call(run_prerun, NULL);
	return 1;
}

/*
 * As src/flb_reload.c: register the new, end the old (flushes, ExitCtx, Unregister), Init the new. What Init refuses
 * ends Fluent Bit, and so the host. All flushes asked for before run first; those asked for meanwhile wait.
 */
static void reload(unsigned long long seq)
{
	const char *why = NULL;
	struct proxy *fresh, *old = host.proxy;
	int rc;

	if (old == NULL || !host.running) {
		answer(seq, "err nothing runs");
		return;
	}
	set_signals(); /* SIGHUP's handler does */
	say(LOG_INFO, "reloading instance pid=%ld", (long)getpid());
	fresh = load(host.path, 1, &why);
	if (fresh == NULL) {
		answer(seq, "err %s", why ? why : "unknown");
		return;
	}
	say(LOG_INFO, "[reload] stop everything of the old context");
	stop_engine(1);
	unload(old);
	host.proxy = fresh;
	say(LOG_INFO, "[reload] start everything");
	rc = start_again();
	if (rc <= 0) {
		answer(seq, "err Init returned %d", rc);
		say(LOG_ERROR, "[reload] loaded configuration contains error(s). Reloading is aborted");
		finish();
	}
	answer(seq, "ok");
}

static void cmd_dryrun(unsigned long long seq, size_t len)
{
	char *props = read_props(len);

	if (host.proxy == NULL || host.running) {
		free(props);
		answer(seq, "err load first, and make no instance");
		return;
	}
	host.by_hot_reload = 0;
	exit_instance(new_instance(props, len));
	int rc = host.exit_rc;
	shut_down();
	answer(seq, "ok %d", rc);
}

/*
 * fork after load, as `fluent-bit -d`. Differs in two things: the parent stays to report the child's end, and takes
 * it along if killed; and standard error stays open, so that a test can read it (Fluent Bit closes it).
 */
static void cmd_daemon(unsigned long long seq)
{
	pid_t child;
	int status;

	if (host.proxy == NULL || host.running) {
		answer(seq, "err load first, and make no instance");
		return;
	}
	child = fork();
	if (child < 0)
		die("fork");
	if (child > 0) {
		signal(SIGTERM, SIG_IGN);
		close(host.commands);
		close(host.answers);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	setsid();
	if (chdir("/") != 0)
		die("chdir");
	say(LOG_INFO, "switching to background mode (PID=%ld)", (long)getpid());
	answer(seq, "ok %ld", (long)getpid());
}

static void other_command(const char *name, unsigned long long seq)
{
	if (strcmp(name, "prerun") == 0 && host.running)
		answer(seq, "ok %d", call(run_prerun, NULL));
	else if (strcmp(name, "reload") == 0)
		reload(seq);
	else if (strcmp(name, "exit") == 0)
		answer(seq, "ok %d", shut_down());
	else if (strcmp(name, "daemon") == 0)
		cmd_daemon(seq);
	else if (strcmp(name, "quit") == 0) {
		shut_down();
		answer(seq, "ok");
		finish();
	} else
		answer(seq, "err bad command");
}

/* False at the end of the commands. */
static bool command(void)
{
	char line[8192], name[16];
	unsigned long long seq, len;
	int id, at = 0;

	if (!read_line(line, sizeof line))
		return false;
	if (sscanf(line, "load %llu %n", &seq, &at) == 1 && at > 0)
		cmd_load(seq, line + at);
	else if (sscanf(line, "flush %llu %d %llu%n", &seq, &id, &len, &at) == 3 && len <= MAX_PAYLOAD && line[at] == ' ')
		cmd_flush(seq, id, len, line + at + 1);
	else if (sscanf(line, "instance %llu %llu", &seq, &len) == 2 && len <= MAX_PAYLOAD)
		cmd_instance(seq, len);
	else if (sscanf(line, "config %llu %d %llu", &seq, &id, &len) == 3 && len <= MAX_PAYLOAD)
		cmd_config(seq, id, len);
	else if (sscanf(line, "dryrun %llu %llu", &seq, &len) == 2 && len <= MAX_PAYLOAD)
		cmd_dryrun(seq, len);
	else if (sscanf(line, "%15s %llu", name, &seq) == 2)
		other_command(name, seq);
	else {
		say(LOG_ERROR, "[host] bad command: %.100s", line);
		return false;
	}
	return true;
}

/* Moves commands and answers to descriptors that neither the plugin nor its children use. */
static void take_descriptors(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	host.commands = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	host.answers = fcntl(3, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || host.commands < 0 || host.answers < 0)
		die("descriptors 0 and 3 (answers) must be open");
	dup2(null, STDIN_FILENO);
	close(3);
	if (null != 3)
		close(null);
	if (pipe2(host.signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		die("pipe");
}

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "g:Y")) != -1) {
		if (opt == 'g')
			host.grace = atoi(optarg);
		else if (opt == 'Y')
			host.hot_reload = 1;
		else
			return 64;
	}
	take_descriptors();
	signal(SIGPIPE, SIG_IGN);
	set_signals();
	while (command())
		;
	alarm(30); /* whoever drove us is gone: never stay behind */
	finish();
}
