//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"porthole/test/camera/report"
)

// control is one of vivid's, with which it behaves as broken cameras do. Most are buttons.
type control uint32

const (
	dropped       control = 0x00f0f000 + 64 + iota // how many pictures it does not deliver, in percent
	disconnect                                     // it is pulled out
	dqbufError                                     // the next picture is broken
	_                                              // the next request for buffers fails
	prepareError                                   // the next buffer that is given back is refused
	streamonError                                  // the next start fails
	queueError                                     // nothing works any more until it is started again
)

// openCamera opens a camera for control only. Package os would wait for it to be readable, which makes the kernel take
// the camera to be in use for reading.
func openCamera(node string) (fd int, err error) {
	fd, err = syscall.Open(node, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", node, err)
	}
	return fd, nil
}

// set gives a control a value.
func set(node string, c control, value int32) error {
	device, err := openCamera(node)
	if err != nil {
		return err
	}
	argument := struct {
		id    control
		value int32
	}{c, value}
	err = ioctl(uintptr(device), vidiocSCtrl, pointer(&argument), fmt.Sprintf("set control %#x", uint32(c)))
	return errors.Join(err, syscall.Close(device))
}

// press sets a button.
func press(node string, c control) error { return set(node, c, 1) }

// refused is the fault that takes more than one press of its button.
const refused = "refused buffers"

// fault is something that happens to the camera while somebody watches.
type fault struct {
	name   string
	begin  func(node string) error
	told   string // what the API shall say of it; "": it passes too quickly
	reason string // what the metrics shall count it as; "": nothing
	end    func(node string) error
}

func faults() []fault {
	button := func(buttons ...control) func(string) error {
		return func(node string) error {
			for _, b := range buttons {
				if err := press(node, b); err != nil {
					return err
				}
			}
			return nil
		}
	}
	nothing := func(string) error { return nil }
	return []fault{
		{"broken picture", button(dqbufError), "", "", nothing},
		{
			"silence", func(node string) error { return set(node, dropped, 100) }, "camera stalled, reopening", "stalled",
			func(node string) error { return set(node, dropped, 0) },
		},
		{"fatal error, and the first start after it fails", button(streamonError, queueError), "", "other", nothing},
		{refused, button(prepareError), "", "stalled", nothing},
	}
}

// breakCamera lets all faults happen, and waits after each until the same viewer sees pictures again.
func breakCamera(ctx context.Context, node string, v *viewer, told *report.Report) error {
	for _, f := range faults() {
		before, err := failures(ctx, f.reason)
		if err != nil {
			return err
		}
		if err := f.begin(node); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if f.told != "" {
			if err := awaitState(ctx, "waiting", f.told); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
		if f.reason != "" {
			err := poll(func() error {
				now, err := failures(ctx, f.reason)
				if err == nil && now <= before {
					err = fmt.Errorf("no failure of the kind %q was counted", f.reason)
					if f.name == refused {
						err = errors.Join(err, press(node, prepareError)) // one is not enough: there are two
					}
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
		if err := f.end(node); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		v.restart()
		seen, err := v.await(10)
		if err != nil {
			return fmt.Errorf("after %s: %w", f.name, err)
		}
		told.Faults = append(told.Faults, report.Fault{Name: f.name, After: seen})
		reached(told, "over: "+f.name)
	}
	return nil
}
