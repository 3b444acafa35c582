package iceserver

import (
	"net/netip"
	"time"
)

// State says whether a server answers.
type State uint8

// The states of a server.
const (
	Unknown State = iota // it was not asked yet, or has not had the time to answer
	Alive
	Dead // the last question was not answered
)

// String returns the state as it appears in the API.
func (s State) String() string { return [...]string{"unknown", "alive", "dead"}[s] }

// MarshalText makes the state a string in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// window is over how many requests loss is counted.
const window = 32

// record is what is known of one server. All but server is guarded by Prober.mu.
type record struct {
	server Server

	state    State
	rtt      time.Duration // smoothed; 0: not measured
	lost     [window]bool  // the last requests, as a ring
	requests int           // how many were sent in all
	mapped   netip.AddrPort
	answered time.Time // the last answer
	fault    string    // why the last question failed; empty when it did not
}

// ServerStatus is what is known of one server, for people and for the API.
type ServerStatus struct {
	URL   string `json:"url"` // without credentials
	State State  `json:"state"`
	// Rank is the place among all servers by preference, from 1.
	Rank int `json:"rank"`
	// RTT is the smoothed round-trip time in milliseconds; 0: not measured.
	RTT float64 `json:"rttMs"`
	// Loss is the share, 0 to 1, of the last 32 requests that were not answered
	// before they had to be repeated.
	Loss float64 `json:"loss"`
	// Mapped is the address that it last saw our media socket under.
	Mapped string `json:"mapped,omitempty"`
	// LastAnswer is when it last answered.
	LastAnswer *time.Time `json:"lastAnswer,omitempty"`
	Error      string     `json:"error,omitempty"`
}

func (r *record) status(rank int) ServerStatus {
	s := ServerStatus{
		URL: r.server.URL(), State: r.state, Rank: rank, RTT: float64(r.rtt.Microseconds()) / 1000, Loss: r.loss(), Error: r.fault,
	}
	if r.mapped.IsValid() {
		s.Mapped = r.mapped.String()
	}
	if !r.answered.IsZero() {
		at := r.answered
		s.LastAnswer = &at
	}
	return s
}

// count notes what became of requests, those without an answer first.
func (r *record) count(requests int, answered bool) {
	for i := range requests {
		r.lost[r.requests%window] = !answered || i < requests-1
		r.requests++
	}
}

// loss returns the share of the last requests that were lost, 0 to 1.
func (r *record) loss() float64 {
	n := min(r.requests, window)
	if n == 0 {
		return 0
	}
	lost := 0
	for _, l := range r.lost[:n] {
		if l {
			lost++
		}
	}
	return float64(lost) / float64(n)
}

// measure smooths the round-trip time as TCP does (RFC 6298 2.3).
func (r *record) measure(rtt time.Duration) {
	if r.rtt == 0 {
		r.rtt = max(rtt, 1)
		return
	}
	r.rtt += (rtt - r.rtt) / 8
}

// answered notes an answer.
func (p *Prober) answered(r *record, answer Answer) {
	p.mu.Lock()
	was, old := r.state, r.mapped
	r.state, r.fault, r.answered, r.mapped = Alive, "", time.Now(), answer.Mapped
	if answer.RTT > 0 {
		r.measure(answer.RTT)
	}
	r.count(max(answer.Requests, 1), true)
	p.rank()
	p.metrics.update(r, true)
	p.mu.Unlock()
	if was == Dead {
		p.log.Info("ICE server answers again", "server", r.server)
	}
	switch {
	case !answer.Mapped.IsValid(): // it was not the media socket that asked
		if was == Unknown {
			p.log.Info("ICE server answers", "server", r.server)
		}
	case !old.IsValid():
		p.log.Info("ICE server knows our address", "server", r.server, "address", answer.Mapped)
	case old != answer.Mapped: // over UDP
		p.metrics.changes.Inc()
		p.log.Warn("our address has changed", "server", r.server, "before", old, "now", answer.Mapped)
	}
}

// failed notes that a question was not answered.
func (p *Prober) failed(r *record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.state, r.fault = Dead, err.Error()
	r.count(1, false)
	p.rank()
	p.metrics.update(r, false)
}
