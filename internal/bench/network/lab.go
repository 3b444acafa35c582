package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"porthole/internal/bench/process"
	"porthole/internal/netlab"
)

const (
	program    = "porthole-bench"
	token      = "bench" // that publishers, and whoever reads sessions, send
	streamName = "webcam"
	httpPort   = 8080
	mediaPort  = 8081

	// The camera of the table.
	camera = streamName + "=pattern:?size=1280x720&fps=30&bitrate=2500k&ondemand=off"
	// topHeight is that of its pictures.
	topHeight = 720
)

// lab is a network with Porthole in its center and viewers behind one cable.
type lab struct {
	*netlab.Network
	viewers *netlab.Machine
	server  *process.Process
	delay   *netlab.Delay // nil: no long way
	client  *http.Client  // in the center
}

// newLab makes the network of a row and starts Porthole in it.
func newLab(ctx context.Context, binary string, r row) (*lab, error) {
	n, err := netlab.New(program, r.name)
	if err != nil {
		return nil, err
	}
	l := &lab{Network: n, client: n.Center.Client()}
	if err := l.start(ctx, binary, r); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) start(ctx context.Context, binary string, r row) (err error) {
	if l.viewers, err = l.Connect("viewer"); err != nil {
		return err
	}
	if err := l.Throttle(l.viewers, r.phases[0].bits, r.queue); err != nil {
		return err
	}
	media := netip.AddrPortFrom(l.Center.Addr, mediaPort)
	args := []string{
		"--http", netip.AddrPortFrom(l.Center.Addr, httpPort).String(), "--media", media.String(), "--turn-listen", "off", "--mdns", "off",
		"--publish-token", token, "--log-format", "json",
		// A busy machine makes numbers worse, and turns nobody away.
		"--max-load", "0", "--max-lateness", "0",
	}
	if r.obs {
		args = append(args, "--source", "spare=slate:")
	} else {
		args = append(args, "--source", camera)
	}
	if r.rtt > 0 {
		if l.delay, err = l.Center.Delay(media, r.rtt/2, 0); err != nil {
			return err
		}
		if err := l.viewers.Avoid(mediaPort); err != nil {
			return err
		}
		args = append(args, "--advertise", l.delay.Addr().String())
	}
	if r.loss > 0 {
		if err := l.viewers.Lose(r.loss); err != nil {
			return err
		}
	}
	if entered := l.Center.Inside(func() { l.server, err = process.Start("porthole", binary, args...) }); entered != nil || err != nil {
		return errors.Join(entered, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var listening struct{}
	return l.server.Await(ctx, "listening", &listening)
}

// close ends all of it.
func (l *lab) close() error {
	var err error
	if l.server != nil {
		err = l.server.Stop()
	}
	if l.delay != nil {
		l.delay.Close()
	}
	l.client.CloseIdleConnections()
	return errors.Join(err, l.Close())
}

// url is an address of the server.
func (l *lab) url(path string) string {
	return fmt.Sprintf("http://%s:%d%s", l.Center.Addr, httpPort, path)
}

// get reads a document of the API.
func (l *lab) get(ctx context.Context, path string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url(path), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %.200s", path, res.Status, body)
	}
	return json.Unmarshal(body, to)
}

// waitLive waits until there is something to watch.
func (l *lab) waitLive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		var stream struct{ State string }
		err := l.get(ctx, "/api/streams/"+streamName, &stream)
		if err == nil && stream.State == "live" {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the stream did not begin: %q: %w", stream.State, errors.Join(err, context.Cause(ctx)))
		}
	}
}

// sent is what the server has done for viewers.
type sent struct {
	Packets uint64 // RTP, each once
	Resent  uint64 // sent again
	Dropped uint64 // not sent
	Bytes   uint64 // of payloads
}

func (s sent) since(before sent) sent {
	return sent{s.Packets - before.Packets, s.Resent - before.Resent, s.Dropped - before.Dropped, s.Bytes - before.Bytes}
}

// session is one of the API's.
type session struct {
	ID, Protocol string
	Viewer       json.RawMessage
}

// sent sums up over all sessions of viewers, those that have ended among them. The newest one's own words come with it.
func (l *lab) sent(ctx context.Context) (total sent, newest json.RawMessage, err error) {
	var list struct{ Sessions []session }
	if err := l.get(ctx, "/api/sessions", &list); err != nil {
		return sent{}, nil, err
	}
	for _, s := range list.Sessions {
		if s.Protocol != "whep" {
			continue
		}
		var info session
		var viewer struct {
			sent
			Dropped map[string]uint64
		}
		if err := l.get(ctx, "/api/sessions/"+s.ID, &info); err != nil {
			return sent{}, nil, err
		}
		if err := json.Unmarshal(info.Viewer, &viewer); err != nil {
			return sent{}, nil, fmt.Errorf("read session %s: %w", s.ID, err)
		}
		total.Packets += viewer.Packets
		total.Resent += viewer.Resent
		total.Bytes += viewer.Bytes
		for _, n := range viewer.Dropped {
			total.Dropped += n
		}
		if newest == nil {
			newest = info.Viewer
		}
	}
	return total, newest, nil
}
