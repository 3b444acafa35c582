package peer_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
)

// answered returns a session whose client will never be heard of.
func answered(t testing.TB, engine *peer.Engine) *peer.Connection {
	t.Helper()
	c := newClient(t, clientConfig{})
	c.watch(t)
	offer := parse(t, negotiate.Watch, c.offer(t))
	s, err := engine.Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "webcam",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSessionThatNeverConnectsEnds(t *testing.T) {
	registry := prometheus.NewRegistry()
	engine := newEngine(t, peer.Config{Timeouts: peer.Timeouts{Connect: 100 * time.Millisecond}, Registerer: registry})
	s := answered(t, engine)
	if err := wait(t, serve(t, s, nil), "the end"); !errors.Is(err, peer.ErrICETimeout) {
		t.Errorf("Serve = %v, want ErrICETimeout", err)
	}
	if info := s.Info(); info.State != sessioninfo.StateClosed || info.Reason == "" || len(info.Local) == 0 {
		t.Errorf("Info = %+v, want a closed session with its reason and candidates", info)
	}
	if _, err := json.Marshal(s.Info()); err != nil {
		t.Errorf("Info as JSON: %v", err)
	}
	if got := counter(t, registry, "porthole_sessions_ended_total", "ice_timeout"); got != 1 {
		t.Errorf("sessions ended by ice_timeout: %v, want 1", got)
	}
	if got := counter(t, registry, "porthole_sessions_ended_total", "panic"); got != 0 {
		t.Errorf("sessions ended by a panic: %v, want 0, not nothing", got)
	}
}

// counter returns the value of the child of a counter with a label value, -1
// when there is none.
func counter(t testing.TB, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && metric.GetLabel()[0].GetValue() == label {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func TestPublisherWithoutMediaEnds(t *testing.T) {
	for _, test := range []struct {
		name     string
		timeouts peer.Timeouts
		packets  int
	}{
		{"nothing after connecting", peer.Timeouts{FirstMedia: 200 * time.Millisecond}, 0},
		{"a pause later", peer.Timeouts{MediaIdle: 200 * time.Millisecond}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startPublishing(t, newEngine(t, peer.Config{Timeouts: test.timeouts}), newClient(t, clientConfig{}), nil)
			send(t, p.video, 0, test.packets)
			if err := wait(t, p.ended, "the end"); !errors.Is(err, peer.ErrMediaTimeout) {
				t.Errorf("Serve = %v, want ErrMediaTimeout", err)
			}
		})
	}
}

// A browser whose picture stands still sends no packets, and reports all the same.
func TestReportsKeepASilentPublisher(t *testing.T) {
	const idle = time.Second
	p := startPublishing(t, newEngine(t, peer.Config{Timeouts: peer.Timeouts{MediaIdle: idle}}), newClient(t, clientConfig{}), nil)
	send(t, p.video, 0, 3)
	silent := time.Now()
	for time.Since(silent) < 3*idle { // a report is late by less than idle even on a busy machine
		report := &rtcp.SenderReport{SSRC: 1}
		if err := p.client.WriteRTCP([]rtcp.Packet{report}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-p.ended:
			t.Fatalf("the session ended although reports come: %v", err)
		case <-time.After(idle / 20):
		}
	}
	if err := p.client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, p.ended, "the end"); !errors.Is(err, peer.ErrRemoteClosed) {
		t.Errorf("Serve = %v, want ErrRemoteClosed", err)
	}
}

func TestClientThatClosesEndsSession(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	p := startPublishing(t, engine, newClient(t, clientConfig{}), nil)
	began := time.Now()
	if err := errors.Join(w.client.Close(), p.client.Close()); err != nil {
		t.Fatal(err)
	}
	for _, ended := range []<-chan error{w.ended, p.ended} {
		if err := wait(t, ended, "the end"); !errors.Is(err, peer.ErrRemoteClosed) {
			t.Errorf("Serve = %v, want ErrRemoteClosed", err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v, want less than 2 s", took)
	}
}

func TestClientThatFallsSilentEndsSession(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	mux := webrtc.NewICEUDPMux(nil, conn)
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) { s.SetICEUDPMux(mux) }})
	registry := prometheus.NewRegistry()
	engine := newEngine(t, peer.Config{Registerer: registry, Timeouts: peer.Timeouts{
		ICEDisconnected: 200 * time.Millisecond, ICEFailed: 300 * time.Millisecond, ICEKeepalive: 50 * time.Millisecond,
	}})
	w := startWatching(t, engine, c, edits{})
	if got := stateCount(t, registry, "porthole_session_states", "viewer", "connected"); got != 1 {
		t.Errorf("%v sessions are connected, want 1", got)
	}
	if err = mux.Close(); err != nil { // no goodbye
		t.Fatal(err)
	}
	for w.session.Err() == nil && !errors.Is(writeOne(w.session), peer.ErrSilent) { // media ends before the session
		time.Sleep(10 * time.Millisecond)
	}
	if err = writeOne(w.session); !errors.Is(err, peer.ErrSilent) {
		t.Errorf("media to a silent client: %v, want ErrSilent", err)
	}
	if err = wait(t, w.ended, "the end"); !errors.Is(err, peer.ErrICEFailed) {
		t.Errorf("Serve = %v, want ErrICEFailed", err)
	}
	if info := w.session.Info(); !hasEvent(info, "ice disconnected") || !hasEvent(info, "connection disconnected") {
		t.Errorf("timeline is %v, want disconnected", info.Timeline)
	}
	// The whole way is counted, and nothing is left of the session.
	for state, want := range map[string]float64{"checking": 1, "connected": 1, "disconnected": 1, "failed": 1} {
		if got := stateCount(t, registry, "porthole_ice_state_changes_total", "viewer", state); got != want {
			t.Errorf("ICE was %s %v times, want %v", state, got, want)
		}
	}
	for state, want := range map[string]float64{"connecting": 1, "connected": 1, "disconnected": 1, "failed": 1} {
		if got := stateCount(t, registry, "porthole_connection_state_changes_total", "viewer", state); got != want {
			t.Errorf("the connection was %s %v times, want %v", state, got, want)
		}
	}
	for state := sessioninfo.StateAnswered; state < sessioninfo.StateClosed; state++ {
		if got := stateCount(t, registry, "porthole_session_states", "viewer", state.String()); got != 0 {
			t.Errorf("%v sessions are %s, want none", got, state)
		}
	}
}

