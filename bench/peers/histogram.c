/* The loop that HIST is measured against: eight tables over 64-bit words, one range of a file, reads of 1 MiB into one
 * buffer. Usage: histogram FILE START END; prints the 256 counts. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };
static uint32_t tables[8][256];
static uint64_t counts[256];
static unsigned char buffer[PIECE] __attribute__((aligned(64)));

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int file = open(argv[1], O_RDONLY);
  if (file < 0) return 1;
  off_t at = strtoll(argv[2], 0, 0), end = strtoll(argv[3], 0, 0);
  while (at < end) {
    ssize_t wanted = end - at < PIECE ? end - at : PIECE;
    ssize_t got = pread(file, buffer, wanted, at);
    if (got <= 0) return 1;
    ssize_t i = 0;
    for (; i + 8 <= got; i += 8) {
      uint64_t word;
      memcpy(&word, buffer + i, 8);
      tables[0][word & 255]++;
      tables[1][word >> 8 & 255]++;
      tables[2][word >> 16 & 255]++;
      tables[3][word >> 24 & 255]++;
      tables[4][word >> 32 & 255]++;
      tables[5][word >> 40 & 255]++;
      tables[6][word >> 48 & 255]++;
      tables[7][word >> 56]++;
    }
    for (; i < got; i++) tables[0][buffer[i]]++;
    for (int v = 0; v < 256; v++)
      for (int t = 0; t < 8; t++) counts[v] += tables[t][v], tables[t][v] = 0;
    at += got;
  }
  for (int v = 0; v < 256; v++) printf("%llu\n", (unsigned long long)counts[v]);
  return 0;
}
