package v4l2

import (
	"context"
	"errors"
	"image"
	"time"

	"porthole/capture/media"
	"porthole/capture/v4l2/videodev"
)

// Shots is what a camera's driver gives raw pictures by.
type Shots interface {
	// Next waits for the next picture, for ReadTimeout at most.
	Next(ctx context.Context) (Shot, error)
	Close() error
}

// Shot is one picture that the driver has taken.
type Shot struct {
	CapturedAt time.Time                  // zero: it does not say
	Load       func(*media.Picture) error // converts it
	Release    func()                     // gives it back; to be called once
	JPEG       []byte                     // that it is, valid until Release; nil: it is none
}

// rawShots are the pictures of a node that streams.
type rawShots struct {
	node   Node
	layout videodev.Layout
}

// Next returns the newest picture that there is: who was too slow for the one before it does not want that any more.
func (s *rawShots) Next(ctx context.Context) (Shot, error) {
	f, err := s.node.Next(ctx, ReadTimeout)
	for err == nil {
		newer, none := s.node.Next(ctx, 0)
		if none != nil {
			break // what is wrong is told when nothing else is left
		}
		if err = s.node.Release(f); err == nil {
			f = newer
		}
	}
	if err != nil {
		return Shot{}, err
	}
	return Shot{
		CapturedAt: f.CapturedAt, JPEG: s.jpeg(f.Data),
		Load: func(p *media.Picture) error {
			if f.Broken {
				return errBroken
			}
			return unpack(p, f.Data, s.layout)
		},
		Release: func() { _ = s.node.Release(f) }, // if that fails, so does Next
	}, nil
}

// jpeg is what the camera sends, if that is JPEGs.
func (s *rawShots) jpeg(data []byte) []byte {
	if format, _ := formatOf(s.layout.Format); format.name == "MJPEG" || format.name == "JPEG" {
		return data
	}
	return nil
}

func (s *rawShots) Close() error { return s.node.Close() }

var errBroken = errors.New("the driver says that the picture is broken")

// ImageReader delivers decoded pictures; a test's camera is one.
type ImageReader interface {
	Read() (img image.Image, release func(), err error)
}

// Images makes shots of decoded pictures. fullRange is that of media.Picture.Load.
func Images(from ImageReader, fullRange bool, closeFrom func() error) Shots {
	return imageShots{from, fullRange, closeFrom}
}

type imageShots struct {
	from      ImageReader
	fullRange bool
	close     func() error
}

func (s imageShots) Next(context.Context) (Shot, error) {
	img, release, err := s.from.Read()
	if err != nil {
		return Shot{}, err
	}
	return Shot{Load: func(p *media.Picture) error { return p.Load(img, s.fullRange) }, Release: release}, nil
}

func (s imageShots) Close() error { return s.close() }
