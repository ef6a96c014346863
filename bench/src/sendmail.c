/* A sendmail that keeps no mail: read it all, then append when it began, when it ended and how long it was to /bench/mails. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static char block[1 << 18];

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void) {
  long long began = now(), bytes = 0;
  for (ssize_t got; (got = read(0, block, sizeof block)) > 0;) bytes += got;
  char line[128];
  int length = snprintf(line, sizeof line, "%lld %lld %lld\n", now(), began, bytes);
  int file = open("/bench/mails", O_WRONLY | O_APPEND);
  return file < 0 || write(file, line, length) != length;
}
