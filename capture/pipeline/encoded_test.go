package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/codec"
)

// fakeUnits is a device that encodes itself: it delivers a unit every interval, and keyframes now and then and when it is asked.
type fakeUnits struct {
	codec    codec.Codec
	interval time.Duration
	unit     func(keyframe bool) []byte
	fails    int // the unit that it does not deliver any more; 0: none

	delivered int
	asked     atomic.Bool
	closed    bool
	buffer    []byte // overwritten at every Read, as a driver's is
}

func (u *fakeUnits) Codec() codec.Codec { return u.codec }

func (u *fakeUnits) Read(ctx context.Context) (media.Unit, error) {
	select {
	case <-ctx.Done():
		return media.Unit{}, context.Cause(ctx)
	case <-time.After(u.interval):
	}
	if u.fails > 0 && u.delivered == u.fails {
		return media.Unit{}, errors.Join(source.ErrDeviceGone, syscall.ENODEV)
	}
	clear(u.buffer)
	u.buffer = append(u.buffer[:0], u.unit(u.asked.Swap(false) || u.delivered%60 == 0)...)
	u.delivered++
	return media.Unit{Data: u.buffer, CapturedAt: time.Now()}, nil
}

func (u *fakeUnits) RequestKeyframe() { u.asked.Store(true) }
func (u *fakeUnits) Close() error     { u.closed = true; return nil }

// newH264Camera is a camera of 25 pictures a second that encodes itself.
func newH264Camera() *fakeUnits {
	return &fakeUnits{
		codec:    codec.Codec{MimeType: codec.H264, ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=4d0028"},
		interval: 40 * time.Millisecond, unit: pipelinetest.EncodedPicture,
	}
}

// playInput runs a pipeline of an input for so long. Its library is to stay unused.
func playInput(t *testing.T, in *media.Input, d time.Duration) (*pipelinetest.Publisher, *capturetest.Lines, error) {
	t.Helper()
	log, lines := capturetest.NewLog()
	publisher, library := pipelinetest.NewPublisher(), new(pipelinetest.Library)
	s := New(Config{Spec: capturetest.Spec(t, "camera:?mic=off"), Input: in, Library: library, Log: log})
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	err := s.Run(ctx, func(publish.Tracks) (publish.Publisher, error) { return publisher, nil })
	if closeErr := s.Close(); closeErr != nil {
		t.Errorf("Close: %v", closeErr)
	}
	if len(library.Built) > 0 {
		t.Errorf("%d encoders for what is encoded already", len(library.Built))
	}
	return publisher, lines, err
}

func TestEncodedPicturesAreSentAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera := newH264Camera()
		time.AfterFunc(2*time.Second, camera.RequestKeyframe)
		publisher, lines, err := playInput(t, &media.Input{Encoded: camera, About: []any{"device", "/dev/video9"}}, 4*time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		video := publisher.Track(codec.Video)
		if video.Codec != camera.codec {
			t.Errorf("published as %+v, want what the camera says: %+v", video.Codec, camera.codec)
		}
		if got := video.Keyframes(); got != 3 {
			t.Errorf("%d keyframes, want those of picture 0, of the request, and of picture 60", got)
		}
		pictures := slices.DeleteFunc(slices.Clone(video.Packets), func(p *rtp.Packet) bool { return codec.H264NALs.Type(p.Payload) == codec.NALSTAPA })
		if len(pictures) != camera.delivered || camera.delivered < 98 {
			t.Errorf("%d pictures sent of %d delivered in 4 s", len(pictures), camera.delivered)
		}
		for i, p := range pictures {
			if want := pictures[0].Timestamp + uint32(i)*3600; p.Timestamp != want {
				t.Fatalf("picture %d has timestamp %d, want %d", i, p.Timestamp, want)
			}
		}
		if want := capturetest.NAL(codec.NALIDR, 100); !bytes.Equal(pictures[0].Payload, want) {
			t.Error("the first picture is not what the camera delivered: it was overwritten before it was sent")
		}
		if n := len(video.Reports); n != 4 || video.Reports[0].RTPTime != pictures[0].Timestamp {
			t.Errorf("%d sender reports in 4 s", n)
		}
		if !camera.closed || publisher.Err() == nil {
			t.Error("the camera or the publisher is still open")
		}
		if lines.Count("device=/dev/video9 encoded=video/H264") != 1 || lines.Count(fmt.Sprintf("pictures=%d", camera.delivered)) != 1 {
			t.Error("the log does not say what came and how much")
		}
	})
}

func TestEncodedSoundGoesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sound := &fakeUnits{
			codec: codec.Codec{MimeType: codec.Opus, ClockRate: 48000, Channels: 2}, interval: 20 * time.Millisecond,
			unit: func(bool) []byte { return []byte{0xfc, 1, 2} }, fails: 100,
		}
		camera := newH264Camera()
		publisher, lines, err := playInput(t, &media.Input{Encoded: camera, EncodedSound: sound}, 4*time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		audio := publisher.Track(codec.Audio)
		if n := len(audio.Packets); n != 100 {
			t.Errorf("%d packets of sound, want all 100", n)
		}
		for i, p := range audio.Packets {
			if want := audio.Packets[0].Timestamp + uint32(i)*960; p.Timestamp != want || p.Marker != (i == 0) {
				t.Fatalf("packet %d has timestamp %d, marker %v", i, p.Timestamp, p.Marker)
			}
		}
		if lines.Count("sound failed") != 1 || camera.delivered < 98 {
			t.Error("pictures did not go on when the sound ended")
		}
		if !sound.closed {
			t.Error("the sound is still open")
		}
	})
}

func TestEncodedCameraThatIsUnplugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera := newH264Camera()
		camera.fails = 50
		publisher, _, err := playInput(t, &media.Input{Encoded: camera}, time.Minute)
		if !errors.Is(err, source.ErrDeviceGone) || !errors.Is(publisher.Err(), source.ErrDeviceGone) {
			t.Errorf("ended with %v, the publisher with %v, want ErrDeviceGone", err, publisher.Err())
		}
	})
}

// newJPEGCamera delivers JPEGs of this size.
func newJPEGCamera(t *testing.T, width, height int) *fakeUnits {
	t.Helper()
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return &fakeUnits{
		codec: codec.Codec{MimeType: "video/JPEG", ClockRate: 90000}, interval: 40 * time.Millisecond,
		unit: func(bool) []byte { return photo.Bytes() },
	}
}

func TestCodecThatBrowsersLackIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		publisher, _, err := playInput(t, &media.Input{Encoded: newJPEGCamera(t, 64, 48)}, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "video/JPEG") || !strings.Contains(err.Error(), "decode it") {
			t.Errorf("ended with %v, want an error that names the codec and the cure", err)
		}
		if len(publisher.Tracks()) > 0 {
			t.Error("it was published")
		}
	})
}

// decoded makes raw pictures of JPEGs.
type decoded struct{ media.Units }

func (d decoded) Read(ctx context.Context, f *media.Picture) error {
	unit, err := d.Units.Read(ctx)
	if err != nil {
		return err
	}
	img, err := jpeg.Decode(bytes.NewReader(unit.Data))
	if err != nil {
		return err
	}
	f.CapturedAt = unit.CapturedAt
	return f.Load(img, true)
}

// What has to be decoded is raw pictures to everybody else.
func TestDecodedUnitsAreRawPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		camera := newJPEGCamera(t, 64, 48)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		live := New(Config{Spec: s.spec, Input: &media.Input{Pictures: decoded{camera}, FPS: 25}, Library: s.library, Log: s.log})
		err := live.Run(ctx, func(publish.Tracks) (publish.Publisher, error) { return s.out, nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		if err := live.Close(); err != nil || !camera.closed {
			t.Errorf("the camera is not closed: %v", err)
		}
		if len(s.library.Built) != 1 || s.library.Built[0].Width != 64 || s.library.Built[0].Height != 48 {
			t.Errorf("encoders: %+v, want one of 64x48", s.library.Built)
		}
		if n := len(s.out.Track(codec.Video).Packets); n < 48 {
			t.Errorf("%d packets in 2 s of 25 pictures each", n)
		}
	})
}
