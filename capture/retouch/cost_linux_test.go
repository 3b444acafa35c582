//go:build cgo

package retouch

import (
	"runtime"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/synthetic"
)

// BenchmarkCost compares, in one run and in processor time, what each edit costs with what encoding the picture does.
//
//	go test -run '^$' -bench Cost ./capture/retouch
func BenchmarkCost(b *testing.B) {
	spec := capturetest.Spec(b, "pattern:")
	library, err := encode.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	encoder, err := library.NewVideo(encode.Params{Width: spec.Width, Height: spec.Height, FPS: 30, Bitrate: spec.Bitrate, TemporalLayers: 3})
	if err != nil {
		b.Fatal(err)
	}
	defer encoder.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pattern, at := synthetic.NewPattern(spec), time.Now()
	src := new(stills)
	queries := []string{"", "crop=10%,10%,80%,80%", "rotate=90", "rotate=180", "rotate=270", "flip=h", "flip=v", "mask=0,0,100%,25%|50%,50%,50%,50%", "overlay=clock,name"}
	inputs := make([]media.Pictures, len(queries))
	for i, query := range queries {
		inputs[i] = Apply(src, edits(b, query), "webcam")
	}
	var f media.Picture
	spent, encoding := make([]time.Duration, len(queries)), time.Duration(0)
	for b.Loop() {
		at = at.Add(time.Second / 30)
		pattern.Draw(&src.picture, at)
		began := capturetest.CPUTime(b)
		if _, err := encoder.Encode(&src.picture, false); err != nil {
			b.Fatal(err)
		}
		encoding += capturetest.CPUTime(b) - began
		for i, input := range inputs {
			began = capturetest.CPUTime(b)
			if err := input.Read(b.Context(), &f); err != nil {
				b.Fatal(err)
			}
			spent[i] += capturetest.CPUTime(b) - began
		}
	}
	b.ReportMetric(float64(encoding.Microseconds())/float64(b.N), "encode-µs")
	for i, query := range queries[1:] {
		// All of them begin with a copy of the picture, which is what reading is here.
		b.ReportMetric(100*float64(spent[i+1]-spent[0])/float64(encoding), query+"-%")
	}
}
