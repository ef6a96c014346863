/*
 * A world for Debian's cron in which time passes at once: preloaded into the real daemon.
 *
 * Time stands still but for sleep(3), which moves it by a plan: the first line of the file WARP_PLAN is the epoch
 * second at the start and the seconds that the daemon lives, by a clock that nobody sets; each other line is a second of
 * that life and by how much the clock is set then. What a job would run is not run: a line tells the second of
 * that life, the second on the clock, the local minute for which cron chose the job (the argument of find_jobs()'s gmtime()), and the command.
 *
 * A job costs no process either: fork() returns as in the child, and where the child would run the shell, it returns once
 * more, as in the parent. Commands must have no % and no backslash: the child would change them for good.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long now, age, end, minute;
static long (*steps)[2];
static int count, next, is_job;
static jmp_buf parent;
static int (*save)(jmp_buf);

__attribute__((constructor)) static void read_plan(void) {
  FILE *plan = fopen(getenv("WARP_PLAN") ?: "", "r");
  if (plan == NULL || fscanf(plan, "%ld %ld", &now, &end) != 2) _exit(70);
  for (long at, by; fscanf(plan, "%ld %ld", &at, &by) == 2; count++) {
    steps = realloc(steps, (count + 1) * sizeof *steps);
    steps[count][0] = at;
    steps[count][1] = by;
  }
  fclose(plan);
  save = (int (*)(jmp_buf)) dlsym(RTLD_DEFAULT, "_setjmp");
}

time_t time(time_t *result) {
  if (result != NULL) *result = now;
  return now;
}

unsigned sleep(unsigned seconds) {
  age += seconds;
  now += seconds;
  for (; next < count && steps[next][0] <= age; next++) now += steps[next][1];
  if (age >= end) exit(0);
  return 0;
}

struct tm *gmtime(const time_t *at) {
  static struct tm *(*real)(const time_t *);
  if (real == NULL) real = (struct tm * (*)(const time_t *)) dlsym(RTLD_NEXT, "gmtime");
  if (*at % 60 == 0) minute = *at / 60; /* cron asks for the time of day too, but never at second 0 */
  return real(at);
}

/* The caller's frame is what is saved, since -O2 makes a jump of the call. The second fork() is for the shell: go on. */
pid_t fork(void) {
  if (is_job) return 0;
  is_job = 1;
  return save(parent);
}

int execle(const char *path, const char *arg, ...) {
  va_list args;
  va_start(args, arg);
  (void) va_arg(args, const char *); /* -c */
  printf("%ld %ld %ld %s\n", age, now, minute, va_arg(args, const char *));
  va_end(args);
  (void) path;
  is_job = 0;
  longjmp(parent, 1);
}

void __syslog_chk(int priority, int flag, const char *format, ...) {
  va_list args;
  (void) priority, (void) flag;
  if (is_job) return;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

/* What only a process of its own may do. */
int pipe(int ends[2]) { return ends[0] = ends[1] = -1, 0; }
int dup2(int from, int to) { return (void) from, to; }
int chdir(const char *path) { return is_job ? 0 : (int) syscall(SYS_chdir, path); }
pid_t setsid(void) { return 0; }
int setgid(gid_t id) { return (void) id, 0; }
int setuid(uid_t id) { return (void) id, 0; }
int initgroups(const char *user, gid_t id) { return (void) user, (void) id, 0; }
FILE *tmpfile(void) { return fopen("/dev/null", "w+"); }
int pam_start(void) { return 0; }
int pam_set_item(void) { return 0; }
int pam_acct_mgmt(void) { return 0; }
int pam_setcred(void) { return 0; }
int pam_open_session(void) { return 0; }
char **pam_getenvlist(void) { return calloc(1, sizeof(char *)); }
