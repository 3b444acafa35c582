package supervisor

import (
	"sync"
	"testing"

	"go.uber.org/goleak"

	"porthole/internal/broadcast"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDevice is a device whose state the test says.
type fakeDevice struct {
	openPipeline func() (Pipeline, error)

	mu      sync.Mutex
	absent  error // what Available says
	gone    error // what Lost says
	was     bool
	changed chan struct{}
}

func (o *fakeDevice) Available() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.absent
}

func (o *fakeDevice) Lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone
}

func (o *fakeDevice) WasOpen() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.was
}

func (o *fakeDevice) Open() (Pipeline, error) {
	live, err := o.openPipeline()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.was = o.was || err == nil
	return live, err
}

// set says how things are from now on.
func (o *fakeDevice) set(absent, gone error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.absent, o.gone = absent, gone
}

func (o *fakeDevice) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.changed
}

// notice has the supervisor look again.
func (o *fakeDevice) notice() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
	}
	o.changed = nil
}

// fakeAnnouncement is one whose audience the test says.
type fakeAnnouncement struct {
	mu      sync.Mutex
	watched bool
	taken   bool
	changed chan struct{}
	done    chan struct{}
	told    []broadcast.SourceStatus
}

func newFakeAnnouncement(watched bool) *fakeAnnouncement {
	return &fakeAnnouncement{watched: watched, changed: make(chan struct{}), done: make(chan struct{})}
}

func (p *fakeAnnouncement) Tell(s broadcast.SourceStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.told); n == 0 || p.told[n-1].Text != s.Text {
		p.told = append(p.told, s)
	}
}

func (p *fakeAnnouncement) Watched() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watched
}

func (p *fakeAnnouncement) Taken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

func (p *fakeAnnouncement) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

func (p *fakeAnnouncement) Done() <-chan struct{} { return p.done }

func (p *fakeAnnouncement) set(watched, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched, p.taken = watched, taken
	close(p.changed)
	p.changed = make(chan struct{})
}

// texts returns what was told, in order.
func (p *fakeAnnouncement) texts() (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.told {
		texts = append(texts, s.Text)
	}
	return texts
}

// last returns what was told last.
func (p *fakeAnnouncement) last() broadcast.SourceStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.told) == 0 {
		return broadcast.SourceStatus{}
	}
	return p.told[len(p.told)-1]
}
