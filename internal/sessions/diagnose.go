package sessions

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"porthole/internal/diagnosis"
	"porthole/internal/sessioninfo"
)

// history is what a verdict on a session takes besides its Detail.
type history struct {
	protocol string
	client   string // address
	log      *exchangeLog
	reason   error // why it ended, nil while it lives
}

// diagnose finds out what is, or was, the matter with a session.
func (h history) diagnose(detail sessioninfo.Detail, now time.Time) diagnosis.Verdict {
	f := h.facts(detail, now)
	if f.Connected == 0 { // else nobody asks what was offered
		exchanges, _ := h.log.read()
		addOffered(&f, exchanges)
	}
	return diagnosis.Diagnose(f)
}

// facts gathers what was seen of a session.
func (h history) facts(detail sessioninfo.Detail, now time.Time) diagnosis.Facts {
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
		Publisher: h.protocol == WHIP, End: info.End,
		// A connection that has closed is over a moment before its session is.
		Over:    h.reason != nil || info.State == sessioninfo.StateClosed,
		Deleted: errors.Is(h.reason, ErrDeleted),
		ICE:     event("ice connected"), Connected: event("connected"), Media: event("first media"),
		FirstCheck: since(info.FirstCheck), Idle: info.Idle,
		Local:            candidatesOf(info.Local),
		WrongCertificate: info.WrongCertificate, DTLSError: info.DTLSError,
	}
	if v := detail.Viewer; v != nil && !v.Network.Fits {
		f.Carries, f.Needs = v.Network.Estimate, v.Network.Needs
	}
	if u := info.Unexpected; u != nil {
		f.Unexpected = diagnosis.Unexpected{PayloadType: u.PayloadType, Packets: u.Packets}
		for _, a := range u.Agreed {
			f.Unexpected.Agreed = append(f.Unexpected.Agreed, a.String())
		}
	}
	// A client of loopback, or behind a proxy, has no address that tells something.
	f.Client, _ = netip.ParseAddr(h.client)
	end := now
	if closed := timeOf(info.Timeline, "closed"); !closed.IsZero() {
		end = closed
	}
	f.Waited = since(end)
	f.Remote = candidatesOf(info.Remote)
	for _, tried := range info.Pairs {
		f.Pairs = append(f.Pairs, diagnosis.Pair{
			Local: candidateOf(tried.Local), Remote: candidateOf(tried.Remote),
			Sent: tried.ChecksSent, Answered: tried.ChecksAnswered, Received: tried.ChecksReceived, Packets: tried.Packets,
		})
	}
	return f
}

// addOffered adds what client and server told each other, and the peer has no use for:
// names, TCP candidates of the client, relays.
func addOffered(f *diagnosis.Facts, exchanges []sessioninfo.Exchange) {
	for _, x := range exchanges {
		f.TURN = f.TURN || offersTURN(x, f.Local)
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
func timeOf(timeline []sessioninfo.Event, name string) time.Time {
	for _, e := range timeline {
		if e.Event == name {
			return e.At
		}
	}
	return time.Time{}
}

func candidatesOf(list []sessioninfo.Candidate) (candidates []diagnosis.Candidate) {
	for _, c := range list {
		candidates = append(candidates, candidateOf(c))
	}
	return candidates
}

func candidateOf(c sessioninfo.Candidate) diagnosis.Candidate {
	host, port, _ := net.SplitHostPort(c.Address) // what JoinHostPort has made
	number, _ := strconv.Atoi(port)
	return diagnosis.Candidate{Type: c.Type, Protocol: c.Protocol, Host: host, Port: number}
}

// offersTURN tells whether the client was told of a relay other than the one that this
// program runs itself, which is where the request went, or at one of our own addresses.
func offersTURN(x sessioninfo.Exchange, local []diagnosis.Candidate) bool {
	var here string
	for _, value := range x.Request.Headers["Host"] {
		here = (&url.URL{Host: value}).Hostname()
	}
	for _, link := range x.Response.Headers["Link"] {
		if !strings.HasPrefix(link, "<turn:") && !strings.HasPrefix(link, "<turns:") {
			continue
		}
		host := hostOf(link)
		addr, err := netip.ParseAddr(host)
		own := err == nil && (addr.IsLoopback() || addr.IsPrivate()) || strings.EqualFold(host, here) ||
			slices.ContainsFunc(local, func(c diagnosis.Candidate) bool { return c.Host == host })
		if !own {
			return true
		}
	}
	return false
}
