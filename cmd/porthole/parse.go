package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/pion/stun/v4"

	"porthole/capture"
	"porthole/internal/signaling"
)

// parseSource reads NAME=URI.
func parseSource(text string) (Source, error) {
	name, uri, ok := strings.Cut(text, "=")
	if !ok {
		return Source{}, fmt.Errorf("%q is not NAME=URI (webcam=camera: is one)", text)
	}
	if !signaling.ValidStream(name) {
		return Source{}, fmt.Errorf("%q: the name %q is not 1 to 64 letters, digits, dots, dashes or underscores", text, name)
	}
	spec, err := capture.ParseSpec(uri)
	if err != nil {
		return Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return Source{Name: name, URI: uri, Spec: spec}, nil
}

// parseSTUN reads a stun: URL (RFC 7064). What asks the server speaks plain UDP,
// so that stuns: is refused here and not there.
func parseSTUN(text string) (string, error) {
	uri, err := stun.ParseURI(text)
	if err != nil || uri.Scheme != stun.SchemeTypeSTUN || !validPort(uri.Port) {
		return "", fmt.Errorf("%q is not a STUN server such as stun:stun.example.org:3478", text)
	}
	return text, nil
}

// parseTURN reads turn:USER:PASSWORD@HOST:PORT?transport=udp: a TURN URL (RFC
// 7065) with credentials in front of the host, percent-encoded where needed.
// Errors never repeat the text, which holds a password.
func parseTURN(text string) (TURNServer, error) {
	malformed := errors.New("not a TURN server such as turn:USER:PASSWORD@HOST:PORT?transport=udp (the value is not shown, it may hold a password)")
	scheme, rest, ok := strings.Cut(text, ":")
	at := strings.LastIndex(rest, "@")
	if !ok || at < 0 {
		return TURNServer{}, malformed
	}
	user, password, ok := strings.Cut(rest[:at], ":")
	username, errUser := url.PathUnescape(user)
	credential, errPassword := url.PathUnescape(password)
	if !ok || username == "" || credential == "" || errUser != nil || errPassword != nil {
		return TURNServer{}, malformed
	}
	server := TURNServer{URL: scheme + ":" + rest[at+1:], Username: username, Credential: credential}
	uri, err := stun.ParseURI(server.URL)
	if err != nil || (uri.Scheme != stun.SchemeTypeTURN && uri.Scheme != stun.SchemeTypeTURNS) || !validPort(uri.Port) {
		return TURNServer{}, fmt.Errorf("%q is not a TURN server such as turn:HOST:PORT?transport=udp", server.URL)
	}
	return server, nil
}

func validPort(port int) bool { return port > 0 && port < 1<<16 }

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