// writeOne sends a packet of the session's first track.
func writeOne(s *peer.Connection) error {
	t := s.Tracks()[0]
	_, err := s.WriteRTP(&rtp.Header{Version: 2, SSRC: t.SSRC, PayloadType: t.PayloadType}, []byte{1})
	return err
}

// deafConn is a socket whose program does not read any more, but goes on writing.
type deafConn struct {
	*net.UDPConn
	deaf atomic.Bool
	mute atomic.Bool // what it writes is lost
}

func (c *deafConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(b)
		if err != nil || !c.deaf.Load() {
			return n, from, err
		}
	}
}

func (c *deafConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.mute.Load() {
		return len(b), nil
	}
	return c.UDPConn.WriteTo(b, to)
}

// A client from which nothing comes is sent no media, until something does.
func TestMediaGoesOnWhenASilentClientIsBack(t *testing.T) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn := &deafConn{UDPConn: udp}
	mux := webrtc.NewICEUDPMux(nil, conn)
	t.Cleanup(func() { _ = mux.Close() })
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(mux)
		s.SetICETimeouts(time.Minute, time.Minute, 20*time.Millisecond)
	}})
	engine := newEngine(t, peer.Config{Timeouts: peer.Timeouts{
		ICEDisconnected: 500 * time.Millisecond, ICEFailed: time.Minute, ICEKeepalive: 50 * time.Millisecond,
	}})
	w := startWatching(t, engine, c, edits{})
	for _, mute := range []bool{true, false} {
		conn.mute.Store(mute)
		deadline := time.Now().Add(20 * time.Second)
		for errors.Is(writeOne(w.session), peer.ErrSilent) != mute {
			if time.Now().After(deadline) {
				t.Fatalf("mute %v: %v after 20 s", mute, writeOne(w.session))
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if err := writeOne(w.session); err != nil {
		t.Errorf("media to a client that is back: %v", err)
	}
}

func TestClientThatReadsNothingEndsSession(t *testing.T) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn := &deafConn{UDPConn: udp}
	mux := webrtc.NewICEUDPMux(nil, conn)
	t.Cleanup(func() { _ = mux.Close() })
	c := newClient(t, clientConfig{settings: func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(mux)
		s.SetICETimeouts(time.Minute, time.Minute, 20*time.Millisecond) // it does not give up, and goes on checking
	}})
	engine := newEngine(t, peer.Config{Timeouts: peer.Timeouts{
		ICEDisconnected: 200 * time.Millisecond, ICEFailed: 300 * time.Millisecond, ICEKeepalive: 50 * time.Millisecond,
	}})
	w := startWatching(t, engine, c, edits{})
	select { // while it reads, the session stays
	case err := <-w.ended:
		t.Fatalf("Serve = %v for a client that answers", err)
	case <-time.After(1500 * time.Millisecond): // more than twice what it is given
	}
	conn.deaf.Store(true)
	err = wait(t, w.ended, "the end")
	if !errors.Is(err, peer.ErrICEFailed) || !strings.Contains(err.Error(), "no answer to our checks") {
		t.Errorf("Serve = %v, want ErrICEFailed for want of consent", err)
	}
}

