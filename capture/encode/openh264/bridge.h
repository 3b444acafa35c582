// What the Go side sees of openh264. Sizes are in pixels, rates in bits or pictures a second, times in milliseconds. Functions
// return 0, or what the library returned.
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

// Returned by encoder_new where the library is another one than the headers are for.
enum { WRONG_VERSION = 1000 };

// What the library says is collected, cut off after so many characters.
enum { MESSAGES = 2048 };

typedef struct encoder {
	void *engine;
	int width, height;
	char messages[MESSAGES]; // ends with 0
	int said;                // characters of it
} encoder;

typedef struct unit {
	unsigned char *data; // the library's; valid until the next call
	int size;            // 0: the picture was left out
	int temporal_id;
	bool keyframe;
} unit;

encoder *encoder_new(int width, int height, float fps, int bitrate, int temporal_layers, int *code);
int encoder_encode(encoder *e, unsigned char *y, unsigned char *u, unsigned char *v, int y_stride, int c_stride, long long at,
                   bool keyframe, unit *out);
int encoder_set_rate(encoder *e, int bitrate, float fps);
int encoder_free(encoder *e);

#ifdef __cplusplus
}
#endif
