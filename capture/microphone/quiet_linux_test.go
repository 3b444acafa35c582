//go:build cgo

package microphone

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// alsa is as much of the library as the search for microphones needs. Unless somebody handles its errors, it writes one
// to standard error, as the real one does where there is no sound card.
const alsa = `
#include <stdio.h>
typedef void handler(const char *, int, const char *, int, const char *, ...);
static handler *told;
int snd_lib_error_set_handler(handler *h) { told = h; return 0; }
int snd_device_name_hint(int card, const char *what, void ***hints) {
	static void *none[1];
	*hints = none;
	FILE *asked = fopen(ASKED, "w");
	if (asked) fclose(asked);
	if (told) told("confmisc.c", 855, "parse_card", 0, "cannot find card '%d'", 0);
	else fputs("ALSA lib confmisc.c:855:(parse_card) cannot find card '0'\n", stderr);
	return 0;
}
int snd_device_name_free_hint(void **hints) { return 0; }
int snd_config_update_free_global(void) { return 0; }
`

// What ALSA has to say is no line of our log. The program is this test's, which finds a library of the test's in the place of the
// real one, and no PulseAudio before it.
func TestALSASaysNothing(t *testing.T) {
	dir := t.TempDir()
	source, library, asked := filepath.Join(dir, "alsa.c"), filepath.Join(dir, "libasound.so.2"), filepath.Join(dir, "asked")
	if err := os.WriteFile(source, []byte(alsa), 0o600); err != nil {
		t.Fatal(err)
	}
	cc := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-o", library, `-DASKED="`+asked+`"`, source)
	if text, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cc, err, text)
	}
	for _, pulse := range []string{"libpulse.so", "libpulse.so.0"} {
		if err := os.WriteFile(filepath.Join(dir, pulse), bytes.Repeat([]byte("no library "), 100), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run", "^TestListNeedsNoMicrophone$")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "PASS\n" {
		t.Errorf("it writes %.500q, %v", out, err)
	}
	if _, err := os.Stat(asked); err != nil {
		t.Errorf("the library of the test was not asked for devices: %v", err)
	}
}
