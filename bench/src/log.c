/* log SOCKET FILE: what is sent to /dev/log, appended to a file. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (argc != 3) return 64;
  strncpy(name.sun_path, argv[1], sizeof name.sun_path - 1);
  int inbox = socket(AF_UNIX, SOCK_DGRAM, 0), room = 4 << 20;
  setsockopt(inbox, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  int file = open(argv[2], O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (file < 0 || bind(inbox, (struct sockaddr *)&name, sizeof name) < 0) return 1;
  chmod(argv[1], 0666);
  char line[8192];
  for (ssize_t got; (got = recv(inbox, line, sizeof line - 1, 0)) >= 0;) {
    line[got++] = '\n';
    if (write(file, line, got) != got) return 1;
  }
  return 1;
}
