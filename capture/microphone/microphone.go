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

	"github.com/pion/mediadevices/pkg/driver"
	_ "github.com/pion/mediadevices/pkg/driver/microphone" // registers the microphones
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"

	"porthole/capture/drivers"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/awake"
)

var errNoMicrophone = errors.New("no microphone found")

// isMadeUp tells the devices that the audio library offers where there is no sound card, and which hear nothing: ALSA's
// "null", and, without any audio system, one whose ID is the number 0.
func isMadeUp(label string) bool {
	return microphoneID(label) == "null" || strings.Trim(label, "0") == ""
}

// microphoneSilence is how long a microphone may deliver nothing before it counts as gone.
const microphoneSilence = 2 * time.Second

// foundMicrophone is a driver with the names that it goes by.
type foundMicrophone struct {
	Info
	driver driver.Driver
}

// scanMicrophones returns the real ones, the default one first. The caller holds drivers.
func scanMicrophones() []foundMicrophone {
	var found []foundMicrophone
	for _, d := range driver.GetManager().Query(driver.FilterAudioRecorder()) {
		info := Info{ID: microphoneID(d.Info().Label), Name: d.Info().Name, Default: d.Info().Priority > driver.PriorityNormal}
		if !isMadeUp(d.Info().Label) {
			found = append(found, foundMicrophone{info, d})
		}
	}
	slices.SortFunc(found, func(a, b foundMicrophone) int {
		if a.Default != b.Default {
			if a.Default {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// microphoneID turns the driver's label, hex of the audio system's name, into that name, as long as it is one.
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

// List returns the microphones that were there when the process started, the default one first; never nil.
func List() []Info {
	drivers.Lock()
	defer drivers.Unlock()
	list := []Info{}
	for _, m := range scanMicrophones() {
		list = append(list, m.Info)
	}
	return list
}

// Any says whether there is a microphone.
func Any() bool {
	drivers.Lock()
	defer drivers.Unlock()
	return len(scanMicrophones()) > 0
}

// Microphone is an open one, as a media.Sound.
type Microphone struct {
	Name     string // for people
	driver   driver.Driver
	reader   audio.Reader
	channels int
}

// Open opens the one that the name means: nil for MicOff.
func Open(name string) (*Microphone, error) {
	if name == source.MicOff {
		return nil, nil
	}
	drivers.Lock()
	defer drivers.Unlock()
	found := scanMicrophones()
	if len(found) == 0 {
		return nil, errNoMicrophone
	}
	i := 0
	if name != source.MicDefault {
		i = slices.IndexFunc(found, func(m foundMicrophone) bool { return m.ID == name || m.Name == name })
	}
	if i < 0 {
		return nil, fmt.Errorf("%w called %q", errNoMicrophone, name)
	}
	return found[i].open()
}

func (m foundMicrophone) open() (*Microphone, error) {
	recorder, ok := m.driver.(driver.AudioRecorder)
	if !ok {
		return nil, fmt.Errorf("microphone %s: driver %T records no sound", m.Name, m.driver)
	}
	if err := m.driver.Open(); err != nil {
		return nil, fmt.Errorf("microphone %s: open: %w", m.Name, err)
	}
	channels := 1
	for _, p := range m.driver.Properties() {
		channels = max(channels, min(p.ChannelCount, 2))
	}
	// The audio library converts from whatever the hardware has.
	reader, err := recorder.AudioRecord(prop.Media{Audio: prop.Audio{
		ChannelCount: channels, SampleRate: media.SampleRate, SampleSize: 2, IsInterleaved: true,
		Latency: media.BlockSize * time.Second / media.SampleRate,
	}})
	if err != nil {
		return nil, fmt.Errorf("microphone %s: start: %w", m.Name, err)
	}
	return &Microphone{Name: m.Name, driver: m.driver, reader: reader, channels: channels}, nil
}

// Read waits for what comes, at most microphoneSilence: the driver knows no timeout, and nothing comes from a microphone
// that was unplugged. Closing it is the only way to wake the driver, and is safe only while it waits.
func (m *Microphone) Read(ctx context.Context) ([]int16, time.Time, error) {
	if ctx.Err() != nil {
		return nil, time.Time{}, context.Cause(ctx)
	}
	silent := awake.AfterFunc(microphoneSilence, func() { _ = m.driver.Close() })
	chunk, release, err := m.reader.Read()
	arrived := time.Now()
	if !silent.Stop() {
		return nil, time.Time{}, fmt.Errorf("microphone %s: %w", m.Name, source.ErrStalled)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("microphone %s: %w", m.Name, err)
	}
	defer release()
	sound, ok := chunk.(*wave.Int16Interleaved)
	if !ok {
		return nil, time.Time{}, fmt.Errorf("microphone %s: delivers %T", m.Name, chunk)
	}
	length := time.Duration(sound.Size.Len) * time.Second / media.SampleRate
	return sound.Data, arrived.Add(-length), nil
}

// Channels is what was asked of the driver.
func (m *Microphone) Channels() int { return m.channels }

// Close stops recording. It may follow the driver's own end.
func (m *Microphone) Close() error {
	drivers.Lock()
	defer drivers.Unlock()
	return m.driver.Close()
}
