// Package doctor finds out, before anybody tries to watch, what of a machine and a
// configuration would be in the way: ports that are taken, addresses that nobody can
// reach, a NAT that needs a relay, STUN and TURN servers that do not answer, cameras
// that cannot be opened, certificates that browsers refuse.
//
// Each group of checks has a file. They run at the same time, each with a deadline,
// need neither a network nor a camera, and change nothing: what they open they close.
// A [Finding] says what was found and, unless that is fine, what to do.
//
// The package reads no configuration: [Config] holds what the serve command would run
// with. How the report is worded is its own business, who prints it the command's.
// The JSON of a [Report] is relied on by other programs: fields may be added, never
// renamed.
package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"porthole/capture"
	"porthole/internal/iceserver"
)

// Verdict says how bad a finding is.
type Verdict uint8

// The verdicts, the best first.
const (
	OK   Verdict = iota // as it should be, or of no account
	Warn                // works, but not for everybody or not for long
	Fail                // does not work
	verdicts
)

// String returns the verdict as one lower-case word.
func (v Verdict) String() string {
	if v >= verdicts {
		return "unknown"
	}
	return [verdicts]string{"ok", "warn", "fail"}[v]
}

// MarshalText implements encoding.TextMarshaler.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Finding is one line of the report.
type Finding struct {
	Group   string  `json:"group"` // "sockets", "nat", …: the file of the check
	Name    string  `json:"name"`  // what was looked at
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`          // what there is, for people
	Cure    string  `json:"cure,omitempty"` // what to do, for people; empty when nothing is
	// Data are the same facts for programs, by names that do not change.
	Data map[string]any `json:"data,omitempty"`
}

// Report is all that was found.
type Report struct {
	Verdict Verdict   `json:"verdict"` // the worst
	Seconds float64   `json:"seconds"` // that it took
	Checks  []Finding `json:"checks"`  // in the order of the groups; never null
}

// Socket is an address that the server listens on.
type Socket struct {
	Flag    string // that names it, "--media"
	Address string // HOST:PORT
	UDP     bool
	TCP     bool
	// Spare: the server does without it, or takes another port.
	Spare bool
}

// Address is one address of this machine.
type Address struct {
	Interface string
	Addr      netip.Addr
	Offered   bool   // clients are offered it
	Why       string // it is not offered, for people
}

// Devices is what is asked of cameras, microphones and encoders.
type Devices struct {
	List  func() (capture.Inventory, error)
	Check func(capture.Spec) error
	Trial func(ctx context.Context, spec capture.Spec, pictures int) (capture.TrialResult, error)
}

// Source is something that is to be captured.
type Source struct {
	Name string // of the stream
	URI  string
	Spec capture.Spec
}

// Config is what the server would run with.
type Config struct {
	HTTP    string // HOST:PORT
	Beyond  bool   // whether other machines reach HTTP
	Sockets []Socket
	// Addresses lists the addresses of this machine.
	Addresses func() ([]Address, error)
	// Profile is "lan", "internet" or "relay"; "" is not looked at.
	Profile   string
	RelayOnly bool         // clients are told of relayed addresses only
	Relaying  bool         // the server has a TURN server of its own
	Public    []netip.Addr // that a NAT forwards to us
	Advertise []string     // told in the place of this machine's addresses
	STUN      []iceserver.Server
	TURN      []iceserver.Server
	Sources   []Source // empty: what the machine has
	Devices   Devices
	Cert, Key string // PEM files; empty: plain HTTP
	// SecretFiles are the files that hold tokens, keys and passwords.
	SecretFiles []SecretFile

	// Deadline bounds each check; 0: DefaultDeadline.
	Deadline time.Duration
	// Progress is called when a check begins or ends, by one goroutine at a time; nil:
	// nobody.
	Progress func(Progress)
}

// DefaultDeadline is how long a check may take.
const DefaultDeadline = 8 * time.Second

// Progress is how far a run has come.
type Progress struct {
	Done, Total int
	Running     []string // names of the checks that are under way
}

// check is one of the things that run at the same time.
type check struct {
	name string
	run  func(ctx context.Context) []Finding
}

// checks lists them in the order of the report.
func (c Config) checks() []check {
	return []check{
		{"sockets", c.sockets},
		{"buffers", c.buffers},
		{"addresses", c.addresses},
		{"nat", c.nat},
		{"servers", c.servers},
		{"camera", c.camera},
		{"encoder", c.encoder},
		{"certificate", c.certificate},
		{"secrets", c.secrets},
		{"system", c.system},
	}
}

// Run makes all checks. The end of ctx ends them, with what was found so far.
func Run(ctx context.Context, c Config) Report {
	if c.Deadline <= 0 {
		c.Deadline = DefaultDeadline
	}
	begin := time.Now()
	list := c.checks()
	found := make([][]Finding, len(list))
	watch := newProgress(list, c.Progress)
	var running sync.WaitGroup
	for i, one := range list {
		running.Go(func() {
			found[i] = bounded(ctx, one, c.Deadline)
			watch.ended(i)
		})
	}
	running.Wait()
	r := Report{Checks: []Finding{}}
	for _, findings := range found {
		for _, f := range findings {
			r.Verdict = max(r.Verdict, f.Verdict)
			r.Checks = append(r.Checks, f)
		}
	}
	r.Seconds = float64(time.Since(begin).Milliseconds()) / 1000
	return r
}

// bounded runs a check for no longer than its deadline. One that hangs in a device's
// driver, which nothing can interrupt, is left behind and ends with the program.
func bounded(ctx context.Context, one check, deadline time.Duration) []Finding {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	result := make(chan []Finding, 1) // one slot: the check must not hang when nobody waits any more
	go func() { result <- one.run(ctx) }()
	select {
	case found := <-result:
		return found
	case <-ctx.Done():
	}
	// A check that minds its context is about to tell what it has.
	select {
	case found := <-result:
		return found
	case <-time.After(deadline / 8):
		return []Finding{{
			Group: one.name, Name: one.name, Verdict: Fail, Found: fmt.Sprintf("no result within %v", deadline),
			Cure: "look whether a device hangs: unplug it, or restart its driver",
		}}
	}
}

// progress tells how far a run has come.
type progress struct {
	tell func(Progress)

	mu    sync.Mutex
	names []string // those that run; "" for the others
	done  int
}

func newProgress(list []check, tell func(Progress)) *progress {
	p := &progress{tell: tell}
	for _, one := range list {
		p.names = append(p.names, one.name)
	}
	p.told()
	return p
}

func (p *progress) ended(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[i] = ""
	p.done++
	p.told()
}

func (p *progress) told() {
	if p.tell == nil {
		return
	}
	now := Progress{Done: p.done, Total: len(p.names)}
	for _, name := range p.names {
		if name != "" {
			now.Running = append(now.Running, name)
		}
	}
	p.tell(now)
}
