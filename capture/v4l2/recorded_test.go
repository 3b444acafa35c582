package v4l2_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"porthole/capture/source"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/codec"
)

// accessUnits reads a recording with a delimiter in front of each access unit. Those in testdata are 12 pictures of x264, made by
//
//	ffmpeg -f lavfi -i testsrc2=size=160x96:rate=25 -frames:v 12 -c:v libx264 -profile:v PROFILE -bf 2 -g 12 -x264-params aud=1:b-adapt=0 NAME.h264
func accessUnits(t *testing.T, name string) (units [][]byte) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	delimiter := []byte{0, 0, 0, 1, codec.NALDelimiter}
	for i := bytes.Index(data, delimiter); i >= 0; {
		next := bytes.Index(data[i+1:], delimiter)
		if next < 0 {
			return append(units, data[i:])
		}
		units = append(units, data[i:i+1+next])
		i += 1 + next
	}
	t.Fatalf("%s has no access units", name)
	return nil
}

func TestRecordedH264(t *testing.T) {
	for name, reason := range map[string]string{
		"baseline.h264": "", "high.h264": "profile High", "high-b.h264": "profile High", "main-b.h264": "profile Main",
	} {
		t.Run(name, func(t *testing.T) {
			units := accessUnits(t, name)
			if len(units) != 12 {
				t.Fatalf("%d access units", len(units))
			}
			synctest.Test(t, func(t *testing.T) {
				c := h264(spsConstrained)
				c.Frame = func(n int, _ videodev.Layout, _ bool) videodev.Frame {
					return videodev.Frame{Data: bytes.Clone(units[n%len(units)])}
				}
				_, in, _ := opened(t, c, "")
				defer closed(t, in)
				if reason == "" {
					for i, u := range read(t, in, 24) {
						if !bytes.Equal(u.Data, units[i%12]) {
							t.Fatalf("unit %d is not what the camera has sent", i)
						}
					}
					return
				}
				if _, err := in.Encoded.Read(t.Context()); !errors.Is(err, source.ErrOtherMode) || !strings.Contains(err.Error(), reason) {
					t.Errorf("got %v, want %s", err, reason)
				}
			})
		})
	}
}

// B-frames are seen in the pictures themselves, whatever the parameter sets say.
func TestRecordedBFrames(t *testing.T) {
	for name, want := range map[string]int{"baseline.h264": 0, "high.h264": 0, "high-b.h264": 7, "main-b.h264": 7} {
		found := 0
		for _, unit := range accessUnits(t, name) {
			for _, nal := range codec.SplitAnnexB(nil, unit) {
				if codec.H264HasB(nal) {
					found++
				}
				if codec.H264SliceGroups(nal) {
					t.Errorf("%s: slice groups in %x", name, nal)
				}
			}
		}
		if found != want {
			t.Errorf("%s: %d B-frames, want %d", name, found, want)
		}
	}
}
