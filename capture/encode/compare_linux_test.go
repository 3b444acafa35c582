//go:build cgo

package encode

import (
	"image"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pion/mediadevices/pkg/codec/openh264"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
)

// reference encodes by mediadevices' binding of the same library: one temporal layer, no picture left out.
func reference(tb testing.TB, spec source.Spec) func(*media.Picture) []byte {
	tb.Helper()
	params, err := openh264.NewParams()
	if err != nil {
		tb.Fatal(err)
	}
	params.BitRate, params.IntraPeriod = spec.Bitrate, uint(2*spec.FPS)
	params.SliceMode, params.MultipleThreadIdc, params.EnableFrameSkip = openh264.SMSingleSlice, 1, false
	var picture image.YCbCr
	pull := video.ReaderFunc(func() (image.Image, func(), error) { return &picture, func() {}, nil })
	encoder, err := params.BuildVideoEncoder(pull, prop.Media{Video: prop.Video{Width: spec.Width, Height: spec.Height, FrameRate: float32(spec.FPS)}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = encoder.Close() })
	return func(f *media.Picture) []byte {
		picture = image.YCbCr{
			Y: f.Y, Cb: f.U, Cr: f.V, YStride: f.Width, CStride: f.Width / 2,
			SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, f.Width, f.Height),
		}
		unit, _, err := encoder.Read()
		if err != nil {
			tb.Fatal(err)
		}
		return unit
	}
}

// ours encodes by what cameras use, with a keyframe every 2 s.
func ours(tb testing.TB, spec source.Spec) func(*media.Picture) []byte {
	encoder := buildEncoder(tb, spec)
	n := 0
	return func(f *media.Picture) []byte {
		unit, err := encoder.Encode(f, n%(2*spec.FPS) == 0)
		if err != nil {
			tb.Fatal(err)
		}
		n++
		return unit
	}
}

// BenchmarkBinding compares what an encoder costs, in processor time and in bits, with mediadevices' binding of the same library, which makes
// one temporal layer. With COMPARE_DIR, it leaves pictures and units there for a comparison by eye or by FFmpeg's psnr.
func BenchmarkBinding(b *testing.B) {
	for _, uri := range []string{"pattern:?size=320x180&bitrate=200k", "pattern:?size=640x360&bitrate=700k", "pattern:"} {
		b.Run(uri, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			spec := capturetest.Spec(b, uri)
			pattern := synthetic.NewPattern(spec)
			rivals := []*rival{{name: "ours", encode: ours(b, spec)}, {name: "mediadevices", encode: reference(b, spec)}}
			for _, r := range rivals {
				r.keep = keeper(b, spec, r.name)
			}
			var f media.Picture
			at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			for b.Loop() {
				pattern.Draw(&f, at)
				at = at.Add(time.Second / time.Duration(spec.FPS))
				for _, r := range rivals {
					r.picture(b, &f)
				}
			}
			ours, theirs := rivals[0], rivals[1]
			b.ReportMetric(float64(ours.took.Microseconds())/float64(b.N), "µs-cpu")
			b.ReportMetric(100*float64(ours.took)/float64(theirs.took), "%of-their-cpu")
			b.ReportMetric(100*float64(ours.size)/float64(theirs.size), "%of-their-bits")
			b.ReportMetric(100*float64(ours.left)/float64(b.N), "%left-out")
		})
	}
}

// rival is one of those that are compared.
type rival struct {
	name   string
	encode func(*media.Picture) []byte
	keep   func(f *media.Picture, unit []byte)

	took time.Duration
	size int
	left int // pictures
}

func (r *rival) picture(tb testing.TB, f *media.Picture) {
	begin := capturetest.CPUTime(tb)
	unit := r.encode(f)
	r.took += capturetest.CPUTime(tb) - begin
	r.keep(f, unit)
	r.size += len(unit)
	if len(unit) == 0 {
		r.left++
	}
}

// keeper writes what is encoded to COMPARE_DIR, if that is set.
func keeper(b *testing.B, spec source.Spec, name string) func(f *media.Picture, unit []byte) {
	dir := os.Getenv("COMPARE_DIR")
	if dir == "" {
		return func(*media.Picture, []byte) {}
	}
	create := func(end string) *os.File {
		file, err := os.Create(filepath.Join(dir, spec.String()[len("pattern:?"):]+"."+name+end))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = file.Close() })
		return file
	}
	raw, coded := create(".yuv"), create(".h264")
	return func(f *media.Picture, unit []byte) {
		for _, part := range [][]byte{f.Y, f.U, f.V} {
			_, _ = raw.Write(part)
		}
		_, _ = coded.Write(unit)
	}
}
