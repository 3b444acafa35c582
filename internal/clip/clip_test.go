package clip_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/pion/rtp"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/clip"
	"porthole/internal/codec"
	"porthole/internal/container"
)

// A keyframe of VP8 of 160x96 and a picture that follows one, behind their payload descriptors.
var (
	keyframe = append([]byte{0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 160, 0, 96, 0}, make([]byte, 500)...)
	delta    = append([]byte{0x10, 0x11, 0, 0}, make([]byte, 200)...)
)

// publish sends some seconds of pictures and sound, with a keyframe each second, as time goes by.
func publish(t *testing.T, b *broadcast.Broadcaster, seconds int) {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video, codec.Audio}})
	if err != nil {
		t.Fatal(err)
	}
	layer := func(c codec.Codec) *broadcast.Layer {
		l, err := p.AddLayer(broadcast.LayerConfig{Codec: c, RequestKeyframe: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	video := layer(codec.Codec{MimeType: codec.VP8, ClockRate: 90_000})
	audio := layer(codec.Codec{MimeType: codec.Opus, ClockRate: 48_000, Channels: 2})
	for i := range seconds * 50 { // a picture and a piece of sound each 20 ms
		payload := delta
		if i%50 == 0 {
			payload = keyframe
		}
		n := uint16(i) //nolint:gosec // small
		for l, packet := range map[*broadcast.Layer]*rtp.Packet{
			video: {Header: rtp.Header{SequenceNumber: n, Timestamp: uint32(i) * 1800, Marker: true}, Payload: payload},         //nolint:gosec // likewise
			audio: {Header: rtp.Header{SequenceNumber: n, Timestamp: uint32(i) * 960}, Payload: append([]byte{0xfc}, delta...)}, //nolint:gosec // likewise
		} {
			if err := l.WriteRTP(packet); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func lengthOf(t *testing.T, data []byte, format string) time.Duration {
	t.Helper()
	extent, err := container.Walk(bytes.NewReader(data), int64(len(data)), format)
	if err != nil || extent.End != int64(len(data)) {
		t.Fatalf("%+v of %d bytes, %v", extent, len(data), err)
	}
	return extent.Duration
}

// A clip begins at the keyframe before the time that is asked for, with sound, and reaches back as far as is kept.
func TestClipIsTheLastSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broadcast.New(broadcast.Config{Keep: map[string]time.Duration{broadcast.EveryOther: 20 * time.Second}})
		defer func() { _ = b.Close() }()
		publish(t, b, 40)
		for _, tt := range []struct{ last, least, most time.Duration }{
			{3500 * time.Millisecond, 3500 * time.Millisecond, 4100 * time.Millisecond},
			{15 * time.Second, 15 * time.Second, 16100 * time.Millisecond},
			{time.Minute, 19 * time.Second, 60 * time.Second}, // what is kept
		} {
			made, err := clip.Take(b, "cam", tt.last)
			if err != nil {
				t.Fatal(err)
			}
			got := lengthOf(t, made.Data, made.Format)
			if got < tt.least || got > tt.most || (got-made.Length).Abs() > 50*time.Millisecond || made.Format != container.WebM {
				t.Errorf("the last %v: a %s file of %v, told as %v", tt.last, made.Format, got, made.Length)
			}
			if sound := bytes.Count(made.Data, append([]byte{0x80, 0xfc}, delta[:4]...)); sound < int(got/(20*time.Millisecond))-60 {
				t.Errorf("%d pieces of sound in %v", sound, got)
			}
		}
	})
}

func TestWhoMayHaveClips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broadcast.New(broadcast.Config{})
		defer func() { _ = b.Close() }()
		publish(t, b, 5)
		r := chi.NewRouter()
		clip.Routes(r, clip.HandlerConfig{From: b, Auth: auth.New(auth.Config{PublishToken: "secret-of-publishers", ViewToken: "secret-of-viewers"})})
		for _, tt := range []struct {
			target, token string
			want          int
		}{
			{"/clip/cam.webm?last=3s", "", 401},
			{"/clip/cam.webm?last=3s", "secret-of-viewers", 403},
			{"/clip/cam.webm?last=3s", "secret-of-publishers", 200},
			{"/clip/cam.mp4?last=3s", "secret-of-publishers", 307},
			{"/clip/cam.webm?last=-3s", "secret-of-publishers", 400},
			{"/clip/cam.webm?last=soon", "secret-of-publishers", 400},
			{"/clip/nobody.webm", "secret-of-publishers", 404},
			{"/clip/cam.avi", "secret-of-publishers", 404},
		} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.target, http.NoBody)
			if tt.token != "" {
				req.Header.Set("Authorization", "Bearer "+tt.token)
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != tt.want {
				t.Errorf("%s with %q: %d %s, want %d", tt.target, tt.token, w.Code, w.Body, tt.want)
			}
			if w.Code == 200 && (lengthOf(t, w.Body.Bytes(), container.WebM) < 3*time.Second || w.Header().Get("Content-Type") != "video/webm") {
				t.Errorf("%s: %v", tt.target, w.Header())
			}
		}
	})
}
