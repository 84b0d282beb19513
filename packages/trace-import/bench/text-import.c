/*
 * The yardstick: ftrace's text into the columns that FtraceTextReader fills, in plain C. The file is mapped, memchr finds the
 * lines, fields are taken by fixed literals; tasks, flags and gfp texts are interned in hash tables, columns double.
 * Fields of events that are not page events are passed over: they are few, and only their row is stored.
 *     text-import FILE ROUNDS NAME…      names of the catalogue in its order, the five page events first
 * Prints for each round the milliseconds of CPU time, the rows and a checksum over all columns, as JSON.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ALLOC, FREE, FREE_BATCHED, ZONE_LOCKED, DRAIN };

/* Texts to small numbers in order of first appearance. */
typedef struct { uint32_t *slots; uint64_t *hashes; const char **at; uint32_t *lengths; uint32_t count, mask; } Table;

static uint64_t hash_of(const char *p, uint32_t n) {
  uint64_t h = n * 0x9e3779b97f4a7c15ull, word;
  for (; n >= 8; p += 8, n -= 8) { memcpy(&word, p, 8); h = (h ^ word) * 0xff51afd7ed558ccdull; h ^= h >> 32; }
  word = 0; memcpy(&word, p, n);
  h = (h ^ word) * 0xff51afd7ed558ccdull;
  return h ^ (h >> 29);
}
static void grow(Table *t) {
  uint32_t size = t->mask == 0 ? 256 : (t->mask + 1) * 2;
  free(t->slots);
  t->slots = calloc(size, sizeof *t->slots);
  t->hashes = realloc(t->hashes, size * sizeof *t->hashes);
  t->at = realloc(t->at, size * sizeof *t->at);
  t->lengths = realloc(t->lengths, size * sizeof *t->lengths);
  t->mask = size - 1;
  for (uint32_t i = 0; i < t->count; i++) {
    uint32_t s = (uint32_t)t->hashes[i] & t->mask;
    while (t->slots[s] != 0) s = (s + 1) & t->mask;
    t->slots[s] = i + 1;
  }
}
static uint32_t intern(Table *t, const char *p, uint32_t n) {
  if (t->count * 2 >= t->mask) grow(t);
  uint64_t h = hash_of(p, n);
  for (uint32_t s = (uint32_t)h & t->mask;; s = (s + 1) & t->mask) {
    uint32_t i = t->slots[s];
    if (i == 0) {
      t->slots[s] = ++t->count;
      t->hashes[t->count - 1] = h; t->at[t->count - 1] = p; t->lengths[t->count - 1] = n;
      return t->count - 1;
    }
    if (t->hashes[i - 1] == h && t->lengths[i - 1] == n && memcmp(t->at[i - 1], p, n) == 0) return i - 1;
  }
}
static void forget(Table *t) { free(t->slots); free(t->hashes); free(t->at); free(t->lengths); memset(t, 0, sizeof *t); }

typedef struct {
  double *time; uint32_t *low, *task; uint8_t *high, *kind, *unit, *flags; uint16_t *cpu, *gfp;
  size_t length, capacity;
} Columns;

static void reserve(Columns *c) {
  if (c->length < c->capacity) return;
  size_t n = c->capacity = c->capacity == 0 ? 4096 : c->capacity * 2;
#define GROW(f) c->f = realloc(c->f, n * sizeof *c->f)
  GROW(time); GROW(low); GROW(task); GROW(high); GROW(kind); GROW(unit); GROW(flags); GROW(cpu); GROW(gfp);
}
static void drop(Columns *c) {
  free(c->time); free(c->low); free(c->task); free(c->high); free(c->kind); free(c->unit); free(c->flags); free(c->cpu);
  free(c->gfp);
  memset(c, 0, sizeof *c);
}

static int names; static char **name_of; static size_t name_length[128];
static Table tasks, flag_texts, gfp_texts;
static Columns out;
static uint64_t skipped;