func TestCloseTellsTheClient(t *testing.T) {
	w := startWatching(t, newEngine(t, peer.Config{}), newClient(t, clientConfig{}), edits{})
	closed := make(chan struct{})
	var once sync.Once
	w.client.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateClosed {
			once.Do(func() { close(closed) })
		}
	})
	reason := errors.New("kicked")
	w.session.Close(reason)
	w.session.Close(errors.New("too late")) // harmless, and not the reason
	if err := wait(t, w.ended, "the end"); !errors.Is(err, reason) {
		t.Errorf("Serve = %v, want %v", err, reason)
	}
	wait(t, closed, "the client's goodbye")
}

func TestClientWithForeignCertificateIsRefused(t *testing.T) {
	c := newClient(t, clientConfig{})
	c.watch(t)
	sdp := c.offer(t)
	other := newClient(t, clientConfig{})
	other.watch(t)
	offer := parse(t, negotiate.Watch, replaceLine(sdp, "a=fingerprint:", line(other.offer(t), "a=fingerprint:")))
	s, err := newEngine(t, peer.Config{}).Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "webcam",
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := serve(t, s, nil)
	c.accept(t, s.Answer())
	if err := wait(t, ended, "the end"); !errors.Is(err, peer.ErrDTLSFailed) {
		t.Errorf("Serve = %v, want ErrDTLSFailed", err)
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	var panics atomic.Int32
	var log strings.Builder
	engine := newEngine(t, peer.Config{OnPanic: func() { panics.Add(1) }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	bystander := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	c := newClient(t, clientConfig{plain: true})
	c.watch(t)
	offer := parse(t, negotiate.Watch, c.offer(t))
	s, err := engine.Send(t.Context(), peer.SendConfig{Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "x", ID: "session-7"})
	if err != nil {
		t.Fatal(err)
	}
	ended := serve(t, s, func([]rtcp.Packet) { panic("bad feedback") })
	c.accept(t, s.Answer())
	wait(t, s.Connected(), "the connection")
	wait(t, c.connected, "the connection")
	if err = c.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: s.Tracks()[0].SSRC}}); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, ended, "the end"); !errors.Is(err, peer.ErrPanic) {
		t.Errorf("Serve = %v, want ErrPanic", err)
	}
	if n := panics.Load(); n != 1 {
		t.Errorf("%d panics were told, want 1", n)
	}
	bystander.send(t, bystander.session.Tracks()[0], 1)
	wait(t, bystander.packets, "the other viewer's packet")
	_ = engine.Close() // nobody writes the log any more
	if !strings.Contains(log.String(), "session=session-7") {
		t.Errorf("the log does not say whose panic it was: %s", log.String())
	}
}

