#include "kernel.h"

#include <stdint.h>

void scale_halve(unsigned char *restrict dst, const unsigned char *restrict src, int width, int height, int stride) {
	for (int y = 0; y < height; y++) {
		const unsigned char *restrict upper = src + (long)2 * y * stride;
		const unsigned char *restrict lower = upper + stride;
		unsigned char *restrict out = dst + (long)y * width;
		for (int x = 0; x < width; x++)
			out[x] = (unsigned char)((upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1] + 2) >> 2);
	}
}

// Positions are those of the middles of pixels, in 1/65536 of a pixel. A picture does not grow, so that none is before the
// first pixel, or behind the last but within the one that columns has more.
void scale_interpolate(unsigned char *restrict dst, int width, int height, const unsigned char *restrict src, int src_width,
                       int src_height, unsigned short *restrict columns) {
	const int64_t down = ((int64_t)src_height << 16) / height;
	const uint32_t right = (uint32_t)(((int64_t)src_width << 16) / width);
	for (int y = 0; y < height; y++) {
		const int64_t at = y * down + (down - 65536) / 2;
		const int row = (int)(at >> 16), share = (int)(at >> 8) & 255;
		const unsigned char *restrict upper = src + (long)row * src_width;
		const unsigned char *restrict lower = row + 1 < src_height ? upper + src_width : upper;
		for (int x = 0; x < src_width; x++)
			columns[x] = (unsigned short)(upper[x] * (256 - share) + lower[x] * share);
		columns[src_width] = columns[src_width - 1];
		unsigned char *restrict out = dst + (long)y * width;
		uint32_t from = (right - 65536) / 2;
		for (int x = 0; x < width; x++, from += right) {
			const uint32_t column = from >> 16, part = from >> 8 & 255;
			out[x] = (unsigned char)((columns[column] * (256 - part) + columns[column + 1] * part + 32768) >> 16);
		}
	}
}
