package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"porthole/internal/iceserver"
)

// servers asks every STUN and TURN server, all at the same time.
func (c Config) servers(ctx context.Context) []Finding {
	all := append(append([]iceserver.Server{}, c.STUN...), c.TURN...)
	found := make([]Finding, len(all))
	var asking sync.WaitGroup
	for i, s := range all {
		asking.Go(func() {
			f := Finding{Group: "servers", Name: s.URL(), Data: map[string]any{"url": s.URL()}}
			if s.Relays() {
				found[i] = askTURN(ctx, f, s, time.Now())
			} else {
				found[i] = askSTUN(ctx, f, s)
			}
		})
	}
	asking.Wait()
	if len(all) == 0 {
		return []Finding{{
			Group: "servers", Name: "STUN and TURN",
			Found: "none configured; viewers in other networks need --public-ip and a forwarded port, or a TURN server",
		}}
	}
	return found
}

// silent is a server that says nothing.
func silent(f Finding, s iceserver.Server, err error) Finding {
	f.Verdict, f.Found = Fail, err.Error()
	f.Cure = fmt.Sprintf("look whether it runs, and whether %s to %s is let through", strings.ToUpper(s.Transport), s.Address())
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		f.Found, f.Cure = "its name cannot be looked up: "+dns.Err, "look at the name, and at this machine's DNS"
	}
	return f
}

func askSTUN(ctx context.Context, f Finding, s iceserver.Server) Finding {
	s.Transport = iceserver.TransportUDP
	server, err := resolve(ctx, s)
	if err != nil {
		return silent(f, s, err)
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return silent(f, s, err)
	}
	defer conn.Close()
	a, err := usualQuestions().ask(ctx, conn, server, 0)
	if err != nil {
		return silent(f, s, err)
	}
	f.Found = fmt.Sprintf("answers in %s; it sees this machine as %s", milliseconds(a.rtt), a.mapped.Addr())
	f.Data["rttMs"], f.Data["mapped"] = inMilliseconds(a.rtt), a.mapped.String()
	f.Data["rfc5780"] = usable(a.other, server)
	return f
}

// askTURN makes an allocation, as a client would, and gives it back.
func askTURN(ctx context.Context, f Finding, s iceserver.Server, now time.Time) Finding {
	if !s.HasCredentials() {
		f.Verdict, f.Found = Fail, "there are no credentials for it"
		f.Cure = "write them into --turn: turn:USER:PASSWORD@HOST:PORT or turn:HOST:PORT?secret=SECRET"
		return f
	}
	if ended, ok := expiry(s.Username); ok && ended.Before(now) {
		f.Verdict, f.Found = Fail, "its credentials expired on "+ended.UTC().Format("2006-01-02 15:04 UTC")
		f.Cure = "get new ones, or give the shared secret instead (?secret=SECRET): then each session gets its own"
		return f
	}
	server, err := resolve(ctx, s)
	if err != nil {
		return silent(f, s, err)
	}
	begin := time.Now()
	conn, err := dial(ctx, s, server)
	if err != nil {
		return unreachable(f, s, err)
	}
	defer conn.Close()
	// The library knows no context: who closes its connection ends its waiting.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	access := s.Access("doctor", now.Add(time.Minute))
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: server.String(), Username: access.Username, Password: access.Password,
		Conn: conn, LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		return silent(f, s, err)
	}
	defer client.Close()
	if err = client.Listen(); err != nil {
		return silent(f, s, err)
	}
	relay, err := client.Allocate()
	if err != nil {
		return refused(f, s, err)
	}
	defer relay.Close()
	return allocated(f, relay.LocalAddr(), server.Addr(), time.Since(begin))
}

// expiry reads the time in a user name of the form EXPIRY:NAME.
func expiry(username string) (time.Time, bool) {
	number, _, ok := strings.Cut(username, ":")
	seconds, err := strconv.ParseInt(number, 10, 64)
	return time.Unix(seconds, 0), ok && err == nil && len(number) >= 9
}

// dial opens the transport to a TURN server.
func dial(ctx context.Context, s iceserver.Server, server netip.AddrPort) (net.PacketConn, error) {
	if s.Transport != iceserver.TransportTCP {
		if server.Addr().Is4() { // the library asks for a relay of the socket's family
			return new(net.ListenConfig).ListenPacket(ctx, "udp4", ":0") // the caller words it
		}
		return new(net.ListenConfig).ListenPacket(ctx, "udp6", ":0")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server.String())
	if err != nil {
		return nil, err // likewise
	}
	if s.Scheme == iceserver.SchemeTURNS {
		secure := tls.Client(conn, &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	return turn.NewSTUNConn(conn), nil
}

// unreachable words why there is no connection.
func unreachable(f Finding, s iceserver.Server, err error) Finding {
	f = silent(f, s, err)
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.Found = "its certificate is not good: " + certificate.Err.Error()
		f.Cure = "give it a certificate for " + s.Host + " that browsers trust; they refuse it, too"
	}
	return f
}

// refused words why there is no allocation.
func refused(f Finding, s iceserver.Server, err error) Finding {
	fault, ok := errors.AsType[*stun.TurnError](err)
	if !ok {
		if strings.Contains(err.Error(), "retransmissions") { // the library's word for it, with a random number
			err = errNoAnswer
		}
		return silent(f, s, fmt.Errorf("it makes no allocation: %w", err))
	}
	code := fault.ErrorCodeAttr.Code
	f.Verdict, f.Data["code"] = Fail, int(code)
	f.Found = fmt.Sprintf("it refuses an allocation: %d %s", code, fault.ErrorCodeAttr.Reason)
	switch code {
	case stun.CodeUnauthorized, stun.CodeBadRequest: // some servers say that of a wrong password
		f.Found = fmt.Sprintf("it refuses the credentials (%d)", code)
		f.Cure = "look at user and password in --turn"
		if s.Secret != "" {
			f.Cure = "look at ?secret= in --turn, which has to be the server's, and at both clocks"
		}
	case stun.CodeForbidden:
		f.Cure = "the server allows this user no relay; look at its configuration"
	case stun.CodeAllocQuotaReached:
		f.Cure = "the user has as many relays as it may have; raise the server's user quota"
	case stun.CodeInsufficientCapacity:
		f.Cure = "the server has no relay ports left; widen its range"
	default:
		f.Cure = "look at the server's log"
	}
	return f
}

// allocated judges the address of a relay.
func allocated(f Finding, relay net.Addr, server netip.Addr, took time.Duration) Finding {
	f.Found = fmt.Sprintf("relays from %s; set up in %s", relay, milliseconds(took))
	f.Data["relay"], f.Data["setupMs"] = relay.String(), inMilliseconds(took)
	addr, err := netip.ParseAddrPort(relay.String())
	private := err == nil && (addr.Addr().IsPrivate() || addr.Addr().IsUnspecified() || addr.Addr().IsLoopback())
	if private && !server.IsPrivate() && !server.IsLoopback() {
		f.Verdict, f.Found = Warn, f.Found+", which is not an address that others reach"
		f.Cure = "tell the TURN server its public address (coturn: external-ip)"
	}
	return f
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", inMilliseconds(d)) }

func inMilliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
