/*
 * The yardstick: the bookkeeping of page migration over the model's columns – state, class, where contents were first
 * allocated (pfn + 1, double) and where they are now (row + 1) – as plain C arrays. Moves the blocks that migrate.bench.ts
 * moves, in the same order, and prints for each round the nanoseconds of CPU time a page and a checksum, as JSON.
 *     migrate ORDER ROUNDS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGES = 1 << 20, HALF = PAGES / 2, ALLOCATED = 0x30 };

static uint8_t state[PAGES], class_[PAGES];
static double first[PAGES];
static int32_t now[PAGES];
static int32_t at[HALF], spare[HALF];
static const double base = 1048576;

static uint32_t seed = 1;
static uint32_t rnd(void) { /* mulberry32 */
  uint32_t t = (seed += 0x6d2b79f5u);
  t = (t ^ (t >> 15)) * (t | 1);
  t ^= t + (t ^ (t >> 7)) * (t | 61);
  return t ^ (t >> 14);
}

static void move_block(int32_t source, int32_t target, int order) {
  int32_t size = 1 << order;
  state[target] = (uint8_t)(ALLOCATED | order);
  memcpy(class_ + target, class_ + source, (size_t)size);
  for (int32_t i = 0; i < size; i++) {
    double known = first[source + i];
    double from = known == 0 ? base + source + i + 1 : known;
    int32_t row = known == 0 ? source + i : (int32_t)(from - 1 - base);
    first[source + i] = 0;
    if (from == base + target + i + 1) { now[row] = 0; continue; }
    first[target + i] = from;
    now[row] = target + i + 1;
  }
}

int main(int argc, char **argv) {
  int order = argc > 1 ? atoi(argv[1]) : 0, rounds = argc > 2 ? atoi(argv[2]) : 5;
  int32_t blocks = HALF >> order;
  for (int32_t i = 0; i < blocks; i++) {
    at[i] = i << order;
    spare[i] = HALF + (i << order);
    state[at[i]] = (uint8_t)(ALLOCATED | order);
    memset(class_ + at[i], 3, (size_t)1 << order);
  }
  printf("[");
  for (int r = 0; r < rounds; r++) {
    /* every block once, to a place drawn from the spare ones, in a random order */
    for (int32_t i = blocks - 1; i > 0; i--) {
      int32_t j = (int32_t)(rnd() % (uint32_t)(i + 1)), t = spare[i];
      spare[i] = spare[j]; spare[j] = t;
    }
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int32_t i = 0; i < blocks; i++) {
      int32_t source = at[i], target = spare[i];
      move_block(source, target, order);
      state[source] = 0;
      at[i] = target;
      spare[i] = source;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    uint32_t sum = 0x811c9dc5u;
    for (int32_t i = 0; i < PAGES; i++) sum = (sum ^ (uint32_t)(now[i] + state[i])) * 0x01000193u;
    double ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / HALF;
    printf("%s{\"ns\":%.3f,\"checksum\":%u}", r ? "," : "", ns, sum);
  }
  printf("]\n");
  return 0;
}
