//go:build e2e && linux

package e2e_test

import (
	"errors"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// tracedViewer is a WHEP client that remembers when which packet came.
type tracedViewer struct {
	*peer
	wire   trace // as the kernel received them
	played trace // the video, decrypted and with what was sent again
	video  chan uint32
	ssrc   uint32 // of the video, after waitPlaying
	player player
}

// watchTraced connects a viewer to a stream over a socket of its own and waits
// until it plays. The socket is opened on a machine of a network, or on this one
// when that is nil. A viewer that asks sends NACKs and, when those do not help,
// keyframe requests, as browsers do.
func watchTraced(t testing.TB, s *server, stream string, on *machine, asks bool) *tracedViewer {
	t.Helper()
	v := &tracedViewer{video: make(chan uint32, 1)} // one slot: written once
	var err error
	if v.peer, err = newTracedPeer(t, s, on, v.wire.add); err != nil {
		t.Fatalf("make a viewer: %v", err)
	}
	t.Cleanup(func() { v.close() })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		recvOnly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
		if _, err := v.pc.AddTransceiverFromKind(kind, recvOnly); err != nil {
			t.Fatalf("make a viewer: %v", err)
		}
	}
	v.player = player{peer: v.peer, asks: asks}
	v.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { v.play(track) })
	v.adapt = func(answer string) string {
		v.wire.expectCapture(answer)
		return answer
	}
	if err := v.signal("/whep/" + stream); err != nil {
		t.Fatalf("watch %s: %v", stream, err)
	}
	v.waitConnected(t)
	v.ssrc = receive(t, 10*time.Second, "the video track", v.video)
	v.waitPictures(t, 15)
	if asks {
		done := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() { v.player.ask(v.ssrc, done) })
		t.Cleanup(func() {
			close(done)
			asking.Wait()
		})
	}
	return v
}

// newTracedPeer makes a peer connection without interceptors: it reports and
// repeats nothing by itself.
func newTracedPeer(t testing.TB, s *server, on *machine, see func([]byte, time.Time)) (*peer, error) {
	t.Helper()
	var socket *stampedSocket
	if on == nil {
		socket = listenStamped(t, net.IPv4(127, 0, 0, 1))
	} else if err := on.inside(func() { socket = listenStamped(t, on.addr.AsSlice()) }); err != nil {
		return nil, err
	}
	socket.see = see
	p := &peer{server: s, conn: newValve(socket)}
	p.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: p.conn, Logger: quiet().NewLogger("ice")})
	settings := webrtc.SettingEngine{LoggerFactory: quiet()}
	settings.SetICEUDPMux(p.mux)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	var media webrtc.MediaEngine
	err := errors.Join(
		media.RegisterDefaultCodecs(),
		media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: captureTimeURI}, webrtc.RTPCodecTypeVideo),
	)
	if err != nil {
		return nil, errors.Join(err, p.mux.Close())
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&media),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, errors.Join(err, p.mux.Close())
	}
	p.watchState()
	return p, nil
}

// play reads a track to its end.
func (v *tracedViewer) play(track *webrtc.TrackRemote) {
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		v.video <- uint32(track.SSRC())
	}
	buffer := make([]byte, 2048)
	for {
		n, _, err := track.Read(buffer)
		if err != nil {
			return // the connection is over
		}
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			v.played.add(buffer[:n], time.Now())
			v.player.got(buffer[:n])
		}
	}
}

// waitPictures waits until n more pictures have come.
func (v *tracedViewer) waitPictures(t testing.TB, n int) {
	t.Helper()
	began := time.Now()
	waitFor(t, 5*time.Second+time.Duration(n)*100*time.Millisecond, strconv.Itoa(n)+" pictures", func() error {
		if s := v.service(began, time.Now()); s.pictures < n {
			return errors.New(s.String())
		}
		return nil
	})
}

// service is what came over the wire in a period, before anything was sent again.
func (v *tracedViewer) service(from, to time.Time) service {
	return serviceOf(v.wire.between(v.ssrc, from, to), to.Sub(from))
}

var captureTimeLine = regexp.MustCompile(`(?m)^a=extmap:(\d+)(?:/\S+)? ` + regexp.QuoteMeta(captureTimeURI))

// expectCapture learns from an answer under which id the capture time comes.
func (tr *trace) expectCapture(answer string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if m := captureTimeLine.FindStringSubmatch(answer); m != nil {
		id, _ := strconv.ParseUint(m[1], 10, 8)
		tr.capture = uint8(id)
	}
}

// player does what a browser does about lost packets: it asks for them a few
// times, and for a keyframe when that was in vain. Safe for concurrent use.
type player struct {
	peer *peer
	asks bool

	mu      sync.Mutex // guards what follows
	started bool
	highest int64
	holes   map[int64]*hole
	lost    int // packets given up
	refresh int // keyframe requests sent
}

// hole is a packet that is missing.
type hole struct {
	asked time.Time // last; zero: not yet
	times int
}

const (
	askEvery  = 40 * time.Millisecond
	askAtMost = 25 // times; then the packet is given up
)

// got notes the sequence number of a packet of the video.
func (p *player) got(packet []byte) {
	seq := uint16(packet[2])<<8 | uint16(packet[3])
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		p.started, p.highest, p.holes = true, int64(seq)+1<<16, make(map[int64]*hole)
	}
	number := p.highest + int64(int16(seq-uint16(p.highest)))
	delete(p.holes, number)
	for n := p.highest + 1; n < number; n++ {
		p.holes[n] = &hole{}
	}
	p.highest = max(p.highest, number)
}

// ask sends feedback until done.
func (p *player) ask(ssrc uint32, done <-chan struct{}) {
	each(askEvery/2, done, func(int) {
		packets := p.due(ssrc, time.Now())
		if len(packets) > 0 {
			_ = p.peer.pc.WriteRTCP(packets) // what it comes to is seen in what is received
		}
	})
}

// due returns the feedback to send now.
func (p *player) due(ssrc uint32, now time.Time) (packets []rtcp.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var again []uint16
	gaveUp := false
	for number, h := range p.holes {
		switch {
		case now.Sub(h.asked) < askEvery:
		case h.times == askAtMost:
			gaveUp = true
		default:
			h.asked = now
			h.times++
			again = append(again, uint16(number))
		}
	}
	if len(again) > 0 {
		slices.Sort(again) // what is near each other fits into one pair
		packets = append(packets, &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(again)})
	}
	if gaveUp { // the picture is broken: what else is missing does not matter any more
		for number, h := range p.holes {
			if h.times == askAtMost {
				delete(p.holes, number)
				p.lost++
			}
		}
		p.refresh++
		packets = append(packets, &rtcp.PictureLossIndication{MediaSSRC: ssrc})
	}
	return packets
}

// results returns how many packets were given up and how many keyframes asked for.
func (p *player) results() (lost, refresh int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost, p.refresh
}
