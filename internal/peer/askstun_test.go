package peer_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"porthole/internal/peer"
)

// stunServer answers each request as answer says, and returns its address.
func stunServer(t *testing.T, answer func(request *stun.Message) []byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			request := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
			if request.Decode() != nil {
				continue
			}
			if reply := answer(request); reply != nil {
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func success(request *stun.Message, attributes ...stun.Setter) []byte {
	reply := stun.MustBuild(append([]stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess}, attributes...)...)
	return reply.Raw
}

func TestAskSTUN(t *testing.T) {
	mapped := netip.MustParseAddrPort("203.0.113.9:40001")
	truth := &stun.XORMappedAddress{IP: mapped.Addr().AsSlice(), Port: int(mapped.Port())}
	for _, test := range []struct {
		name     string
		answer   func(seen int, request *stun.Message) []byte
		requests int    // 0: an error
		fault    string // what the error tells
	}{
		{"a server that answers", func(_ int, r *stun.Message) []byte { return success(r, truth) }, 1, ""},
		{"one as old as RFC 3489", func(_ int, r *stun.Message) []byte {
			return success(r, &stun.MappedAddress{IP: mapped.Addr().AsSlice(), Port: int(mapped.Port())})
		}, 1, ""},
		{"a lost request is repeated", func(seen int, r *stun.Message) []byte {
			if seen == 1 {
				return nil
			}
			return success(r, truth)
		}, 2, ""},
		{"one that is dead", func(int, *stun.Message) []byte { return nil }, 0, "no answer to 2 requests"},
		{"one that answers something else", func(int, *stun.Message) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, 0, "no answer"},
		{"one that answers another question", func(_ int, r *stun.Message) []byte {
			r.TransactionID[0]++
			return success(r, truth)
		}, 0, "no answer"},
		{"one that answers with nothing", func(_ int, r *stun.Message) []byte { return success(r) }, 0, "no usable address"},
		{"one that refuses", func(_ int, r *stun.Message) []byte {
			return stun.MustBuild(stun.NewTransactionIDSetter(r.TransactionID), stun.BindingError, stun.CodeServerError).Raw
		}, 0, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			engine := newEngine(t, peer.Config{})
			seen := 0
			server := stunServer(t, func(r *stun.Message) []byte {
				seen++
				return test.answer(seen, r)
			})
			// Long enough for a second request, too short for a third after 1.5 s.
			ctx, cancel := context.WithTimeout(t.Context(), 1400*time.Millisecond)
			defer cancel()
			got, err := engine.AskSTUN(ctx, server)
			if test.requests == 0 {
				if err == nil || !strings.Contains(err.Error(), test.fault) || !strings.Contains(err.Error(), server.String()) {
					t.Errorf("AskSTUN = %+v, %v; want an error with %q and the server", got, err, test.fault)
				}
				return
			}
			if err != nil || got.Mapped != mapped || got.Requests != test.requests || got.RTT <= 0 {
				t.Errorf("AskSTUN = %+v, %v; want %v after %d requests", got, err, mapped, test.requests)
			}
		})
	}
}

func TestAskSTUNEndsWithTheEngine(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	asked := make(chan struct{}, 1)
	server := stunServer(t, func(*stun.Message) []byte {
		select {
		case asked <- struct{}{}:
		default:
		}
		return nil
	})
	failed := make(chan error, 1)
	go func() {
		_, err := engine.AskSTUN(context.Background(), server)
		failed <- err
	}()
	wait(t, asked, "the question")
	if err := engine.Close(); err != nil {
		t.Error(err)
	}
	if err := wait(t, failed, "the end of the question"); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("AskSTUN = %v, want ErrClosed", err)
	}
}

func TestMappedAddressIsACandidate(t *testing.T) {
	// The mapped address leads nowhere here; the others must go on working.
	mapped := netip.MustParseAddrPort("203.0.113.9:40001")
	engine := newEngine(t, peer.Config{Mapped: func() []netip.AddrPort { return []netip.AddrPort{mapped} }})
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	w.send(t, w.session.Tracks()[0], 1)
	wait(t, w.packets, "a packet")
	if !slices.Contains(told(w.session.Answer()), "udp "+mapped.String()+" srflx") {
		t.Errorf("no candidate with %v in\n%s", mapped, w.session.Answer())
	}
}

func TestPublicAddressesReplaceMappedOnes(t *testing.T) {
	mapped := netip.MustParseAddrPort("203.0.113.9:40001")
	engine := newEngine(t, peer.Config{
		Mapped:    func() []netip.AddrPort { return []netip.AddrPort{mapped} },
		PublicIPs: []netip.Addr{netip.MustParseAddr("203.0.113.5")},
	})
	s := answered(t, engine)
	defer s.Close(nil)
	if slices.Contains(told(s.Answer()), "udp "+mapped.String()+" srflx") {
		t.Errorf("a candidate with %v in\n%s", mapped, s.Answer())
	}
}
