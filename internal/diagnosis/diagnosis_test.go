package diagnosis_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"porthole/internal/diagnosis"
)

func candidate(kind, protocol, host string, port int) diagnosis.Candidate {
	return diagnosis.Candidate{Type: kind, Protocol: protocol, Host: host, Port: port}
}

func mapped(host string, port int, related string) diagnosis.Candidate {
	return diagnosis.Candidate{Type: "srflx", Protocol: "udp", Host: host, Port: port, Related: related}
}

const second = time.Second

// What sessions look like in the field, and what is to be said of them.
func TestDiagnose(t *testing.T) {
	lan := []diagnosis.Candidate{candidate("host", "udp", "192.168.1.5", 8081), candidate("host", "tcp", "192.168.1.5", 8081)}
	public := []diagnosis.Candidate{candidate("host", "udp", "198.51.100.7", 8081), candidate("host", "tcp", "198.51.100.7", 8081)}
	browser := []diagnosis.Candidate{
		candidate("host", "udp", "192.168.1.20", 50000), candidate("host", "tcp", "192.168.1.20", 9),
	}
	hidden := []diagnosis.Candidate{candidate("host", "udp", "0a1b.local", 50000), candidate("host", "tcp", "0a1b.local", 9)}
	timeout := diagnosis.Facts{Over: true, End: "ice_timeout", Waited: 15 * second, Local: lan, Remote: browser}
	with := func(base diagnosis.Facts, change func(*diagnosis.Facts)) diagnosis.Facts {
		change(&base)
		return base
	}
	checked := func(sent, answered, received, packets uint64) []diagnosis.Pair {
		return []diagnosis.Pair{{Local: lan[0], Remote: browser[0], Sent: sent, Answered: answered, Received: received, Packets: packets}}
	}
	secured := diagnosis.Facts{Over: true, End: "dtls_timeout", ICE: 100 * time.Millisecond, Waited: 15 * second, Local: lan, Remote: browser}
	up := diagnosis.Facts{ICE: 50 * time.Millisecond, Connected: 100 * time.Millisecond, FirstCheck: 20 * time.Millisecond, Local: lan, Remote: browser}

	tests := []struct {
		name  string
		facts diagnosis.Facts
		want  diagnosis.Code
		says  []string
	}{
		{"connected at once", up, diagnosis.OK, nil},
		{"just begun", diagnosis.Facts{Waited: second, Local: lan}, diagnosis.Connecting, nil},
		{"replaced before it connected", diagnosis.Facts{Over: true, End: "other", Waited: second}, diagnosis.Ended, nil},
		{"left at once", diagnosis.Facts{Over: true, End: "other", Deleted: true, Waited: second}, diagnosis.ClientLeft, []string{"1.0 s"}},
		{"deleted by a player that gave up", with(timeout, func(f *diagnosis.Facts) { f.Deleted, f.End, f.Waited = true, "other", 8*second }), diagnosis.Blocked, nil},
		{"still connecting, for too long", with(timeout, func(f *diagnosis.Facts) { f.Over, f.End = false, "" }), diagnosis.Blocked, nil},

		{"offered nothing", with(timeout, func(f *diagnosis.Facts) { f.Remote = nil }), diagnosis.NoAddresses, []string{"192.168.1.5", "8081"}},
		{"a container's address", with(timeout, func(f *diagnosis.Facts) {
			f.Remote = []diagnosis.Candidate{candidate("host", "udp", "172.17.0.2", 40000)}
		}), diagnosis.ContainerAddress, []string{"the client offered only 172.17.0.2, a container address"}},
		{"loopback only", with(timeout, func(f *diagnosis.Facts) {
			f.Remote = []diagnosis.Candidate{candidate("host", "udp", "127.0.0.1", 40000), candidate("host", "udp", "fe80::1", 40000)}
		}), diagnosis.LocalAddress, []string{"127.0.0.1, fe80::1"}},
		{"our own container", with(timeout, func(f *diagnosis.Facts) {
			f.Local = []diagnosis.Candidate{candidate("host", "udp", "172.17.0.2", 8081)}
		}), diagnosis.ServerContainer, []string{"172.17.0.2", "--public-ip"}},
		{"a container that asks a container", with(timeout, func(f *diagnosis.Facts) {
			f.Local = []diagnosis.Candidate{candidate("host", "udp", "172.17.0.2", 8081)}
			f.Remote = []diagnosis.Candidate{candidate("host", "udp", "172.18.0.3", 40000)}
		}), diagnosis.ContainerAddress, nil},
		{"private server, the offer came from outside", with(timeout, func(f *diagnosis.Facts) {
			f.Client, f.Remote = netip.MustParseAddr("203.0.113.9"), hidden
		}), diagnosis.ServerPrivate, []string{"192.168.1.5", "--public-ip"}},
		{"private server, the client has a public address", with(timeout, func(f *diagnosis.Facts) {
			f.Remote = append(hidden, mapped("203.0.113.9", 50000, "0.0.0.0:0"))
		}), diagnosis.ServerPrivate, nil},
		{"carrier's NAT is not public", with(timeout, func(f *diagnosis.Facts) {
			f.Client = netip.MustParseAddr("100.64.1.2")
		}), diagnosis.Blocked, nil},
		{"no address of ours", with(timeout, func(f *diagnosis.Facts) { f.Local = nil }), diagnosis.ServerNoAddress, nil},
		{"hidden names only", with(timeout, func(f *diagnosis.Facts) { f.Remote = hidden }), diagnosis.MDNSOnly,
			[]string{"only mDNS names and no check of it arrived"}},
		{"no TCP from the client", with(timeout, func(f *diagnosis.Facts) { f.Remote = browser[:1] }), diagnosis.UDPBlocked,
			[]string{"UDP from the client never arrived; TCP was not offered", "8081"}},
		{"neither", timeout, diagnosis.Blocked, []string{"neither UDP nor TCP"}},
		{"symmetric on both sides", with(timeout, func(f *diagnosis.Facts) {
			f.Local = append(lan, mapped("198.51.100.7", 1001, ""), mapped("198.51.100.7", 1002, ""))
			f.Remote = append(browser, mapped("203.0.113.9", 2001, "192.168.1.20:50000"), mapped("203.0.113.9", 2002, "192.168.1.20:50000"))
		}), diagnosis.SymmetricNAT, []string{"symmetric NAT on both sides and no TURN configured"}},
		// One port per socket is no evidence of anything.
		{"two sockets are not a symmetric NAT", with(timeout, func(f *diagnosis.Facts) {
			f.Local = append(lan, mapped("198.51.100.7", 1001, ""), mapped("198.51.100.7", 1002, ""))
			f.Remote = append(browser, mapped("203.0.113.9", 2001, "192.168.1.20:50000"), mapped("203.0.113.9", 2002, "192.168.1.20:50001"))
		}), diagnosis.NATNoRelay, nil},
		{"hidden sockets prove nothing", with(timeout, func(f *diagnosis.Facts) {
			f.Local = append(lan, mapped("198.51.100.7", 1001, ""), mapped("198.51.100.7", 1002, ""))
			f.Remote = append(hidden, mapped("203.0.113.9", 2001, "0.0.0.0:0"), mapped("203.0.113.9", 2002, "0.0.0.0:0"))
		}), diagnosis.NATNoRelay, nil},
		{"the relay gave no address", with(timeout, func(f *diagnosis.Facts) { f.TURN = true }), diagnosis.RelayUnused, []string{"porthole doctor"}},
		{"nothing but the relay", with(timeout, func(f *diagnosis.Facts) {
			f.TURN, f.Remote = true, []diagnosis.Candidate{candidate("relay", "udp", "198.51.100.200", 49160)}
			f.Local = public
		}), diagnosis.RelaySilent, []string{"198.51.100.200"}},
		{"nothing but a relay of ours", with(timeout, func(f *diagnosis.Facts) {
			f.Local = []diagnosis.Candidate{candidate("relay", "udp", "198.51.100.200", 49160)}
		}), diagnosis.RelaySilent, []string{"the server offers only relayed addresses (198.51.100.200)", "--ice-policy"}},

		{"checks one way only", with(timeout, func(f *diagnosis.Facts) { f.Pairs = checked(7, 0, 12, 0) }), diagnosis.OneWay,
			[]string{"the client's checks arrived (12, from 192.168.1.20), but our answers did not"}},
		{"never nominated", with(timeout, func(f *diagnosis.Facts) { f.Pairs = checked(7, 3, 12, 0) }), diagnosis.NotNominated, nil},

		{"no handshake", with(secured, func(f *diagnosis.Facts) { f.Pairs = checked(3, 3, 3, 0) }), diagnosis.DTLSSilent,
			[]string{"ICE connected in 0.1 s, but the DTLS handshake did not begin"}},
		{"half a handshake", with(secured, func(f *diagnosis.Facts) { f.Pairs = checked(3, 3, 3, 4) }), diagnosis.DTLSUnfinished, nil},
		{"another certificate", with(secured, func(f *diagnosis.Facts) { f.End, f.WrongCertificate = "dtls_failed", true }), diagnosis.WrongCertificate,
			[]string{"certificate mismatch"}},
		{"refused", with(secured, func(f *diagnosis.Facts) {
			f.End, f.DTLSError = "dtls_failed", "alert: Alert LevelFatal: BadCertificate"
		}), diagnosis.DTLSRefused, nil},
		{"failed otherwise", with(secured, func(f *diagnosis.Facts) { f.End = "dtls_failed" }), diagnosis.DTLSFailed, nil},

		{"another payload type", with(up, func(f *diagnosis.Facts) {
			f.Publisher, f.Unexpected = true, diagnosis.Unexpected{PayloadType: 97, Packets: 450, Agreed: []string{"96 (H264)"}}
		}), diagnosis.WrongPayloadType, []string{"the publisher sends payload type 97 (450 packets, dropped), but the answer agreed on 96 (H264);"}},
		{"another payload type until the end", with(up, func(f *diagnosis.Facts) {
			f.Publisher, f.Over, f.End, f.Idle = true, true, "media_timeout", 15*second
			f.Unexpected = diagnosis.Unexpected{PayloadType: 0, Packets: 10, Agreed: []string{"96 (H264)", "111 (opus)"}}
		}), diagnosis.WrongPayloadType, []string{"payload type 0", "96 (H264) and 111 (opus)"}},
		{"a stray packet", with(up, func(f *diagnosis.Facts) {
			f.Publisher, f.Unexpected = true, diagnosis.Unexpected{PayloadType: 97, Packets: 3, Agreed: []string{"96 (H264)"}}
		}), diagnosis.OK, nil},
		{"an SSRC for each packet", with(up, func(f *diagnosis.Facts) { f.Publisher, f.Over, f.End = true, true, "too_many_sources" }),
			diagnosis.TooManySSRCs, []string{"let it keep the SSRC of each track"}},
		{"no camera", with(up, func(f *diagnosis.Facts) { f.Publisher, f.Over, f.End, f.Idle = true, true, "media_timeout", 15*second }), diagnosis.NoMedia,
			[]string{"sent no media for 15.0 s"}},
		{"crashed", with(up, func(f *diagnosis.Facts) {
			f.Publisher, f.Over, f.End, f.Idle, f.Media = true, true, "media_timeout", 15*second, second
		}), diagnosis.MediaStopped, nil},
		{"a path that is too narrow", with(up, func(f *diagnosis.Facts) { f.Carries, f.Needs = 400_000, 512_000 }), diagnosis.NarrowPath,
			[]string{"0.40 Mbit/s", "0.51", "ladder="}},
		{"lost", with(up, func(f *diagnosis.Facts) { f.Over, f.End = true, "ice_failed" }), diagnosis.ConnectionLost, nil},
		{"ended well", with(up, func(f *diagnosis.Facts) { f.Over, f.End = true, "remote_closed" }), diagnosis.OK, nil},

		{"slow handshake", with(up, func(f *diagnosis.Facts) { f.Connected = 4200 * time.Millisecond }), diagnosis.SlowDTLS, []string{"connected after 4.2 s"}},
		{"slow client", with(up, func(f *diagnosis.Facts) {
			f.Connected, f.ICE, f.FirstCheck = 4200*time.Millisecond, 4*second, 3900*time.Millisecond
		}), diagnosis.SlowChecks, []string{"3.9 s"}},
		{"slow checks", with(up, func(f *diagnosis.Facts) {
			f.Connected, f.ICE, f.Pairs = 4200*time.Millisecond, 4*second, checked(3, 0, 0, 0)
		}), diagnosis.SlowICE, []string{"1 of 1 pairs"}},
		{"slow camera", with(up, func(f *diagnosis.Facts) { f.Publisher, f.Media = true, 5*second }), diagnosis.SlowMedia, []string{"4.9 s"}},
		{"no answer", diagnosis.Facts{Over: true, End: "no_answer", Waited: 30 * second}, diagnosis.NoAnswer, nil},
	}
	met := make(map[diagnosis.Code]bool)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := diagnosis.Diagnose(tt.facts)
			met[got.Code] = true
			if got.Code != tt.want {
				t.Errorf("got %s (%s), want %s", got.Code, got.Sentence, tt.want)
			}
			for _, part := range tt.says {
				if !strings.Contains(got.Sentence, part) {
					t.Errorf("the sentence %q does not say %q", got.Sentence, part)
				}
			}
			silent := got.Code == diagnosis.OK || got.Code == diagnosis.Connecting || got.Code == diagnosis.Ended
			if got.Trouble() == silent {
				t.Errorf("%s has the sentence %q", got.Code, got.Sentence)
			}
		})
	}
	for _, code := range diagnosis.Codes() {
		if !met[code] {
			t.Errorf("no session of the table has the code %s", code)
		}
	}
}

