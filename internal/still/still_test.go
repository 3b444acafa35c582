package still_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"slices"
	"testing"

	"porthole/internal/still"
)

// grey is a picture of one grey in limited range, with a row length of its own.
func grey(width, height, pad int, luma byte) *image.YCbCr {
	stride, half := width+pad, (width+pad+1)/2
	img := &image.YCbCr{
		Y: bytes.Repeat([]byte{luma}, stride*height), Cb: bytes.Repeat([]byte{128}, half*((height+1)/2)), Cr: bytes.Repeat([]byte{128}, half*((height+1)/2)),
		YStride: stride, CStride: half, SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, width, height),
	}
	return img
}

func decode(t *testing.T, p still.JPEG) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(p.Data))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != p.Width || b.Dy() != p.Height {
		t.Fatalf("the file is %v, said to be %dx%d", b, p.Width, p.Height)
	}
	return img
}

func TestPicturesBecomeJPEGs(t *testing.T) {
	var e still.Encoder
	for _, tt := range []struct {
		width, height, pad, asked int
		wantWidth, wantHeight     int
	}{
		{640, 360, 0, 0, 640, 360},
		{640, 360, 0, 320, 320, 180},
		{640, 360, 0, 1000, 640, 360}, // never larger
		{640, 360, 32, 0, 640, 360},   // rows that do not follow each other
		{641, 361, 0, 0, 640, 360},    // even sides
		{640, 480, 0, 200, 200, 150},
		{1280, 720, 0, 15, 14, 6},
	} {
		raw := grey(tt.width, tt.height, tt.pad, 16)
		before := slices.Clone(raw.Y)
		p, err := e.Encode(raw, tt.asked)
		if err != nil || p.Width != tt.wantWidth || p.Height != tt.wantHeight {
			t.Errorf("%+v: %dx%d, %v", tt, p.Width, p.Height, err)
			continue
		}
		if !bytes.Equal(before, raw.Y) {
			t.Errorf("%+v: the picture was changed", tt)
		}
		if got := color.GrayModel.Convert(decode(t, p).At(3, 3)).(color.Gray).Y; got > 2 {
			t.Errorf("%+v: black is %d", tt, got)
		}
	}
	p, err := e.Encode(grey(64, 64, 0, 235), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := color.GrayModel.Convert(decode(t, p).At(3, 3)).(color.Gray).Y; got < 253 {
		t.Errorf("white is %d", got)
	}
	if _, err := e.Encode(grey(1, 1, 0, 1), 0); err == nil {
		t.Error("a pixel became a JPEG")
	}
}

// cameraJPEG is a JPEG as cameras send it, with a slope in it; its Huffman tables are the typical ones.
func cameraJPEG(t testing.TB) []byte {
	img := image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio422)
	for i := range img.Y {
		img.Y[i] = byte(128 + 100*math.Sin(float64(i)/17))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutTables leaves the Huffman tables out, as many cameras do.
func withoutTables(t testing.TB, data []byte) []byte {
	for at := 2; data[at+1] != 0xda; {
		length := int(data[at+2])<<8 | int(data[at+3])
		if data[at+1] == 0xc4 {
			data = slices.Delete(slices.Clone(data), at, at+2+length)
			continue
		}
		at += 2 + length
	}
	if bytes.Contains(data, []byte{0xff, 0xc4}) {
		t.Fatal("there are tables left")
	}
	return data
}

func TestCamerasJPEGs(t *testing.T) {
	whole := cameraJPEG(t)
	want, err := jpeg.Decode(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"as it should be": whole,
		"rest of buffer":  append(slices.Clone(whole), make([]byte, 1000)...),
		"no tables":       withoutTables(t, whole),
		"fill bytes":      slices.Insert(slices.Clone(whole), 2, 0xff, 0xff),
	} {
		p, err := still.Complete(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := decode(t, p)
		for y := range 48 {
			for x := range 64 {
				if got.At(x, y) != want.At(x, y) {
					t.Fatalf("%s: pixel %d,%d is %v, want %v", name, x, y, got.At(x, y), want.At(x, y))
				}
			}
		}
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("no picture at all"), "cut off": whole[:len(whole)/2], "headers only": whole[:40],
		"no picture": {0xff, 0xd8, 0xff, 0xd9}, "length beyond the end": {0xff, 0xd8, 0xff, 0xdb, 0xff, 0xff, 1},
	} {
		if _, err := still.Complete(data); !errors.Is(err, still.ErrNotJPEG) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a camera sends, it costs an error, and what is passed on begins and ends as a JPEG.
func FuzzComplete(f *testing.F) {
	whole := cameraJPEG(f)
	f.Add(whole)
	f.Add(withoutTables(f, whole))
	f.Add(whole[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := still.Complete(data)
		if err != nil {
			return
		}
		if p.Width == 0 || p.Height == 0 || !bytes.HasPrefix(p.Data, []byte{0xff, 0xd8}) || !bytes.HasSuffix(p.Data, []byte{0xff, 0xd9}) {
			t.Errorf("%dx%d, % x …", p.Width, p.Height, p.Data[:min(8, len(p.Data))])
		}
		if len(p.Data) > len(data)+1000 {
			t.Errorf("%d bytes of %d", len(p.Data), len(data))
		}
	})
}

func BenchmarkEncode720p(b *testing.B) {
	raw := grey(1280, 720, 0, 100)
	for i := range raw.Y {
		raw.Y[i] = byte(16 + i*7%200)
	}
	for name, width := range map[string]int{"own size": 0, "640": 640, "320": 320} {
		b.Run(name, func(b *testing.B) {
			var e still.Encoder
			for b.Loop() {
				if _, err := e.Encode(raw, width); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
