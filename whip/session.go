package whip

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"

	"porthole/internal/advice"
	"porthole/internal/broadcast"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// session is one publisher and its peer connection.
type session struct {
	// Set by open, read-only afterwards.
	engine    *peer.Engine
	client    netip.Addr
	id        string // in logs
	offer     *negotiate.Offer
	codecs    map[string][]negotiate.Format // by mid
	publisher *broadcast.Publisher
	table     *sessions.Table

	peer *peer.Connection // set by Connect, before anything but Close may be called

	packets, bytes atomic.Uint64 // received
}

var (
	_ signaling.Session   = (*session)(nil)
	_ signaling.Restarter = (*session)(nil)
	_ sessions.Examiner   = (*session)(nil)
)

// Connect answers the offer.
func (s *session) Connect(ctx context.Context) (string, error) {
	p, err := s.engine.Receive(ctx, peer.ReceiveConfig{Offer: s.offer, Codecs: s.codecs, OnTrack: s.addTrack, Client: s.client, ID: s.id})
	if err != nil {
		return "", err
	}
	s.peer = p
	return p.Answer(), nil
}

// addTrack makes a layer of a track, or of each encoding of a simulcast, that the
// publisher has begun to send.
func (s *session) addTrack(t peer.RemoteTrack) (peer.PacketWriter, error) {
	layer, err := s.publisher.AddLayer(broadcast.LayerConfig{
		Codec: t.Codec.Codec, RID: t.RID, RequestKeyframe: t.RequestKeyframe,
		PassedExtensionID: t.PassedExtensionID,
	})
	if err != nil {
		return nil, fmt.Errorf("add track %s: %w", t.Mid, err)
	}
	return &countedLayer{Layer: layer, session: s}, nil
}

// countedLayer is a layer that counts for its session. It has the layer's other
// methods, and so takes sender reports too.
type countedLayer struct {
	*broadcast.Layer
	session *session
}

var _ peer.ReportReceiver = (*countedLayer)(nil)

// WriteRTP counts one packet and hands it to the layer.
func (l *countedLayer) WriteRTP(p *rtp.Packet) error {
	l.session.packets.Add(1)
	l.session.bytes.Add(uint64(len(p.Payload)))
	return l.Layer.WriteRTP(p)
}

// Serve runs until the publisher has left or the stream has no use for it.
func (s *session) Serve(ctx context.Context) error {
	served := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				s.peer.Close(s.table.Recovered(value, s.id))
			}
		}()
		select {
		case <-s.publisher.Done():
			s.peer.Close(s.publisher.Err())
		case <-served:
		}
	})
	reason := s.peer.Serve(ctx, nil)
	close(served)
	s.publisher.Close(reason)
	watch.Wait()
	return reason
}

// Close ends connection and publisher, whichever there are, and frees the stream.
func (s *session) Close(reason error) {
	if s.peer != nil {
		s.peer.Close(reason)
	}
	s.publisher.Close(reason)
}

// Trickle takes candidates of the publisher.
func (s *session) Trickle(f *negotiate.Fragment) error { return s.peer.Trickle(f) }

// Restart gives the publisher's connection another path.
func (s *session) Restart(_ context.Context, f *negotiate.Fragment) (*negotiate.Fragment, error) {
	return s.peer.Restart(f)
}

// Examine finds out how ICE goes, for the next Detail.
func (s *session) Examine() { s.peer.Examine() }

// Detail describes the session for people.
func (s *session) Detail() sessioninfo.Detail {
	info := s.peer.Info()
	return sessioninfo.Detail{
		State: info.State, Peer: info,
		Publisher: &sessioninfo.Publisher{
			Packets: s.packets.Load(), Bytes: s.bytes.Load(), Warnings: advice.All(s.publisher.Warnings()),
		},
	}
}

// Summary says how much came in.
func (s *session) Summary() []slog.Attr {
	return []slog.Attr{slog.Uint64("packets", s.packets.Load()), slog.Uint64("bytes", s.bytes.Load())}
}
