/*
 * The yardstick for writing page records: memset of the same bytes on fresh memory, by 1 or more threads.
 *
 *   memset BYTES THREADS ROUNDS   prints, a round: ns for cold memory, ns for the same memory again,
 *                                 then the CPU time of both, all threads together
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct part {
  char *at;
  size_t bytes;
};

static void *fill(void *arg) {
  struct part *part = arg;
  memset(part->at, 0x5a, part->bytes);
  return NULL;
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static uint64_t cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static uint64_t run(char *memory, size_t bytes, int threads) {
  pthread_t ids[64];
  struct part parts[64];
  uint64_t since = now();
  for (int i = 0; i < threads; i++) {
    parts[i].at = memory + bytes / threads * i;
    parts[i].bytes = bytes / threads;
    pthread_create(&ids[i], NULL, fill, &parts[i]);
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  return now() - since;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  size_t bytes = strtoull(argv[1], NULL, 10);
  int threads = atoi(argv[2]);
  int rounds = atoi(argv[3]);
  if (threads < 1 || threads > 64) return 2;
  for (int i = 0; i < rounds; i++) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    uint64_t before = cpu();
    uint64_t cold = run(memory, bytes, threads);
    uint64_t between = cpu();
    uint64_t warm = run(memory, bytes, threads);
    uint64_t after = cpu();
    printf("%llu %llu %llu %llu\n", (unsigned long long)cold, (unsigned long long)warm,
           (unsigned long long)(between - before), (unsigned long long)(after - between));
    munmap(memory, bytes);
  }
  return 0;
}
