//go:build cgo

package microphone

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gen2brain/malgo"

	"porthole/capture/source"
)

// nullSystem is an audio system whose only microphone hears nothing, in real time: the library's own for tests. It is there while
// plugged is true.
func nullSystem(plugged *atomic.Bool) system {
	const null = malgo.BackendNull + 1 // malgo does not know miniaudio's custom backend, which comes before it
	return system{backends: []malgo.Backend{null}, counts: func(string) bool { return plugged.Load() }}
}

func TestListNeedsNoMicrophone(t *testing.T) {
	if List() == nil {
		t.Error("the list is nil")
	}
}

// One that is plugged in later is heard, and one that is gone is waited for again.
func TestMicrophoneThatComesLater(t *testing.T) {
	var plugged atomic.Bool
	m := nullSystem(&plugged).follow(source.MicDefault, slog.New(slog.DiscardHandler))
	defer m.Close()
	if m.Name() != "" {
		t.Fatalf("%q is open before it is there", m.Name())
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := m.Read(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a microphone: %v", err)
	}
	plugged.Store(true)
	hear := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		samples, at, err := m.Read(ctx)
		if err != nil || len(samples) == 0 || len(samples)%m.Channels() != 0 || time.Since(at) > 20*time.Second {
			t.Fatalf("%d samples of %v, %v", len(samples), at, err)
		}
	}
	hear()
	if m.Name() == "" {
		t.Error("what is open has no name")
	}
	_ = m.now.device.Stop() // as if it were unplugged: nothing comes any more
	for len(m.now.blocks) > 0 {
		<-m.now.blocks
	}
	hear()
}

// Looking for microphones again and again keeps nothing, which is why each look has a context of its own.
func TestScansLeakNothing(t *testing.T) {
	var plugged atomic.Bool
	plugged.Store(true)
	s := nullSystem(&plugged)
	cycle := func() {
		o, err := s.open(source.MicDefault, 0)
		if err != nil {
			t.Fatal(err)
		}
		o.close()
	}
	count := func(dir string) int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	for range 3 {
		cycle()
	}
	threads, files := count("/proc/self/task"), count("/proc/self/fd")
	for range 30 {
		cycle()
	}
	if now := count("/proc/self/task"); now > threads+5 { // some may be Go's own
		t.Errorf("%d threads before, %d after 30 times", threads, now)
	}
	if now := count("/proc/self/fd"); now > files+2 {
		t.Errorf("%d open files before, %d after 30 times", files, now)
	}
}

func TestNamedMicrophoneIsTheOne(t *testing.T) {
	list := []found{{Info: Info{ID: "hw:0", Name: "Built-in"}}, {Info: Info{ID: "hw:1", Name: "USB"}}}
	for name, want := range map[string]string{source.MicDefault: "hw:0", "USB": "hw:1", "hw:1": "hw:1"} {
		if m, err := choose(list, name); err != nil || m.ID != want {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := choose(list, "other"); !errors.Is(err, errNoMicrophone) {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := choose(nil, source.MicDefault); !errors.Is(err, errNoMicrophone) {
		t.Errorf("of none: %v", err)
	}
}
