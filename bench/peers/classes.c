/* The loop that CLASS is measured against: comparisons that the compiler turns into SIMD, 64 bytes side by side, added
 * up before a byte can overflow. A table of classes took eight times as long. Prints the counts of 00; FF; 20-7E; 09-0D;
 * 01-08, 0E-1F and 7F; 80-FE. */
#include "pieces.h"

enum { LANES = 64 };
static uint64_t all, zeros, fulls, printables, whitespaces, negatives;

static long add_lanes(const unsigned char *bytes, long n) {
  uint8_t zero[LANES] = {0}, full[LANES] = {0}, printable[LANES] = {0}, whitespace[LANES] = {0}, negative[LANES] = {0};
  long i = 0;
  for (int round = 0; round < 255 && i + LANES <= n; round++, i += LANES)
    for (int k = 0; k < LANES; k++) {
      uint8_t x = bytes[i + k];
      zero[k] += x == 0;
      full[k] += x == 255;
      printable[k] += (uint8_t)(x - 0x20) < 0x5f;
      whitespace[k] += (uint8_t)(x - 9) < 5;
      negative[k] += x >> 7;
    }
  for (int k = 0; k < LANES; k++) {
    zeros += zero[k];
    fulls += full[k];
    printables += printable[k];
    whitespaces += whitespace[k];
    negatives += negative[k];
  }
  return i;
}

static void count(const unsigned char *bytes, long n, long ahead, off_t at) {
  all += n;
  long i = 0;
  while (i + LANES <= n) i += add_lanes(bytes + i, n - i);
  for (; i < n; i++) {
    uint8_t x = bytes[i];
    zeros += x == 0;
    fulls += x == 255;
    printables += (uint8_t)(x - 0x20) < 0x5f;
    whitespaces += (uint8_t)(x - 9) < 5;
    negatives += x >> 7;
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || each_piece(argv, 0, count)) return 1;
  double controls = all - zeros - printables - whitespaces - negatives;
  return print((double[]){zeros, fulls, printables, whitespaces, controls, negatives - fulls}, 6);
}
