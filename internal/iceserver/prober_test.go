package iceserver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/iceserver"
)

var ours = netip.MustParseAddrPort("203.0.113.9:40001")

// fakeServer is what one address answers.
type fakeServer struct {
	rtt    time.Duration
	mapped netip.AddrPort
	dead   bool
	asked  int
}

// fakeNetwork answers for all servers.
type fakeNetwork struct {
	mu      sync.Mutex
	servers map[string]*fakeServer // by address
}

func (n *fakeNetwork) set(address string, change func(*fakeServer)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n.servers[address])
}

func (n *fakeNetwork) ask(ctx context.Context, to netip.AddrPort) (iceserver.Answer, error) {
	n.mu.Lock()
	s := n.servers[to.String()]
	s.asked++
	rtt, mapped, dead := s.rtt, s.mapped, s.dead
	n.mu.Unlock()
	if dead {
		<-ctx.Done()
		return iceserver.Answer{}, fmt.Errorf("ask %s: no answer", to)
	}
	select {
	case <-time.After(rtt):
		return iceserver.Answer{Mapped: mapped, RTT: rtt, Requests: 1}, nil
	case <-ctx.Done():
		return iceserver.Answer{}, ctx.Err()
	}
}

// probing runs a test in fake time, with a prober of servers 192.0.2.1 and so on.
func probing(t *testing.T, servers []*fakeServer, test func(t *testing.T, p *iceserver.Prober, n *fakeNetwork, log *strings.Builder, r *prometheus.Registry)) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNetwork{servers: make(map[string]*fakeServer)}
		var list []iceserver.Server
		for i, s := range servers {
			if !s.mapped.IsValid() {
				s.mapped = ours
			}
			host := fmt.Sprintf("192.0.2.%d", i+1)
			n.servers[host+":3478"] = s
			list = append(list, stun(t, host))
		}
		var log strings.Builder
		registry := prometheus.NewRegistry()
		p, err := iceserver.NewProber(iceserver.Config{
			Servers: list, Log: slog.New(slog.NewTextHandler(&log, nil)), Registerer: registry,
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Start(n.ask)
		defer p.Close()
		test(t, p, n, &log, registry)
	})
}

func stun(t *testing.T, host string) iceserver.Server {
	t.Helper()
	s, err := iceserver.ParseSTUN("stun:" + host)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// after lets time pass, and everything happen that is due.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func hosts(servers []iceserver.Server) (hosts []string) {
	for _, s := range servers {
		hosts = append(hosts, strings.TrimPrefix(s.Host, "192.0.2."))
	}
	return hosts
}

func TestDeadServersAreLeftOut(t *testing.T) {
	servers := []*fakeServer{{dead: true}, {rtt: 30 * time.Millisecond}, {rtt: 10 * time.Millisecond}}
	probing(t, servers, func(t *testing.T, p *iceserver.Prober, n *fakeNetwork, log *strings.Builder, r *prometheus.Registry) {
		if got := hosts(p.Ranked()); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("before the first answer: %v, want all as configured", got)
		}
		after(time.Second)
		if got := hosts(p.Ranked()); !slices.Equal(got, []string{"3", "2", "1"}) {
			t.Errorf("while the first may still answer: %v", got)
		}
		after(4 * time.Second)
		if got := hosts(p.Ranked()); !slices.Equal(got, []string{"3", "2"}) {
			t.Errorf("after the first did not answer: %v", got)
		}
		if !strings.Contains(log.String(), "does not answer") {
			t.Errorf("nobody was told:\n%s", log)
		}
		n.set("192.0.2.1:3478", func(s *fakeServer) { s.dead, s.rtt = false, time.Millisecond })
		after(time.Minute)
		if got := hosts(p.Ranked()); !slices.Equal(got, []string{"1", "3", "2"}) {
			t.Errorf("after it came back: %v", got)
		}
	})
}

func TestAllDeadIsAll(t *testing.T) {
	probing(t, []*fakeServer{{dead: true}, {dead: true}}, func(t *testing.T, p *iceserver.Prober, _ *fakeNetwork, _ *strings.Builder, _ *prometheus.Registry) {
		after(time.Minute)
		if got := hosts(p.Ranked()); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("got %v, want all: it may be us who reach nobody", got)
		}
		for _, s := range p.Status() {
			if s.State != iceserver.Dead || s.Loss != 1 || s.Error == "" {
				t.Errorf("status %+v", s)
			}
		}
	})
}

func TestOrderIsStable(t *testing.T) {
	servers := []*fakeServer{{rtt: 21 * time.Millisecond}, {rtt: 20 * time.Millisecond}}
	probing(t, servers, func(t *testing.T, p *iceserver.Prober, n *fakeNetwork, _ *strings.Builder, _ *prometheus.Registry) {
		after(time.Second)
		before := hosts(p.Ranked())
		for range 20 { // a millisecond to and fro
			n.set("192.0.2.1:3478", func(s *fakeServer) { s.rtt = 41*time.Millisecond - s.rtt })
			n.set("192.0.2.2:3478", func(s *fakeServer) { s.rtt = 41*time.Millisecond - s.rtt })
			after(11 * time.Second)
			if got := hosts(p.Ranked()); !slices.Equal(got, before) {
				t.Fatalf("the order changed from %v to %v", before, got)
			}
		}
		n.set("192.0.2."+before[0]+":3478", func(s *fakeServer) { s.rtt = 200 * time.Millisecond })
		after(2 * time.Minute)
		if got := hosts(p.Ranked()); slices.Equal(got, before) {
			t.Errorf("the order is still %v", got)
		}
	})
}

