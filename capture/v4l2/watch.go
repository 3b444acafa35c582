package v4l2

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"
)

// deviceWatch tells when device nodes, or the lasting names of cameras, may have come, gone, or changed their permissions.
type deviceWatch struct {
	stop   []context.CancelFunc // ends what was started
	wait   sync.WaitGroup
	mu     sync.Mutex
	change chan struct{} // closed and replaced at each change
}

// watchDevices begins to watch the directory of device nodes: by the system's notices, or, where there are none, by
// looking again every pollDevices.
func watchDevices(dir Dir) *deviceWatch {
	w := newDeviceWatch()
	// Both here, so that nothing is missed from now on.
	before := dir.snapshot()
	notices, err := openNotices(dir)
	w.start(func(ctx context.Context) {
		if err == nil {
			err = notices.run(ctx, w.changed)
		}
		if err != nil {
			w.poll(ctx, dir, before)
		}
	})
	return w
}

func newDeviceWatch() *deviceWatch { return &deviceWatch{change: make(chan struct{})} }

func (w *deviceWatch) start(run func(context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = append(w.stop, stop)
	w.wait.Go(func() { run(ctx) })
}

// Changed returns a channel that is closed at the next change. Take it before looking.
func (w *deviceWatch) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.change
}

// Close ends watching and waits.
func (w *deviceWatch) Close() {
	for _, stop := range w.stop {
		stop()
	}
	w.wait.Wait()
}

func (w *deviceWatch) changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.change)
	w.change = make(chan struct{})
}

// pollDevices is how often devices are looked for where the system does not tell.
const pollDevices = time.Second

// poll tells changes since a snapshot.
func (w *deviceWatch) poll(ctx context.Context, dir Dir, before []string) {
	tick := time.NewTicker(pollDevices)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := dir.snapshot(); !slices.Equal(now, before) {
			before = now
			w.changed()
		}
	}
}

// snapshot lists what watching is about: names, what they lead to, and who may open it.
func (d Dir) snapshot() []string {
	var list []string
	for _, node := range d.nodes() {
		if info, err := os.Stat(node); err == nil {
			list = append(list, node+" "+info.Mode().String()+" "+info.ModTime().String())
		}
		list = append(list, d.links(node)...)
	}
	return list
}
