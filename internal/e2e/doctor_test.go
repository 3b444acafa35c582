//go:build e2e && linux

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// behindNAT connects a machine to the center by a router of its own. rules are those
// of the router's chain "out", where addresses are translated; empty: they are not.
func (n *network) behindNAT(name, rules string) *machine {
	n.t.Helper()
	router := n.connect("r-" + name)
	m := n.newMachine(name, netip.AddrFrom4([4]byte{192, 168, byte(n.hosts), 2}))
	m.device = "cable"
	gateway := netip.AddrFrom4([4]byte{192, 168, byte(n.hosts), 1}).String()
	command(n.t, "", "ip", "link", "add", "inside", "netns", router.namespace, "type", "veth", "peer", "name", m.device, "netns", m.namespace)
	router.run("", "ip", "addr", "add", gateway+"/24", "dev", "inside")
	router.run("", "ip", "link", "set", "inside", "up")
	m.run("", "ip", "addr", "add", m.addr.String()+"/24", "dev", m.device)
	m.run("", "ip", "link", "set", m.device, "up")
	m.run("", "ip", "route", "add", "default", "via", gateway)
	router.run("", "ip", "route", "add", "default", "via", n.center.addr.String())
	router.run("", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	if rules == "" {
		n.center.run("", "ip", "route", "add", m.addr.String(), "via", router.addr.String())
		return m
	}
	router.run(fmt.Sprintf(`table ip nat {
		chain out {
			type nat hook postrouting priority 100
			oifname "cable" %s
		}
	}`, rules), "nft", "-f", "-")
	return m
}

// coturnWithTwoAddresses runs in the center, as RFC 5780 wants it.
func (n *network) coturnWithTwoAddresses() string {
	n.t.Helper()
	const port, second = "3478", "10.77.1.1"
	n.center.run("", "ip", "addr", "add", second+"/32", "dev", "lo")
	dir := n.t.TempDir()
	cmd := exec.Command("ip", "netns", "exec", n.center.namespace, "turnserver", "-n", "--log-file=stdout", "--simple-log",
		"--no-cli", "--no-tls", "--no-dtls", "--fingerprint", "--realm=test.example", "--lt-cred-mech", "--user=test:testpass",
		"--listening-ip="+n.center.addr.String(), "--listening-ip="+second, "--relay-ip="+n.center.addr.String(),
		"--listening-port="+port, "--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		n.t.Fatalf("start coturn (Debian's package coturn): %v", err)
	}
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	return n.center.addr.String() + ":" + port
}

// doctorFinding is what the test reads of a line.
type doctorFinding struct {
	Group, Name, Verdict, Found, Cure string
	Data                              struct{ Kind string }
}

// doctor runs it on a machine.
func (m *machine) doctor(args ...string) (findings []doctorFinding, code int) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "ip", append([]string{
		"netns", "exec", m.namespace, binary, "doctor", "--json", "--source", "cam=pattern:?size=160x90",
	}, args...)...)
	cmd.Env = []string{"HOME=/", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		m.t.Fatal(err)
	}
	var report struct{ Checks []doctorFinding }
	if err := json.Unmarshal(out, &report); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
	return report.Checks, code
}

// TestDoctorTellsKindsOfNAT asks it behind NATs of the kernel, with a STUN server that
// knows RFC 5780.
func TestDoctorTellsKindsOfNAT(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	server := n.coturnWithTwoAddresses()
	stun, turn := "stun:"+server, "turn:test:testpass@"+server
	tests := []struct {
		name, rules string
		args        []string
		kind        string
		verdict     string
		code        int
	}{
		{"open", "", []string{"--stun", stun}, "no NAT", "ok", 0},
		{"cone", "masquerade", []string{"--stun", stun}, "port-restricted-cone NAT", "warn", 0},
		{"symm", "masquerade fully-random", []string{"--stun", stun}, "symmetric NAT", "fail", 1},
		{"relay", "masquerade fully-random", []string{"--stun", stun, "--turn", turn}, "symmetric NAT", "ok", 0},
		{"wall", "meta l4proto udp drop", []string{"--stun", stun}, "", "warn", 1},
	}
	for _, tt := range tests {
		m := n.behindNAT(tt.name, tt.rules)
		if tt.rules == "" {
			waitFor(t, 20*time.Second, "coturn to answer", func() error {
				findings, _ := m.doctor("--stun", stun)
				for _, f := range findings {
					if f.Group == "servers" && f.Verdict != "ok" {
						return errors.New(f.Found)
					}
				}
				return nil
			})
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			findings, code := m.doctor(tt.args...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, f := range findings {
				switch {
				case f.Group == "nat" && (f.Data.Kind != tt.kind || f.Verdict != tt.verdict || (f.Verdict == "ok") != (f.Cure == "")):
					t.Errorf("got %+v", f)
				case f.Group == "servers" && tt.name == "wall" && (f.Verdict != "fail" || !strings.Contains(f.Found, "no answer")):
					t.Errorf("got %+v", f)
				case f.Group == "servers" && tt.name != "wall" && f.Verdict != "ok":
					t.Errorf("got %+v", f)
				}
			}
		})
	}
}
