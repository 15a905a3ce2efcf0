/* The file from its first byte to its last in reads of 1 MiB, nothing done with them: as fast as the disk goes.
 * Usage: PROGRAM FILE. */
#include <fcntl.h>
#include <unistd.h>

static char buffer[1 << 20];

int main(int argc, char **argv) {
  int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
  if (file < 0) return 1;
  ssize_t got;
  for (off_t at = 0; (got = pread(file, buffer, sizeof buffer, at)) > 0; at += got) {
  }
  return got < 0;
}
