package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"porthole/internal/load"
)

// stream is the name of the one stream of every run.
const stream = "bench"

// programs are the files that are run.
type programs struct {
	bench    string // this program
	porthole string
}

// findPrograms builds Porthole in dir unless a binary is named. Without cgo it
// has no camera and no test picture, so that it does what it is measured for
// and nothing else.
func findPrograms(ctx context.Context, cfg config, dir string) (programs, error) {
	bench, err := os.Executable()
	if err != nil {
		return programs{}, fmt.Errorf("find this program: %w", err)
	}
	if cfg.profile != "" || !slices.Contains(cfg.servers, serverPorthole) {
		return programs{bench: bench}, nil
	}
	if cfg.binary != "" {
		path, err := filepath.Abs(cfg.binary)
		return programs{bench: bench, porthole: path}, err
	}
	path := filepath.Join(dir, "porthole")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "porthole/cmd/porthole")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return programs{}, fmt.Errorf("build porthole: %w\n%s", err, out)
	}
	return programs{bench: bench, porthole: path}, nil
}

// server is a server under test, with the publisher that feeds it.
type server struct {
	*process
	address   string   // of HTTP
	publisher *process // nil for the limit, which makes its own traffic
	bench     string   // this program
}

// feed says how a publisher behaves.
type feed struct {
	gop  time.Duration // from one keyframe to the next
	deaf bool          // ignores requests for one
}

// startServer starts a server and its publisher, and waits until media flows.
func (p programs) startServer(ctx context.Context, name string, f feed) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	path, args := p.bench, []string{name}
	if name == serverPorthole {
		path = p.porthole
		args = []string{
			"--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--rate-limit", "0",
			"--log-format", "json",
		}
	}
	proc, err := start(name, path, args...)
	if err != nil {
		return nil, err
	}
	s := &server{process: proc, bench: p.bench}
	if err := s.feed(ctx, name, f); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// feed waits until the server listens and starts the publisher.
func (s *server) feed(ctx context.Context, name string, f feed) (err error) {
	var listening struct{ HTTP string }
	if err := s.await(ctx, "listening", &listening); err != nil {
		return err
	}
	s.address = listening.HTTP
	if name == serverLimit {
		return nil
	}
	s.publisher, err = start("publisher", s.bench, "publish",
		"--whip", s.url("whip"), "--gop", f.gop.String(), "--deaf="+strconv.FormatBool(f.deaf))
	if err != nil {
		return err
	}
	var publishing struct{}
	return s.publisher.await(ctx, "publishing", &publishing)
}

func (s *server) url(protocol string) string {
	return "http://" + s.address + "/" + protocol + "/" + stream
}

// stop ends the publisher and the server.
func (s *server) stop() {
	if s.publisher != nil {
		_ = s.publisher.stop() // how they end is not what is measured
	}
	_ = s.process.stop()
}

// audience is a process that receives.
type audience struct {
	*process
	result func() (received, error) // after the process has ended
}

// watch gives a server viewers; it returns when all have media, or have failed.
func (s *server) watch(ctx context.Context, viewers int) (*audience, error) {
	if s.publisher == nil {
		return s.discard(ctx, viewers)
	}
	const forever = time.Hour // it is stopped
	ramp := time.Duration(viewers-1) * time.Second / load.DefaultPace
	a, err := s.startWatching("--viewers", strconv.Itoa(viewers), "--ramp", ramp.String(), "--for", forever.String())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ramp+setupTime+10*time.Second)
	defer cancel()
	var watching struct{}
	if err := a.await(ctx, "watching", &watching); err != nil {
		_ = a.stop()
		return nil, err
	}
	return a, nil
}

// startWatching starts viewers and waits for nothing.
func (s *server) startWatching(args ...string) (*audience, error) {
	p, err := start("viewers", s.bench, append([]string{"watch", "--whep", s.url("whep")}, args...)...)
	if err != nil {
		return nil, err
	}
	return &audience{process: p, result: func() (received, error) {
		var report load.Report
		err := p.result(&report)
		return receivedOf(&report), err
	}}, nil
}

// discard gives the limit its receivers.
func (s *server) discard(ctx context.Context, viewers int) (*audience, error) {
	p, err := start("receivers", s.bench, "discard", "--viewers", strconv.Itoa(viewers))
	if err != nil {
		return nil, err
	}
	a := &audience{process: p, result: func() (got received, err error) {
		err = p.result(&got)
		return got, err
	}}
	if err := s.addReceivers(ctx, p); err != nil {
		_ = p.stop()
		return nil, err
	}
	return a, nil
}

func (s *server) addReceivers(ctx context.Context, from *process) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var receiving struct{ Addresses []netip.AddrPort }
	if err := from.await(ctx, "receiving", &receiving); err != nil {
		return err
	}
	body, err := json.Marshal(receiving.Addresses)
	if err != nil {
		return fmt.Errorf("tell the limit its receivers: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/receivers", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("tell the limit its receivers: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("tell the limit its receivers: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("tell the limit its receivers: %w with %s", errRefused, res.Status)
	}
	return nil
}
