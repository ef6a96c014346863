/* flood MIB: print so many MiB in lines of 100 bytes, and append when it began, when it ended and how much it was to /bench/stamps. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char block[100 << 10];

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv) {
  long long left = argc > 1 ? atoll(argv[1]) << 20 : 0, began = now();
  memset(block, 'x', sizeof block);
  for (size_t at = 99; at < sizeof block; at += 100) block[at] = '\n';
  while (left > 0) {
    ssize_t put = write(1, block, left < (long long)sizeof block ? (size_t)left : sizeof block);
    if (put <= 0) break;
    left -= put;
  }
  char line[128];
  int length = snprintf(line, sizeof line, "%lld began\n%lld ended\n", began, now());
  int file = open("/bench/stamps", O_WRONLY | O_APPEND);
  return left > 0 || file < 0 || write(file, line, length) != length;
}