func TestChangeOfAddressIsNoticed(t *testing.T) {
	probing(t, []*fakeServer{{}, {}}, func(t *testing.T, p *iceserver.Prober, n *fakeNetwork, log *strings.Builder, r *prometheus.Registry) {
		after(time.Second)
		if got := p.Mapped(); !slices.Equal(got, []netip.AddrPort{ours}) {
			t.Fatalf("addresses %v, want the one that both told", got)
		}
		other := netip.MustParseAddrPort("198.51.100.7:40001")
		n.set("192.0.2.2:3478", func(s *fakeServer) { s.mapped = other })
		after(15 * time.Second)
		if got := p.Mapped(); !slices.Equal(got, []netip.AddrPort{other, ours}) {
			t.Errorf("addresses %v, want both: a symmetric NAT has several", got)
		}
		if !strings.Contains(log.String(), "our address has changed") {
			t.Errorf("the change was not logged:\n%s", log)
		}
		if got := value(t, r, "porthole_mapped_address_changes_total"); got != 1 {
			t.Errorf("%v changes counted, want 1", got)
		}
		// What nobody confirms is forgotten.
		n.set("192.0.2.1:3478", func(s *fakeServer) { s.dead = true })
		after(time.Minute)
		if got := p.Mapped(); !slices.Equal(got, []netip.AddrPort{other}) {
			t.Errorf("addresses %v, want only what a live server tells", got)
		}
	})
}

func TestUselessAddressesAreNotTold(t *testing.T) {
	for _, mapped := range []string{"127.0.0.1:1", "169.254.1.1:1", "[fe80::1]:1", "224.0.0.1:1", "0.0.0.0:1", "203.0.113.1:0"} {
		probing(t, []*fakeServer{{mapped: netip.MustParseAddrPort(mapped)}}, func(t *testing.T, p *iceserver.Prober, _ *fakeNetwork, _ *strings.Builder, _ *prometheus.Registry) {
			after(time.Second)
			if got := p.Mapped(); len(got) != 0 {
				t.Errorf("clients are told %v", got)
			}
		})
	}
}

func TestDeadServersAreAskedLessAndLess(t *testing.T) {
	probing(t, []*fakeServer{{dead: true}, {}}, func(t *testing.T, _ *iceserver.Prober, n *fakeNetwork, _ *strings.Builder, r *prometheus.Registry) {
		after(time.Hour)
		n.mu.Lock()
		dead, live := n.servers["192.0.2.1:3478"].asked, n.servers["192.0.2.2:3478"].asked
		n.mu.Unlock()
		if dead > 64 || dead < 50 {
			t.Errorf("the dead one was asked %d times in an hour, want about 57", dead)
		}
		if live < 350 || live > 361 {
			t.Errorf("the live one was asked %d times in an hour, want 360", live)
		}
		if got := value(t, r, "porthole_stun_probes_total", "failed"); got != float64(dead) {
			t.Errorf("%v failures counted, want %d", got, dead)
		}
	})
}

func TestStatusShowsRTTAndLoss(t *testing.T) {
	probing(t, []*fakeServer{{rtt: 40 * time.Millisecond}}, func(t *testing.T, p *iceserver.Prober, n *fakeNetwork, _ *strings.Builder, r *prometheus.Registry) {
		after(time.Second)
		s := p.Status()[0]
		if s.State != iceserver.Alive || s.RTT != 40 || s.Loss != 0 || s.Rank != 1 || s.Mapped != ours.String() || s.LastAnswer == nil {
			t.Errorf("status %+v", s)
		}
		if got := value(t, r, "porthole_ice_server_rtt_seconds", "stun:192.0.2.1:3478"); got != 0.04 {
			t.Errorf("metric says %v s", got)
		}
		n.set("192.0.2.1:3478", func(s *fakeServer) { s.dead = true })
		after(20 * time.Second)
		if s := p.Status()[0]; s.State != iceserver.Dead || s.Loss <= 0 || s.Loss >= 1 {
			t.Errorf("status %+v", s)
		}
		if got := value(t, r, "porthole_ice_server_up", "stun:192.0.2.1:3478"); got != 0 {
			t.Errorf("metric says up: %v", got)
		}
	})
}

func TestCloseEndsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := iceserver.NewProber(iceserver.Config{Servers: []iceserver.Server{stun(t, "192.0.2.1")}})
		if err != nil {
			t.Fatal(err)
		}
		p.Start(func(ctx context.Context, _ netip.AddrPort) (iceserver.Answer, error) {
			<-ctx.Done()
			return iceserver.Answer{}, errors.New("ended")
		})
		synctest.Wait()
		began := time.Now()
		p.Close()
		p.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
	})
}

// value returns a metric's value, by its label when there is one.
func value(t *testing.T, r *prometheus.Registry, name string, label ...string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name || len(label) > 0 && m.GetLabel()[0].GetValue() != label[0] {
				continue
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s %v", name, label)
	return 0
}
