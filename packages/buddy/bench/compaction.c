/*
 * The yardstick: compaction of one zone over the columns that the model has (state, class, list links), with the two
 * scanners of a whole synchronous run of 6.12: clusters of 32 pages, then the rest of the pageblock; free blocks from the
 * top, split as needed. Sources are freed at once and merge. No per-CPU lists, no types, no identity of contents.
 *     compaction PAGES        every fourth page is in use; prints milliseconds of CPU time, pages moved and scanned as JSON
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ORDERS = 11, MAX = 10, BLOCK = 512, CLUSTER = 32, FREE = 0x10, USED = 0x30, HELD = 0x40, ANON = 3 };

static int32_t pages, *next_, *prev_;
static uint8_t *state, *cls;

static void add(int32_t row, int order) {
  int32_t list = pages + order, after = next_[list];
  state[row] = (uint8_t)(FREE | order);
  next_[row] = after; prev_[row] = list; next_[list] = row; prev_[after] = row;
}
static void del(int32_t row) {
  int32_t a = next_[row], b = prev_[row];
  next_[b] = a; prev_[a] = b; state[row] = 0;
}
static void give(int32_t row) {
  int order = 0;
  state[row] = 0; cls[row] = 0;
  while (order < MAX) {
    int32_t buddy = row ^ (1 << order);
    if (buddy >= pages || state[buddy] != (FREE | order)) break;
    del(buddy);
    row &= buddy;
    order++;
  }
  add(row, order);
}

/* Free blocks by order, first in first out, splits in front: a ring a order is enough for a pageblock's pages. */
static int32_t pool[ORDERS][4 * BLOCK];
static int head[ORDERS], tail[ORDERS];
static int32_t target(void) {
  int o = 0;
  while (o < ORDERS && head[o] == tail[o]) o++;
  if (o == ORDERS) return -1;
  int32_t row = pool[o][head[o]++ & (4 * BLOCK - 1)];
  while (o > 0) { o--; pool[o][--head[o] & (4 * BLOCK - 1)] = row + (1 << o); }
  return row;
}

int main(int argc, char **argv) {
  pages = argc > 1 ? atoi(argv[1]) : 1 << 18;
  next_ = malloc(sizeof *next_ * (pages + ORDERS));
  prev_ = malloc(sizeof *prev_ * (pages + ORDERS));
  state = calloc(pages, 1);
  cls = calloc(pages, 1);
  for (int o = 0; o < ORDERS; o++) next_[pages + o] = prev_[pages + o] = pages + o;
  for (int32_t row = 0; row < pages; row++) { state[row] = USED; cls[row] = ANON; }
  for (int32_t row = 0; row < pages; row++) if (row % 4 != 0) give(row);

  int32_t migrate = 0, free_pfn = pages - BLOCK, last = -1, sources[BLOCK], targets[BLOCK];
  int64_t moved = 0, scanned = 0, pooled = 0;
  struct timespec a, b;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
  while (free_pfn / BLOCK > migrate / BLOCK) {
    int32_t start = migrate, end = (start / BLOCK + 1) * BLOCK, at = start;
    int whole = last == start / BLOCK, count = 0;
    for (; at < end; at++) {
      int s = state[at];
      if ((s & 0xf0) == FREE) { scanned += 1 << (s & 15); at += (1 << (s & 15)) - 1; continue; }
      scanned++;
      if (s != USED || cls[at] != ANON) continue;
      sources[count++] = at;
      if (count >= CLUSTER && !whole) { at++; break; }
    }
    migrate = at < end ? at : end;
    if (count == 0) continue;
    last = (migrate - 1) / BLOCK;
    int got = 0, out = 0;
    for (int i = count - 1; i >= 0; i--) {
      int32_t t = target();
      if (t < 0) {
        int32_t want = count - got, block = free_pfn / BLOCK * BLOCK, from = free_pfn, low = (migrate / BLOCK + 1) * BLOCK;
        for (; block >= low && pooled - got < want; block -= BLOCK, from = block) {
          int32_t stop = block + BLOCK, p = from, found = 0;
          if (state[block] >= (FREE | 9) && state[block] < FREE + ORDERS) continue;
          for (; p < stop; p++) {
            int s = state[p];
            scanned++;
            if ((s & 0xf0) != FREE) continue;
            int order = s & 15, size = 1 << order;
            del(p);
            for (int k = 0; k < size; k++) state[p + k] = HELD;
            pool[order][tail[order]++ & (4 * BLOCK - 1)] = p;
            scanned += size - 1; found += size; pooled += size; p += size - 1;
            if (pooled - got >= want) { p++; break; }
          }
          free_pfn = p < stop ? p : block - BLOCK;
          if (p < stop) break;
          if (pooled - got >= want) break;
        }
        if (block < low) free_pfn = from;
        t = target();
        if (t < 0) { out = 1; break; }
      }
      targets[got++] = t;
    }
    for (int k = 0; k < got; k++) {
      int32_t s = sources[count - 1 - k];
      state[targets[k]] = USED; cls[targets[k]] = cls[s];
      give(s);
    }
    moved += got; pooled -= got;
    if (out && free_pfn / BLOCK > migrate / BLOCK) break;
  }
  for (int32_t t = target(); t >= 0; t = target()) give(t);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
  printf("{\"ms\":%.3f,\"moved\":%lld,\"scanned\":%lld}\n",
         (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6, (long long)moved, (long long)scanned);
  return 0;
}
