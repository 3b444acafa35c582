package negotiate_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"porthole/internal/negotiate"
)

func TestParseFragment(t *testing.T) {
	const value = "candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host"
	at := func(mid string, line int) []negotiate.Candidate {
		return []negotiate.Candidate{{Mid: mid, MLineIndex: line, Value: value}}
	}
	tests := []struct {
		name string
		body string
		want negotiate.Fragment
	}{
		{
			"the example of RFC 9725",
			"a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\na=" + value + "\r\na=end-of-candidates\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Pwd: "P2uY", Candidates: at("0", 0), EndOfCandidates: true},
		},
		{
			"simple-whip: a dummy section, credentials of the session",
			"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=" + value + "\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Pwd: "P2uY", Candidates: at("0", 0)},
		},
		{
			"medooze: the mid after the m= line of its own making",
			"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=" + value + "\r\na=end-of-candidates\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Pwd: "P2uY", Candidates: at("1", 0), EndOfCandidates: true},
		},
		{
			"Eyevinn: component 0, the wrong kind of section, bare line feeds",
			"a=ice-ufrag:EsAw\na=ice-pwd:P2uY\nm=audio 9 RTP/AVP 0\na=mid:1\na=candidate:1 0 UDP 2130706431 198.51.100.1 39132 typ host generation 0 ufrag EsAw\n",
			negotiate.Fragment{Ufrag: "EsAw", Pwd: "P2uY", Candidates: at("1", 0)},
		},
		{
			"several sections, the first without candidates",
			"a=ice-ufrag:EsAw\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ice-ufrag:other\r\na=" + value + "\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Candidates: at("1", 1)},
		},
		{
			"a candidate before the mid, and twice",
			"m=video 9 RTP/AVP 0\r\na=" + value + "\r\na=" + value + "\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Candidates: at("0", 0)},
		},
		{
			"no m= line",
			"a=ice-ufrag:EsAw\r\na=mid:0\r\na=" + value + "\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Candidates: at("0", -1)},
		},
		{
			"no mid either",
			"a=ice-ufrag:EsAw\r\na=" + value + "\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Candidates: at("", -1)},
		},
		{
			"what cannot be used is dropped without a word",
			"a=ice-ufrag:EsAw\r\na=mid:0\r\na=candidate:1 1 udp 1 example.com 5 typ host\r\na=candidate:2 1 tcp 1 10.0.0.1 9 typ host tcptype active\r\n" +
				"a=candidate:3 1 udp 1 example.org 5 typ host\r\na=candidate:4 2 udp 1 10.0.0.1 5 typ host\r\na=candidate:\r\na=candidate:5 1 udp 1 0.0.0.0 5 typ host\r\na=" + value + "\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Candidates: at("0", -1)},
		},
		{
			"only the end",
			"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\na=end-of-candidates",
			negotiate.Fragment{Ufrag: "EsAw", Pwd: "P2uY", EndOfCandidates: true},
		},
		{
			"a related address",
			"a=ice-ufrag:EsAw\r\na=candidate:1 1 udp 7 198.51.100.1 39132 typ srflx raddr 10.0.0.1 rport 5000 generation 0\r\n",
			negotiate.Fragment{Ufrag: "EsAw", Candidates: []negotiate.Candidate{
				{MLineIndex: -1, Value: "candidate:1 1 udp 7 198.51.100.1 39132 typ srflx raddr 10.0.0.1 rport 5000"},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := negotiate.ParseFragment([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
}

func TestParseFragmentRefuses(t *testing.T) {
	tests := []struct{ name, body string }{
		{"empty", ""},
		{"garbage", "hello"},
		{"no ufrag", "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n"},
		{"a ufrag with a blank", "a=ice-ufrag:a b\r\n"},
		{"a pwd with a blank", "a=ice-ufrag:a\r\na=ice-pwd:a b\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if f, err := negotiate.ParseFragment([]byte(tt.body)); !errors.Is(err, negotiate.ErrMalformed) {
				t.Errorf("got %+v, error %v; want ErrMalformed", f, err)
			}
		})
	}
}

func TestFormatFragment(t *testing.T) {
	f := &negotiate.Fragment{
		Ufrag: "289b", Pwd: "0b66",
		Candidates: []negotiate.Candidate{
			{Mid: "0", Value: "candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host"},
			{Mid: "0", Value: "candidate:2 1 tcp 1671430143 198.51.100.1 39132 typ host tcptype passive"},
		},
		EndOfCandidates: true,
	}
	want := strings.Join([]string{
		"a=ice-ufrag:289b",
		"a=ice-pwd:0b66",
		"m=audio 9 RTP/AVP 0",
		"a=mid:0",
		"a=candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host",
		"a=candidate:2 1 tcp 1671430143 198.51.100.1 39132 typ host tcptype passive",
		"a=end-of-candidates",
		"",
	}, "\r\n")
	if got := negotiate.FormatFragment(f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHiddenCandidates(t *testing.T) {
	fragment := "a=ice-ufrag:u\r\na=mid:0\r\n" +
		"a=candidate:1 1 udp 77 0f6c-1.local 5000 typ host generation 0\r\n" +
		"a=candidate:1 2 udp 77 0f6c-1.local 5001 typ host\r\n" + // a component that there is not
		"a=candidate:1 1 udp 77 0f6c-1.local 5000 typ host\r\n" + // again
		"a=candidate:2 1 tcp 1 0f6c-2.local 9 typ host tcptype active\r\n" +
		"a=candidate:3 1 udp 1 printer.office.local 5000 typ host\r\n" + // nothing that a browser makes up
		"a=candidate:4 1 udp 1 example.org 5000 typ host\r\n"
	f, err := negotiate.ParseFragment([]byte(fragment))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Candidates) != 0 || len(f.Hidden) != 1 || f.Hidden[0].Name != "0f6c-1.local" {
		t.Fatalf("got %+v, want one hidden candidate", f)
	}
	want := "candidate:1 1 udp 77 192.0.2.9 5000 typ host"
	if got := f.Hidden[0].Value(netip.MustParseAddr("192.0.2.9")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
