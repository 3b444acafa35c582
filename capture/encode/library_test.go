//go:build cgo

package encode

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/h264"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/internal/codec"
)

func buildEncoder(t testing.TB, spec source.Spec) VideoEncoder {
	t.Helper()
	encoder, err := linked{}.NewVideo(Params{
		Width: spec.Width, Height: spec.Height, FPS: float64(spec.FPS), Bitrate: spec.Bitrate, TemporalLayers: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = encoder.Close() })
	return encoder
}

// encodePattern returns the access units of so many pictures.
func encodePattern(t testing.TB, spec source.Spec, pictures int) [][]byte {
	t.Helper()
	encoder, p := buildEncoder(t, spec), synthetic.NewPattern(spec)
	start := time.Now()
	var units [][]byte
	var f media.Picture
	for i := range pictures {
		p.Draw(&f, start.Add(time.Duration(i)*time.Second/time.Duration(spec.FPS)))
		u, err := encoder.Encode(&f, i%(2*spec.FPS) == 0)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, bytes.Clone(u))
	}
	return units
}

func isKeyframe(unit []byte) bool {
	return slices.ContainsFunc(codec.SplitAnnexB(nil, unit), func(n []byte) bool { return codec.H264NALs.Type(n) == codec.NALIDR })
}

func TestPatternFillsItsBitrate(t *testing.T) {
	spec := capturetest.Spec(t, "pattern:")
	units := encodePattern(t, spec, 5*spec.FPS)
	size, keyframes, largest := 0, 0, 0
	for i, u := range units {
		size += len(u)
		if isKeyframe(u) {
			keyframes++
			largest = max(largest, len(u))
		} else if i%(2*spec.FPS) == 0 {
			t.Errorf("picture %d is no keyframe", i)
		}
		if nals := codec.SplitAnnexB(nil, u); len(nals) > 3 {
			t.Errorf("picture %d has %d NAL units, want one slice, besides SPS and PPS", i, len(nals))
		}
	}
	bps := size * 8 / 5
	t.Logf("%d bit/s for a target of %d, keyframes of up to %d bytes", bps, spec.Bitrate, largest)
	if bps < spec.Bitrate*70/100 || bps > spec.Bitrate*115/100 {
		t.Errorf("%d bit/s, want 70 to 115 %% of %d", bps, spec.Bitrate)
	}
	if keyframes != 3 {
		t.Errorf("%d keyframes in 5 s, want one every 2 s", keyframes)
	}
}

func TestOpenH264Control(t *testing.T) {
	spec := capturetest.Spec(t, "pattern:?size=320x180")
	encoder, p := buildEncoder(t, spec), synthetic.NewPattern(spec)
	var f media.Picture
	at := time.Now()
	encode := func(keyframe bool) []byte {
		p.Draw(&f, at)
		at = at.Add(time.Second / 30)
		u, err := encoder.Encode(&f, keyframe)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if first := codec.SplitAnnexB(nil, encode(false)); len(first) != 3 || codec.H264NALs.Type(first[0]) != codec.NALSPS || codec.H264NALs.Type(first[1]) != codec.NALPPS {
		t.Fatal("the first picture does not come with SPS and PPS")
	}
	if isKeyframe(encode(false)) || !isKeyframe(encode(true)) || isKeyframe(encode(false)) {
		t.Error("a keyframe does not come when it is asked for, and only then")
	}
}

// TestStampSurvivesEncoding decodes with FFmpeg what a viewer would get, at a bitrate that is far too low.
func TestStampSurvivesEncoding(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal("ffmpeg is not installed; `make test` installs it before this")
	case err != nil:
		t.Skip("ffmpeg is not installed: make test-quick needs only Go and g++")
	}
	spec := capturetest.Spec(t, "pattern:?bitrate=300k")
	file := filepath.Join(t.TempDir(), "pattern.h264")
	units := encodePattern(t, spec, 60)
	var sent []int // those that were not left out
	for i, u := range units {
		if len(u) > 0 {
			sent = append(sent, i)
		}
	}
	if len(sent) < 40 {
		t.Errorf("%d of 60 pictures were encoded", len(sent))
	}
	if err := os.WriteFile(file, bytes.Join(units, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	raw, err := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-i", file, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	size := spec.Width * spec.Height * 3 / 2
	if len(raw) != len(sent)*size {
		t.Fatalf("%d bytes decoded, want %d pictures of %d", len(raw), len(sent), size)
	}
	for i, n := range sent {
		stamp, err := synthetic.DecodeStamp(raw[i*size:], spec.Width, spec.Width, spec.Height)
		if err != nil || int(stamp.Frame) != n {
			t.Errorf("picture %d shows stamp %v, %v", n, stamp, err)
		}
	}
}

func TestOpusEncodesTheTone(t *testing.T) {
	for channels := 1; channels <= 2; channels++ {
		encoder, err := linked{}.NewAudio(channels)
		if err != nil {
			t.Fatal(err)
		}
		samples := make([]int16, media.BlockSize*channels)
		for i := range samples {
			samples[i] = int16(i * 37)
		}
		for range 10 {
			packet, err := encoder.Encode(samples)
			if err != nil || len(packet) < 10 || len(packet) > h264.MaxPayload {
				t.Fatalf("%d channels: a packet of %d bytes, %v", channels, len(packet), err)
			}
			if frames := packet[0] & 3; frames != 0 {
				t.Errorf("%d channels: packet of more than one frame (code %d)", channels, frames)
			}
		}
		if err := encoder.Close(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, uri := range []string{"pattern:?size=640x480&bitrate=800k", "pattern:", "pattern:?size=1920x1080&bitrate=4500k"} {
		b.Run(uri, func(b *testing.B) {
			spec := capturetest.Spec(b, uri)
			encoder, p := buildEncoder(b, spec), synthetic.NewPattern(spec)
			pictures := make([]media.Picture, 30)
			at := time.Now()
			for i := range pictures {
				p.Draw(&pictures[i], at.Add(time.Duration(i)*time.Second/30))
			}
			i := 0
			for b.Loop() {
				if _, err := encoder.Encode(&pictures[i%30], false); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
