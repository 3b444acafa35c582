// The loop of package retouch that Go is too slow for. Planes have one byte a pixel.
#pragma once

void retouch_transpose(unsigned char *restrict dst, const unsigned char *restrict src, int width, int height, int stride,
                       int columns, int rows);
