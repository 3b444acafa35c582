package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"porthole/internal/iceserver"
	"porthole/internal/server"
	"porthole/internal/turnserver"
	"strconv"
	"strings"
)

// parseTURNListen reads HOST:PORT or off.
func parseTURNListen(text string) (string, error) {
	if text == server.TURNOff {
		return text, nil
	}
	return parseMediaListen(text)
}

// parseTURNHost reads the name or the address of a host.
func parseTURNHost(text string) (string, error) {
	if !iceserver.ValidHost(text) {
		return "", fmt.Errorf("%q is not a name or an IP address; a port does not belong to it", text)
	}
	return text, nil
}

// parsePortRange reads MIN-MAX.
func parsePortRange(text string) (turnserver.PortRange, error) {
	from, to, ok := strings.Cut(text, "-")
	least, errLeast := strconv.ParseUint(from, 10, 16)
	most, errMost := strconv.ParseUint(to, 10, 16)
	if !ok || errLeast != nil || errMost != nil || least == 0 || least > most {
		return turnserver.PortRange{}, fmt.Errorf("%q is not a range of ports such as 49160-49200", text)
	}
	return turnserver.PortRange{Min: uint16(least), Max: uint16(most)}, nil
}

// portRangeText is what parsePortRange reads, "" for any ports.
func portRangeText(r turnserver.PortRange) string {
	if r == (turnserver.PortRange{}) {
		return ""
	}
	return r.String()
}

// parseHost reads a name of this server, without scheme and port.
func parseHost(text string) (string, error) {
	u, err := url.Parse("http://" + text)
	if err != nil || text == "" || u.Host != text || u.Hostname() != text || strings.ContainsAny(text, "*,") {
		return "", fmt.Errorf("%q is not a name such as cam.example.org, without scheme and port", text)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return "", fmt.Errorf("%s is an address, which is always allowed; leave it out", text)
	}
	return strings.TrimSuffix(text, "."), nil
}

// parseOrigin reads the origin of a web site as browsers send it (RFC 6454).
func parseOrigin(text string) (string, error) {
	if text == "*" || text == "null" {
		return text, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host || strings.Contains(text, "*") {
		return "", fmt.Errorf("%q is not an origin such as https://example.org, without path, nor * or null", text)
	}
	return text, nil
}
