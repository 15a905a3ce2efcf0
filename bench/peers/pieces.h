/* What the C loops share: START to END of FILE goes by in pieces of 1 MiB, read into one buffer, and what was counted is
 * printed as float64, so that nothing can be left out. Usage of each: PROGRAM FILE START END. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20, AHEAD = 8 };
static unsigned char buffer[PIECE + AHEAD] __attribute__((aligned(64)));

/* Calls count(bytes, n, ahead, at): n bytes of the piece at offset `at`, and after them up to `overlap` of those that
 * follow in the file. */
static int each_piece(char **argv, long overlap, void (*count)(const unsigned char *, long, long, off_t)) {
  int file = open(argv[1], O_RDONLY);
  if (file < 0) return 1;
  off_t at = strtoll(argv[2], 0, 0), end = strtoll(argv[3], 0, 0);
  while (at < end) {
    long n = end - at < PIECE ? end - at : PIECE;
    ssize_t got = pread(file, buffer, n + overlap, at);
    if (got < n) return 1;
    count(buffer, n, got - n, at);
    at += n;
  }
  return 0;
}

static int print(const double *numbers, int n) {
  return fwrite(numbers, sizeof *numbers, n, stdout) == (size_t)n ? 0 : 1;
}

/* counts[v] += how often v stands in the bytes: eight tables over 64-bit words, so that equal neighbours do not wait for
 * each other's store. */
static inline void add_histogram(const unsigned char *bytes, long n, uint64_t *counts) {
  static uint32_t tables[8][256];
  memset(tables, 0, sizeof tables);
  long i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    tables[0][word & 255]++;
    tables[1][word >> 8 & 255]++;
    tables[2][word >> 16 & 255]++;
    tables[3][word >> 24 & 255]++;
    tables[4][word >> 32 & 255]++;
    tables[5][word >> 40 & 255]++;
    tables[6][word >> 48 & 255]++;
    tables[7][word >> 56]++;
  }
  for (; i < n; i++) tables[0][bytes[i]]++;
  for (int v = 0; v < 256; v++)
    for (int t = 0; t < 8; t++) counts[v] += tables[t][v];
}
