/* The yardstick of lookup.bench.ts: a binary search over the same arrays, the same pfns in the same order. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	size_t pieces = strtoul(argv[1], NULL, 10);
	size_t lookups = strtoul(argv[2], NULL, 10);
	int rounds = atoi(argv[3]);
	int random = atoi(argv[4]);
	double *borders = malloc(pieces * sizeof(*borders));
	int16_t *nids = malloc(pieces * sizeof(*nids));

	for (size_t i = 0; i < pieces; i++) {
		borders[i] = i * 256.0;
		nids[i] = i % 4;
	}
	printf("[");
	for (int round = 0; round < rounds; round++) {
		uint32_t seed = 1, sum = 0;
		double begin = now();

		for (size_t n = 0; n < lookups; n++) {
			size_t low = 0, high = pieces;
			double pfn;

			seed ^= seed << 13;
			seed ^= seed >> 17;
			seed ^= seed << 5;
			pfn = random ? seed % (pieces * 256) : n;
			while (low < high) {
				size_t middle = (low + high) >> 1;

				if (borders[middle] <= pfn)
					low = middle + 1;
				else
					high = middle;
			}
			sum += nids[low - 1];
		}
		printf("%s{\"ns\":%f,\"sum\":%u}", round ? "," : "", (now() - begin) / lookups, sum);
	}
	printf("]\n");
	return 0;
}
