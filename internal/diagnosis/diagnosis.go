// Package diagnosis says in one sentence why a WHIP or WHEP session did not come
// up, came up slowly, or went down: what was seen, and what to do about it.
//
// It is pure. [Facts] are what the rest of the program has seen of one session,
// without a word of pion in them; [Diagnose] looks for the one cause that explains
// them and says nothing that they do not prove. Who gathers the facts, and when, is
// package signaling's business; how they are shown is everybody's own.
//
// The codes are part of the API: they may be added to, never renamed. Those that
// people meet are explained in docs/TROUBLESHOOTING.md.
package diagnosis

import (
	"net/netip"
	"time"
)

// Code names a cause.
type Code string

// The codes, in the order in which docs/TROUBLESHOOTING.md explains them.
const (
	OK         Code = "ok"         // connected, without delay
	Connecting Code = "connecting" // no verdict yet
	Ended      Code = "ended"      // over for a reason that is nobody's fault

	// Nothing of the client arrived.
	NoAddresses      Code = "no_addresses"        // the client offered none
	ContainerAddress Code = "container_address"   // the client offered only those of a container
	LocalAddress     Code = "local_address"       // the client offered only loopback or link-local ones
	ServerContainer  Code = "server_container"    // we offered only those of a container
	ServerPrivate    Code = "server_private"      // we offered only private ones to a client outside
	ServerNoAddress  Code = "server_no_address"   // we offered none
	SymmetricNAT     Code = "symmetric_nat"       // both NATs give each peer another port, and there is no relay
	NATNoRelay       Code = "nat_no_relay"        // both are behind a NAT, and there is no relay
	RelayUnused      Code = "relay_unused"        // the client got no address from the relay that it was told of
	RelaySilent      Code = "relay_silent"        // one side has nothing but relayed addresses, and nothing came by them
	UDPBlocked       Code = "udp_blocked"         // no UDP arrived, and TCP was not offered
	Blocked          Code = "udp_and_tcp_blocked" // neither UDP nor TCP arrived
	MDNSOnly         Code = "mdns_only"           // the client hides its addresses, and nothing arrived

	// Something arrived.
	OneWay       Code = "one_way"       // the client's checks arrived, nothing of ours did
	NotNominated Code = "not_nominated" // checks succeeded and the client chose no path

	// ICE connected.
	DTLSSilent       Code = "dtls_silent"          // not one packet of the handshake came
	DTLSUnfinished   Code = "dtls_unfinished"      // the handshake did not end in time
	WrongCertificate Code = "certificate_mismatch" // the client's certificate is not the one of its offer
	DTLSRefused      Code = "dtls_refused"         // the client refused ours
	DTLSFailed       Code = "dtls_failed"          // the handshake failed otherwise

	// Connected.
	WrongPayloadType Code = "wrong_payload_type" // a publisher sends one that was not agreed on
	TooManySSRCs     Code = "too_many_ssrcs"     // a publisher sent more of them than a session may have
	NarrowPath       Code = "narrow_path"        // a viewer's path carries less than the lowest picture
	NoMedia          Code = "no_media"           // a publisher never sent any
	MediaStopped     Code = "media_stopped"      // a publisher stopped to send
	ConnectionLost   Code = "connection_lost"    // nothing arrived any more
	SlowChecks       Code = "slow_checks"        // the client's checks came late
	SlowICE          Code = "slow_ice"           // checks took long to get through
	SlowDTLS         Code = "slow_dtls"          // the handshake took long
	SlowMedia        Code = "slow_media"         // a publisher took long to begin

	// The client did not go on.
	NoAnswer   Code = "no_answer"   // no answer to our offer
	ClientLeft Code = "client_left" // it went away before a connection could be made
)

