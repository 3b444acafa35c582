package codec_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"porthole/internal/codec"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The first packets of pictures as Chromium 156 sends them, by codec and scalabilityMode.
func TestTemporalLayersOfChromium(t *testing.T) {
	type layer = codec.Temporal
	base := layer{}
	up := func(id uint8) layer { return layer{ID: id, Sync: true} }
	for _, tt := range []struct {
		mime, mode string
		pictures   []string
		want       []layer
	}{
		{codec.VP8, "L1T1", []string{"90 80 be 2c d0 6e 00 9d", "90 80 be 2d 51 21 00 e4"}, []layer{base, base}},
		{codec.VP8, "L1T2", []string{
			"90 e0 9c 9b 1b 20 70 71", "90 e0 9c 9c 1b 60 d1 15", "90 e0 9c 9d 1c 00 f1 2b", "b0 e0 9c 9e 1c 40 31 1b",
		}, []layer{base, up(1), base, {ID: 1}}},
		{codec.VP8, "L1T3", []string{
			"90 e0 f8 e1 7e 20 70 71", "b0 e0 f8 e2 7e a0 d1 15", "90 e0 f8 e3 7e 60 d1 1b", "b0 e0 f8 e4 7e 80 31 23",
			"90 e0 f8 e5 7f 00 31 32", "b0 e0 f8 e6 7f 80 31 20", "90 e0 82 34 83 40 31 27",
		}, []layer{base, up(2), up(1), {ID: 2}, base, {ID: 2}, {ID: 1}}},
		{codec.VP9, "L1T2", []string{
			"bb bf 50 10 10 02 80 01", "fd bf 51 30 02 87 00 00", "f9 bf 52 10 04 87 01 00", "f9 bf 53 30 02 87 00 00",
		}, []layer{base, up(1), base, up(1)}},
		{codec.VP9, "L1T3", []string{
			"bb da 3c 10 10 02 80 01", "fd da 3d 50 02 87 00 00", "fd da 3e 30 04 87 02 02", "f9 da 3f 50 02 87 00 20", "f9 da 40 10 08 87 01 00",
		}, []layer{base, up(2), up(1), up(2), base}},
		{codec.VP9, "L2T3_KEY", []string{
			"ba ff 87 10 10 01 40 00", "fd ff 88 50 02 87 00 00", "fd ff 89 30 04 87 04 04",
		}, []layer{base, up(2), up(1)}},
		{codec.AV1, "L1T1", []string{"68 0b 08 00 00 00 24 c4 ff df 00 68 02 30 10 4d", "50 30 30 c0 40 fd f8 24"}, []layer{base, base}},
		{codec.AV1, "L1T2", []string{
			"68 0d 08 00 11 03 20 80 92 62 7f ef 80 34 01 34 00", "10 34 20 30 00 00 00 00", "50 34 00 30 00 20 00 00",
		}, []layer{base, up(1), base}},
		{codec.AV1, "L1T3", []string{
			"68 10 08 00 21 07 20 81 90 40 49 31 3f f7 c0 1a 01 34 34 00 10", "10 34 40 30 00 00 00 00", "10 34 20 30 00 40 00 00", "50 34 00 30 00 20 00 00",
		}, []layer{base, up(2), up(1), base}},
		// Its OpenH264 says which pictures nobody refers to, and grades the rest.
		{codec.H264, "L1T2", []string{"78 00 02 67 42 00 02 65 88", "01 e0 00 40", "61 e0 00 40", "1c 81 e0 00", "7c 81 e0 00"}, []layer{base, up(1), base, up(1), base}},
	} {
		read := codec.TemporalReader(codec.Codec{MimeType: tt.mime}, 0)
		for i, picture := range tt.pictures {
			if got, ok := read(unhex(t, picture)); !ok || got != tt.want[i] {
				t.Errorf("%s %s, picture %d: %+v, %v, want %+v", tt.mime, tt.mode, i, got, ok, tt.want[i])
			}
		}
	}
}

