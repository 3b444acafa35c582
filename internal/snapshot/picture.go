package snapshot

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

// quality of the JPEG, of 100: beyond it, files grow and nobody sees why.
const quality = 80

// shrink returns the picture at no more than width pixels, with even sides, its
// samples averaged. It works on the planes, which are a third of the work that
// colours would be. The result is a picture of its own.
func shrink(src *image.YCbCr, width int) *image.YCbCr {
	b := src.Rect
	w := min(width, b.Dx()) &^ 1
	h := max(b.Dy()*w/b.Dx()&^1, 2)
	dst := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	y := plane{src.Y[src.YOffset(b.Min.X, b.Min.Y):], src.YStride, b.Dx() &^ 1, b.Dy() &^ 1}
	c := src.COffset(b.Min.X, b.Min.Y)
	cb := plane{src.Cb[c:], src.CStride, y.width / 2, y.height / 2}
	cr := plane{src.Cr[c:], src.CStride, y.width / 2, y.height / 2}
	y.average(plane{dst.Y, dst.YStride, w, h})
	cb.average(plane{dst.Cb, dst.CStride, w / 2, h / 2})
	cr.average(plane{dst.Cr, dst.CStride, w / 2, h / 2})
	return dst
}

// plane is one component of a picture.
type plane struct {
	samples               []byte
	stride, width, height int
}

// average fills dst, which is not larger: each sample is the mean of those that it
// stands for.
func (p plane) average(dst plane) {
	for y := range dst.height {
		y0, y1 := y*p.height/dst.height, max((y+1)*p.height/dst.height, y*p.height/dst.height+1)
		for x := range dst.width {
			x0, x1 := x*p.width/dst.width, max((x+1)*p.width/dst.width, x*p.width/dst.width+1)
			sum := 0
			for sy := y0; sy < y1; sy++ {
				for _, v := range p.samples[sy*p.stride+x0 : sy*p.stride+x1] {
					sum += int(v)
				}
			}
			dst.samples[y*dst.stride+x] = byte(sum / ((y1 - y0) * (x1 - x0)))
		}
	}
}

// encode writes a picture of limited range (16 to 235, as video has) as a JPEG, in
// which black is 0 and white is 255. It changes the picture.
func encode(img *image.YCbCr) ([]byte, error) {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = clamp(((i-16)*255 + 109) / 219)
		chroma[i] = clamp(128 + ((i-128)*255)/224)
	}
	for i, v := range img.Y {
		img.Y[i] = luma[v]
	}
	for i, v := range img.Cb {
		img.Cb[i] = chroma[v]
	}
	for i, v := range img.Cr {
		img.Cr[i] = chroma[v]
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode a JPEG: %w", err)
	}
	return b.Bytes(), nil
}

func clamp(v int) byte { return byte(min(max(v, 0), 255)) }
