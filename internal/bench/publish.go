package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

var errNotConnected = errors.New("the connection did not come up")

// publisher is a WHIP client that sends the traffic.
type publisher struct {
	pc     *webrtc.PeerConnection
	track  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	video  *video
	deaf   bool          // ignores keyframe requests, as OBS and FFmpeg do
	spread time.Duration // from a picture's first packet to its last

	up       chan struct{} // closed when connected
	requests atomic.Uint64 // for keyframes
	wanted   atomic.Bool   // the next picture is to be one
}

// publishMode publishes until ctx ends. It tells the parent when it begins, and
// in the end how many keyframes it was asked for.
func publishMode(ctx context.Context, c child) error {
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	url := flags.String("whip", "", "")
	gop := flags.Duration("gop", usualGOP, "")
	deaf := flags.Bool("deaf", false, "")
	spread := flags.Duration("spread", 0, "")
	if err := flags.Parse(c.args); err != nil {
		return err
	}
	p, err := newPublisher(*gop, *deaf)
	if err != nil {
		return err
	}
	p.spread = *spread
	err = p.run(ctx, *url, c.log)
	c.log.Info("published", "keyframe_requests", p.requests.Load())
	return err
}

func newPublisher(gop time.Duration, deaf bool) (*publisher, error) {
	codec := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: clockRate,
		SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c01f",
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}},
	}
	media, interceptors := &webrtc.MediaEngine{}, &interceptor.Registry{}
	err := media.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: codec, PayloadType: payloadType}, webrtc.RTPCodecTypeVideo)
	if err != nil {
		return nil, fmt.Errorf("register the codec: %w", err)
	}
	if err := webrtc.RegisterDefaultInterceptors(media, interceptors); err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors),
		webrtc.WithSettingEngine(loopbackOnly()))
	p := &publisher{video: newVideo(gop), deaf: deaf, up: make(chan struct{})}
	if p.track, err = webrtc.NewTrackLocalStaticRTP(codec, "video", "bench"); err != nil {
		return nil, fmt.Errorf("make a track: %w", err)
	}
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, fmt.Errorf("make a connection: %w", err)
	}
	sendOnly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
	transceiver, err := p.pc.AddTransceiverFromTrack(p.track, sendOnly)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("add the track: %w", err), p.pc.Close())
	}
	p.sender = transceiver.Sender()
	connected := sync.OnceFunc(func() { close(p.up) })
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			connected()
		}
	})
	return p, nil
}

// run connects and sends until ctx ends. It returns when nothing of it is left.
func (p *publisher) run(ctx context.Context, url string, log *slog.Logger) error {
	var reading sync.WaitGroup
	defer reading.Wait()
	defer func() { _ = p.pc.GracefulClose() }() // ends reading
	resource, err := p.connect(ctx, url)
	if err != nil {
		return err
	}
	defer hangUp(resource)
	reading.Go(p.readFeedback)
	log.Info("publishing", "url", url)
	sequence := uint16(0)
	return everyFrame(ctx, func(int) error {
		now := time.Now()
		last := now.Add(p.spread)
		parts := stamped(p.video.next(p.wanted.Swap(false) && !p.deaf), last)
		for i, payload := range parts {
			if p.spread > 0 {
				time.Sleep(time.Until(now.Add(p.spread * time.Duration(i) / time.Duration(max(1, len(parts)-1)))))
			}
			packet := rtp.Packet{Header: header(sequence, timestampOf(last), i, len(parts)), Payload: payload}
			sequence++
			if err := p.track.WriteRTP(&packet); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
		return nil
	})
}

func (p *publisher) connect(ctx context.Context, url string) (resource string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("make an offer: %w", err)
	}
	text, err := complete(ctx, p.pc, offer)
	if err != nil {
		return "", err
	}
	answer, resource, err := post(ctx, url, text)
	if err != nil {
		return "", err
	}
	err = p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
	if err != nil {
		return "", fmt.Errorf("apply the answer: %w", err)
	}
	select {
	case <-p.up:
		return resource, nil
	case <-ctx.Done():
		return "", fmt.Errorf("publish to %s: %w", url, errNotConnected)
	}
}

// readFeedback counts keyframe requests until the connection is closed.
func (p *publisher) readFeedback() {
	for {
		packets, _, err := p.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.requests.Add(1)
				p.wanted.Store(true)
			}
		}
	}
}
