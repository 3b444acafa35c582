package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"porthole/capture"
	"porthole/internal/peer"
	"porthole/internal/reach"
	"porthole/internal/server"
	"porthole/internal/streamname"
)

// parseSource reads NAME=URI.
func parseSource(text string) (server.Source, error) {
	name, uri, ok := strings.Cut(text, "=")
	if !ok {
		return server.Source{}, fmt.Errorf("%q is not NAME=URI (webcam=camera: is one)", capture.Shown(text))
	}
	if !streamname.Valid(name) {
		return server.Source{}, fmt.Errorf("%q: the name %q is not %s", capture.Shown(text), capture.Shown(name), streamname.Rule)
	}
	spec, err := capture.ParseSpec(uri)
	if err != nil {
		return server.Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return server.Source{Name: name, URI: uri, Spec: spec}, nil
}

// parseKeep reads [STREAM=]DURATION.
func parseKeep(text string) (server.Keep, error) {
	stream, length, named := strings.Cut(text, "=")
	if !named {
		stream, length = "", text
	} else if !streamname.Valid(stream) {
		return server.Keep{}, fmt.Errorf("%q: the name %q is not %s", text, stream, streamname.Rule)
	}
	d, err := time.ParseDuration(length)
	if err != nil || d <= 0 || d > 10*time.Minute {
		return server.Keep{}, fmt.Errorf("%q is not a time of at most 10m, such as 30s or webcam=1m", text)
	}
	return server.Keep{Stream: stream, Time: d}, nil
}

func parsePublicIP(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", text)
	}
	addr = addr.Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, fmt.Errorf("%s is not an address that clients can reach", addr)
	}
	return addr, nil
}

// parseServer reads the base URL of another server.
func parseServer(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is not a URL such as https://cam2.example.org", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has more than host, port and path", text)
	}
	return u, nil
}

// ancestor is a source expression of a frame-ancestors directive (Content Security
// Policy Level 3, section 2.3.1), as far as it names sites.
var ancestor = regexp.MustCompile(`^(\*|https?:|(https?://)?(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:(\d{1,5}|\*))?)$`)

// parseAncestor reads a site that may frame the embed page. The quotes that a
// policy has around its keywords are for shells to swallow, so they may be missing.
func parseAncestor(text string) (string, error) {
	switch keyword := strings.Trim(text, "'"); keyword {
	case "self", "none":
		return "'" + keyword + "'", nil
	}
	if !ancestor.MatchString(text) {
		return "", fmt.Errorf("%q is not a site such as https://example.org, nor self, none or *", text)
	}
	return text, nil
}

// parsePrefix reads a network, or a single address.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap().WithZone(""), addr.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not an address or a network such as 10.0.0.0/8", text)
	}
	return prefix.Masked(), nil
}

func parsePolicy(text string) (peer.Policy, error) {
	policy, err := peer.ParsePolicy(text)
	if err != nil {
		return policy, fmt.Errorf("%q: %w", text, err)
	}
	return policy, nil
}

func checkInterfaces(list string) error {
	var faults []error
	for _, pattern := range server.SplitInterfaces([]string{list}) {
		faults = append(faults, reach.CheckInterface(pattern))
	}
	return errors.Join(faults...)
}

// parseListen reads HOST:PORT. An empty host means all interfaces, port 0 a
// free port.
func parseListen(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:8080 or :8080", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q: the port is not a number from 0 to 65535", text)
	}
	if strings.ContainsAny(host, " \t/") {
		return "", fmt.Errorf("%q: the host is not an address or a name", text)
	}
	return text, nil
}

// parseMediaListen reads HOST:PORT where the host is an IP address or empty:
// candidates hold addresses, not names.
func parseMediaListen(text string) (string, error) {
	if _, err := parseListen(text); err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(text)
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		return "", fmt.Errorf("%q: the host is not an IP address; leave it empty for all interfaces", text)
	}
	return text, nil
}

func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	switch strings.ToLower(text) {
	case "debug", "info", "warn", "error":
		return level, level.UnmarshalText([]byte(text))
	}
	return level, fmt.Errorf("%q is not one of debug, info, warn, error", text)
}

// levelText is what parseLevel reads.
func levelText(level slog.Level) string { return strings.ToLower(level.String()) }

func parseStreamName(text string) (string, error) {
	if !streamname.Valid(text) {
		return "", fmt.Errorf("the name %q is not %s", text, streamname.Rule)
	}
	return text, nil
}

// parseFallback reads [STREAM=]NAME or [STREAM=]URI. A URI has a colon before any
// equals sign, which a name cannot have.
func parseFallback(text string) (server.Fallback, error) {
	var f server.Fallback
	shown := text
	if stream, rest, ok := strings.Cut(text, "="); ok && !strings.Contains(stream, ":") {
		if !streamname.Valid(stream) {
			return f, fmt.Errorf("%q: the name %q is not %s", text, stream, streamname.Rule)
		}
		f.Stream, shown = stream, rest
	}
	if strings.Contains(shown, ":") {
		spec, err := capture.ParseSpec(shown)
		if err != nil {
			return f, err
		}
		f.Source = server.Source{URI: shown, Spec: spec}
		return f, nil
	}
	if !streamname.Valid(shown) {
		return f, fmt.Errorf("%q is neither a stream's name nor a source such as slate: or pattern:?size=640x360", shown)
	}
	f.Name = shown
	return f, nil
}
