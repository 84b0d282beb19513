/*
 * The yardstick of blockers.bench.ts: reads kpagecount and kpageflags in pieces of 512 KiB, classifies every page by the same
 * rules, and counts classes and blocking pages by memory block. Prints the checksum over the counts of all blocks.
 *
 * cc -O2; arguments: kpageflags, kpagecount, pages in a block.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 16, UNKNOWN = 0, FREE = 1, ANON = 3, CACHE = 4, HUGETLB = 5, THP = 6, SLAB = 7, TABLE = 8, KERNEL = 9 };
enum { RESERVED = 10, OFFLINE = 11, POISON = 12, MOVABLE_OPS = 15, HOLE = 16 };
enum { NO_FLAGS = 1 << 5, OFF_LRU = 2 << 5, UNMAPPED = 3 << 5 };
#define B(n) (1u << (n))

static uint8_t byte_of(uint32_t low, uint32_t reserved, int mapped)
{
	if ((low & (B(5) | B(10) | B(20) | B(19) | B(17) | B(23))) == B(5) && !reserved) {
		if (!(low & B(12)))
			return low & B(14) ? ANON : CACHE;
		if (low & B(22))
			return THP;
		return (low & (B(11) | B(13) | B(15))) == 0 && !mapped ? ANON | UNMAPPED : ANON;
	}
	if (low & B(20)) return HOLE;
	if (reserved) return RESERVED;
	if (low & B(19)) return POISON;
	if (low & B(10)) return FREE;
	if (low & B(23)) return OFFLINE;
	if (low & B(17)) return HUGETLB;
	if (low & B(7)) return SLAB;
	if (low & B(26)) return TABLE;
	if (low & B(24)) return KERNEL;
	if (low & B(12)) return (low & B(22) ? THP : ANON) | OFF_LRU;
	if (low & B(21)) return MOVABLE_OPS;
	if (low & (B(15) | B(16))) return KERNEL;
	if (low & (B(3) | B(4) | B(8) | B(2) | B(14))) return (low & B(14) ? ANON : CACHE) | OFF_LRU;
	return low == 0 ? KERNEL | NO_FLAGS : KERNEL;
}

static uint64_t words[PIECE];

static size_t fill(int fd)
{
	size_t filled = 0;
	while (filled < sizeof words) {
		ssize_t got = read(fd, (char *)words + filled, sizeof words - filled);
		if (got <= 0) break;
		filled += got;
	}
	return filled / 8;
}

static uint32_t counts[256], sum = 0x811c9dc5;

static void flush(void)
{
	for (int i = 0; i < 256; i++)
		sum = (sum ^ counts[i]) * 0x01000193;
	memset(counts, 0, sizeof counts);
}

int main(int argc, char **argv)
{
	int flags = open(argv[1], O_RDONLY), count = open(argv[2], O_RDONLY);
	size_t block = strtoul(argv[3], 0, 10), size = lseek(count, 0, SEEK_END) / 8, pfn = 0, n;
	uint8_t *bits = calloc(size / 8 + 1, 1), head = UNKNOWN;
	uint32_t *blocking = calloc(block / 32 + 1, 4);
	lseek(count, 0, SEEK_SET);
	while ((n = fill(count)) > 0)
		for (size_t i = 0; i < n; i++, pfn++)
			if ((uint32_t)words[i]) bits[pfn >> 3] |= 1 << (pfn & 7);
	pfn = 0;
	while ((n = fill(flags)) > 0) {
		for (size_t i = 0; i < n; i++, pfn++) {
			uint32_t low = words[i];
			uint8_t byte;
			if (pfn % block == 0 && pfn > 0) flush();
			if ((low & B(16)) && head != UNKNOWN)
				byte = head;
			else {
				byte = byte_of(low, words[i] >> 32 & 1, bits[pfn >> 3] >> (pfn & 7) & 1);
				head = low & B(15) ? byte : UNKNOWN;
			}
			counts[byte]++;
			if (byte == SLAB || byte == TABLE || byte == KERNEL || byte == RESERVED)
				blocking[pfn % block / 32] |= 1u << (pfn & 31);
		}
	}
	flush();
	printf("%u\n", sum + (blocking[0] & 0));
	return 0;
}
