//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"porthole/test/camera/report"
)

// viewer is a WHEP viewer that keeps the video that it gets.
type viewer struct {
	peer *webrtc.PeerConnection

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every complete picture
	seen    report.Watched
	decoder codecs.H264Packet
	annexB  bytes.Buffer
	whole   int    // bytes of annexB that are whole pictures
	last    uint16 // sequence number
	first   uint32 // timestamp of the first picture
}

// watch connects to a WHEP URL, for as long as it takes the server and its camera to start.
func watch(ctx context.Context, url string, limit time.Duration) (*viewer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	peer, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("viewer: %w", err)
	}
	v := &viewer{peer: peer, changed: make(chan struct{})}
	peer.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return // the connection was closed
			}
			v.receive(packet)
		}
	})
	if err := v.connect(ctx, url); err != nil {
		v.close()
		return nil, fmt.Errorf("watch %s: %w", url, err)
	}
	return v, nil
}

func (v *viewer) connect(ctx context.Context, url string) error {
	_, err := v.peer.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		return err
	}
	offer, err := v.peer.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(v.peer)
	if err := v.peer.SetLocalDescription(offer); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	answer, err := post(ctx, url, v.peer.LocalDescription().SDP)
	if err != nil {
		return err
	}
	return v.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// post sends the offer until the stream is there.
func post(ctx context.Context, url, offer string) (answer string, err error) {
	for {
		answer, err = postOnce(ctx, url, offer)
		if err == nil {
			return answer, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%w; the last try: %w", ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func postOnce(ctx context.Context, url, offer string) (answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(offer))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/sdp")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), nil
}

func (v *viewer) receive(packet *rtp.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen.Packets > 0 {
		v.seen.Lost += int(packet.SequenceNumber - v.last - 1)
	} else {
		v.first = packet.Timestamp
	}
	v.last = packet.SequenceNumber
	v.seen.Packets++

	part, err := v.decoder.Unmarshal(packet.Payload)
	if err != nil {
		return // an empty one, or one of padding
	}
	v.annexB.Write(part)
	if nal := bytes.TrimLeft(part, "\x00\x01"); len(nal) > 0 && nal[0]&0x1f == 7 {
		v.seen.Keyframes++
	}
	if packet.Marker {
		v.seen.Pictures++
		v.whole = v.annexB.Len()
		v.seen.Seconds = float64(packet.Timestamp-v.first) / 90000
		close(v.changed)
		v.changed = make(chan struct{})
	}
}

// await waits for so many pictures since the start, or the last restart.
func (v *viewer) await(pictures int) (report.Watched, error) {
	timeout := time.After(watchLimit)
	for {
		v.mu.Lock()
		seen, changed := v.seen, v.changed
		v.mu.Unlock()
		if seen.Pictures >= pictures {
			return seen, nil
		}
		select {
		case <-changed:
		case <-timeout:
			return seen, fmt.Errorf("%d of %d pictures within %v", seen.Pictures, pictures, watchLimit)
		}
	}
}

// recording is the video so far, in Annex B form: at least the pictures that await has seen.
func (v *viewer) recording() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return bytes.Clone(v.annexB.Bytes()[:v.whole])
}

// restart counts from here on.
func (v *viewer) restart() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = report.Watched{}
}

func (v *viewer) close() { _ = v.peer.Close() }
