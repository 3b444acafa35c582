//go:build e2e

package e2e_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// publisher is a WHIP client that sends encoded test video, over and over, and
// silence as its sound.
type publisher struct {
	*peer
	video, audio *webrtc.TrackLocalStaticSample
	stop         func() // ends the sending and waits; more than once is harmless
}

// publish connects a publisher and ends it with the test.
func publish(t testing.TB, s *server, stream string, frames [][]byte) *publisher {
	t.Helper()
	p, err := newPublisher(s)
	if err != nil {
		t.Fatalf("make a publisher: %v", err)
	}
	t.Cleanup(func() { p.close() })
	if err := p.signal("/whip/" + stream); err != nil {
		t.Fatalf("publish %s: %v", stream, err)
	}
	p.waitConnected(t)
	p.start(frames)
	t.Cleanup(p.stop)
	return p
}

// newPublisher makes a publisher that is not connected yet.
func newPublisher(s *server) (*publisher, error) {
	base, err := newPeer(s)
	if err != nil {
		return nil, err
	}
	return publisherOf(base, h264Track())
}

// h264Track is what encodeTestVideo makes.
func h264Track() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90_000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
}

// publisherOf makes a publisher of a peer; when it cannot, it closes the peer.
func publisherOf(base *peer, video webrtc.RTPCodecCapability) (*publisher, error) {
	var err error
	p := &publisher{peer: base, stop: func() {}}
	p.video, err = webrtc.NewTrackLocalStaticSample(video, "video", "test")
	if err != nil {
		return nil, errors.Join(err, base.close())
	}
	p.audio, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48_000, Channels: 2,
	}, "audio", "test")
	if err != nil {
		return nil, errors.Join(err, base.close())
	}
	for _, track := range []*webrtc.TrackLocalStaticSample{p.video, p.audio} {
		transceiver, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return nil, errors.Join(err, base.close())
		}
		// What is encoded already can be sent in one way only, so nothing else is offered.
		err = transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: track.Codec()}})
		if err != nil {
			return nil, errors.Join(err, base.close())
		}
	}
	return p, nil
}

// start sends from now on, in goroutines that stop ends.
func (p *publisher) start(frames [][]byte) {
	p.startPictures(frames)
	p.startSound()
}

// startPictures sends the picture, as start does.
func (p *publisher) startPictures(frames [][]byte) {
	const frameTime = time.Second / 30
	p.every(frameTime, func(i int) {
		// An error is the end of the connection: the viewers' side is what the tests look at.
		_ = p.video.WriteSample(media.Sample{Data: frames[i%len(frames)], Duration: frameTime})
	})
}

// startSound sends the sound, as start does.
func (p *publisher) startSound() {
	const soundTime = 20 * time.Millisecond
	silence := []byte{0xf8, 0xff, 0xfe} // one Opus packet of 20 ms without any sound
	p.every(soundTime, func(int) {
		_ = p.audio.WriteSample(media.Sample{Data: silence, Duration: soundTime})
	})
}

// every calls do in a goroutine that stop ends, with those that it ended before.
func (p *publisher) every(period time.Duration, do func(i int)) {
	done, before := make(chan struct{}), p.stop
	var sending sync.WaitGroup
	sending.Go(func() { each(period, done, do) })
	p.stop = sync.OnceFunc(func() {
		close(done)
		sending.Wait()
		before()
	})
}

// startVideo sends pictures only, of the list that next returns each time, and tells
// when, from now on; in a goroutine that stop ends.
func (p *publisher) startVideo(next func() [][]byte, sent func(time.Time)) {
	const frameTime = time.Second / 30
	done := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		frames := next()
		at := 0
		each(frameTime, done, func(int) {
			if at%30 == 0 { // a keyframe comes: another list may begin
				if other := next(); len(other) > 0 && &other[0] != &frames[0] {
					frames, at = other, 0
				}
			}
			sent(time.Now())
			_ = p.video.WriteSample(media.Sample{Data: frames[at%len(frames)], Duration: frameTime}) // as in start
			at++
		})
	})
	p.stop = sync.OnceFunc(func() {
		close(done)
		sending.Wait()
	})
}

// each calls do for every tick, counting up, until done.
func each(period time.Duration, done <-chan struct{}, do func(i int)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			do(i)
		case <-done:
			return
		}
	}
}
