/* The loop that HIST is measured against. Prints the 256 counts. */
#include "pieces.h"

static uint64_t counts[256];

static void count(const unsigned char *bytes, long n, long ahead, off_t at) { add_histogram(bytes, n, counts); }

int main(int argc, char **argv) {
  if (argc != 4 || each_piece(argv, 0, count)) return 1;
  double numbers[256];
  for (int v = 0; v < 256; v++) numbers[v] = counts[v];
  return print(numbers, 256);
}