// A session that goes well ends all the same when it has reached its limit.
func TestSessionHasATotalTime(t *testing.T) {
	engine := newEngine(t, peer.Config{Timeouts: peer.Timeouts{Session: 700 * time.Millisecond}})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	w.send(t, w.session.Tracks()[0], 1)
	wait(t, w.packets, "a packet")
	if err := wait(t, w.ended, "the end"); !errors.Is(err, peer.ErrSessionTimeout) {
		t.Errorf("Serve = %v, want ErrSessionTimeout", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := answered(t, newEngine(t, peer.Config{}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, nil) }()
	cancel()
	if err := wait(t, ended, "the end"); !errors.Is(err, peer.ErrClosed) || !errors.Is(err, context.Canceled) {
		t.Errorf("Serve = %v, want ErrClosed because of the context", err)
	}
	if err := s.Serve(context.Background(), nil); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("second Serve = %v, want the same", err)
	}
}

func TestSessionWithoutServeIsFreed(t *testing.T) {
	s := answered(t, newEngine(t, peer.Config{}))
	if s.Err() != nil {
		t.Errorf("Err = %v before the end, want nil", s.Err())
	}
	s.Close(nil)
	wait(t, s.Done(), "Done")
	if !errors.Is(s.Err(), peer.ErrClosed) {
		t.Errorf("Err = %v, want ErrClosed", s.Err())
	}
}

func TestSessionsLeaveNoGoroutines(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	c := newClient(t, clientConfig{})
	c.watch(t)
	offer := parse(t, negotiate.Watch, c.offer(t))
	chosen := codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)
	before := runtime.NumGoroutine()
	for i := range 50 {
		s, err := engine.Send(t.Context(), peer.SendConfig{Offer: offer, Codecs: chosen, StreamID: "webcam"})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			serve(t, s, nil)
		}
		s.Close(nil)
	}
	eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestEngineCloseEndsSessions(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	unserved := answered(t, engine)
	if err := errors.Join(engine.Close(), engine.Close()); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, w.ended, "the end"); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("Serve = %v, want ErrClosed", err)
	}
	wait(t, unserved.Done(), "the other session's end")
	offer := parse(t, negotiate.Watch, w.client.LocalDescription().SDP)
	if _, err := engine.Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264),
	}); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("Send after Close = %v, want ErrClosed", err)
	}
}

func TestTrickle(t *testing.T) {
	c := newClient(t, clientConfig{})
	c.watch(t)
	sdp := c.offer(t)
	offer := parse(t, negotiate.Watch, without(sdp, "a=candidate:", "a=end-of-candidates"))
	s, err := newEngine(t, peer.Config{}).Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "webcam",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	candidate := line(sdp, "a=candidate:")[len("a="):]
	for _, f := range []negotiate.Fragment{
		{Ufrag: offer.Ufrag, Candidates: []negotiate.Candidate{{Mid: "0", Value: candidate}}},
		{Ufrag: offer.Ufrag, Candidates: []negotiate.Candidate{{MLineIndex: 1, Value: "candidate:1 1 udp 1 192.0.2.1 4242 typ host"}}},
		{Ufrag: offer.Ufrag, Candidates: []negotiate.Candidate{
			{Mid: "nosuch", Value: "candidate:1 1 udp 1 192.0.2.2 4242 typ host"}, // dropped
			{Mid: "0", Value: "candidate:garbage"},                                // dropped
		}},
	} {
		if err = s.Trickle(&f); err != nil {
			t.Errorf("Trickle(%+v) = %v", f, err)
		}
	}
	if got := s.Info().Remote; len(got) != 2 {
		t.Errorf("remote candidates are %v, want the two good ones", got)
	}
	if err = s.Trickle(&negotiate.Fragment{Ufrag: "another", Pwd: "password"}); !errors.Is(err, peer.ErrICERestart) {
		t.Errorf("Trickle with new credentials = %v, want ErrICERestart", err)
	}
	s.Close(nil)
	if err = s.Trickle(&negotiate.Fragment{Ufrag: offer.Ufrag}); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("Trickle after the end = %v, want ErrClosed", err)
	}
}

func TestStatesAreWords(t *testing.T) {
	var words []string
	for state := sessioninfo.StateNew; state <= sessioninfo.StateClosed; state++ {
		words = append(words, state.String())
	}
	want := []string{"new", "answered", "connecting", "connected", "disconnected", "closed"}
	if !slices.Equal(words, want) {
		t.Errorf("states are %v, want %v", words, want)
	}
}

// stateCount returns the value of a metric by role and state.
func stateCount(t *testing.T, registry *prometheus.Registry, name, role, state string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if family.GetName() == name && labels["role"] == role && labels["state"] == state {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s of %s %s", name, role, state)
	return 0
}

// A publisher's PeerConnection tells its own state.
func TestStatesOfAPublisher(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := startPublishing(t, newEngine(t, peer.Config{Registerer: registry}), newClient(t, clientConfig{}), nil)
	if got := p.session.Info().Connection; got != "connected" {
		t.Errorf("the connection is %q, want connected", got)
	}
	if err := p.client.Close(); err != nil {
		t.Fatal(err)
	}
	wait(t, p.ended, "the end")
	for _, state := range []string{"connecting", "connected", "closed"} {
		if got := stateCount(t, registry, "porthole_connection_state_changes_total", "publisher", state); got != 1 {
			t.Errorf("the connection was %s %v times, want once", state, got)
		}
	}
}
