package sessions

import (
	"container/list"
	"net/netip"
	"slices"
	"sync"

	"porthole/internal/ratelimit"
	"porthole/internal/sessioninfo"
)

// Budgets of transcripts in bytes: headers, bodies and what it takes to keep them. What
// a session says beyond its own is left out, so that its offer stays; beyond those of a
// client address (a /64 of IPv6) and of all, the oldest exchanges go.
const (
	maxTranscript        = 128 << 10
	maxClientTranscripts = 4 << 20
	maxAllTranscripts    = 16 << 20
	// maxExchanges bounds what a client that trickles for hours adds.
	maxExchanges = 64
	// exchangeCost is what keeping an exchange takes beside its texts, about.
	exchangeCost = 1 << 10
)

// transcripts keeps the signalling of all sessions within the budgets. The zero value is
// empty. Its lock guards the logs, too.
type transcripts struct {
	mu      sync.Mutex
	all     exchangeQueue
	clients map[netip.Addr]*exchangeQueue
}

// exchangeQueue holds exchanges, the oldest first, and what they take together.
type exchangeQueue struct {
	list.List // of *keptExchange
	bytes     int
}

type keptExchange struct {
	sessioninfo.Exchange
	log     *exchangeLog
	bytes   int
	all     *list.Element
	clients *list.Element
}

// exchangeLog collects the exchanges of one session. It is safe for concurrent use.
type exchangeLog struct {
	keeper *transcripts
	client netip.Addr // the key of its budget

	// Guarded by keeper.
	kept    []*keptExchange
	bytes   int
	omitted int
	dropped bool
}

// open makes the log of a session whose client has the address.
func (t *transcripts) open(client string) *exchangeLog {
	addr, _ := netip.ParseAddr(client) // those without share one budget
	return &exchangeLog{keeper: t, client: ratelimit.Key(addr)}
}

func (l *exchangeLog) add(x sessioninfo.Exchange) {
	t := l.keeper
	t.mu.Lock()
	defer t.mu.Unlock()
	size := sizeOf(x)
	if l.dropped || len(l.kept) >= maxExchanges || l.bytes+size > maxTranscript {
		l.omitted++
		return
	}
	own := t.clients[l.client]
	if own == nil {
		if t.clients == nil {
			t.clients = make(map[netip.Addr]*exchangeQueue)
		}
		own = &exchangeQueue{}
		t.clients[l.client] = own
	}
	k := &keptExchange{Exchange: x, log: l, bytes: size}
	k.all, k.clients = t.all.PushBack(k), own.PushBack(k)
	l.kept = append(l.kept, k)
	l.bytes += size
	own.bytes += size
	t.all.bytes += size
	for own.bytes > maxClientTranscripts {
		t.removeLocked(own.Front().Value.(*keptExchange))
	}
	for t.all.bytes > maxAllTranscripts {
		t.removeLocked(t.all.Front().Value.(*keptExchange))
	}
}

// removeLocked takes one exchange out of its log and of the budgets.
func (t *transcripts) removeLocked(k *keptExchange) {
	own := t.clients[k.log.client]
	own.Remove(k.clients)
	t.all.Remove(k.all)
	own.bytes -= k.bytes
	t.all.bytes -= k.bytes
	if own.Len() == 0 {
		delete(t.clients, k.log.client)
	}
	k.log.bytes -= k.bytes
	k.log.omitted++
	k.log.kept = slices.DeleteFunc(k.log.kept, func(other *keptExchange) bool { return other == k })
}

// drop forgets the exchanges and takes no more. A nil log has none.
func (l *exchangeLog) drop() {
	if l == nil {
		return
	}
	l.keeper.mu.Lock()
	defer l.keeper.mu.Unlock()
	l.dropped = true
	for len(l.kept) > 0 {
		l.keeper.removeLocked(l.kept[0])
	}
}

func (l *exchangeLog) read() ([]sessioninfo.Exchange, int) {
	l.keeper.mu.Lock()
	defer l.keeper.mu.Unlock()
	exchanges := make([]sessioninfo.Exchange, 0, len(l.kept))
	for _, k := range l.kept {
		exchanges = append(exchanges, k.Exchange)
	}
	return exchanges, l.omitted
}

// sizeOf is what an exchange takes in memory, in bytes.
func sizeOf(x sessioninfo.Exchange) int {
	return exchangeCost + len(x.Method) + len(x.Path) + sizeOfMessage(x.Request) + sizeOfMessage(x.Response)
}

func sizeOfMessage(m sessioninfo.Message) int {
	n := len(m.Body)
	for name, values := range m.Headers {
		n += len(name)
		for _, value := range values {
			n += len(value) + 16 // the string itself
		}
	}
	return n
}
