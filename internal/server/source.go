package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"porthole/capture"
)

// machine is what is asked of the machine's devices; tests put others in place.
type machine struct {
	devices func() (capture.Inventory, error)
	check   func(capture.Spec) error
}

func thisMachine() machine {
	return machine{devices: capture.Devices, check: capture.Check}
}

// sources returns what is to be captured, every one of which can be opened now:
// what the operator named; else the camera; else, with a warning, the test
// picture; and nothing in a binary that cannot capture.
func (m machine) sources(named []Source, log *slog.Logger) ([]Source, error) {
	if len(named) == 0 {
		source, ok, err := m.defaultSource(log)
		if err != nil || !ok {
			return nil, err
		}
		named = []Source{source}
	}
	return named, m.checkAll(named)
}

// checkAll returns, joined, why sources cannot be opened.
func (m machine) checkAll(sources []Source) error {
	var faults []error
	for _, s := range sources {
		if err := m.check(s.Spec); err != nil {
			faults = append(faults, sourceFault(s, err))
		}
	}
	return errors.Join(faults...)
}

const defaultStream = "webcam"

// noCamera is what the test picture says in the place of a camera. Nobody knows yet in which language it is read.
const noCamera = "No camera found: this is a test picture\n没有找到摄像头：这是测试画面"

func (m machine) defaultSource(log *slog.Logger) (source Source, ok bool, err error) {
	uri, text := "camera:", ""
	inventory, err := m.devices()
	if errors.Is(err, capture.ErrNoCgo) {
		log.Warn("this binary was built without cgo and captures nothing: only WHIP publishers can be watched")
		return Source{}, false, nil
	}
	if err != nil {
		return Source{}, false, fmt.Errorf("list cameras: %w", err)
	}
	if _, found := inventory.DefaultCamera(); !found {
		uri, text = "pattern:", noCamera
		for _, c := range inventory.Cameras {
			if c.Problem != "" {
				log.Warn("a camera cannot be used", "device", c.Device, "problem", c.Problem)
			}
		}
		log.Warn("no camera found: showing a test picture instead", "stream", defaultStream)
	}
	spec, err := capture.ParseSpec(uri)
	if err != nil {
		return Source{}, false, fmt.Errorf("default source: %w", err)
	}
	if text != "" {
		spec.Text = text
	}
	return Source{Name: defaultStream, URI: uri, Spec: spec}, true, nil
}

// sourceFault words what is wrong with a source, and the cure where it is known.
func sourceFault(s Source, err error) error {
	cure := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		cure = "; give the user access, usually by `adduser USER video`"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, capture.ErrNoCamera), errors.Is(err, capture.ErrNoMode):
		cure = "; `porthole devices` lists what there is"
	case errors.Is(err, capture.ErrDeviceBusy):
		cure = "; close the program that uses it"
	}
	return fmt.Errorf("--source %s=%s: %w%s", s.Name, capture.Shown(s.URI), err, cure)
}
