#include "transpose.h"

#include <stdint.h>
#include <string.h>

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint16_t pairs __attribute__((vector_size(16)));
typedef uint32_t fours __attribute__((vector_size(16)));
typedef uint64_t eights __attribute__((vector_size(16)));

// block transposes eight rows of eight pixels: from one row to the next there are step bytes, in dst likewise. Rows are interleaved
// pixel by pixel, then pairs of pixels, then fours, each of which is one instruction on what has vectors.
static inline void block(unsigned char *restrict dst, long dst_step, const unsigned char *restrict src, long step) {
	bytes r[8];
	for (int i = 0; i < 8; i++) {
		uint64_t row;
		memcpy(&row, src + i * step, 8);
		r[i] = (bytes)(eights){row};
	}
	pairs a[4];
	for (int i = 0; i < 4; i++)
		a[i] = (pairs)__builtin_shuffle(r[2 * i], r[2 * i + 1], (bytes){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23});
	const pairs low = {0, 8, 1, 9, 2, 10, 3, 11}, high = {4, 12, 5, 13, 6, 14, 7, 15};
	const fours left = (fours)__builtin_shuffle(a[0], a[1], low), right = (fours)__builtin_shuffle(a[0], a[1], high);
	const fours left_below = (fours)__builtin_shuffle(a[2], a[3], low), right_below = (fours)__builtin_shuffle(a[2], a[3], high);
	const fours first = {0, 4, 1, 5}, second = {2, 6, 3, 7};
	const fours out[4] = {
		__builtin_shuffle(left, left_below, first), __builtin_shuffle(left, left_below, second),
		__builtin_shuffle(right, right_below, first), __builtin_shuffle(right, right_below, second),
	};
	for (int i = 0; i < 4; i++) {
		const uint64_t even = ((eights)out[i])[0], odd = ((eights)out[i])[1];
		memcpy(dst + 2 * i * dst_step, &even, 8);
		memcpy(dst + (2 * i + 1) * dst_step, &odd, 8);
	}
}

// Columns are taken so many at a time, so that the rows that they become stay in the first cache until their lines are full.
enum { TILE = 16 };

void retouch_transpose(unsigned char *restrict dst, const unsigned char *restrict src, int width, int height, int stride,
                       int columns, int rows) {
	const int whole_width = width & ~7, whole_height = height & ~7;
	const long step = rows ? -(long)stride : stride, dst_step = columns ? -(long)height : height;
	for (int tile = 0; tile < whole_width; tile += TILE) {
		const int end = tile + TILE < whole_width ? tile + TILE : whole_width;
		for (int y = 0; y < whole_height; y += 8) {
			const unsigned char *from = src + (long)(rows ? height - 1 - y : y) * stride;
			for (int x = tile; x < end; x += 8)
				block(dst + (long)(columns ? x + 7 : x) * height + y, dst_step, from + (columns ? width - 8 - x : x), step);
		}
	}
	for (int y = 0; y < height; y++)
		for (int x = y < whole_height ? whole_width : 0; x < width; x++)
			dst[(long)x * height + y] = src[(long)(rows ? height - 1 - y : y) * stride + (columns ? width - 1 - x : x)];
}