static int kind_of(const char *p, size_t n) {
  for (int k = 0; k < names; k++) if (name_length[k] == n && memcmp(name_of[k], p, n) == 0) return k;
  return -1;
}
static const char *decimal(const char *p, uint64_t *value) {
  uint64_t v = 0;
  while (*p >= '0' && *p <= '9') v = v * 10 + (uint64_t)(*p++ - '0');
  *value = v;
  return p;
}
static const char *expect(const char *p, const char *literal, size_t n) { return memcmp(p, literal, n) == 0 ? p + n : NULL; }
#define EXPECT(p, literal) if (((p) = expect((p), (literal), sizeof(literal) - 1)) == NULL) return 0

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 for a row, 0 for a line that cannot be used. */
static int line(const char *p, const char *end) {
  const char *start = p;
  const char *bracket = NULL;
  if (end - p < 40) return 0;
  if (p[25] == '[') bracket = p + 24;
  else bracket = memmem(p, (size_t)(end - p), " [", 2);
  if (bracket == NULL) return 0;
  const char *from = start, *to = bracket;
  while (*from == ' ') from++;
  while (to[-1] == ' ') to--;
  uint32_t task = intern(&tasks, from, (uint32_t)(to - from));
  uint64_t cpu, seconds, fraction, order, type = 0, refill = 0;
  p = decimal(bracket + 2, &cpu);
  if (*p++ != ']') return 0;
  while (*p == ' ') p++;
  from = p;
  while (*p != ' ') p++;
  uint32_t flags = intern(&flag_texts, from, (uint32_t)(p - from));
  while (*p == ' ') p++;
  p = decimal(p, &seconds);
  if (*p++ != '.') return 0;
  from = p;
  p = decimal(p, &fraction);
  if (p - from != 6 || *p++ != ':') return 0;
  while (*p == ' ') p++;
  from = p;
  while (*p != ':' && p < end) p++;
  int kind = kind_of(from, (size_t)(p - from));
  if (kind < 0) return 0;
  reserve(&out);
  size_t row = out.length;
  uint64_t pfn = 0;
  uint32_t gfp = 0;
  int failed = 0;
  if (kind <= DRAIN) {
    EXPECT(p, ": page=");
    failed = 1;
    for (; *p != ' '; p++) failed &= *p == '0';
    EXPECT(p, " pfn=0x");
    for (int digit; (digit = digit_of(*p)) >= 0; p++) pfn = pfn << 4 | (uint64_t)digit;
    EXPECT(p, " order=");
    p = decimal(p, &order);
    if (order > 15) return 0;
    if (kind != FREE && kind != FREE_BATCHED) { EXPECT(p, " migratetype="); p = decimal(p, &type); }
    if (kind == ALLOC) {
      EXPECT(p, " gfp_flags=");
      gfp = intern(&gfp_texts, p, (uint32_t)(end - p));
    } else if (kind == ZONE_LOCKED) {
      EXPECT(p, " percpu_refill=");
      p = decimal(p, &refill);
    }
    if (failed && kind == ALLOC) { out.low[row] = 0; out.high[row] = 255; }
    else { out.low[row] = (uint32_t)pfn; out.high[row] = (uint8_t)(pfn >> 32); }
    out.unit[row] = (uint8_t)(order | type << 4 | refill << 7);
  } else { out.low[row] = 0; out.high[row] = 0; out.unit[row] = 0; }
  out.time[row] = (double)(seconds * 1000000000 + fraction * 1000);
  out.kind[row] = (uint8_t)kind; out.flags[row] = (uint8_t)flags; out.cpu[row] = (uint16_t)cpu; out.gfp[row] = (uint16_t)gfp;
  out.task[row] = task;
  out.length++;
  return 1;
}

static uint32_t checksum(void) {
  uint32_t sum = 0x811c9dc5u;
#define ADD(v) sum = (sum ^ (uint32_t)(v)) * 0x01000193u
  for (size_t i = 0; i < out.length; i++) {
    uint64_t ns = (uint64_t)out.time[i];
    ADD(ns); ADD(ns >> 32); ADD(out.low[i]); ADD(out.high[i]); ADD(out.kind[i]); ADD(out.unit[i]); ADD(out.flags[i]);
    ADD(out.cpu[i]); ADD(out.gfp[i]); ADD(out.task[i]);
  }
  return sum;
}

int main(int argc, char **argv) {
  int rounds = atoi(argv[2]);
  names = argc - 3; name_of = argv + 3;
  for (int k = 0; k < names; k++) name_length[k] = strlen(name_of[k]);
  for (int round = 0; round < rounds; round++) {
    struct timespec a, b;
    drop(&out); forget(&tasks); forget(&flag_texts); forget(&gfp_texts);
    skipped = 0;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    int file = open(argv[1], O_RDONLY);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) return 1;
    const char *text = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED) return 1;
    intern(&gfp_texts, "", 0);
    const char *end = text + info.st_size;
    for (const char *p = text; p < end;) {
      const char *eol = memchr(p, '\n', (size_t)(end - p));
      if (eol == NULL) break; /* what follows a line may be looked at: the last one has an end */
      if (*p != '#') skipped += (uint64_t)!line(p, eol);
      p = eol + 1;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double ms = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e6;
    printf("%s{\"ms\":%.3f,\"events\":%zu,\"skipped\":%llu,\"checksum\":%u}", round == 0 ? "[" : ",", ms, out.length,
           (unsigned long long)skipped, checksum());
    munmap((void *)text, (size_t)info.st_size);
    close(file);
  }
  puts("]");
  return 0;
}
