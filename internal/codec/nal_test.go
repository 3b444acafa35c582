package codec

import (
	"bytes"
	"testing"
)

func TestParameterSetKinds(t *testing.T) {
	for _, c := range []struct {
		name, nal string
		nals      NALs
		kind      SetKind
		ok        bool
	}{
		{"SPS", "6742e01f", H264NALs, SPS, true},
		{"PPS", "68ce3c80", H264NALs, PPS, true},
		{"slice", "6588840a", H264NALs, 0, false},
		{"header alone", "67", H264NALs, 0, false},
		{"VPS", "40010c01", H265NALs, VPS, true},
		{"SPS", "42010101", H265NALs, SPS, true},
		{"PPS", "4401c173", H265NALs, PPS, true},
		{"slice", "2601af08", H265NALs, 0, false},
		{"header alone", "4201", H265NALs, 0, false},
		{"nothing", "", H265NALs, 0, false},
	} {
		kind, ok := c.nals.Set(unhex(t, c.nal))
		if ok != c.ok || ok && kind != c.kind {
			t.Errorf("%s %s: %d, %v", c.name, c.nal, kind, ok)
		}
	}
}

func TestRecoveryPoint(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		nals          NALs
		want          bool
	}{
		{"alone", "0606018080", H264NALs, true},
		{"behind another message", "060501aa06018080", H264NALs, true},
		{"behind a long one", "0605ff00" + "aa", H264NALs, false},
		{"aggregated", "78" + "0002" + "09f0" + "0005" + "0606018080", H264NALs, true},
		{"another message", "060501aa80", H264NALs, false},
		{"a slice", "4188840a", H264NALs, false},
		{"H.265", "4e0106018080", H265NALs, true},
		{"H.265, another message", "4e01050180", H265NALs, false},
		{"another codec", "0606018080", NoNALs, false},
		{"nothing", "", H264NALs, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.nals.HasRecoveryPoint(unhex(t, c.payload)); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// What is aggregated comes apart again, and NAL units are parts of the payload.
func FuzzNALs(f *testing.F) {
	for _, s := range []string{"", "67", "78" + "00026742" + "000268ce" + "00026588", "7c85b8", "6001" + "00034001aa" + "00032601af", "0606018080"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, nals := range []NALs{H264NALs, H265NALs} {
			nals.HasRecoveryPoint(payload)
			built := nals.AppendAggregation(nil)
			var found [][]byte
			nal, rest, ok := nals.First(payload)
			for ; ok; nal, rest, ok = nals.Next(rest) {
				if !bytes.Contains(payload, nal) {
					t.Fatalf("% x is not in % x", nal, payload)
				}
				if kind, isSet := nals.Set(nal); isSet && kind == PPS {
					nals.PPSID(nal)
				}
				if len(nal) < 1<<16 {
					found = append(found, nal)
					built = nals.AppendAggregated(built, nal)
				}
			}
			nal, rest, ok = nals.First(built)
			for i := 0; i < len(found); i++ {
				if !ok || !bytes.Equal(nal, found[i]) {
					t.Fatalf("% x: unit %d is % x, %v; want % x", built, i, nal, ok, found[i])
				}
				nal, rest, ok = nals.Next(rest)
			}
		}
	})
}

// Whatever is called for each packet does not allocate.
func TestNothingIsAllocated(t *testing.T) {
	payload := append(unhex(t, "78"+"00026742"+"000268ce"+"00026588"), make([]byte, 1000)...)
	slice := append(unhex(t, "7c01b8"), make([]byte, 1000)...)
	for name, read := range map[string]func(payload []byte){
		"H264": func(b []byte) { h264Keyframe(b); H264NALs.HasRecoveryPoint(b); MayHaveSPS(b); H264NALs.First(b) },
		"H265": func(b []byte) { h265Keyframe(b); H265NALs.HasRecoveryPoint(b); H265NALs.First(b) },
		"VP8":  func(b []byte) { vp8Keyframe(b); VP8Size(b); vp8IDs(b) },
		"VP9":  func(b []byte) { vp9Keyframe(b); vp9IDs(b) },
		"AV1":  func(b []byte) { av1Keyframe(b) },
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, func() { read(payload); read(slice) }); n > 0 {
				t.Errorf("%.0f allocations", n)
			}
		})
	}
}
