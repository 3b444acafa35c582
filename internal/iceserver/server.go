package iceserver

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// The schemes of server URLs (RFC 7064, RFC 7065).
const (
	SchemeSTUN  = "stun"
	SchemeTURN  = "turn"
	SchemeTURNS = "turns"
)

// The transports to a server.
const (
	TransportUDP = "udp"
	TransportTCP = "tcp" // with TLS when the scheme is turns
)

const (
	defaultPort    = 3478
	defaultTLSPort = 5349
)

// Server is a STUN or TURN server, with what it takes to use it.
type Server struct {
	Scheme    string // SchemeSTUN, SchemeTURN or SchemeTURNS
	Host      string // a name or an IP address, IPv6 without brackets
	Port      uint16
	Transport string // TransportUDP or TransportTCP
	// Username and Password are fixed credentials (RFC 8489 9.2), Secret is shared
	// with the server and makes credentials that expire; at most one kind is set.
	Username, Password string
	Secret             string
}

// Relays says whether it is a TURN server.
func (s Server) Relays() bool { return s.Scheme != SchemeSTUN }

// Address returns HOST:PORT.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// URL returns the URI by which clients are told of the server, without
// credentials. A transport is named for relays only, and always: some clients
// take UDP when it is missing, others try everything.
func (s Server) URL() string {
	u := s.Scheme + ":" + s.Address()
	if s.Relays() {
		u += "?transport=" + s.Transport
	}
	return u
}

// String is URL: credentials stay out of logs.
func (s Server) String() string { return s.URL() }

// GoString keeps %#v from showing what String hides.
func (s Server) GoString() string { return s.URL() }

// LogValue keeps credentials out of logs.
func (s Server) LogValue() slog.Value { return slog.StringValue(s.URL()) }

// HasCredentials says whether a client could authenticate. STUN needs nothing.
func (s Server) HasCredentials() bool {
	return !s.Relays() || s.Secret != "" || (s.Username != "" && s.Password != "")
}

// ParseSTUN reads stun:HOST[:PORT] (RFC 7064).
func ParseSTUN(text string) (Server, error) {
	fault := fmt.Errorf("%q is not a STUN server such as stun:stun.example.org:3478", text)
	scheme, rest, _ := strings.Cut(text, ":")
	if scheme != SchemeSTUN {
		return Server{}, fault
	}
	s := Server{Scheme: scheme, Transport: TransportUDP}
	var err error
	if s.Host, s.Port, err = parseHost(rest, defaultPort); err != nil {
		return Server{}, fmt.Errorf("%w: %w", fault, err)
	}
	return s, nil
}

// ParseTURN reads a TURN URL (RFC 7065) with credentials,
//
//	turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp]
//	turn:HOST[:PORT][?transport=udp|tcp][&secret=SECRET]
//
// or turns: for TLS. USER, PASSWORD and SECRET are percent-encoded where needed.
// Without any, HasCredentials is false. Errors never repeat what may be secret.
func ParseTURN(text string) (Server, error) {
	malformed := errors.New("not a TURN server such as turn:USER:PASSWORD@HOST:PORT?transport=udp or turn:HOST:PORT?secret=SECRET (the value is not shown, it may hold a password)")
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || (scheme != SchemeTURN && scheme != SchemeTURNS) {
		return Server{}, malformed
	}
	s := Server{Scheme: scheme}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var errUser, errPassword error
		s.Username, errUser = url.PathUnescape(user)
		s.Password, errPassword = url.PathUnescape(password)
		if s.Username == "" || s.Password == "" || errUser != nil || errPassword != nil {
			return Server{}, malformed
		}
		rest = rest[at+1:]
	}
	host, query, _ := strings.Cut(rest, "?")
	port := uint16(defaultPort)
	if scheme == SchemeTURNS {
		port = defaultTLSPort
	}
	var err error
	if s.Host, s.Port, err = parseHost(host, port); err != nil {
		return Server{}, fmt.Errorf("%w: %w", malformed, err)
	}
	return s, s.parseQuery(query)
}

// parseQuery reads what follows the question mark.
func (s *Server) parseQuery(query string) error {
	// A secret in base64 has plus signs, which mean themselves here.
	values, err := url.ParseQuery(strings.ReplaceAll(query, "+", "%2B"))
	if err != nil {
		return errors.New("a TURN server: what follows the ? is not NAME=VALUE&NAME=VALUE")
	}
	for name, value := range values {
		switch {
		case len(value) != 1:
			return fmt.Errorf("a TURN server: ?%s= is there %d times", name, len(value))
		case name == "transport":
			s.Transport = value[0]
		case name == "secret":
			s.Secret = value[0]
		default:
			return fmt.Errorf("a TURN server: ?%s= is unknown; there are transport and secret", name)
		}
	}
	if s.Scheme == SchemeTURNS {
		s.Transport = cmp.Or(s.Transport, TransportTCP)
	}
	s.Transport = cmp.Or(s.Transport, TransportUDP)
	switch {
	case s.Transport != TransportUDP && s.Transport != TransportTCP:
		return fmt.Errorf("TURN server %s: ?transport= is udp or tcp", s.Address())
	case s.Scheme == SchemeTURNS && s.Transport != TransportTCP:
		return fmt.Errorf("TURN server %s: turns: is TLS over TCP; DTLS is not supported", s.Address())
	case s.Secret != "" && s.Username != "":
		return fmt.Errorf("TURN server %s: give a user and a password or a secret, not both", s.Address())
	}
	return nil
}

// parseHost reads HOST[:PORT], with IPv6 addresses in brackets. Errors do not repeat
// the text: with an @ left out it is a password.
func parseHost(text string, port uint16) (string, uint16, error) {
	host := text
	if strings.LastIndex(text, ":") > strings.LastIndex(text, "]") {
		h, p, err := net.SplitHostPort(text)
		if err != nil {
			return "", 0, errors.New("there is no HOST:PORT")
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, errors.New("the port is not a number from 1 to 65535")
		}
		host, port = h, uint16(n)
	} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	}
	if !ValidHost(host) {
		return "", 0, errors.New("the host is not a name or an IP address")
	}
	return host, port, nil
}

// ValidHost says whether a text, without port and brackets, is an IP address
// without a zone or could be a DNS name.
func ValidHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	return host != "" && len(host) < 254 && !strings.ContainsFunc(host, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		return !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
	})
}
