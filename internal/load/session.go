package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"porthole/internal/codec"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// stage is how far a session came.
type stage uint8

const (
	stageOpened    stage = iota // the offer is under way
	stageAnswered               // 201
	stageICE                    // a candidate pair works
	stageConnected              // DTLS is done
	stageMedia                  // a first packet came
	stageKeyframe               // a first whole keyframe was decrypted
	stages
)

// Reasons for which a session counts as failed, beside what HTTP said.
var (
	errNoAnswer  = errors.New("POST: no answer before the end")
	errNoICE     = errors.New("ICE found no working path")
	errNoDTLS    = errors.New("ICE connected, DTLS did not")
	errNoMedia   = errors.New("connected, but no media came")
	errEnded     = errors.New("the server ended the session")
	errPathLost  = errors.New("the connection was lost")
	errNotOpened = errors.New("stopped before it was opened")
)

// session is one viewer.
type session struct {
	// Set by newSession, read-only afterwards.
	cfg   Config
	host  *host
	meter *meter
	taps  *tapNet

	over context.CancelCauseFunc // set by run before anything can call it

	readers sync.WaitGroup // the goroutines that read tracks

	mu     sync.Mutex // guards what follows
	open   bool
	closed bool      // no reader may start any more
	begin  time.Time // POST is sent
	at     [stages]time.Time
	fault  error
	codecs []string
}

func newSession(r *runner, judgeFrom time.Time, settle time.Duration) *session {
	m := newMeter(judgeFrom, settle)
	m.delays = r.delays
	return &session{
		cfg: r.cfg, host: r.host, meter: m,
		taps: &tapNet{Net: r.host.net, meter: m, buffers: r.host.buffers},
	}
}

// run waits until at, opens the session and keeps it until ctx ends or it fails.
// It returns when everything that it started has ended.
func (s *session) run(ctx context.Context, at time.Time) {
	if !sleepUntil(ctx, at) {
		s.fail(errNotOpened)
		return
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.over = cancel

	pc, err := s.host.peerConnection(s.taps)
	if err != nil {
		s.fail(fmt.Errorf("make a connection: %w", err))
		return
	}
	defer s.close(pc)
	s.observe(pc)

	resource, err := s.signal(ctx, pc)
	if resource != "" {
		defer s.hangUp(resource)
	}
	if err != nil {
		s.fail(err)
		return
	}
	if s.cfg.Feedback {
		var telling sync.WaitGroup
		telling.Go(func() { s.tell(pc, ctx.Done()) })
		defer telling.Wait()
		defer cancel(nil)
	}
	s.watch(ctx)
}

// close ends the connection and waits for the readers of its tracks.
func (s *session) close(pc *webrtc.PeerConnection) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_ = pc.GracefulClose() // the socket is gone either way
	s.readers.Wait()
}

// signal exchanges offer and answer. The resource is that of the session on the
// server, which is to be deleted even when an error comes with it.
func (s *session) signal(ctx context.Context, pc *webrtc.PeerConnection) (resource string, err error) {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		recvOnly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
		if _, err := pc.AddTransceiverFromKind(kind, recvOnly); err != nil {
			return "", fmt.Errorf("add %s: %w", kind, err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("make an offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return "", fmt.Errorf("make an offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", errNotOpened
	}

	s.mu.Lock()
	s.open, s.begin = true, time.Now()
	s.mu.Unlock()
	answer, resource, err := s.host.post(ctx, s.cfg, pc.LocalDescription().SDP)
	if err != nil && ctx.Err() != nil {
		return resource, errNoAnswer
	} else if err != nil {
		return resource, err
	}
	s.reach(stageAnswered, time.Now())
	if s.cfg.SentAt == nil {
		s.meter.expectCapture(extensionID(answer, captureTimeURI))
	}
	s.meter.expectNumbers(extensionID(answer, transportCCURI))
	err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
	if err != nil {
		return resource, fmt.Errorf("the answer is not usable: %w", err)
	}
	return resource, nil
}

// observe follows the states of the connection and takes its tracks.
func (s *session) observe(pc *webrtc.PeerConnection) {
	pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateConnected {
			s.reach(stageICE, time.Now())
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			s.reach(stageConnected, time.Now())
		case webrtc.PeerConnectionStateFailed:
			s.over(errPathLost)
		case webrtc.PeerConnectionStateClosed:
			s.over(errEnded)
		default:
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			s.readers.Go(func() { s.readTrack(pc, track) })
		}
	})
}

