package codec

import (
	"encoding/hex"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestIsKeyframe(t *testing.T) {
	for _, c := range []struct {
		name, codec, payload string
		want                 bool
	}{
		{"IDR slice", "video/H264", "6588840a", true},
		{"other slice", "video/H264", "4188840a", false},
		{"SPS alone does not show a picture", "video/H264", "6742c01f", false},
		{"first fragment of an IDR slice", "video/H264", "7c85b8", true},
		{"later fragment of an IDR slice", "video/H264", "7c05b8", false},
		{"first fragment of another slice", "video/H264", "7c81b8", false},
		{"STAP-A of SPS, PPS and IDR", "video/H264", "78" + "00026742" + "000268ce" + "00026588", true},
		{"STAP-A of SPS and PPS", "video/H264", "78" + "00026742" + "000268ce", false},
		{"STAP-A cut short", "video/H264", "78" + "00ff6588", false},
		{"mime type in other case", "video/h264", "6588840a", true},
		{"IDR_W_RADL", "video/H265", "2601af", true},
		{"trailing picture", "video/H265", "0201af", false},
		{"first fragment of CRA", "video/H265", "620195", true},
		{"aggregate with IDR", "video/H265", "6001" + "00034001aa" + "00032601af", true},
		{"key frame", "video/VP8", "10" + "00" + "9d012a", true},
		{"inter frame", "video/VP8", "10" + "01", false},
		{"key frame, long picture id", "video/VP8", "90" + "80" + "8123" + "00", true},
		{"all extensions", "video/VP8", "90" + "f0" + "8123" + "01" + "01" + "00", true},
		{"not the first partition", "video/VP8", "11" + "00", false},
		{"continued", "video/VP8", "00" + "00", false},
		{"start of a key frame", "video/VP9", "88" + "05", true},
		{"predicted", "video/VP9", "c8" + "05", false},
		{"not the start", "video/VP9", "80" + "05", false},
		{"upper spatial layer", "video/VP9", "a8" + "05" + "02", false},
		{"new sequence", "video/AV1", "18" + "0a", true},
		{"no new sequence", "video/AV1", "10" + "32", false},
		{"continued OBU", "video/AV1", "98" + "0a", false},
		{"audio stands alone", "audio/opus", "fc", true},
		{"what we do not know is never held back", "video/x-new", "00", true},
	} {
		t.Run(c.codec+" "+c.name, func(t *testing.T) {
			if got := IsKeyframe(Codec{MimeType: c.codec}, unhex(t, c.payload)); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// FuzzIsKeyframe makes sure that no payload, however broken, does harm.
func FuzzIsKeyframe(f *testing.F) {
	for _, s := range []string{"", "65", "78000265", "7c85b8", "90f0812301", "a8", "6001000326", "18"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, mime := range []string{"video/H264", "video/H265", "video/VP8", "video/VP9", "video/AV1"} {
			if IsKeyframe(Codec{MimeType: mime}, payload) && len(payload) == 0 {
				t.Errorf("%s: nothing is no keyframe", mime)
			}
		}
		FindSPS(payload)
	})
}

func TestFindSPS(t *testing.T) {
	for _, c := range []struct {
		name, payload, profile string
		width, height          int
	}{
		{"baseline", "6742c01ed900a02ff97011000003000100000300320f162e48", "42c01e", 640, 360},
		{"high, cropped to an odd size", "67640028acd940780227a9b011000003000100000300320f183196", "640028", 1918, 1078},
		{"high 4:4:4", "67f4001f919b280a00b76022000003000200000300641e30632c", "f4001f", 1280, 720},
		{"in a STAP-A", "780019" + "6742c01ed900a02ff97011000003000100000300320f162e48", "42c01e", 640, 360},
		{"cut short", "6742c01f", "42c01f", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			info, ok := FindSPS(unhex(t, c.payload))
			if !ok || info.ProfileLevelID != c.profile {
				t.Fatalf("got %+v, %v", info, ok)
			}
			if c.width != 0 && (info.Width != c.width || info.Height != c.height) {
				t.Errorf("got %dx%d, want %dx%d", info.Width, info.Height, c.width, c.height)
			}
		})
	}
	if _, ok := FindSPS(unhex(t, "6588840a")); ok {
		t.Error("a slice is no SPS")
	}
}
