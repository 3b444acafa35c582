package netlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Throttle puts a bottleneck before a machine: so many bits a second, and a queue of so much time. A second call
// replaces the first, also while packets wait.
func (n *Network) Throttle(m *Machine, bits int, queue time.Duration) error {
	// What goes at once after a pause: 5 ms of the rate, and two packets at least. More would hide the bottleneck, and
	// the kernel cuts what is handed to it as one into packets when it is larger.
	burst := max(3200, bits/8/200)
	return n.Center.Run("", "tc", "qdisc", "replace", "dev", n.far(m), "root", "handle", "1:", "tbf",
		"rate", fmt.Sprintf("%dbit", bits), "burst", fmt.Sprint(burst), "latency", fmt.Sprintf("%dus", queue.Microseconds()))
}

// Traffic is what a bottleneck was given.
type Traffic struct {
	Bytes   uint64 // passed, with the headers of IP and of the cable
	Packets uint64 // passed
	Dropped uint64 // packets that found the queue full
}

// Since is what came after before.
func (t Traffic) Since(before Traffic) Traffic {
	return Traffic{t.Bytes - before.Bytes, t.Packets - before.Packets, t.Dropped - before.Dropped}
}

// Traffic reads the counters of the bottleneck that Throttle made.
func (n *Network) Traffic(m *Machine) (Traffic, error) {
	text, err := Command("", n.Center.argv([]string{"tc", "-s", "-j", "qdisc", "show", "dev", n.far(m), "root"})...)
	if err != nil {
		return Traffic{}, err
	}
	var disciplines []struct{ Bytes, Packets, Drops uint64 }
	if err := json.Unmarshal([]byte(text), &disciplines); err != nil || len(disciplines) != 1 {
		return Traffic{}, errors.Join(fmt.Errorf("tc printed %q", text), err)
	}
	d := disciplines[0]
	return Traffic{d.Bytes, d.Packets, d.Drops}, nil
}

// Lose makes a share of the UDP packets to a machine disappear from now on, at random.
func (m *Machine) Lose(percent int) error {
	return m.Run(fmt.Sprintf(`table inet loss {
		chain in {
			type filter hook input priority 0; policy accept;
			iifname %q meta l4proto udp numgen random mod 100 < %d drop
		}
	}`, m.Device, percent), "nft", "-f", "-")
}

// DropPort makes all UDP packets to and from a port of the machine disappear, until the same port is restored: whoever
// has it hears nothing and is not heard.
func (m *Machine) DropPort(port uint16) error {
	return m.Run(fmt.Sprintf(`table inet port%d {
		chain in { type filter hook input priority 0; policy accept; udp dport %d drop; }
		chain out { type filter hook output priority 0; policy accept; udp sport %d drop; }
	}`, port, port, port), "nft", "-f", "-")
}

// RestorePort ends what DropPort began.
func (m *Machine) RestorePort(port uint16) error {
	return m.Run("", "nft", "delete", "table", "inet", fmt.Sprintf("port%d", port))
}

// Avoid makes all packets of the machine to a UDP port elsewhere disappear, and those from it: the way to it leads
// through a forwarder, and there must be no shorter one.
func (m *Machine) Avoid(port uint16) error {
	return m.Run(fmt.Sprintf(`table inet avoid {
		chain in { type filter hook input priority 0; policy accept; udp sport %d drop; }
		chain out { type filter hook output priority 0; policy accept; udp dport %d drop; }
	}`, port, port), "nft", "-f", "-")
}

// Freeze makes a machine's cable pass nothing, without its being told, until Thaw.
func (m *Machine) Freeze() error {
	return m.Run(fmt.Sprintf(`table inet freeze {
		chain in { type filter hook input priority 0; policy accept; iifname %q drop; }
		chain out { type filter hook output priority 0; policy accept; oifname %q drop; }
	}`, m.Device, m.Device), "nft", "-f", "-")
}

// Thaw ends what Freeze began.
func (m *Machine) Thaw() error { return m.Run("", "nft", "delete", "table", "inet", "freeze") }
