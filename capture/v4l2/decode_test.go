//go:build cgo

package v4l2

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"github.com/pion/mediadevices/pkg/frame"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/synthetic"
)

// BenchmarkDecode is what decodingCost is made of: from the camera's bytes to I420.
func BenchmarkDecode(b *testing.B) {
	const width, height = 1280, 720
	spec := capturetest.Spec(b, "pattern:")
	var f media.Picture
	synthetic.NewPattern(spec).Draw(&f, time.Now())
	var photo bytes.Buffer
	_ = jpeg.Encode(&photo, &image.YCbCr{
		Y: f.Y, Cb: f.U, Cr: f.V, YStride: width, CStride: width / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, width, height),
	}, nil)
	for _, format := range []string{"I420", "YUYV", "NV12", "MJPEG"} {
		data := make([]byte, width*height*2)
		if format == "MJPEG" {
			data = photo.Bytes()
		}
		b.Run(format, func(b *testing.B) {
			decoder, err := frame.NewDecoder(frame.Format(format))
			if err != nil {
				b.Fatal(err)
			}
			var p media.Picture
			for b.Loop() {
				img, release, err := decoder.Decode(data, width, height)
				if err != nil {
					b.Fatal(err)
				}
				_ = p.Load(img, format == "MJPEG")
				release()
			}
		})
	}
}
