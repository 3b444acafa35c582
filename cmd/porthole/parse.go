package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"

	"porthole/capture"
	"porthole/internal/peer"
	"porthole/internal/signaling"
)

// parseSource reads NAME=URI.
func parseSource(text string) (Source, error) {
	name, uri, ok := strings.Cut(text, "=")
	if !ok {
		return Source{}, fmt.Errorf("%q is not NAME=URI (webcam=camera: is one)", text)
	}
	if !signaling.ValidStream(name) {
		return Source{}, fmt.Errorf("%q: the name %q is not %s", text, name, signaling.NameRule)
	}
	spec, err := capture.ParseSpec(uri)
	if err != nil {
		return Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return Source{Name: name, URI: uri, Spec: spec}, nil
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

// serverText is the URL for the log, "" without one.
func serverText(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
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

// checked makes a parse function of one that only finds faults.
func checked(check func(string) error) func(string) (string, error) {
	return func(text string) (string, error) { return text, check(text) }
}

func parseSwitch(text string) (bool, error) {
	if text != "on" && text != "off" {
		return false, fmt.Errorf("%q is neither on nor off", text)
	}
	return text == "on", nil
}

// inContainer says whether this machine is a container, by the marks that Docker and
// Podman leave: its bridge passes on no multicast.
func inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

func parsePolicy(text string) (peer.Policy, error) {
	policy, err := peer.ParsePolicy(text)
	if err != nil {
		return policy, fmt.Errorf("%q: %w", text, err)
	}
	return policy, nil
}

// splitInterfaces takes apart lists of interfaces with commas.
func splitInterfaces(lists []string) (patterns []string) {
	for _, list := range lists {
		patterns = append(patterns, strings.Split(list, ",")...)
	}
	return patterns
}

func checkInterfaces(list string) error {
	var faults []error
	for _, pattern := range splitInterfaces([]string{list}) {
		faults = append(faults, peer.CheckInterface(pattern))
	}
	return errors.Join(faults...)
}
