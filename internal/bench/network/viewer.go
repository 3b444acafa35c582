package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/netlab"
)

// viewer watches without a browser: ten of those would need more processors than two. It sends what a browser does:
// transport-wide feedback, receiver reports, NACKs, and keyframe requests when those were in vain.
type viewer struct {
	pc      *webrtc.PeerConnection
	socket  *net.UDPConn
	readers sync.WaitGroup

	mu      sync.Mutex
	decoder decoder // guarded by mu
}

// newViewer watches the stream from a machine, until close.
func (l *lab) newViewer(ctx context.Context, m *netlab.Machine) (*viewer, error) {
	pc, socket, err := connection(m)
	if err != nil {
		return nil, fmt.Errorf("make a viewer: %w", err)
	}
	v := &viewer{pc: pc, socket: socket}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		v.readers.Go(func() { v.read(track) })
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			v.close()
			return nil, fmt.Errorf("make a viewer: %w", err)
		}
	}
	if err := l.connect(ctx, pc, "/whep/"+streamName); err != nil {
		v.close()
		return nil, fmt.Errorf("watch: %w", err)
	}
	return v, nil
}

func (v *viewer) port() uint16 { return v.socket.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func (v *viewer) close() {
	_ = v.pc.GracefulClose() // the socket goes either way
	_ = v.socket.Close()
	v.readers.Wait()
}

// read takes a track to its end.
func (v *viewer) read(track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return // the connection is over
		}
		if track.Kind() != webrtc.RTPCodecTypeVideo {
			continue
		}
		v.mu.Lock()
		ask := v.decoder.add(p, time.Now())
		v.mu.Unlock()
		if ask {
			// One that is lost is followed by another.
			_ = v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
		}
	}
}

// seen is what a viewer had in a time.
type seen struct {
	Rate  float64 `json:"rate"`  // pictures a second
	Bits  float64 `json:"bits"`  // of media a second
	Pause float64 `json:"pause"` // the longest one between two pictures, seconds
}

// marker is a viewer's count at a time.
type marker struct {
	at    time.Time
	bytes int
}

func (v *viewer) mark() marker {
	v.mu.Lock()
	defer v.mu.Unlock()
	return marker{time.Now(), v.decoder.bytes}
}

// seen returns what came between two times.
func (v *viewer) seen(a, b marker) seen {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, n := a.at, 0
	var pause time.Duration
	for _, at := range v.decoder.decoded {
		if at.Before(a.at) || at.After(b.at) {
			continue
		}
		n++
		pause = max(pause, at.Sub(last))
		last = at
	}
	length := b.at.Sub(a.at).Seconds()
	return seen{float64(n) / length, float64(b.bytes-a.bytes) * 8 / length, max(pause, b.at.Sub(last)).Seconds()}
}

// waitDecoding waits until pictures come.
func (v *viewer) waitDecoding(ctx context.Context) error {
	for {
		v.mu.Lock()
		n := len(v.decoder.decoded)
		v.mu.Unlock()
		if n > 0 {
			return nil
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return errors.Join(errors.New("a viewer got no picture"), err)
		}
	}
}
