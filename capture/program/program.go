// Package program takes pictures from a program that it starts, which writes H.264 to its standard output: hardware encoders of all
// kinds, without linking them. The program ends with the source.
package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/codec"
)

const (
	// startTime is how long a program may take until its first bytes: network cameras are slow to begin.
	startTime = 10 * time.Second
	// stallTime is how long it may be silent after that.
	stallTime = 5 * time.Second
)

// Device is a program as a media.Device.
type Device struct {
	words []string
	seen  atomic.Pointer[codec.Codec] // what it sent last
}

// NewDevice returns the program of a spec, which is of kind Exec. It starts nothing.
func NewDevice(spec source.Spec) *Device {
	words, _ := source.SplitCommand(spec.Device) // ParseSpec has seen that it can be
	return &Device{words: words}
}

// Check says why the program could not be started; nil: perhaps it can.
func Check(spec source.Spec) error {
	words, err := source.SplitCommand(spec.Device)
	if err != nil {
		return err
	}
	_, err = lookUp(words[0])
	return err
}

func lookUp(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &source.ProgramError{Err: fmt.Errorf("program %q cannot be started: %w; install it, or give its whole path", name, exec.ErrNotFound)}
	}
	return path, nil
}

// Available says that it can be tried.
func (*Device) Available() error { return nil }

// Lost says that it is there.
func (*Device) Lost() error { return nil }

// WasOpen is true: a program cannot be unplugged.
func (*Device) WasOpen() bool { return true }

// Changed is nil: nothing does.
func (*Device) Changed() <-chan struct{} { return nil }

// Close does nothing: what was opened is closed by its Input.
func (*Device) Close() {}

// Standby is the codec that it will send, as far as is known before it runs.
func (d *Device) Standby() codec.Codec {
	if c := d.seen.Load(); c != nil {
		return *c
	}
	return h264Codec([]byte{0x42, 0xe0, 0x1f})
}

// Open starts the program.
func (d *Device) Open() (*media.Input, error) {
	path, err := lookUp(d.words[0])
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	u := &units{device: d, out: out, codec: d.Standby(), silence: startTime}
	cmd := exec.Command(path, d.words[1:]...) //nolint:gosec,noctx // the operator names it; Close ends it with its group
	cmd.Stdout, cmd.Stderr = in, &u.stderr
	u.process, err = start(cmd)
	_ = in.Close() // the program has its own
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	// Its arguments may hold secrets.
	return &media.Input{Encoded: u, About: []any{"program", d.words[0]}}, nil
}

// units are the pictures that a running program writes.
type units struct {
	device  *Device
	process *process
	out     *os.File
	stderr  lastLine
	silence time.Duration // that is allowed now

	codec  codec.Codec
	known  bool // codec is the program's own, and a keyframe was seen
	split  splitter
	nals   [][]byte  // scratch
	begun  time.Time // when the unit that is not whole began to come
	buffer [64 << 10]byte
}

func (u *units) Codec() codec.Codec { return u.codec }

// RequestKeyframe does nothing: nobody can be asked.
func (*units) RequestKeyframe() {}

// Read waits for the next picture. The first one is a keyframe.
func (u *units) Read(ctx context.Context) (media.Unit, error) {
	wake := context.AfterFunc(ctx, func() { _ = u.out.SetReadDeadline(time.Unix(1, 0)) })
	defer wake()
	for {
		unit, err := u.split.cut()
		if err != nil {
			return media.Unit{}, u.failed(err)
		}
		if unit == nil {
			if err := u.fill(ctx); err != nil {
				return media.Unit{}, err
			}
			continue
		}
		at := u.begun
		u.begun = time.Now()
		if u.known || u.learn(unit) {
			return media.Unit{Data: unit, CapturedAt: at}, nil
		}
	}
}

// fill reads what the program has written.
func (u *units) fill(ctx context.Context) error {
	_ = u.out.SetReadDeadline(time.Now().Add(u.silence)) // a pipe has deadlines
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	n, err := u.out.Read(u.buffer[:])
	switch {
	case n > 0:
		if u.begun.IsZero() {
			u.begun = time.Now()
		}
		u.silence = stallTime
		u.split.push(u.buffer[:n])
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return u.failed(fmt.Errorf("%w: the program wrote nothing for %v", source.ErrStalled, u.silence))
	}
	select { // its output is at its end; what it says of that is in its status
	case <-u.process.done:
	case <-time.After(time.Second):
	}
	u.process.stop()
	if u.process.err != nil {
		return u.failed(fmt.Errorf("the program has ended: %w", u.process.err))
	}
	return u.failed(errors.New("the program has ended"))
}

func (u *units) failed(err error) error {
	return &source.ProgramError{Err: err, Said: u.stderr.String()}
}

// learn takes the profile from the first keyframe that has parameter sets.
func (u *units) learn(unit []byte) bool {
	u.nals = codec.SplitAnnexB(u.nals[:0], unit)
	var sps []byte
	for _, nal := range u.nals {
		switch kind := codec.H264NALs.Type(nal); {
		case kind == codec.NALSPS && len(nal) >= 4:
			sps = nal
		case kind == codec.NALIDR && sps != nil:
			u.codec, u.known = h264Codec(sps[1:4]), true
			seen := u.codec
			u.device.seen.Store(&seen)
			return true
		}
	}
	return false
}

func h264Codec(profile []byte) codec.Codec {
	return codec.Codec{
		MimeType: codec.H264, ClockRate: 90000,
		Fmtp: fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%x", profile),
	}
}

// Close ends the program.
func (u *units) Close() error {
	u.process.stop()
	return u.out.Close()
}
