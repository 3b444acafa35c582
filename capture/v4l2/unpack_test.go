package v4l2

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"log/slog"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/capture/v4l2/videodev"
)

// packed lays a picture out as a driver would: in this format, with so many bytes more in each row than it needs.
func packed(p *media.Picture, format string, extra int) ([]byte, videodev.Layout) {
	l := videodev.Layout{Format: codeOf(format), Width: p.Width, Height: p.Height, Stride: p.Width + extra}
	var data []byte
	half := p.Width / 2
	chroma := func(plane []byte, x, y int) byte { return plane[y/2*half+x/2] }
	switch format {
	case "YUYV", "UYVY":
		l.Stride = 2*p.Width + extra
		for y := range p.Height {
			for x := 0; x < p.Width; x += 2 {
				y0, y1, u, v := p.Y[y*p.Width+x], p.Y[y*p.Width+x+1], chroma(p.U, x, y), chroma(p.V, x, y)
				if format == "YUYV" {
					data = append(data, y0, u, y1, v)
				} else {
					data = append(data, u, y0, v, y1)
				}
			}
			data = append(data, make([]byte, extra)...)
		}
		return data, l
	}
	for y := range p.Height {
		data = append(append(data, p.Y[y*p.Width:][:p.Width]...), make([]byte, extra)...)
	}
	if format == "I420" {
		for _, plane := range [][]byte{p.U, p.V} {
			for y := range p.Height / 2 {
				data = append(append(data, plane[y*half:][:half]...), make([]byte, extra/2)...)
			}
		}
		return data, l
	}
	for y := range p.Height / 2 {
		for x := range half {
			pair := []byte{p.U[y*half+x], p.V[y*half+x]}
			if format == "NV21" {
				pair[0], pair[1] = pair[1], pair[0]
			}
			data = append(data, pair...)
		}
		data = append(data, make([]byte, extra)...)
	}
	return data, l
}

func drawn(t testing.TB, size string) *media.Picture {
	t.Helper()
	p := new(media.Picture)
	synthetic.NewPattern(capturetest.Spec(t, "pattern:?size="+size)).Draw(p, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	return p
}

func TestUnpack(t *testing.T) {
	for _, size := range []string{"320x180", "322x182"} { // the last two pixels of a row are no group of four
		want := drawn(t, size)
		for _, format := range []string{"I420", "YUYV", "UYVY", "NV12", "NV21"} {
			for _, extra := range []int{0, 64} {
				data, layout := packed(want, format, extra)
				got := new(media.Picture)
				if err := unpack(got, data, layout); err != nil {
					t.Errorf("%s %s: %v", format, size, err)
					continue
				}
				if !bytes.Equal(got.Y, want.Y) || !bytes.Equal(got.U, want.U) || !bytes.Equal(got.V, want.V) {
					t.Errorf("%s %s, %d bytes more in a row: another picture", format, size, extra)
				}
				for _, cut := range []int{0, 1, len(data) / 2, layout.Stride*layout.Height - extra - 1} {
					if err := unpack(got, data[:min(cut, len(data))], layout); !errors.Is(err, media.ErrBadPicture) {
						t.Errorf("%s %s, %d of %d bytes: %v, want ErrBadPicture", format, size, cut, len(data), err)
					}
				}
			}
		}
	}
}

func TestUnpackJPEG(t *testing.T) {
	want := drawn(t, "320x180")
	layout := videodev.Layout{Format: codeOf("MJPEG"), Width: 320, Height: 180}
	got := new(media.Picture)
	if err := unpack(got, photo(want), layout); err != nil || got.Width != 320 || got.Height != 180 {
		t.Fatalf("%dx%d, %v", got.Width, got.Height, err)
	}
	if dark := got.Y[0]; dark < media.LumaBlack {
		t.Errorf("luma %d is below the range of video", dark)
	}
	if err := unpack(got, []byte{0xff, 0xd8, 0xff}, layout); err == nil {
		t.Error("half a JPEG is a picture")
	}
}

func photo(p *media.Picture) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, &image.YCbCr{
		Y: p.Y, Cb: p.U, Cr: p.V, YStride: p.Width, CStride: p.Width / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, p.Width, p.Height),
	}, nil)
	return b.Bytes()
}

// FuzzUnpack feeds it what a driver might say that means harm.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, uint8(0), uint16(2), uint16(2), uint16(4))
	f.Add([]byte{}, uint8(3), uint16(3), uint16(0), uint16(65535))
	f.Fuzz(func(t *testing.T, data []byte, format uint8, width, height, stride uint16) {
		all := formats()
		var p media.Picture
		layout := videodev.Layout{Format: all[int(format)%len(all)].code, Width: int(width) % 512, Height: int(height) % 512, Stride: int(stride)}
		if err := unpack(&p, data, layout); err == nil && (p.Width < 2 || p.Height < 2 || len(p.Y) != p.Width*p.Height) {
			t.Errorf("a picture of %dx%d with %d bytes", p.Width, p.Height, len(p.Y))
		}
	})
}

// BenchmarkUnpack is what decodingCost is made of: from the camera's bytes to I420.
func BenchmarkUnpack(b *testing.B) {
	p := drawn(b, "1280x720")
	for _, format := range []string{"I420", "YUYV", "NV12", "MJPEG"} {
		b.Run(format, func(b *testing.B) {
			data, layout := packed(p, format, 0)
			if format == "MJPEG" {
				data = photo(p)
			}
			var into media.Picture
			for b.Loop() {
				if err := unpack(&into, data, layout); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a camera sends as JPEG can be passed on as it is, and nothing else is taken for one.
func TestReaderHasTheCamerasJPEG(t *testing.T) {
	for name, tt := range map[string]struct{ jpeg []byte }{"JPEGs": {[]byte{0xff, 0xd8, 7}}, "raw pictures": {nil}} {
		t.Run(name, func(t *testing.T) {
			released := false
			r := NewReader(oneShot(func() (Shot, error) {
				data := bytes.Clone(tt.jpeg)
				return Shot{
					JPEG: data, Load: func(p *media.Picture) error { p.Resize(16, 16); return nil },
					Release: func() { released = true; clear(data) }, // the driver fills it again
				}, nil
			}), Choice{Width: 16, Height: 16, FPS: 30}, source.Spec{FPS: 30}, slog.New(slog.DiscardHandler))
			var p media.Picture
			if err := r.Read(t.Context(), &p); err != nil || !released {
				t.Fatalf("%v, released %v", err, released)
			}
			if got := r.JPEG(); !bytes.Equal(got, tt.jpeg) || (got == nil) != (tt.jpeg == nil) {
				t.Errorf("% x, want % x", got, tt.jpeg)
			}
		})
	}
}

// oneShot is a camera that sends what it returns.
type oneShot func() (Shot, error)

func (o oneShot) Next(context.Context) (Shot, error) { return o() }
func (oneShot) Close() error                         { return nil }
