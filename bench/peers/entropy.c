/* The loop that ENT with blocks of 4096 bytes is measured against: H = log2 n - (Σ c·log2 c) / n with c·log2 c from a
 * table. Four tables of counts were the fastest of 4 and 8, of 16 and 32 bits. Prints how many blocks there are, the sum
 * of their H, the lowest and the highest. START lies on a block. */
#include "pieces.h"
#include <math.h>

enum { BLOCK = 4096 };
static double clogc[BLOCK + 1];
static double blocks, sum, low = 9, high = -1;

static double entropy(const unsigned char *bytes, long n) {
  static uint32_t tables[4][256];
  memset(tables, 0, sizeof tables);
  long i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    tables[0][word & 255]++;
    tables[1][word >> 8 & 255]++;
    tables[2][word >> 16 & 255]++;
    tables[3][word >> 24 & 255]++;
    tables[0][word >> 32 & 255]++;
    tables[1][word >> 40 & 255]++;
    tables[2][word >> 48 & 255]++;
    tables[3][word >> 56]++;
  }
  for (; i < n; i++) tables[0][bytes[i]]++;
  double taken = 0;
  for (int v = 0; v < 256; v++) taken += clogc[tables[0][v] + tables[1][v] + tables[2][v] + tables[3][v]];
  return log2(n) - taken / n;
}

static void count(const unsigned char *bytes, long n, long ahead, off_t at) {
  for (long i = 0; i < n; i += BLOCK) {
    double h = entropy(bytes + i, n - i < BLOCK ? n - i : BLOCK);
    blocks++;
    sum += h;
    if (h < low) low = h;
    if (h > high) high = h;
  }
}

int main(int argc, char **argv) {
  for (int c = 1; c <= BLOCK; c++) clogc[c] = c * log2(c);
  if (argc != 4 || each_piece(argv, 0, count)) return 1;
  return print((double[]){blocks, sum, low, high}, 4);
}
