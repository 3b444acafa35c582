package signaling

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"porthole/internal/diagnosis"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// diagnose finds out what is, or was, the matter with a session. reason is why it
// ended, nil while it lives.
func diagnose(e *entry, detail Detail, reason error, now time.Time) diagnosis.Verdict {
	f := facts(e, detail, reason, now)
	if f.Connected == 0 { // else nobody asks what was offered
		exchanges, _ := e.log.read()
		addOffered(&f, exchanges)
	}
	return diagnosis.Diagnose(f)
}

// facts gathers what was seen of a session.
func facts(e *entry, detail Detail, reason error, now time.Time) diagnosis.Facts {
	info := detail.Peer
	begin := info.Answered
	since := func(t time.Time) time.Duration {
		if t.IsZero() || begin.IsZero() {
			return 0
		}
		return max(t.Sub(begin), 1) // zero is never
	}
	event := func(name string) time.Duration { return since(timeOf(info.Timeline, name)) }
	f := diagnosis.Facts{
		Publisher: e.role == negotiate.Publish, End: info.End,
		// A connection that has closed is over a moment before its session is.
		Over:    reason != nil || info.State == peer.StateClosed,
		Deleted: errors.Is(reason, ErrDeleted),
		ICE:     event("ice connected"), Connected: event("connected"), Media: event("first media"),
		FirstCheck: since(info.FirstCheck), Idle: info.Idle,
		Local:            candidatesOf(info.Local),
		WrongCertificate: info.WrongCertificate, DTLSError: info.DTLSError,
	}
	// A client of loopback, or behind a proxy, has no address that tells something.
	f.Client, _ = netip.ParseAddr(e.client)
	end := now
	if closed := timeOf(info.Timeline, "closed"); !closed.IsZero() {
		end = closed
	}
	f.Waited = since(end)
	f.Remote = candidatesOf(info.Remote)
	for _, p := range info.Pairs {
		f.Pairs = append(f.Pairs, diagnosis.Pair{
			Local: candidateOf(p.Local), Remote: candidateOf(p.Remote),
			Sent: p.ChecksSent, Answered: p.ChecksAnswered, Received: p.ChecksReceived, Packets: p.Packets,
		})
	}
	return f
}

// addOffered adds what client and server told each other, and the peer has no use for:
// names, TCP candidates of the client, relays.
func addOffered(f *diagnosis.Facts, exchanges []Exchange) {
	for _, x := range exchanges {
		f.TURN = f.TURN || offersTURN(x.Response.Headers["Link"])
		for _, c := range diagnosis.ParseCandidates(x.Request.Body) {
			f.Remote = appendNew(f.Remote, c)
		}
	}
}

// appendNew adds a candidate that is not there yet, or knows more than the one that is.
func appendNew(list []diagnosis.Candidate, c diagnosis.Candidate) []diagnosis.Candidate {
	for i, known := range list {
		if known.Host == c.Host && known.Port == c.Port && known.Protocol == c.Protocol && known.Type == c.Type {
			list[i].Related = c.Related
			return list
		}
	}
	return append(list, c)
}

// timeOf returns when an event happened first, the zero Time when it did not.
func timeOf(timeline []peer.Event, name string) time.Time {
	for _, e := range timeline {
		if e.Event == name {
			return e.At
		}
	}
	return time.Time{}
}

func candidatesOf(list []peer.Candidate) (candidates []diagnosis.Candidate) {
	for _, c := range list {
		candidates = append(candidates, candidateOf(c))
	}
	return candidates
}

func candidateOf(c peer.Candidate) diagnosis.Candidate {
	host, port, _ := net.SplitHostPort(c.Address) // what JoinHostPort has made
	number, _ := strconv.Atoi(port)
	return diagnosis.Candidate{Type: c.Type, Protocol: c.Protocol, Host: host, Port: number}
}

// offersTURN tells whether the client was told of a relay.
func offersTURN(links []string) bool {
	for _, link := range links {
		if strings.HasPrefix(link, "<turn:") || strings.HasPrefix(link, "<turns:") {
			return true
		}
	}
	return false
}
