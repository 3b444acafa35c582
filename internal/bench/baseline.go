package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// maxSDP bounds offers and answers, in bytes.
const maxSDP = 256 << 10

// baseline is a WHIP and WHEP server as programs made of pion usually are: one
// PeerConnection per viewer with the default codecs and interceptors, and one
// TrackLocalStaticRTP that all of them share. Keyframe requests of viewers are
// passed on to the publisher.
type baseline struct {
	api *webrtc.API
	log *slog.Logger

	mu        sync.Mutex
	sessions  map[string]*webrtc.PeerConnection // by path
	count     int
	publisher *webrtc.PeerConnection
	track     *webrtc.TrackLocalStaticRTP // of the publisher; nil while there is none
	source    uint32                      // its SSRC
}

// baselineMode serves /whip/{name} and /whep/{name}; there is one stream,
// whatever its name.
func baselineMode(ctx context.Context, c child) error {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("open the media socket: %w", err)
	}
	defer udp.Close()
	settings := loopbackOnly()
	mux := webrtc.NewICEUDPMux(nil, udp)
	defer mux.Close()
	settings.SetICEUDPMux(mux)

	b := &baseline{
		api: webrtc.NewAPI(webrtc.WithSettingEngine(settings)),
		log: c.log, sessions: make(map[string]*webrtc.PeerConnection),
	}
	defer b.close()
	stop, err := serve(ctx, b.routes(), c.log)
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return nil
}

func (b *baseline) routes() *http.ServeMux {
	routes := http.NewServeMux()
	routes.HandleFunc("POST /whip/{name}", func(w http.ResponseWriter, r *http.Request) {
		b.create(w, r, b.receive)
	})
	routes.HandleFunc("POST /whep/{name}", func(w http.ResponseWriter, r *http.Request) {
		b.create(w, r, b.send)
	})
	routes.HandleFunc("DELETE /sessions/{id}", func(_ http.ResponseWriter, r *http.Request) {
		b.end(r.URL.Path)
	})
	return routes
}

// create answers an offer; prepare says what the session is for.
func (b *baseline) create(w http.ResponseWriter, r *http.Request, prepare func(*webrtc.PeerConnection) error) {
	offer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSDP))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pc, err := b.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	path := b.add(pc)
	answer, err := b.answer(r.Context(), pc, string(offer), prepare)
	if err != nil {
		b.end(path)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", path)
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

func (b *baseline) answer(
	ctx context.Context, pc *webrtc.PeerConnection, offer string, prepare func(*webrtc.PeerConnection) error,
) (string, error) {
	if err := prepare(pc); err != nil {
		return "", err
	}
	err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	if err != nil {
		return "", fmt.Errorf("apply the offer: %w", err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make an answer: %w", err)
	}
	return complete(ctx, pc, answer)
}

// receive makes the session the publisher's.
func (b *baseline) receive(pc *webrtc.PeerConnection) error {
	pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		local, err := webrtc.NewTrackLocalStaticRTP(remote.Codec().RTPCodecCapability, "video", "bench")
		if err != nil {
			b.log.Error("make a track", "error", err.Error())
			return
		}
		b.mu.Lock()
		b.publisher, b.track, b.source = pc, local, uint32(remote.SSRC())
		b.mu.Unlock()
		buffer := make([]byte, maxPacket)
		for {
			n, _, err := remote.Read(buffer)
			if err != nil {
				return
			}
			_, _ = local.Write(buffer[:n]) // fails for a viewer that leaves in this moment
		}
	})
	return nil
}

// send makes the session a viewer's.
func (b *baseline) send(pc *webrtc.PeerConnection) error {
	b.mu.Lock()
	track := b.track
	b.mu.Unlock()
	if track == nil {
		return fmt.Errorf("watch: %w", errNotConnected)
	}
	sender, err := pc.AddTrack(track)
	if err != nil {
		return fmt.Errorf("add the track: %w", err)
	}
	go func() { // ends with pc
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, packet := range packets {
				if _, ok := packet.(*rtcp.PictureLossIndication); ok {
					b.requestKeyframe()
				}
			}
		}
	}()
	return nil
}

func (b *baseline) requestKeyframe() {
	b.mu.Lock()
	pc, source := b.publisher, b.source
	b.mu.Unlock()
	_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: source}}) // the viewer asks again
}

func (b *baseline) add(pc *webrtc.PeerConnection) (path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	path = "/sessions/" + strconv.Itoa(b.count)
	b.sessions[path] = pc
	return path
}

func (b *baseline) end(path string) {
	b.mu.Lock()
	pc := b.sessions[path]
	delete(b.sessions, path)
	b.mu.Unlock()
	if pc != nil {
		_ = pc.GracefulClose()
	}
}

// close ends all sessions.
func (b *baseline) close() {
	b.mu.Lock()
	paths := make([]string, 0, len(b.sessions))
	for path := range b.sessions {
		paths = append(paths, path)
	}
	b.mu.Unlock()
	for _, path := range paths {
		b.end(path)
	}
}
