// Package retouch changes raw pictures before anybody gets them: encoders, snapshots, and whoever else looks. A picture is cropped,
// turned, flipped, masked and written on, in this order. Each must cost no more than a small part of encoding the picture.
package retouch

import (
	"context"
	"fmt"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
)

// minSide is the least width and height that is left of a picture.
const minSide = 16

// Apply returns the pictures with the edits, and the pictures themselves where there are none. name is what the overlay calls the stream.
func Apply(pictures media.Pictures, e source.Edits, name string) media.Pictures {
	if e == (source.Edits{}) {
		return pictures
	}
	return &edited{pictures: pictures, edits: e, caption: caption{overlay: e.Overlay, name: name}}
}

// edited is pictures with edits. Nothing of the pictures shows through it but these.
type edited struct {
	pictures media.Pictures
	edits    source.Edits
	raw      media.Picture // as it came
	caption  caption
}

// Read reads a picture and changes it. The error is that of the pictures, or that nothing is left of one.
func (s *edited) Read(ctx context.Context, f *media.Picture) error {
	if err := s.read(ctx, f); err != nil {
		return err
	}
	for _, mask := range s.edits.Masks {
		if mask != (source.Area{}) {
			cover(f, mask)
		}
	}
	s.caption.draw(f, time.Now())
	return nil
}

// read reads a picture as it is to lie. Whether it has to be turned shows only when it is there, by its size, so one that has is read
// to the side.
func (s *edited) read(ctx context.Context, f *media.Picture) error {
	if e := s.edits; e.Crop == (source.Area{}) && e.Rotate == 0 && !e.FlipH && !e.FlipV {
		return s.pictures.Read(ctx, f)
	}
	if err := s.pictures.Read(ctx, &s.raw); err != nil {
		return err
	}
	o, changes := orient(s.edits, s.raw.Width, s.raw.Height)
	if o.width < minSide || o.height < minSide {
		return fmt.Errorf("crop=%v leaves %dx%d of a picture of %dx%d; the least is %dx%d",
			s.edits.Crop, max(o.width, 0), max(o.height, 0), s.raw.Width, s.raw.Height, minSide, minSide)
	}
	if !changes {
		f.Copy(&s.raw)
		return nil
	}
	o.apply(f, &s.raw)
	return nil
}

// Close closes the pictures.
func (s *edited) Close() error { return s.pictures.Close() }

// cover makes an area black.
func cover(f *media.Picture, area source.Area) {
	left, top, right, bottom := area.In(f.Width, f.Height)
	if left >= right {
		return
	}
	for y := top; y < bottom; y++ {
		media.Fill(f.Y[y*f.Width+left:y*f.Width+right], media.LumaBlack)
	}
	half := f.Width / 2
	for y := top / 2; y < bottom/2; y++ {
		media.Fill(f.U[y*half+left/2:y*half+right/2], 128)
		media.Fill(f.V[y*half+left/2:y*half+right/2], 128)
	}
}
