package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"porthole/internal/diagnosis"
)

// addresses looks at what clients would be told.
func (c Config) addresses(context.Context) []Finding {
	list, err := c.Addresses()
	if err != nil {
		return []Finding{{
			Group: "addresses", Name: "clients are told", Verdict: Fail, Found: err.Error(),
			Cure: "look at --interfaces and --media",
		}}
	}
	var told []netip.Addr
	var hidden []Address
	for _, a := range list {
		if a.Offered {
			told = append(told, a.Addr)
		} else {
			hidden = append(hidden, a)
		}
	}
	found := []Finding{c.judgeOffered(told)}
	if f, concerns := c.localNetworkAccess(told); concerns {
		found = append(found, f)
	}
	if c.Profile != "" {
		found = append([]Finding{c.judgeProfile()}, found...)
	}
	for _, a := range hidden {
		if a.Addr.IsLoopback() || a.Addr.IsLinkLocalUnicast() {
			continue // nobody misses them
		}
		found = append(found, Finding{
			Group: "addresses", Name: a.Interface, Found: fmt.Sprintf("%s is not told: %s", a.Addr, a.Why),
			Data: map[string]any{"address": a.Addr.String(), "told": false},
		})
	}
	return found
}

// judgeProfile says whether there is what clients of a profile need.
func (c Config) judgeProfile() Finding {
	f := Finding{Group: "addresses", Name: "--profile", Found: c.Profile, Data: map[string]any{"profile": c.Profile}}
	known := len(c.STUN) > 0 || len(c.Public) > 0 || len(c.Advertise) > 0
	switch c.Profile {
	case "lan":
		f.Found += ": for people in the same network"
	case "internet":
		f.Found += ": for people anywhere"
		switch {
		case !known && len(c.TURN) == 0:
			f.Verdict = Fail
			f.Found += ", and nothing tells them this machine's public address"
			f.Cure = "name it with --public-ip, or a server to ask with --stun, or a relay with --turn"
		case len(c.TURN) == 0 && !c.Relaying:
			f.Verdict = Warn
			f.Found += ", but those behind strict NATs and firewalls do not get through"
			f.Cure = "give a TURN server with --turn, or do not turn ours off (--turn-listen)"
		}
	case "relay":
		f.Found += ": all media goes through a TURN server"
		if len(c.TURN) == 0 {
			f.Verdict, f.Found, f.Cure = Fail, f.Found+", and there is none", "name one with --turn"
		}
	}
	return f
}

// judgeOffered says who can reach what clients are told.
func (c Config) judgeOffered(told []netip.Addr) Finding {
	f := Finding{Group: "addresses", Name: "clients are told"}
	texts := texts(told)
	if len(c.Advertise) > 0 {
		texts = slices.Clone(c.Advertise)
	}
	texts = append(texts, textsOf(c.Public)...)
	if c.RelayOnly {
		f.Found = "relayed addresses only, of the TURN servers below (--ice-policy relay)"
		f.Data = map[string]any{"told": []string{}}
		return f
	}
	f.Data = map[string]any{"told": texts}
	f.Found = strings.Join(texts, ", ")
	every := func(is func(netip.Addr) bool) bool {
		return len(told) > 0 && !slices.ContainsFunc(told, func(a netip.Addr) bool { return !is(a) })
	}
	switch {
	case len(c.Advertise) > 0 || len(c.Public) > 0:
	case len(told) == 0:
		f.Verdict, f.Found = Fail, "no address: nobody can reach this machine"
		f.Cure = "connect it to a network, or name an address with --public-ip"
	case every(netip.Addr.IsLoopback):
		f.Verdict, f.Found = Warn, f.Found+": only this machine can watch"
		f.Cure = "connect it to a network, or let --media listen on all interfaces (:8081)"
	case every(diagnosis.IsContainer):
		f.Verdict, f.Found = Fail, f.Found+": a container address, which nobody outside this machine can reach"
		f.Cure = "set --public-ip to the address of the host and publish the media port (UDP and TCP), or use host networking"
	case every(netip.Addr.IsPrivate) && len(c.STUN) == 0:
		f.Found += ": reachable in this network"
	}
	return f
}

// localNetworkAccess tells of the permission that browsers ask their users for before a
// page from the internet may reach a private address (WICG, Chrome from version 142 on):
// of no account for this server's own pages.
func (c Config) localNetworkAccess(told []netip.Addr) (f Finding, concerns bool) {
	private := func(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() }
	beyond := len(c.Public) > 0 || len(c.Advertise) > 0 || len(c.STUN) > 0 || c.RelayOnly
	if beyond || len(told) == 0 || slices.ContainsFunc(told, func(a netip.Addr) bool { return !private(a) }) {
		return Finding{}, false
	}
	return Finding{
		Group: "addresses", Name: "pages of other sites",
		Found: "browsers ask whether a page from the internet may reach this server, at a private address; the page needs HTTPS, and a frame in it allow=\"local-network-access\"",
		Data:  map[string]any{"localNetworkAccess": true},
	}, true
}

func texts(list []netip.Addr) []string { return append([]string{}, textsOf(list)...) }

func textsOf(list []netip.Addr) (texts []string) {
	for _, a := range list {
		texts = append(texts, a.String())
	}
	return texts
}
