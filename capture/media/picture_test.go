package media

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"testing"
)

// gradient is a picture whose every pixel tells its place, in any subsampling.
func gradient(rect image.Rectangle, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	img := image.NewYCbCr(rect, ratio)
	for y := rect.Min.Y; y < rect.Max.Y; y++ {
		for x := rect.Min.X; x < rect.Max.X; x++ {
			img.Y[img.YOffset(x, y)] = byte(x - rect.Min.X)
			img.Cb[img.COffset(x, y)] = byte((x - rect.Min.X) &^ 3)
			img.Cr[img.COffset(x, y)] = byte((y - rect.Min.Y) &^ 1)
		}
	}
	return img
}

func TestLoadYCbCr(t *testing.T) {
	ratios := []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio444,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	}
	for _, ratio := range ratios {
		for _, rect := range []image.Rectangle{image.Rect(0, 0, 64, 32), image.Rect(8, 8, 72, 40), image.Rect(0, 0, 65, 33)} {
			t.Run(fmt.Sprint(ratio, rect), func(t *testing.T) {
				var p Picture
				if err := p.Load(gradient(rect, ratio), false); err != nil {
					t.Fatal(err)
				}
				if p.Width != 64 || p.Height != 32 {
					t.Fatalf("size is %dx%d, want 64x32", p.Width, p.Height)
				}
				if got := p.Y[5*64+17]; got != 17 {
					t.Errorf("luma is %d, want 17", got)
				}
				if got := p.U[5*32+8]; got != 16 {
					t.Errorf("U is %d, want 16", got)
				}
				if got := p.V[5*32+8]; ratio != image.YCbCrSubsampleRatio410 && got != 10 {
					t.Errorf("V is %d, want 10", got)
				}
			})
		}
	}
}

func TestLoadOtherImages(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 4, 4))
	grey.SetGray(1, 1, color.Gray{Y: 200})
	var p Picture
	if err := p.Load(grey, false); err != nil || p.Y[5] != 200 || p.U[0] != 128 {
		t.Errorf("grey: %v, luma %d, U %d", err, p.Y[5], p.U[0])
	}
	rgb := image.NewRGBA(image.Rect(0, 0, 4, 4))
	rgb.Set(0, 0, color.RGBA{R: 255, A: 255})
	if err := p.Load(rgb, false); err != nil || p.Y[0] != 76 || p.V[0] != 255 {
		t.Errorf("red: %v, luma %d, V %d, want 76 and 255", err, p.Y[0], p.V[0])
	}
}

func TestLoadFullRange(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 4, 4), image.YCbCrSubsampleRatio420)
	img.Y[0], img.Y[1], img.Cb[0], img.Cr[0] = 0, 255, 128, 0
	var p Picture
	if err := p.Load(img, true); err != nil {
		t.Fatal(err)
	}
	if p.Y[0] != 16 || p.Y[1] != 235 || p.U[0] != 128 || p.V[0] != 16 {
		t.Errorf("black %d, white %d, grey %d, least %d; want 16, 235, 128, 16", p.Y[0], p.Y[1], p.U[0], p.V[0])
	}
}

func TestLoadRefusesBrokenPictures(t *testing.T) {
	short := image.NewYCbCr(image.Rect(0, 0, 64, 32), image.YCbCrSubsampleRatio420)
	short.Cr = short.Cr[:10]
	var p Picture
	for name, img := range map[string]image.Image{
		"short plane": short,
		"no area":     image.NewGray(image.Rect(0, 0, 0, 0)),
		"one pixel":   image.NewGray(image.Rect(0, 0, 1, 1)),
	} {
		if err := p.Load(img, false); !errors.Is(err, ErrBadPicture) {
			t.Errorf("%s: %v, want errBadFrame", name, err)
		}
	}
}

func TestPictureIsReusedInAnySize(t *testing.T) {
	var p Picture
	for _, size := range [][2]int{{640, 480}, {320, 240}, {1280, 720}, {640, 480}} {
		p.Resize(size[0], size[1])
		if len(p.Y) != size[0]*size[1] || len(p.U) != len(p.Y)/4 || len(p.V) != len(p.Y)/4 {
			t.Errorf("%v: planes of %d, %d, %d bytes", size, len(p.Y), len(p.U), len(p.V))
		}
		Fill(p.U, 1)
		Fill(p.V, 2)
		Fill(p.Y, 3)
		if p.U[len(p.U)-1] != 1 || p.V[0] != 2 {
			t.Errorf("%v: planes overlap", size)
		}
	}
	if got := testing.AllocsPerRun(10, func() { p.Resize(640, 480) }); got != 0 {
		t.Errorf("resize allocates %v times, want 0", got)
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, ratio := range map[string]image.YCbCrSubsampleRatio{
		"4:2:0": image.YCbCrSubsampleRatio420, "4:2:2": image.YCbCrSubsampleRatio422, "4:4:4": image.YCbCrSubsampleRatio444,
	} {
		for _, fullRange := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/full=%v", name, fullRange), func(b *testing.B) {
				img := image.NewYCbCr(image.Rect(0, 0, 1280, 720), ratio)
				var p Picture
				for b.Loop() {
					_ = p.Load(img, fullRange)
				}
			})
		}
	}
}
