// The loops of package scale. Planes have one byte a pixel, and those without a stride no space between rows.
#pragma once

void scale_halve(unsigned char *restrict dst, const unsigned char *restrict src, int width, int height, int stride);
void scale_interpolate(unsigned char *restrict dst, int width, int height, const unsigned char *restrict src, int src_width,
                       int src_height, unsigned short *restrict columns);
