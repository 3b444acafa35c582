package media

import (
	"image"
	"testing"
)

func TestPaintCoversAsTheMaskSays(t *testing.T) {
	mask := image.NewAlpha(image.Rect(0, 0, 3, 3))
	for i := range mask.Pix {
		mask.Pix[i] = 255
	}
	mask.Pix[4] = 0 // the middle
	red := Ink{81, 90, 240}
	for _, at := range []image.Point{{2, 2}, {3, 1}, {0, 0}, {-2, -2}, {6, 6}, {7, 0}, {-3, 0}, {8, 8}, {100, -100}} {
		var f Picture
		f.Resize(8, 8)
		Fill(f.Y, LumaBlack)
		Fill(f.U, 128)
		Fill(f.V, 128)
		f.Paint(mask, at.X, at.Y, red)
		for y := range 8 {
			for x := range 8 {
				inside := image.Pt(x, y).In(mask.Rect.Add(at)) && image.Pt(x, y) != at.Add(image.Pt(1, 1))
				want := byte(LumaBlack)
				if inside {
					want = red.Y
				}
				if got := f.Y[y*8+x]; got != want {
					t.Errorf("at %v: luma of %d,%d is %d, want %d", at, x, y, got, want)
				}
			}
		}
		for i := range f.U {
			covered := 0
			for _, d := range []image.Point{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
				if f.Y[(i/4*2+d.Y)*8+i%4*2+d.X] == red.Y {
					covered++
				}
			}
			if want := 128 + covered*(240-128)/4; int(f.V[i]) < want-1 || int(f.V[i]) > want+1 {
				t.Errorf("at %v: V of %d is %d, want %d of %d pixels", at, i, f.V[i], want, covered)
			}
		}
	}
}

func TestPaintMixesAtEdges(t *testing.T) {
	mask := image.NewAlpha(image.Rect(0, 0, 2, 2))
	for i := range mask.Pix {
		mask.Pix[i] = 128
	}
	var f Picture
	f.Resize(2, 2)
	Fill(f.Y, 100)
	Fill(f.U, 128)
	Fill(f.V, 128)
	f.Paint(mask, 0, 0, Ink{200, 28, 228})
	if f.Y[0] != 150 || f.U[0] != 78 || f.V[0] != 178 {
		t.Errorf("half covered is %d, %d, %d, want 150, 78, 178", f.Y[0], f.U[0], f.V[0])
	}
}
