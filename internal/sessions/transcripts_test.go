package sessions

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"porthole/internal/sessioninfo"
)

// withHeaders is an exchange with that many bytes of a header.
func withHeaders(n int) sessioninfo.Exchange {
	header := http.Header{"User-Agent": {strings.Repeat("x", n)}}
	return sessioninfo.Exchange{Method: "PATCH", Path: "/whep/cam/id", Request: NewMessage(header, nil, false), Response: NewMessage(nil, nil, false)}
}

// Of a header little is kept, and that counts like a body.
func TestHeadersCountInTranscripts(t *testing.T) {
	var all transcripts
	log := all.open("192.0.2.1")
	for range 80 {
		log.add(withHeaders(30 << 10))
	}
	exchanges, omitted := log.read()
	if len(exchanges)+omitted != 80 || len(exchanges) > maxExchanges {
		t.Errorf("%d exchanges and %d omitted", len(exchanges), omitted)
	}
	if n := len(exchanges[0].Request.Headers["User-Agent"][0]); n > maxHeader+len("…") {
		t.Errorf("%d bytes of a header are kept", n)
	}
	if all.all.bytes != log.bytes || log.bytes > maxTranscript || log.bytes < len(exchanges)*maxHeader {
		t.Errorf("%d bytes in all, %d of the session", all.all.bytes, log.bytes)
	}
}

// Whatever clients do, all budgets hold; the oldest exchanges go, and what a client
// causes costs its own first.
func TestBudgetsOfTranscripts(t *testing.T) {
	var all transcripts
	quiet := all.open("192.0.2.1")
	quiet.add(withHeaders(10))
	var first, last *exchangeLog
	for i := range 500 {
		log := all.open("2001:db8::" + fmt.Sprintf("%x", i+1)) // one /64
		for range 64 {
			log.add(withHeaders(512))
		}
		if first == nil {
			first = log
		}
		last = log
	}
	if x, _ := quiet.read(); len(x) != 1 {
		t.Error("one client's flood cost another its transcript")
	}
	old, omitted := first.read()
	recent, _ := last.read()
	if len(old) != 0 || omitted != 64 || len(recent) == 0 {
		t.Errorf("%d exchanges of the oldest session are left, %d omitted; %d of the newest", len(old), omitted, len(recent))
	}
	if all.all.bytes > maxClientTranscripts+maxTranscript {
		t.Errorf("one client has %d bytes", all.all.bytes)
	}
	var logs []*exchangeLog
	for i := range 1000 {
		log := all.open(fmt.Sprintf("10.0.%d.%d", i/250, i%250))
		for range 64 {
			log.add(withHeaders(512))
		}
		logs = append(logs, log)
	}
	if all.all.bytes > maxAllTranscripts {
		t.Errorf("%d bytes in all", all.all.bytes)
	}
	for _, log := range append(logs, quiet) {
		log.drop()
		log.add(withHeaders(1)) // too late
	}
	for all.all.Len() > 0 {
		all.all.Front().Value.(*keptExchange).log.drop()
	}
	if all.all.bytes != 0 || len(all.clients) != 0 {
		t.Errorf("with nothing kept, %d bytes of %d clients count", all.all.bytes, len(all.clients))
	}
}
