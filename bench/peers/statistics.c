/* The loop that STATS is measured against: a histogram, the products of neighbours (the compiler makes SIMD of them), and
 * points in the quarter circle from groups of six bytes that count from the file's first byte. Prints the 256 counts, the
 * sum of products, the groups and those in the circle. */
#include "pieces.h"

static const double radius_squared = 16777215.0 * 16777215.0;
static uint64_t counts[256], products, groups, inside;

static void count(const unsigned char *bytes, long n, long ahead, off_t at) {
  add_histogram(bytes, n, counts);
  long pairs = ahead > 0 ? n : n - 1;
  for (long i = 0; i < pairs;) {
    /* So many products fit in 32 bits. */
    long end = i + 65536 < pairs ? i + 65536 : pairs;
    uint32_t some = 0;
    for (; i < end; i++) some += bytes[i] * bytes[i + 1];
    products += some;
  }
  for (long i = (6 - at % 6) % 6; i < n && i + 6 <= n + ahead; i += 6) {
    double x = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];
    double y = bytes[i + 3] << 16 | bytes[i + 4] << 8 | bytes[i + 5];
    groups++;
    inside += x * x + y * y <= radius_squared;
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || each_piece(argv, 5, count)) return 1;
  double numbers[259];
  for (int v = 0; v < 256; v++) numbers[v] = counts[v];
  numbers[256] = products;
  numbers[257] = groups;
  numbers[258] = inside;
  return print(numbers, 259);
}