// Codes returns all of them, in the order above.
func Codes() []Code {
	return []Code{
		OK, Connecting, Ended,
		NoAddresses, ContainerAddress, LocalAddress, ServerContainer, ServerPrivate, ServerNoAddress,
		SymmetricNAT, NATNoRelay, RelayUnused, RelaySilent, UDPBlocked, Blocked, MDNSOnly,
		OneWay, NotNominated,
		DTLSSilent, DTLSUnfinished, WrongCertificate, DTLSRefused, DTLSFailed,
		WrongPayloadType, TooManySSRCs, NarrowPath, NoMedia, MediaStopped, ConnectionLost, SlowChecks, SlowICE, SlowDTLS, SlowMedia,
		NoAnswer, ClientLeft,
	}
}

// Verdict is the cause that was found.
type Verdict struct {
	Code Code
	// Sentence is for people, in plain English: what was seen and what to do. It is
	// empty for OK, Connecting and Ended.
	Sentence string
}

// Trouble tells whether there is something to tell.
func (v Verdict) Trouble() bool { return v.Sentence != "" }

// Candidate is an address that one side offered, or was found at (RFC 8839 5.1).
type Candidate struct {
	Type     string // "host", "srflx", "prflx" or "relay"
	Protocol string // "udp" or "tcp"
	Host     string // an IP address, or the name that hides one
	Port     int
	// Related is the address and port behind a srflx or relay one, "" when not told.
	Related string
}

// Pair is two candidates that were tried together, and what came of it.
type Pair struct {
	Local, Remote  Candidate
	Sent, Answered uint64 // checks of ours, and the client's answers
	Received       uint64 // checks of the client
	Packets        uint64 // of the client that are no checks
}

// Facts is what was seen of one session. Times count from our answer; zero means
// never, or not yet.
type Facts struct {
	Publisher bool
	Over      bool
	// End is what ended the connection, as porthole_sessions_ended_total counts it.
	End string
	// Deleted: the client ended the session by DELETE.
	Deleted bool
	// Client is where the offer came from, which is not always where media does.
	Client netip.Addr
	// Waited is how long the session has been, or was, without a connection.
	Waited time.Duration

	ICE, Connected time.Duration // when ICE, and then DTLS, was there first
	Media          time.Duration // when the first packet of a publisher came
	FirstCheck     time.Duration // when the first check of the client came
	Idle           time.Duration // how long a publisher may send nothing
	// Unexpected is what a publisher sends in vain, while a track of its answer gets nothing.
	Unexpected Unexpected
	// Carries is how many bits per second a viewer's path carries when that is less than it Needs for the lowest picture; 0: it
	// is enough, or nothing is known.
	Carries, Needs uint64

	Local, Remote []Candidate // as they were offered, names and TCP included
	Pairs         []Pair
	// TURN: the client was told of a TURN server that is not this machine's own: that
	// is behind the same NATs and firewalls.
	TURN bool

	WrongCertificate bool
	DTLSError        string // what the handshake said, "" when nothing
}

// Unexpected are packets with a payload type that was not agreed on. The zero value is none.
type Unexpected struct {
	PayloadType uint8
	Packets     uint64
	Agreed      []string // as "96 (H264)"
}

// Slow is from when on a wait is worth a word.
const Slow = 2 * time.Second

// Diagnose finds the cause that explains the facts.
func Diagnose(f Facts) Verdict {
	switch {
	case f.Connected > 0:
		return connected(f)
	case f.End == "no_answer":
		return Verdict{NoAnswer, "the client did not answer our offer in time; it has to send its answer by PATCH with application/sdp, or ask for no counter-offer"}
	case !f.Over && f.Waited < Slow:
		return Verdict{Code: Connecting}
	case f.Over && f.Waited < Slow && (f.Deleted || f.End == "remote_closed"):
		return Verdict{ClientLeft, "the client left " + seconds(f.Waited) + " after the answer, before a connection could be made; give it more time"}
	case f.Over && !f.Deleted && !failed(f.End):
		return Verdict{Code: Ended}
	case f.ICE > 0:
		return handshake(f)
	default:
		return checks(f)
	}
}

// failed tells whether an end says that the connection did not come up.
func failed(end string) bool {
	switch end {
	case "ice_timeout", "ice_failed", "dtls_timeout", "dtls_failed":
		return true
	default:
		return false
	}
}
