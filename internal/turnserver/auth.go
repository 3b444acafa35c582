package turnserver

import (
	"crypto/hmac"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"porthole/internal/iceserver"
)

// authority decides who may use the server: whoever has a user name that was
// signed with the secret and has not expired. A client address that keeps sending
// wrong credentials is not believed for a while, whatever it sends, unless it is for a
// relay that it has: anybody can send wrong ones in the name of an address, and the
// right ones for that relay are still needed.
type authority struct {
	secret   string
	failures *limiter
	metrics  *metrics
	// holders are the clients with a relay. They may keep it when their credentials
	// expire: who watches for a day must not be cut off in the middle.
	holders *holders
}

func newAuthority(secret string, failuresPerMinute int, h *holders, m *metrics) *authority {
	return &authority{
		secret: secret, failures: newLimiter(float64(failuresPerMinute)/60, failuresPerMinute), holders: h, metrics: m,
	}
}

// check is a turn.AuthHandler: it returns the key that the request's integrity is
// then checked with. The user id is the session, which quotas go by.
func (a *authority) check(r *turn.RequestAttributes) (userID string, key []byte, ok bool) {
	client := addrOf(r.SrcAddr)
	expiry, session, ok := strings.Cut(r.Username, ":")
	holds := a.holders.has(r.SrcAddr, session)
	if !holds && !a.failures.has(client) {
		a.metrics.refused(refusedFailures)
		return "", nil, false
	}
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if !ok || err != nil || session == "" {
		a.failures.take(client)
		a.metrics.refused(refusedCredentials)
		return "", nil, false
	}
	at := time.Unix(seconds, 0)
	username, password := iceserver.Credential(a.secret, session, at)
	if !hmac.Equal([]byte(username), []byte(r.Username)) { // "+17:x", say, which is signed as "17:x"
		a.failures.take(client)
		a.metrics.refused(refusedCredentials)
		return "", nil, false
	}
	if time.Now().After(at) && (r.Method == stun.MethodAllocate || !holds) {
		a.metrics.refused(refusedExpired)
		return "", nil, false
	}
	return session, turn.GenerateAuthKey(username, realm, password), true
}

// outcome is told whether a request's integrity was right.
func (a *authority) outcome(src, _ net.Addr, _, _, _, _ string, ok bool) {
	if !ok {
		a.failures.take(addrOf(src))
		a.metrics.refused(refusedCredentials)
	}
}

// addrOf returns the IP address of a UDP or TCP address.
func addrOf(addr net.Addr) netip.Addr {
	switch a := addr.(type) {
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{} // all unknown ones count as one
}
