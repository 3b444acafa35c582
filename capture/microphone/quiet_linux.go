//go:build cgo

package microphone

// ALSA writes what it does not find to standard error, which is our log. It is asked not to before the audio library looks
// for devices, whoever in the process has it do so, and when: so this runs before, as a constructor of C. What is
// the matter with a microphone comes back as an error anyway.

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>

static void say_nothing(const char *file, int line, const char *function, int code, const char *format, ...) {}

__attribute__((constructor)) static void quiet_alsa(void) {
	void *alsa = dlopen("libasound.so.2", RTLD_NOW); // stays open, or the handler would be forgotten
	if (alsa == 0) return;
	int (*set_handler)(void (*)(const char *, int, const char *, int, const char *, ...)) = dlsym(alsa, "snd_lib_error_set_handler");
	if (set_handler != 0) set_handler(say_nothing);
}
*/
import "C"
