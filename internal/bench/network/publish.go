package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/h264reader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"porthole/internal/netlab"
)

const (
	filmSeconds = 20
	frameTime   = time.Second / 30
	soundTime   = 20 * time.Millisecond
)

// film is what the publisher sends over and over.
type film struct {
	pictures [][]byte // access units, Annex B
	sounds   [][]byte // Opus packets of 20 ms
}

// makeFilm has FFmpeg encode one as OBS does: one layer, a keyframe every 2 s, a constant rate of 2.5 Mbit/s.
func makeFilm(ctx context.Context) (film, error) {
	dir, err := os.MkdirTemp("", program+"-")
	if err != nil {
		return film{}, err
	}
	defer os.RemoveAll(dir)
	video, audio := filepath.Join(dir, "film.h264"), filepath.Join(dir, "film.ogg")
	length := fmt.Sprint(filmSeconds)
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=10:allf=t", "-f", "lavfi", "-i", "sine=440",
		"-map", "0:v", "-t", length, "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline", "-pix_fmt", "yuv420p",
		"-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-bf", "0", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k",
		"-x264-params", "nal-hrd=cbr:aud=1", "-f", "h264", video,
		"-map", "1:a", "-t", length, "-c:a", "libopus", "-b:a", "96k", "-ac", "2", "-page_duration", "20000", audio)
	if out, err := cmd.CombinedOutput(); err != nil {
		return film{}, fmt.Errorf("encode a film (Debian's package ffmpeg): %w\n%s", err, out)
	}
	var f film
	if f.pictures, err = readPictures(video); err != nil {
		return film{}, fmt.Errorf("read the film's pictures: %w", err)
	}
	if f.sounds, err = readSounds(audio); err != nil {
		return film{}, fmt.Errorf("read the film's sound: %w", err)
	}
	return f, nil
}

// readPictures cuts at the access unit delimiters.
func readPictures(file string) (pictures [][]byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader, err := h264reader.NewReader(f)
	if err != nil {
		return nil, err
	}
	for {
		nal, err := reader.NextNAL()
		if errors.Is(err, io.EOF) {
			return pictures, nil
		} else if err != nil {
			return nil, err
		}
		if nal.UnitType == h264reader.NalUnitTypeAUD {
			pictures = append(pictures, nil)
			continue
		}
		if nal.UnitType == h264reader.NalUnitTypeFiller || len(pictures) == 0 {
			continue
		}
		last := len(pictures) - 1
		pictures[last] = append(append(pictures[last], 0, 0, 0, 1), nal.Data...)
	}
}

func readSounds(file string) (sounds [][]byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader, _, err := oggreader.NewWith(f)
	if err != nil {
		return nil, err
	}
	for {
		page, header, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return sounds, nil
		} else if err != nil {
			return nil, err
		}
		if header.GranulePosition > 0 { // not the tags
			sounds = append(sounds, page)
		}
	}
}

// publish makes a film and sends it from the center, until stop.
func (l *lab) publish(ctx context.Context) (stop func(), err error) {
	f, err := makeFilm(ctx)
	if err != nil {
		return nil, err
	}
	pc, socket, err := connection(l.Center)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	video, audio, err := addTracks(pc)
	if err == nil {
		err = l.connect(ctx, pc, "/whip/"+streamName)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("publish: %w", err), pc.Close(), socket.Close())
	}
	over := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() { send(video, f.pictures, frameTime, over) })
	sending.Go(func() { send(audio, f.sounds, soundTime, over) })
	return func() {
		close(over)
		sending.Wait()
		_ = pc.GracefulClose()
		_ = socket.Close() // it may be closed already
	}, nil
}

func addTracks(pc *webrtc.PeerConnection) (video, audio *webrtc.TrackLocalStaticSample, err error) {
	picture := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90_000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	sound := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48_000, Channels: 2}
	if video, err = webrtc.NewTrackLocalStaticSample(picture, "video", "film"); err != nil {
		return nil, nil, err
	}
	if audio, err = webrtc.NewTrackLocalStaticSample(sound, "audio", "film"); err != nil {
		return nil, nil, err
	}
	for _, t := range []*webrtc.TrackLocalStaticSample{video, audio} {
		transceiver, err := pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return nil, nil, err
		}
		// What is encoded already can be sent in one way only, so nothing else is offered.
		if err := transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: t.Codec()}}); err != nil {
			return nil, nil, err
		}
	}
	return video, audio, nil
}

// send sends samples over and over at a steady pace, until over.
func send(track *webrtc.TrackLocalStaticSample, samples [][]byte, each time.Duration, over <-chan struct{}) {
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i++ {
		select {
		case <-timer.C:
		case <-over:
			return
		}
		// What cannot be sent is missing, as on any network.
		_ = track.WriteSample(media.Sample{Data: samples[i%len(samples)], Duration: each})
		timer.Reset(time.Until(begin.Add(time.Duration(i+1) * each)))
	}
}

// connection makes a connection on a machine, with pion's usual interceptors: NACK, reports, transport-wide feedback.
// Close both.
func connection(m *netlab.Machine) (pc *webrtc.PeerConnection, socket *net.UDPConn, err error) {
	entered := m.Inside(func() { socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: m.Addr.AsSlice()}) })
	if entered != nil || err != nil {
		return nil, nil, errors.Join(entered, err)
	}
	_ = socket.SetReadBuffer(1 << 20) // a smaller one will do, too
	settings := webrtc.SettingEngine{LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard}}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket, Logger: settings.LoggerFactory.NewLogger("ice")}))
	if pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, nil, errors.Join(err, socket.Close())
	}
	return pc, socket, nil
}

// connect exchanges offer and answer with a path of the server.
func (l *lab) connect(ctx context.Context, pc *webrtc.PeerConnection, path string) error {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url(path), strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s: %.200s", path, res.Status, answer)
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}