// What a packet may look like besides, and what tells nothing.
func TestTemporalLayersOfOthers(t *testing.T) {
	for _, tt := range []struct {
		name, mime, payload string
		want                codec.Temporal
		ok                  bool
	}{
		{"VP8 without extension", codec.VP8, "10 00 01", codec.Temporal{}, true},
		{"VP8 with a key index alone", codec.VP8, "90 10 ff 00", codec.Temporal{}, true},
		{"VP8 with no more than a layer", codec.VP8, "90 20 60 00", codec.Temporal{ID: 1, Sync: true}, true},
		{"VP8 cut", codec.VP8, "90 e0 9c 9b 1b", codec.Temporal{}, false},
		{"VP8 empty", codec.VP8, "", codec.Temporal{}, false},
		{"VP9 without layers", codec.VP9, "8c 92 34 09", codec.Temporal{}, true},
		{"VP9 counted, no switching", codec.VP9, "ac 45 20 07 09", codec.Temporal{ID: 1}, true},
		{"VP9 without picture id", codec.VP9, "2c 40 07 09", codec.Temporal{ID: 2}, true},
		{"VP9 of layer 7", codec.VP9, "ac 45 e0 07", codec.Temporal{ID: codec.MaxTemporalID}, true},
		{"VP9 cut in the picture id", codec.VP9, "ac", codec.Temporal{}, false},
		{"VP9 cut", codec.VP9, "ac 92 34", codec.Temporal{}, false},
		{"AV1 with sizes", codec.AV1, "00 01 10 02 2c 01 04 34 40 00 00", codec.Temporal{ID: 2, Sync: true}, true},
		{"AV1, the rest of a frame", codec.AV1, "90 34 40 30", codec.Temporal{}, false},
		{"AV1, the rest of a frame and a new one", codec.AV1, "a0 02 01 02 1c 20 00", codec.Temporal{ID: 1, Sync: true}, true},
		{"AV1, a size too large", codec.AV1, "00 7f 34 40", codec.Temporal{}, false},
		{"AV1, a size without end", codec.AV1, "00 ff ff ff ff ff ff ff ff ff", codec.Temporal{}, false},
		{"AV1, cut in the frame's header", codec.AV1, "10 34", codec.Temporal{}, false},
		{"AV1, parameters only", codec.AV1, "18 08 00 00", codec.Temporal{}, false},
		{"AV1, empty elements", codec.AV1, "00 00 00 00", codec.Temporal{}, false},
		{"AV1, nothing", codec.AV1, "", codec.Temporal{}, false},
	} {
		got, ok := codec.TemporalReader(codec.Codec{MimeType: tt.mime}, 0)(unhex(t, tt.payload))
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	graded := codec.TemporalReader(codec.Codec{MimeType: codec.H264}, 3)
	for payload, want := range map[string]codec.Temporal{"01 e0": {ID: 2, Sync: true}, "21 e0": {ID: 1, Sync: true}, "41 e0": {}, "65 88": {}} {
		if got, ok := graded(unhex(t, payload)); got != want || !ok {
			t.Errorf("H.264 of three layers, %s: %+v, %v, want %+v", payload, got, ok, want)
		}
	}
	for _, mime := range []string{codec.Opus, codec.PCMU, "video/unknown"} {
		if codec.TemporalReader(codec.Codec{MimeType: mime}, 0) != nil {
			t.Errorf("%s has temporal layers", mime)
		}
	}
}

// After a switching up point, the first picture of each layer above may be begun with; the next
// one may need it.
func TestSwitchingUpOfVP9(t *testing.T) {
	read := codec.TemporalReader(codec.Codec{MimeType: codec.VP9}, 0)
	for i, step := range []struct {
		id            uint8
		switching, up bool
	}{
		{0, false, false}, {2, false, false}, {1, false, false}, // a stream that was joined in between
		{0, true, false}, {2, false, true}, {1, false, true}, {2, false, false},
		{0, false, false}, {2, false, false}, {1, true, false}, {2, false, true}, {2, false, false},
	} {
		b := []byte{0xac, 0x45, step.id << 5, 7}
		if step.switching {
			b[2] |= 0x10
		}
		if got, ok := read(b); !ok || got.ID != step.id || got.Sync != step.up {
			t.Errorf("step %d: %+v, %v, want %+v", i, got, ok, step)
		}
	}
}

func TestTemporalLayersCostNoMemory(t *testing.T) {
	for mime, picture := range map[string]string{
		codec.VP8: "90 e0 9c 9b 1b 20 70 71", codec.VP9: "bb bf 50 10 10 02 80 01", codec.AV1: "68 0d 08 00 11 03 20 80 92 62 7f ef 80 34 01 34",
	} {
		read, b := codec.TemporalReader(codec.Codec{MimeType: mime}, 0), unhex(t, picture)
		if n := testing.AllocsPerRun(100, func() { read(b) }); n != 0 {
			t.Errorf("%s: %v allocations", mime, n)
		}
	}
}

// Whatever a publisher sends is of a layer that there is, or of none.
func FuzzTemporal(f *testing.F) {
	for _, seed := range []string{"90 e0 9c 9b 1b 20 70 71", "bb bf 50 10 10 02 80 01", "68 0d 08 00 11 03 20 80 92 62 7f ef 80 34 01 34", "00 01 10 02 2c 01 04 34 40 00 00"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, mime := range []string{codec.VP8, codec.VP9, codec.AV1, codec.H264} {
			read := codec.TemporalReader(codec.Codec{MimeType: mime}, 0)
			for range 2 {
				got, ok := read(b)
				if got.ID > codec.MaxTemporalID || got.Sync && got.ID == 0 || !ok && got != (codec.Temporal{}) {
					t.Errorf("%s % x: %+v, %v", mime, b, got, ok)
				}
			}
		}
	})
}
