package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// errRefused is wrapped when a server does not answer an offer with 201.
var errRefused = errors.New("refused")

// loopbackOnly are the settings of every connection that bench makes itself.
func loopbackOnly() webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return s
}

// complete applies a local description and returns it with all candidates.
func complete(ctx context.Context, pc *webrtc.PeerConnection, description webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(description); err != nil {
		return "", fmt.Errorf("apply the %s: %w", description.Type, err)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
}

// do sends a request without keeping the connection, which would be one of the
// server's goroutines.
func do(req *http.Request) (*http.Response, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	return transport.RoundTrip(req)
}

// get returns a document.
func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, profiledFor+30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	res, err := do(req)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %w with %s", url, errRefused, res.Status)
	}
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	return content, nil
}

// post sends an offer; the resource is the URL of the session.
func post(ctx context.Context, url, offer string) (answer, resource string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(offer))
	if err != nil {
		return "", "", fmt.Errorf("offer to %s: %w", url, err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	res, err := do(req)
	if err != nil {
		return "", "", fmt.Errorf("offer: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSDP))
	if err != nil {
		return "", "", fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if res.StatusCode != http.StatusCreated {
		return "", "", fmt.Errorf("offer to %s: %w with %s: %s", url, errRefused, res.Status, body)
	}
	location, err := res.Location()
	if err != nil {
		return "", "", fmt.Errorf("offer to %s: %w", url, err)
	}
	return string(body), location.String(), nil
}

// hangUp ends a session. The server notices by itself when that fails.
func hangUp(resource string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, resource, nil)
	if err != nil {
		return
	}
	if res, err := do(req); err == nil {
		res.Body.Close()
	}
}
