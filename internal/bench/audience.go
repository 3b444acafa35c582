package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"porthole/internal/bench/process"
	"porthole/internal/load"
)

// audience is a process that receives.
type audience struct {
	*process.Process
	result func() (received, error) // after the process has ended
}

// watch gives a server viewers; it returns when all have media, or have failed.
func (s *server) watch(ctx context.Context, viewers int) (*audience, error) {
	if s.publisher == nil {
		return s.discard(ctx, viewers)
	}
	const forever = time.Hour // it is stopped
	ramp := time.Duration(viewers-1) * time.Second / load.DefaultPace
	a, err := s.startWatching("--viewers", strconv.Itoa(viewers), "--ramp", ramp.String(), "--for", forever.String(), "--delays",
		"--feedback="+strconv.FormatBool(s.feedback))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ramp+setupTime+10*time.Second)
	defer cancel()
	var watching struct{}
	if err := a.Await(ctx, "watching", &watching); err != nil {
		_ = a.Stop()
		return nil, err
	}
	return a, nil
}

// startWatching starts viewers and waits for nothing.
func (s *server) startWatching(args ...string) (*audience, error) {
	p, err := process.Start("viewers", s.bench, append([]string{"watch", "--whep", s.url("whep")}, args...)...)
	if err != nil {
		return nil, err
	}
	return &audience{Process: p, result: func() (received, error) {
		var report load.Report
		err := p.Result(&report)
		return receivedOf(&report), err
	}}, nil
}

// discard gives the limit its receivers.
func (s *server) discard(ctx context.Context, viewers int) (*audience, error) {
	p, err := process.Start("receivers", s.bench, "discard", "--viewers", strconv.Itoa(viewers))
	if err != nil {
		return nil, err
	}
	a := &audience{Process: p, result: func() (got received, err error) {
		err = p.Result(&got)
		return got, err
	}}
	if err := s.addReceivers(ctx, p); err != nil {
		_ = p.Stop()
		return nil, err
	}
	return a, nil
}

func (s *server) addReceivers(ctx context.Context, from *process.Process) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var receiving struct{ Addresses []netip.AddrPort }
	if err := from.Await(ctx, "receiving", &receiving); err != nil {
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
	res, err := do(req)
	if err != nil {
		return fmt.Errorf("tell the limit its receivers: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("tell the limit its receivers: %w with %s", errRefused, res.Status)
	}
	return nil
}
