//go:build cgo

package microphone

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"porthole/capture/clock"
	"porthole/capture/source"
)

const (
	// lookEvery is how often it is looked whether sound devices have come or gone, which costs a list of a directory.
	lookEvery = time.Second
	// scanEvery is how often microphones are looked for all the same: a sound server has some that are no devices.
	scanEvery = 10 * time.Second
	// soundDevices lists them.
	soundDevices = "/dev/snd"
)

// Microphone is the one that a name means, as a media.Sound that never fails: while there is none, no sound comes, and one that is
// plugged in later, or again, goes on.
type Microphone struct {
	sys      system
	name     string
	log      *slog.Logger
	now      *opened // nil: none
	channels int     // 0 before the first

	named atomic.Pointer[string] // what is open is called; anybody may ask
}

// Open opens the microphone that the name means, if it is there: nil for MicOff.
func Open(name string, log *slog.Logger) *Microphone { return thisMachine().follow(name, log) }

func (s system) follow(name string, log *slog.Logger) *Microphone {
	if name == source.MicOff {
		return nil
	}
	m := &Microphone{sys: s, name: name, log: log}
	if err := m.reopen(); err != nil {
		log.Warn("no sound until there is a microphone", "error", err)
	}
	return m
}

// Name is that of the one that is open, for people; "": none is. Any goroutine may ask.
func (m *Microphone) Name() string {
	if name := m.named.Load(); name != nil {
		return *name
	}
	return ""
}

func (m *Microphone) reopen() error {
	now, err := m.sys.open(m.name, m.channels)
	if err != nil {
		return err
	}
	m.now, m.channels = now, now.channels
	m.named.Store(&now.name)
	return nil
}

// leave closes the one that is open, if one is.
func (m *Microphone) leave() {
	m.named.Store(nil)
	if m.now != nil {
		m.now.close()
		m.now = nil
	}
}

// Read waits for sound, and for a microphone if need be. The error is ctx's.
func (m *Microphone) Read(ctx context.Context) ([]int16, time.Time, error) {
	for {
		if m.now == nil {
			if err := m.await(ctx); err != nil {
				return nil, time.Time{}, err
			}
		}
		samples, at, err := m.now.read(ctx)
		if err == nil || ctx.Err() != nil {
			return samples, at, err
		}
		m.log.Warn("the microphone is gone, pictures go on", "error", err)
		m.leave()
	}
}

// await waits until a microphone can be opened.
func (m *Microphone) await(ctx context.Context) error {
	devices, scanned := "", time.Time{} // the first time, it is tried at once
	for {
		if now := listing(); now != devices || time.Since(scanned) >= scanEvery {
			devices, scanned = now, time.Now()
			if m.reopen() == nil {
				m.log.Info("microphone opened", "microphone", m.now.name)
				return nil
			}
		}
		clock.Wait(ctx, lookEvery)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// listing is the sound devices that there are.
func listing() string {
	entries, err := os.ReadDir(soundDevices)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// Channels is how many each block has; known when there was a microphone.
func (m *Microphone) Channels() int { return max(m.channels, 1) }

// Close stops recording.
func (m *Microphone) Close() error {
	m.leave()
	return nil
}
