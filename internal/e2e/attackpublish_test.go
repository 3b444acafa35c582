//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// publishAttacks are those of a publisher that is connected.
func publishAttacks() []attack {
	return []attack{{"a new SSRC in each packet", newSources, map[string]int{"sent": 2000, "dropped": 1000, "sessions": 2}}}
}

// newSources publishes packets of which each has another SSRC, one each millisecond, and
// publishes anew when the server has had enough.
func newSources(t testing.TB, s *server) func(context.Context, *tallies) {
	const dropped = "porthole_publisher_packets_dropped_total"
	before := s.metric(t, dropped)
	return func(ctx context.Context, answers *tallies) {
		var ssrc uint32
		for n := 0; ctx.Err() == nil; n++ {
			p, track, err := attackingPublisher(s, clientFrom(t, net.IPv4(127, 0, 0, 2)), fmt.Sprint("attack-", n))
			if err != nil {
				t.Error(err)
				return
			}
			answers.add("sessions", 1)
			select {
			case <-p.connected:
				ssrc = track.flood(ctx, p, ssrc, answers)
			case <-ctx.Done():
			}
			_ = p.delete() // which is over, if the server ended it
			_ = p.close()
		}
		answers.add("dropped", int(s.metric(t, dropped)-before))
	}
}

// attackingPublisher offers to publish pictures.
func attackingPublisher(s *server, client *http.Client, stream string) (*peer, *anySource, error) {
	p, err := newPeer(s)
	if err != nil {
		return nil, nil, err
	}
	p.client = client
	static, err := webrtc.NewTrackLocalStaticRTP(h264Track(), "video", "attack")
	if err == nil {
		track := &anySource{TrackLocalStaticRTP: static}
		if _, err = p.pc.AddTrack(track); err == nil {
			if err = p.signal("/whip/" + stream); err == nil {
				return p, track, nil
			}
		}
	}
	_ = p.close()
	return nil, nil, err
}

// anySource is a track that sends with whatever SSRC it likes.
type anySource struct {
	*webrtc.TrackLocalStaticRTP
	out webrtc.TrackLocalWriter
}

// Bind notes where packets go.
func (a *anySource) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	a.out = c.WriteStream()
	return a.TrackLocalStaticRTP.Bind(c)
}

// flood sends until ctx or the session ends, and returns the next SSRC.
func (a *anySource) flood(ctx context.Context, p *peer, ssrc uint32, answers *tallies) uint32 {
	payload := make([]byte, 1100)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ; ; ssrc++ {
		select {
		case <-ctx.Done():
			return ssrc
		case <-p.ended:
			return ssrc
		case <-tick.C:
		}
		header := &rtp.Header{Version: 2, PayloadType: 96, SSRC: 1_000_000 + ssrc, SequenceNumber: uint16(ssrc), Timestamp: ssrc}
		if _, err := a.out.WriteRTP(header, payload); err == nil {
			answers.add("sent", 1)
		}
	}
}
