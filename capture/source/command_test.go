package source

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitCommand(t *testing.T) {
	for command, want := range map[string][]string{
		`ffmpeg  -i	x -`:       {"ffmpeg", "-i", "x", "-"},
		`a 'b c' "d e" f\ g`:   {"a", "b c", "d e", "f g"},
		`a '' ""`:              {"a", "", ""},
		`a 'b\c' "d\"e" x'y'z`: {"a", `b\c`, `d"e`, "xyz"},
		`a $HOME | b; *`:       {"a", "$HOME", "|", "b;", "*"},
	} {
		if got, err := SplitCommand(command); err != nil || !slices.Equal(got, want) {
			t.Errorf("SplitCommand(%q) = %q, %v, want %q", command, got, err, want)
		}
	}
	for _, command := range []string{"", "  ", "'' a", "a 'b", `a "b`, `a \`, "a\x00", "a \xff", strings.Repeat("a", maxCommand+1), strings.Repeat("a ", maxWords+1)} {
		if got, err := SplitCommand(command); err == nil {
			t.Errorf("SplitCommand(%.20q) = %q", command, got)
		}
	}
}

func TestProgramSpecs(t *testing.T) {
	for uri, device := range map[string]string{
		"exec:rpicam-vid -t 0 -o -":         "rpicam-vid -t 0 -o -",
		"exec:ffmpeg -i http://c/?a=b -":    "ffmpeg -i http://c/?a=b -",
		"exec:ffmpeg 'a ?b' - ?ondemand=1m": "ffmpeg 'a ?b' -",
		"exec:ffmpeg 'a ?b'":                "ffmpeg 'a ?b'",
	} {
		spec, err := ParseSpec(uri)
		if err != nil || spec.Device != device || spec.Kind != Exec {
			t.Errorf("ParseSpec(%q) = %+v, %v", uri, spec, err)
			continue
		}
		for _, text := range []string{spec.String(), spec.Short()} {
			if again, err := ParseSpec(text); err != nil || again != spec {
				t.Errorf("%q is read again as %+v, %v, want %+v", text, again, err, spec)
			}
		}
	}
}

func TestMessagesLeaveArgumentsOut(t *testing.T) {
	for _, uri := range []string{"exec:ffmpeg -i rtsp://me:secret@cam 'x", "exec:ffmpeg secret ?size=1x1"} {
		if _, err := ParseSpec(uri); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "exec:ffmpeg …") {
			t.Errorf("ParseSpec: %v", err)
		}
	}
}
