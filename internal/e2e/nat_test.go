//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// home is a machine behind a router that translates addresses, as the kernel does it:
// another port for each peer, and nothing comes in that was not asked for.
type home struct {
	*machine
	router *machine
}

const (
	homeAddr   = "192.168.9.2"
	routerAddr = "192.168.9.1" // at home; outside it has the one of its cable
)

// connectHome adds such a machine to the network.
func (n *network) connectHome(name string) *home {
	n.t.Helper()
	h := &home{router: n.connect(name + "-router")}
	h.machine = n.newMachine(name, netip.MustParseAddr(homeAddr))
	command(n.t, "", "ip", "link", "add", "lan", "netns", h.router.namespace, "type", "veth", "peer", "name", "eth0", "netns", h.namespace)
	h.router.run("", "ip", "addr", "add", routerAddr+"/24", "dev", "lan")
	h.router.run("", "ip", "link", "set", "lan", "up")
	h.run("", "ip", "addr", "add", homeAddr+"/24", "dev", "eth0")
	h.run("", "ip", "link", "set", "eth0", "up")
	h.run("", "ip", "route", "add", "default", "via", routerAddr)
	h.router.forwards()
	h.router.run("", "ip", "route", "add", "default", "via", n.center.addr.String())
	h.router.run(fmt.Sprintf(`table ip nat {
		chain post {
			type nat hook postrouting priority srcnat
			oifname %q masquerade random
		}
	}`, h.router.device), "nft", "-f", "-")
	return h
}

// forwards lets a machine pass on packets that are not its own.
func (m *machine) forwards() {
	m.t.Helper()
	m.run("1\n", "tee", "/proc/sys/net/ipv4/ip_forward")
}

// forbid makes the router drop what a rule of nft matches.
func (h *home) forbid(rule string) {
	h.t.Helper()
	h.router.run(fmt.Sprintf(`table inet forbidden {
		chain forward {
			type filter hook forward priority 0
			%s drop
		}
	}`, rule), "nft", "-f", "-")
}

// startReachable runs porthole in the center, with its HTTP half open to the network.
func startReachable(n *network, args ...string) (s *server, url string) {
	n.t.Helper()
	var http string
	open := netip.AddrPortFrom(n.center.addr, 0).String()
	args = append([]string{"--http", open, "--media", open, "--turn-listen", open, "--source", patternSource}, args...)
	if err := n.center.inside(func() { s = startServer(n.t, args...) }); err != nil {
		n.t.Fatal(err)
	}
	http = strings.TrimPrefix(s.url, "http://")
	s.url = "http://" + n.forward(http).String()
	s.waitLive(n.t, "webcam", true, 20*time.Second)
	return s, "http://" + http + "/whep/webcam"
}

// TestViewerBehindARouter watches from home: by UDP, by TCP when the router lets no
// UDP through, and through the server's own relay over TCP when not even the media
// port is allowed.
func TestViewerBehindARouter(t *testing.T) {
	n := newNetwork(t)
	h := n.connectHome("home")
	s, url := startReachable(n)

	free := watchFrom(t, h.machine, url)
	t.Logf("free: %s to %s", free.Local, free.Remote)
	if want := fmt.Sprintf("host udp %s", s.media); free.Remote != want {
		t.Errorf("the path leads to %q, want %q", free.Remote, want)
	}

	h.forbid("meta l4proto udp")
	tcp := watchFrom(t, h.machine, url)
	t.Logf("without UDP: %s to %s", tcp.Local, tcp.Remote)
	if want := fmt.Sprintf("host tcp %s", s.media); tcp.Remote != want {
		t.Errorf("without UDP the path leads to %q, want %q", tcp.Remote, want)
	}

	h.forbid(fmt.Sprintf("tcp dport %d", s.media.Port()))
	relayed := watchFrom(t, h.machine, url)
	t.Logf("with TURN over TCP only: %s to %s", relayed.Local, relayed.Remote)
	if !strings.HasPrefix(relayed.Local, "relay ") {
		t.Errorf("with the media port forbidden the path begins at %q, want a relay", relayed.Local)
	}
}

// TestServerBehindARouter runs porthole at home, whose router lets its HTTP port in
// and no UDP out. It holds an address at a TURN server outside, over TCP, and a viewer
// outside watches by that.
func TestServerBehindARouter(t *testing.T) {
	n := newNetwork(t)
	n.center.forwards()
	h := n.connectHome("home")
	outside := n.connect("outside")
	outside.run("", "ip", "route", "add", "default", "via", n.center.addr.String())
	h.forbid("meta l4proto udp")
	startTURNIn(t, n.center)

	var s *server
	err := h.inside(func() {
		s = startServer(t, "--http", homeAddr+":8080", "--media", ":8081", "--turn-listen", "off", "--source", patternSource,
			"--turn", fmt.Sprintf("turn:test:testpass@%s:3478?transport=tcp", n.center.addr))
	})
	if err != nil {
		t.Fatal(err)
	}
	h.router.run(`table ip forwarded {
		chain pre {
			type nat hook prerouting priority dstnat
			tcp dport 8080 dnat to `+homeAddr+`
		}
	}`, "nft", "-f", "-")
	s.url = "http://" + n.forward(netip.AddrPortFrom(h.router.addr, 8080).String()).String()
	s.waitLive(t, "webcam", true, 20*time.Second)
	waitFor(t, 20*time.Second, "an address at the TURN server", func() error {
		if s.metric(t, "porthole_relay_up") != 1 {
			return fmt.Errorf("none yet")
		}
		return nil
	})

	url := fmt.Sprintf("http://%s:8080/whep/webcam", h.router.addr)
	v := watchFrom(t, outside, url)
	t.Logf("%s to %s", v.Local, v.Remote)
	if !strings.HasPrefix(v.Remote, "relay udp "+n.center.addr.String()) {
		t.Errorf("the path leads to %q, want the relay", v.Remote)
	}
	if first := firstCandidate(v.Answer); !strings.Contains(first, " udp ") || !strings.Contains(first, " typ host") {
		t.Errorf("the first candidate is %q, want a host over UDP", first)
	}

	// A new address of the machine is told without a restart.
	h.run("", "ip", "addr", "add", "192.168.9.77/24", "dev", "eth0")
	waitFor(t, 10*time.Second, "the new address in answers", func() error {
		if answer := watchFrom(t, outside, url).Answer; !strings.Contains(answer, " 192.168.9.77 ") {
			return fmt.Errorf("%s", answer)
		}
		return nil
	})
}

func firstCandidate(answer string) string {
	for line := range strings.Lines(answer) {
		if strings.HasPrefix(line, "a=candidate:") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// startTURNIn runs coturn on a machine, at port 3478 and for the user test.
func startTURNIn(t testing.TB, m *machine) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("ip", "netns", "exec", m.namespace, "turnserver",
		"-n", "--log-file=stdout", "--simple-log", "--no-cli", "--no-tls", "--no-dtls", "--fingerprint", "--realm=test.example",
		"--listening-ip="+m.addr.String(), "--relay-ip="+m.addr.String(), "--listening-port=3478",
		"--lt-cred-mech", "--user=test:testpass", "--no-multicast-peers",
		"--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start coturn (Debian's package coturn): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error says that it has ended already
		_ = cmd.Wait()         // it was killed
		if t.Failed() {
			t.Logf("coturn's log:\n%.6000s", out.String())
		}
	})
}
