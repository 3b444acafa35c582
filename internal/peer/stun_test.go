package peer_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/peer"
)

// stunServer answers each request as answer says, and returns its URL.
func stunServer(t *testing.T, answer func(request *stun.Message) []byte) string {
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
	return "stun:" + conn.LocalAddr().String()
}

func success(request *stun.Message, attributes ...stun.Setter) []byte {
	reply := stun.MustBuild(append([]stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess}, attributes...)...)
	return reply.Raw
}

func TestSTUNServers(t *testing.T) {
	mapped := netip.MustParseAddrPort("203.0.113.9:40001")
	for _, test := range []struct {
		name   string
		answer func(*stun.Message) []byte
		found  bool
		fails  bool // within the time of the test
	}{
		{"one that answers", func(r *stun.Message) []byte {
			return success(r, &stun.XORMappedAddress{IP: mapped.Addr().AsSlice(), Port: int(mapped.Port())})
		}, true, false},
		{"one that is dead", func(*stun.Message) []byte { return nil }, false, false},
		{"one that answers something else", func(*stun.Message) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, false, false},
		{"one that answers with nothing", func(r *stun.Message) []byte { return success(r) }, false, true},
		{"one that answers nonsense", func(r *stun.Message) []byte {
			return success(r, &stun.XORMappedAddress{IP: net.IPv4(127, 0, 0, 1), Port: 1})
		}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			asked := make(chan struct{}, 10)
			server := stunServer(t, func(r *stun.Message) []byte {
				select {
				case asked <- struct{}{}:
				default:
				}
				return test.answer(r)
			})
			engine := newEngine(t, peer.Config{STUN: []string{server}, Registerer: registry})

			// Nobody waits, whatever the server does.
			began := time.Now()
			answered(t, engine).Close(nil)
			if took := time.Since(began); took > time.Second {
				t.Errorf("the answer took %v", took)
			}

			wait(t, asked, "a question to the server")
			if test.found {
				eventually(t, "the mapped address", func() bool { return len(engine.MappedAddrs()) == 1 })
				s := answered(t, engine)
				defer s.Close(nil)
				if !hasCandidate(s.Answer(), "udp", mapped) {
					t.Errorf("no candidate with %v in\n%s", mapped, s.Answer())
				}
				if got := counter(t, registry, "porthole_stun_probes_total", "ok"); got != 1 {
					t.Errorf("%v good probes, want 1", got)
				}
				return
			}
			if test.fails {
				eventually(t, "the failure to be counted", func() bool {
					return counter(t, registry, "porthole_stun_probes_total", "failed") > 0
				})
			}
			if got := engine.MappedAddrs(); len(got) != 0 {
				t.Errorf("addresses %v, want none", got)
			}
		})
	}
}

func TestMappedCandidateDoesNotDisturbTheOthers(t *testing.T) {
	// The mapped address leads nowhere here; the others must go on working.
	engine := newEngine(t, peer.Config{})
	engine.WithMapped(netip.MustParseAddrPort("203.0.113.9:40001"))
	w := startWatching(t, engine, newClient(t, clientConfig{}), edits{})
	w.send(t, w.session.Tracks()[0], 1)
	wait(t, w.packets, "a packet")
}

func TestPublicAddressesReplaceSTUN(t *testing.T) {
	server := stunServer(t, func(*stun.Message) []byte {
		t.Error("the server was asked although the address is known")
		return nil
	})
	engine := newEngine(t, peer.Config{STUN: []string{server}, PublicIPs: []netip.Addr{netip.MustParseAddr("203.0.113.5")}})
	answered(t, engine).Close(nil)
}
