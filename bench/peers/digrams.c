/* The loop that DIGRAM is measured against: eight bytes, turned round, hold seven pairs. One table was the fastest of 1, 2
 * and 4. A piece's last pair ends in the byte after it. Prints the 65,536 counts, row the first byte. */
#include "pieces.h"

static uint32_t counts[65536];

static void count(const unsigned char *bytes, long n, long ahead, off_t at) {
  long pairs = ahead > 0 ? n : n - 1, i = 0;
  for (; i + 8 <= pairs; i += 7) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    word = __builtin_bswap64(word);
    counts[word >> 48]++;
    counts[word >> 40 & 65535]++;
    counts[word >> 32 & 65535]++;
    counts[word >> 24 & 65535]++;
    counts[word >> 16 & 65535]++;
    counts[word >> 8 & 65535]++;
    counts[word & 65535]++;
  }
  for (; i < pairs; i++) counts[bytes[i] << 8 | bytes[i + 1]]++;
}

int main(int argc, char **argv) {
  if (argc != 4 || each_piece(argv, 1, count)) return 1;
  static double numbers[65536];
  for (int v = 0; v < 65536; v++) numbers[v] = counts[v];
  return print(numbers, 65536);
}
