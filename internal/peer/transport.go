package peer

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/sessioninfo"
)

// receiveMTU is the largest packet that is read, in bytes: more than fits an
// Ethernet frame.
const receiveMTU = 1600

// firstRetransmission is when a DTLS flight that got no answer is sent again; each
// further time it takes twice as long. RFC 6347 4.2.4.1 recommends 1 s where nothing is
// known about the path; here ICE has just found that it works. FFmpeg misses the
// ClientHello that follows its first check, so that 1 s would be most of its start.
const firstRetransmission = 100 * time.Millisecond

// clientTransport is the connection of a session, put together from ICE, DTLS and SRTP. A
// PeerConnection would cost a third more for each packet of a viewer and twice the
// memory, and of a publisher it would hide what comes under another SSRC or payload type
// than it expects, and keep a buffer for each.
type clientTransport interface {
	// watch directs what happens to the connection to events. It is called once,
	// before answer.
	watch(events transportEvents)
	// answer answers the offer with all of our candidates. It waits for them no
	// longer than gather and then takes what there is.
	answer(ctx context.Context, offer *negotiate.Offer, sections []section, gather time.Duration) (string, error)
	// addCandidate adds one of the client's candidates, as the value of an
	// a=candidate line.
	addCandidate(value string) error
	// restart begins a new ICE session with the client of remote, while media goes
	// on in the old one as long as it can (RFC 8445 9), and returns our side of it.
	// It waits for candidates no longer than gather.
	restart(remote iceSide, gather time.Duration) (local iceSide, err error)
	writeRTCP(packets []rtcp.Packet) error
	// pairs returns what ICE has tried. It is not called during or after close.
	pairs() []sessioninfo.TriedPair
	// close ends the connection, tells the client (DTLS close_notify) and waits
	// for the connection's goroutines. None of them may call it.
	close() error
}

var (
	_ clientTransport = (*mediaTransport)(nil)
	_ clientTransport = (*offeringTransport)(nil)
)

// transportEvents is what a transport reports. The methods are called by goroutines that
// the connection cannot do without, and must not block.
type transportEvents interface {
	iceChanged(state webrtc.ICEConnectionState)
	dtlsChanged(state webrtc.DTLSTransportState)
	pairSelected(pair sessioninfo.Pair)
	up()               // ICE and DTLS are done
	down(reason error) // for good
}

// iceSide is what one side tells the other about its ICE session.
type iceSide struct {
	ufrag, pwd string
	candidates []string // values of a=candidate lines
}

// candidatesOf returns the candidates of a=candidate lines.
func candidatesOf(values []string) []sessioninfo.Candidate {
	var candidates []sessioninfo.Candidate
	for _, value := range values {
		candidates = appendCandidate(candidates, value)
	}
	return candidates
}

// candidatesIn returns the candidates of a session description.
func candidatesIn(description string) []sessioninfo.Candidate {
	var candidates []sessioninfo.Candidate
	for line := range strings.Lines(description) {
		if value, ok := strings.CutPrefix(line, "a="); ok && strings.HasPrefix(value, "candidate:") {
			candidates = appendCandidate(candidates, strings.TrimSpace(value))
		}
	}
	return candidates
}

// appendCandidate adds the candidate of an a=candidate line, unless it is there
// or makes no sense. Its component does not matter: there is one.
func appendCandidate(candidates []sessioninfo.Candidate, value string) []sessioninfo.Candidate {
	parsed, err := ice.UnmarshalCandidate(value)
	if err != nil {
		return candidates
	}
	c := sessioninfo.Candidate{
		Type:     parsed.Type().String(),
		Protocol: parsed.NetworkType().NetworkShort(),
		Address:  net.JoinHostPort(parsed.Address(), strconv.Itoa(parsed.Port())),
	}
	if slices.Contains(candidates, c) {
		return candidates
	}
	return append(candidates, c)
}
