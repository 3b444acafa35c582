//go:build cgo

package microphone

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unsafe"

	"github.com/gen2brain/malgo"

	"porthole/capture/media"
	"porthole/capture/source"
)

var errNoMicrophone = errors.New("no microphone found")

// isMadeUp tells the devices that the audio library offers where there is no sound card, and which hear nothing: ALSA's
// "null", and, without any audio system, one whose ID is the number 0.
func isMadeUp(label string) bool {
	return microphoneID(label) == "null" || strings.Trim(label, "0") == ""
}

const (
	// silence is how long a microphone may deliver nothing before it counts as gone.
	silence = 2 * time.Second
	// queued is how many blocks wait for who reads, half a second: who is later than that loses the oldest.
	queued = 25
)

// system is where microphones are: an audio system, as the library knows them.
type system struct {
	backends []malgo.Backend         // nil: whichever there is
	counts   func(label string) bool // whether a device is a microphone
}

// found is a microphone, and what the library has to know to open it.
type found struct {
	Info
	id       malgo.DeviceID
	channels int // at most 2
}

func thisMachine() system {
	return system{counts: func(label string) bool { return !isMadeUp(label) }}
}

// scan looks for microphones anew, the default one first. The library's context does not notice what comes later, and to scan again in one leaks;
// so each scan has one of its own. The caller closes it, after what it has opened.
func (s system) scan() (*malgo.AllocatedContext, []found, error) {
	context, err := malgo.InitContext(s.backends, malgo.ContextConfig{}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("look for microphones: %w", err)
	}
	devices, err := context.Devices(malgo.Capture)
	if err != nil {
		end(context)
		return nil, nil, fmt.Errorf("list microphones: %w", err)
	}
	var list []found
	for _, d := range devices {
		if !s.counts(d.ID.String()) {
			continue
		}
		m := found{Info: Info{ID: microphoneID(d.ID.String()), Name: d.Name(), Default: d.IsDefault != 0}, id: d.ID, channels: 1}
		if full, err := context.DeviceInfo(malgo.Capture, d.ID, malgo.Shared); err == nil {
			for _, f := range full.Formats {
				m.channels = max(m.channels, min(int(f.Channels), 2))
			}
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b found) int {
		if a.Default != b.Default {
			if a.Default {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return context, list, nil
}

// end closes a context whose devices are closed.
func end(context *malgo.AllocatedContext) {
	_ = context.Uninit() // it has no devices, and that is all that can be wrong
	context.Free()
}

// microphoneID turns the library's label, hex of the audio system's name, into that name, as long as it is one.
func microphoneID(label string) string {
	raw, err := hex.DecodeString(label)
	if err != nil {
		return label
	}
	text := strings.TrimRight(string(raw), "\x00")
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return label
	}
	return text
}

// List returns the microphones that there are now, the default one first; never nil.
func List() []Info { return thisMachine().list() }

func (s system) list() []Info {
	list := []Info{}
	context, all, err := s.scan()
	if err != nil {
		return list
	}
	defer end(context)
	for _, m := range all {
		list = append(list, m.Info)
	}
	return list
}

// Any says whether there is a microphone.
func Any() bool { return len(List()) > 0 }

// opened is a microphone that records.
type opened struct {
	name     string // for people
	context  *malgo.AllocatedContext
	device   *malgo.Device
	channels int
	blocks   chan block // capacity: queued
}

// block is a piece of sound, and when it had come.
type block struct {
	samples []int16
	arrived time.Time
}

// open opens the microphone that the name means, with so many channels; 0: as many as it has.
func (s system) open(name string, channels int) (*opened, error) {
	context, list, err := s.scan()
	if err != nil {
		return nil, err
	}
	m, err := choose(list, name)
	if err == nil {
		m.channels = cmp.Or(channels, m.channels)
		var o *opened
		if o, err = m.start(context); err == nil {
			return o, nil
		}
	}
	end(context)
	return nil, err
}

// choose returns the one that the name means.
func choose(list []found, name string) (found, error) {
	switch i := slices.IndexFunc(list, func(m found) bool { return m.ID == name || m.Name == name }); {
	case len(list) == 0:
		return found{}, errNoMicrophone
	case name == source.MicDefault:
		return list[0], nil
	case i < 0:
		return found{}, fmt.Errorf("%w called %q", errNoMicrophone, name)
	default:
		return list[i], nil
	}
}

// start has it record. The audio library converts from whatever the hardware has.
func (m found) start(context *malgo.AllocatedContext) (*opened, error) {
	o := &opened{name: m.Name, context: context, channels: m.channels, blocks: make(chan block, queued)}
	config := malgo.DefaultDeviceConfig(malgo.Capture)
	config.SampleRate, config.PeriodSizeInFrames = media.SampleRate, media.BlockSize
	config.Capture.Format, config.Capture.Channels, config.Capture.DeviceID = malgo.FormatS16, uint32(m.channels), m.id.Pointer()
	device, err := malgo.InitDevice(context.Context, config, malgo.DeviceCallbacks{Data: o.take})
	if err != nil {
		return nil, fmt.Errorf("microphone %s: open: %w", m.Name, err)
	}
	o.device = device
	if err := device.Start(); err != nil {
		device.Uninit()
		return nil, fmt.Errorf("microphone %s: start: %w", m.Name, err)
	}
	return o, nil
}

// take gets what the library has recorded, which belongs to the library. It must not block.
func (o *opened) take(_, input []byte, _ uint32) {
	if len(input) < 2 {
		return
	}
	b := block{slices.Clone(unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(input))), len(input)/2)), time.Now()}
	for {
		select {
		case o.blocks <- b:
			return
		default:
		}
		select {
		case <-o.blocks:
		default:
		}
	}
}

// read waits for what comes, at most for as long as silence: nothing comes from a microphone that was unplugged.
func (o *opened) read(ctx context.Context) ([]int16, time.Time, error) {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	select {
	case b := <-o.blocks:
		length := time.Duration(len(b.samples)/o.channels) * time.Second / media.SampleRate
		return b.samples, b.arrived.Add(-length), nil
	case <-ctx.Done():
		return nil, time.Time{}, context.Cause(ctx)
	case <-timer.C:
		return nil, time.Time{}, fmt.Errorf("microphone %s: %w", o.name, source.ErrStalled)
	}
}

// close ends recording, and waits for it.
func (o *opened) close() {
	o.device.Uninit()
	end(o.context)
}
