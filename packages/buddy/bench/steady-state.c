/*
 * The yardstick: a plain binary buddy over 1 M pages, lists as intrusive ints, no zones, no per-CPU lists, no types.
 * Runs the operations that steady-state.bench.ts runs (same generator, same decisions) and prints for each round the
 * nanoseconds of CPU time an operation and a checksum of operation, slot, order and success of every step, as JSON.
 *     steady-state OPERATIONS ROUNDS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGES = 1 << 20, ORDERS = 11, MAX = 10, SLOTS = PAGES };

static int32_t next_[PAGES + ORDERS], prev_[PAGES + ORDERS];
static uint8_t free_order[PAGES]; /* order + 1 of a free head, 0 otherwise */
static int64_t free_pages;

static void add(int32_t row, int order) {
  int32_t list = PAGES + order, after = next_[list];
  free_order[row] = (uint8_t)(order + 1);
  next_[row] = after; prev_[row] = list; next_[list] = row; prev_[after] = row;
}
static void del(int32_t row) {
  int32_t a = next_[row], b = prev_[row];
  next_[b] = a; prev_[a] = b; free_order[row] = 0;
}
static int32_t take(int order) {
  for (int o = order; o <= MAX; o++) {
    int32_t row = next_[PAGES + o];
    if (row >= PAGES) continue;
    del(row);
    while (o > order) { o--; add(row + (1 << o), o); }
    free_pages -= 1 << order;
    return row;
  }
  return -1;
}
static void give(int32_t row, int order) {
  free_pages += 1 << order;
  while (order < MAX) {
    int32_t buddy = row ^ (1 << order);
    if (free_order[buddy] != order + 1) break;
    del(buddy);
    row &= buddy; order++;
  }
  add(row, order);
}

static uint32_t seed = 1;
static uint32_t rnd(void) { /* mulberry32 */
  uint32_t t = (seed += 0x6d2b79f5u);
  t = (t ^ (t >> 15)) * (t | 1);
  t ^= t + (t ^ (t >> 7)) * (t | 61);
  return t ^ (t >> 14);
}
/* mixed orders: 3/4 order 0, the rest geometric up to 9 */
static int order_of(uint32_t r) {
  if ((r & 3) != 0) return 0;
  int o = __builtin_ctz((r >> 2) | 512) ;
  return o > 9 ? 9 : o;
}

static int32_t slot_row[SLOTS];
static uint8_t slot_order[SLOTS];

int main(int argc, char **argv) {
  int operations = argc > 1 ? atoi(argv[1]) : 4000000;
  for (int i = 0; i < ORDERS; i++) next_[PAGES + i] = prev_[PAGES + i] = PAGES + i;
  for (int32_t row = 0; row < PAGES; row += 1 << MAX) { give(row, MAX); }
  int slots = 0;
  uint32_t sum = 0x811c9dc5u;
  int64_t target = (int64_t)PAGES * 6 / 10;
  while (PAGES - free_pages < target) {
    int o = order_of(rnd());
    int32_t row = take(o);
    if (row < 0) break;
    slot_row[slots] = row; slot_order[slots++] = (uint8_t)o;
  }
  int64_t used = PAGES - free_pages;
  int rounds = argc > 2 ? atoi(argv[2]) : 1;
  uint32_t *sequence = malloc(sizeof *sequence * (size_t)operations);
  for (int i = 0; i < operations; i++) sequence[i] = rnd();
  for (int round = 0; round < rounds; round++) {
    struct timespec a, b;
    sum = 0x811c9dc5u;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < operations; i++) {
      uint32_t r = sequence[i];
      if (used >= target) {
        int s = (int)(((uint64_t)r * (uint64_t)slots) >> 32);
        int o = slot_order[s];
        give(slot_row[s], o);
        used -= 1 << o;
        slots--;
        slot_row[s] = slot_row[slots]; slot_order[s] = slot_order[slots];
        sum = (sum ^ (uint32_t)(s * 16 + o)) * 0x01000193u;
      } else {
        int o = order_of(r);
        int32_t row = take(o);
        if (row >= 0) { slot_row[slots] = row; slot_order[slots++] = (uint8_t)o; used += 1 << o; }
        sum = (sum ^ (uint32_t)(o * 2 + (row >= 0))) * 0x01000193u;
      }
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / operations;
    printf("%s{\"ns\":%.3f,\"checksum\":%u}", round == 0 ? "[" : ",", ns, sum);
  }
  puts("]");
  return 0;
}