func TestParseCandidates(t *testing.T) {
	const text = "v=0\r\na=candidate:1 1 UDP 2113937151 0a1b2c3d.local 50000 typ host generation 0\r\n" +
		"a=candidate:2 1 udp 1677729535 203.0.113.9 50001 typ srflx raddr 0.0.0.0 rport 0\r\n" +
		"a=candidate:2 1 udp 1677729535 203.0.113.9 50001 typ srflx raddr 0.0.0.0 rport 0\r\n" +
		"a=candidate:3 1 tcp 1518280447 192.168.1.20 9 typ host tcptype active\r\n" +
		"a=candidate:4 1 udp 1 nonsense\r\na=candidate:5 1 udp 1 10.0.0.1 x typ host\r\na=end-of-candidates\r\n"
	want := []diagnosis.Candidate{
		{Type: "host", Protocol: "udp", Host: "0a1b2c3d.local", Port: 50000},
		{Type: "srflx", Protocol: "udp", Host: "203.0.113.9", Port: 50001, Related: "0.0.0.0:0"},
		{Type: "host", Protocol: "tcp", Host: "192.168.1.20", Port: 9},
	}
	got := diagnosis.ParseCandidates(text)
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func FuzzParseCandidates(f *testing.F) {
	f.Add("a=candidate:1 1 udp 1 10.0.0.1 9 typ host raddr 1.2.3.4 rport 5")
	f.Fuzz(func(t *testing.T, text string) {
		candidates := diagnosis.ParseCandidates(text)
		diagnosis.Diagnose(diagnosis.Facts{Over: true, End: "ice_timeout", Waited: 9 * second, Local: candidates, Remote: candidates})
	})
}