// watch waits until the session is over and sets down what was wrong with it.
func (s *session) watch(ctx context.Context) {
	setup := time.NewTimer(s.cfg.Setup)
	defer setup.Stop()
	select {
	case <-setup.C:
	case <-ctx.Done():
		s.judgeEnd(ctx)
		return
	}
	if err := s.missing(); err != nil {
		s.fail(err)
		return
	}
	<-ctx.Done()
	s.judgeEnd(ctx)
}

// judgeEnd tells the end of the run, which is no fault unless media is missing,
// from that of the session.
func (s *session) judgeEnd(ctx context.Context) {
	cause := context.Cause(ctx)
	switch missing := s.missing(); {
	case errors.Is(cause, errEnded), errors.Is(cause, errPathLost):
		if missing != nil {
			cause = missing
		}
		s.fail(cause)
	case missing != nil:
		s.fail(missing)
	}
}

// missing names the first stage on the way to media that the session did not reach.
func (s *session) missing() error {
	_, media := s.meter.progress()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.at[stageICE].IsZero():
		return errNoICE
	case s.at[stageConnected].IsZero():
		return errNoDTLS
	case !media:
		return errNoMedia
	}
	return nil
}

// readTrack decrypts what it needs of a track: all of it over TCP, where the
// meter has nothing else to count; up to the first whole keyframe over UDP.
func (s *session) readTrack(pc *webrtc.PeerConnection, track *webrtc.TrackRemote) {
	ssrc := uint32(track.SSRC())
	c := codec.Codec{MimeType: track.Codec().MimeType, ClockRate: track.Codec().ClockRate}
	s.meter.claim(ssrc, c.Kind() == codec.Video, c.ClockRate)
	s.addCodec(c.MimeType)
	if s.cfg.Keyframe && c.Kind() == codec.Video {
		// A request that is lost shows as a late keyframe.
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
	}

	g := gate{codec: c}
	var packet rtp.Packet
	buffer := make([]byte, 1<<11)
	passed, timed := false, s.cfg.SentAt == nil || c.Kind() != codec.Video
	for !passed || !timed || s.host.tcp {
		n, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		now := time.Now()
		if s.host.tcp && isRTP(buffer[:n]) {
			s.meter.count(now, buffer[:n])
		}
		if passed && timed || packet.Unmarshal(buffer[:n]) != nil {
			continue
		}
		if !timed {
			sent, ok := s.cfg.SentAt(packet.Payload)
			timed = ok && s.meter.timeBy(ssrc, packet.Timestamp, sent)
		}
		if !passed {
			if passed = g.pass(&packet); passed && c.Kind() == codec.Video {
				s.reach(stageKeyframe, now)
			}
		}
		if passed && timed {
			s.meter.hush(ssrc)
		}
	}
}

// reach sets down when a stage was reached first.
func (s *session) reach(to stage, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at[to].IsZero() {
		s.at[to] = at
	}
}

// fail sets down the first fault.
func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		s.fault = err
	}
}

func (s *session) addCodec(mimeType string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codecs = append(s.codecs, mimeType)
}

func (s *session) addTo(p *Progress) {
	bytes, media := s.meter.progress()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Bytes += bytes
	if media {
		p.Media++
	}
	if s.open {
		p.Opened++
	}
	if !s.at[stageConnected].IsZero() {
		p.Connected++
	}
	if s.fault != nil {
		p.Failed++
	}
}

// sleepUntil waits for a moment; false says that ctx ended before.
func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
